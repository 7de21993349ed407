// Python's pickle format, read without Python: plain values and containers of them. A pickle is a
// program for a stack machine; here it can build nothing else, and what it names outside of itself
// is left to a Resolver. https://github.com/python/cpython/blob/main/Lib/pickletools.py
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mica/io/cursor.h"

namespace mica::io::pickle {

// Values lie in a list and name each other by their place there, so that a value may hold others
// however deep, be in several of them, or in itself.
using Ref = uint32_t;

struct None {};
struct Text {
  std::string value;  // UTF-8, as the file has it
};
struct Blob {
  std::string value;
};
struct Sequence {
  enum class Kind { list, tuple, set } kind;
  std::vector<Ref> items;
};
struct Mapping {
  std::vector<std::pair<Ref, Ref>> entries;  // in the order they were added
};
// What a Resolver made: the entry `index` of its things of that kind.
struct Foreign {
  uint32_t kind;
  uint32_t index;
};
// Integers beyond 64 bits are the nearest double.
using Node = std::variant<None, bool, int64_t, double, Text, Blob, Sequence, Mapping, Foreign>;

class Unpickler;

// Says what the names in a pickle stand for. Each returns a value of the unpickler's, or throws.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual Ref global(Unpickler& values, const std::string& module, const std::string& name) = 0;
  // What calling a global gives; `arguments` is a tuple.
  virtual Ref call(Unpickler& values, Ref function, Ref arguments) = 0;
  virtual Ref persistent(Unpickler& values, Ref id) = 0;
  // Sets the state of an object that is not of this machine's.
  virtual void build(Unpickler& values, Ref object, Ref state) = 0;
};

// Reads a pickle, protocols 0 to 5. Values take memory in proportion to the pickle's bytes.
class Unpickler {
 public:
  Unpickler(Cursor& cursor, Resolver& resolver) : cursor_(cursor), resolver_(resolver) {}

  // The value; the cursor is then behind the pickle.
  Ref read();

  const Node& operator[](Ref ref) const { return nodes_[ref]; }
  Node& operator[](Ref ref) { return nodes_[ref]; }
  Ref make(Node node);
  // Counts `count` more references against the limit, which copies of long lists would pass.
  void charge(size_t count);
  const Cursor& cursor() const { return cursor_; }

  // Null where the value is none.
  template <class T>
  const T* as(Ref ref) const {
    return std::get_if<T>(&nodes_[ref]);
  }
  // The items of a tuple; throws where it is none.
  const std::vector<Ref>& tuple(Ref ref, const std::string& field) const;

  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    cursor_.fail(field, expected, got);
  }

 private:
  bool step(uint8_t opcode);  // false at the end
  bool step_number(uint8_t opcode);
  bool step_text(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_memo(uint8_t opcode);
  bool step_object(uint8_t opcode);

  Ref pop();
  void push(Node node) { stack_.push_back(make(std::move(node))); }
  std::vector<Ref> pop_to_mark();
  template <class T>
  T& top(const char* expected);  // the container on top of the stack
  void remember(uint64_t key);
  void recall(uint64_t key);
  void set_items(Mapping& mapping, const std::vector<Ref>& items);
  std::string take_text(size_t size);
  std::string take_line();
  template <class Size>
  size_t take_size();
  Node integer_of(const std::string& bytes) const;
  Node integer_of_line(std::string line) const;

  Cursor& cursor_;
  Resolver& resolver_;
  std::vector<Node> nodes_;
  std::vector<Ref> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, Ref> memo_;
  size_t charged_ = 0;
};

}  // namespace mica::io::pickle
