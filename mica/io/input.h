// Where the reader of a format gets its bytes and a writer puts them, be it a file or a stream; and
// the errors of what a file says.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "mica/array/array.h"
#include "mica/io/reader.h"

namespace mica::io {

// Bytes that can be changed without the file changing, alive with their owner.
struct Bytes {
  std::span<std::byte> data;
  std::shared_ptr<void> owner;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(data.data()), data.size()};
  }
};

// Memory for bytes that are about to be read.
Bytes allocate_bytes(size_t size);

class Input {
 public:
  // `op` names the function in errors, `label` the file.
  Input(const char* op, std::string label, size_t size)
      : op_(op), label_(std::move(label)), remaining_(size) {}
  virtual ~Input() = default;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const std::string& label() const { return label_; }
  size_t remaining() const { return remaining_; }
  // The next n bytes. Where fewer are left it throws, naming `field`, before any are allocated.
  Bytes take(const std::string& field, size_t n);
  // Throws std::invalid_argument: "load (a.npy): descr: expected '<f4' ..., got 'x'", in one line
  // whatever the file says.
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const;

 protected:
  // n is at least 1 and at most remaining().
  virtual Bytes next(size_t n) = 0;

 private:
  const char* op_;
  std::string label_;
  size_t remaining_;
};

// Bytes that are there.
class BytesInput final : public Input {
 public:
  BytesInput(const char* op, std::string label, Bytes bytes)
      : Input(op, std::move(label), bytes.data.size()), rest_(std::move(bytes)) {}

 private:
  Bytes next(size_t n) override;

  Bytes rest_;
};

// Throws std::system_error where the file can't be read.
std::unique_ptr<Input> open_input(const char* op, const std::string& path);
// From where the stream stands to its end; what is taken from it moves it on. Throws
// std::invalid_argument for a stream that is null or not open, std::runtime_error where it fails.
std::unique_ptr<Input> open_input(const char* op, std::shared_ptr<Reader> reader);

// dims[i] checked to be at most the largest ShapeElem, their product with the item's size to fit in
// size_t.
Shape checked_shape(const Input& input, const std::string& field, std::span<const uint64_t> dims);
size_t checked_bytes(const Input& input, const std::string& field, const Shape& shape,
                     size_t itemsize);

// Turns round the bytes of each number; a complex element is two.
void swap_bytes(std::span<std::byte> data, Dtype dtype);

// The elements of `bytes`, row-major, read in place where they are aligned.
array array_of(const Bytes& bytes, const Shape& shape, Dtype dtype);

class Output {
 public:
  virtual ~Output() = default;
  virtual void write(const void* data, size_t size) = 0;
  // Later writes go to `offset` bytes behind where the output began.
  virtual void seek(size_t offset) = 0;
  // All is written.
  virtual void commit() = 0;
};

// Throws std::invalid_argument for a stream that is null or can't be opened; errors of later calls
// are std::runtime_error.
std::unique_ptr<Output> open_output(const char* op, std::shared_ptr<Writer> writer);
// See ReplacingFile.
std::unique_ptr<Output> open_output(const char* op, const std::string& path);

}  // namespace mica::io
