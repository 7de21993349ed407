// Files that torch.save writes: .pt, .pth and .bin.
//
// Such a file holds a pickle, which is a program. Here it can build plain values, containers and
// tensors; where it names anything else (a class, a function) the file is refused, and nothing of
// it is ever called. https://pytorch.org/docs/stable/notes/serialization.html
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/io/reader.h"

namespace mica {

// A value of such a file: None, a number, text, bytes, a tensor, or a container of values. Copies
// share what they hold.
class PickledValue {
 public:
  enum class Kind { none, boolean, integer, real, text, bytes, tensor, list, tuple, set, dict };
  using List = std::vector<PickledValue>;
  using Dict = std::vector<std::pair<PickledValue, PickledValue>>;

  PickledValue() = default;  // None
  explicit PickledValue(bool value) : kind_(Kind::boolean), number_(value) {}
  explicit PickledValue(int64_t value) : kind_(Kind::integer), number_(value) {}
  explicit PickledValue(double value) : kind_(Kind::real), number_(std::bit_cast<int64_t>(value)) {}
  // kind: text or bytes; list, tuple or set.
  PickledValue(Kind kind, std::string value);
  PickledValue(Kind kind, List items);
  explicit PickledValue(array tensor);
  explicit PickledValue(Dict entries);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }

  // What it holds. Each throws std::invalid_argument where it is of another kind.
  bool boolean() const;
  int64_t integer() const;
  double real() const;              // an integer too
  const std::string& text() const;  // bytes too
  const array& tensor() const;
  const List& items() const;    // of a list, tuple or set
  const Dict& entries() const;  // of a dict, in its order

  // The value of a text key of a dict, null where there is none; [] throws, naming the keys.
  const PickledValue* find(std::string_view key) const;
  const PickledValue& operator[](std::string_view key) const;

  // The tensors in dicts, lists and tuples below, their keys and places joined by dots. Values of
  // other kinds are left out. Throws where a name comes twice.
  std::unordered_map<std::string, array> tensors() const;

 private:
  [[noreturn]] void fail(const char* expected) const;

  Kind kind_ = Kind::none;
  int64_t number_ = 0;                // of a bool too; of a double its bits
  std::shared_ptr<const void> held_;  // a std::string, array, List or Dict
};

// What torch.save was given, in its zip form (since 1.6) and the one before, in either byte order:
// dicts and OrderedDicts, lists, tuples and torch.Size, sets, text, bytes, numbers, None, tensors
// and parameters, storages (as vectors). A torch.dtype or torch.device is text ("torch.float16",
// "cuda:0"), an integer beyond 64 bits the nearest double. A module of a TorchScript archive is the
// dict of its attributes. Sparse and quantized tensors, complex128 and float8 are refused.
//
// Tensors are read from the mapped file when they are used; views of one storage share it.
// Throws std::invalid_argument naming file and field.
PickledValue load_pytorch_file(const std::string& file);
PickledValue load_pytorch_file(std::shared_ptr<io::Reader> in_stream);

// The dict of weights in such a file: the first of value["state_dict"], value["model_state_dict"]
// and value["model"] that holds tensors, else the value itself; see tensors(). Throws where it
// holds none.
std::unordered_map<std::string, array> pytorch_state_dict(const PickledValue& value);

}  // namespace mica
