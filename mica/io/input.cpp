#include "mica/io/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "mica/engine/buffer.h"
#include "mica/io/file.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::io {

namespace {

// What a file says, fit for an error of one line.
std::string printable(std::string text) {
  constexpr size_t longest = 200;
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return text;
}

class ReaderInput final : public Input {
 public:
  ReaderInput(const char* op, std::shared_ptr<Reader> reader, size_t size)
      : Input(op, reader->label(), size), reader_(std::move(reader)) {}

 private:
  Bytes next(size_t n) override {
    Bytes bytes = allocate_bytes(n);
    reader_->read(reinterpret_cast<char*>(bytes.data.data()), n);
    if (!reader_->good()) {
      throw std::runtime_error(fmt::format("can't read {} bytes of {}", n, reader_->label()));
    }
    return bytes;
  }

  std::shared_ptr<Reader> reader_;
};

class FileOutput final : public Output {
 public:
  FileOutput(const char* op, const std::string& path) : file_(op, path) {}
  void write(const void* data, size_t size) override { file_.write(data, size); }
  void seek(size_t offset) override { file_.seek(offset); }
  void commit() override { file_.commit(); }

 private:
  ReplacingFile file_;
};

class WriterOutput final : public Output {
 public:
  WriterOutput(const char* op, std::shared_ptr<Writer> writer)
      : op_(op), writer_(std::move(writer)), start_(writer_->tell()) {}
  void write(const void* data, size_t size) override {
    writer_->write(static_cast<const char*>(data), size);
    check();
  }
  void seek(size_t offset) override {
    writer_->seek(static_cast<int64_t>(start_ + offset));
    check();
  }
  void commit() override { check(); }

 private:
  void check() const {
    if (!writer_->good())
      throw std::runtime_error(fmt::format("{}: can't write to {}", op_, writer_->label()));
  }

  const char* op_;
  std::shared_ptr<Writer> writer_;
  size_t start_;
};

}  // namespace

Bytes allocate_bytes(size_t size) {
  const auto buffer = std::make_shared<engine::BufferRef>(engine::allocate(size));
  return {{static_cast<std::byte*>(buffer->data()), size}, buffer};
}

void Input::fail(const std::string& field, const std::string& expected,
                 const std::string& got) const {
  throw std::invalid_argument(fmt::format("{} ({}): {}: expected {}, got {}", op_, label_,
                                          printable(field), expected, printable(got)));
}

Bytes Input::take(const std::string& field, size_t n) {
  if (n > remaining_) {
    fail(field, std::to_string(n) + " bytes", std::to_string(remaining_) + " in the file");
  }
  if (n == 0) return {};
  Bytes bytes = next(n);
  remaining_ -= n;
  return bytes;
}

Bytes BytesInput::next(size_t n) {
  Bytes taken{rest_.data.first(n), rest_.owner};
  rest_.data = rest_.data.subspan(n);
  return taken;
}

std::unique_ptr<Input> open_input(const char* op, const std::string& path) {
  const auto file = std::make_shared<MappedFile>(op, path);
  return std::make_unique<BytesInput>(op, path, Bytes{file->bytes(), file});
}

std::unique_ptr<Input> open_input(const char* op, std::shared_ptr<Reader> reader) {
  if (!reader) throw std::invalid_argument(fmt::format("{}: expected a stream, got null", op));
  if (!reader->is_open() || !reader->good()) {
    throw std::invalid_argument(
        fmt::format("{}: expected a stream that is open, got {}", op, reader->label()));
  }
  const size_t start = reader->tell();
  reader->seek(0, std::ios_base::end);
  const size_t end = reader->tell();
  reader->seek(static_cast<int64_t>(start));
  return std::make_unique<ReaderInput>(op, std::move(reader), end > start ? end - start : 0);
}

Shape checked_shape(const Input& input, const std::string& field, std::span<const uint64_t> dims) {
  constexpr uint64_t largest = std::numeric_limits<ShapeElem>::max();
  Shape shape;
  for (const uint64_t dim : dims) {
    if (dim > largest) {
      input.fail(field, fmt::format("dimensions of at most {}", largest), std::to_string(dim));
    }
    shape.push_back(static_cast<ShapeElem>(dim));
  }
  return shape;
}

size_t checked_bytes(const Input& input, const std::string& field, const Shape& shape,
                     size_t itemsize) {
  // Strides are counted as if no dimension were 0, so these products must fit too.
  int64_t bytes = static_cast<int64_t>(itemsize);
  bool empty = false;
  for (const ShapeElem dim : shape) {
    empty |= dim == 0;
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(dim, 1), &bytes)) {
      input.fail(field, "a shape that fits in memory", to_string(shape));
    }
  }
  return empty ? 0 : static_cast<size_t>(bytes);
}

void swap_bytes(std::span<std::byte> data, Dtype dtype) {
  const size_t width = dtype == complex64 ? sizeof(float) : dtype.size();
  for (auto at = data.begin(); at != data.end(); at += static_cast<ptrdiff_t>(width)) {
    std::reverse(at, at + static_cast<ptrdiff_t>(width));
  }
}

array array_of(const Bytes& bytes, const Shape& shape, Dtype dtype) {
  if (bytes.data.empty()) return zeros(shape, dtype);
  if (dtype == bool_) {
    // Any byte but 0 is true; in C++ a bool's is 1.
    for (std::byte& value : bytes.data)
      if (value > std::byte{1}) value = std::byte{1};
  }
  return array(bytes.data.data(), shape, dtype, [owner = bytes.owner](void*) {});
}

std::unique_ptr<Output> open_output(const char* op, std::shared_ptr<Writer> writer) {
  if (!writer) throw std::invalid_argument(fmt::format("{}: expected a stream, got null", op));
  writer->open();
  if (!writer->is_open() || !writer->good()) {
    throw std::invalid_argument(
        fmt::format("{}: expected a stream that can be opened, got {}", op, writer->label()));
  }
  return std::make_unique<WriterOutput>(op, std::move(writer));
}

std::unique_ptr<Output> open_output(const char* op, const std::string& path) {
  return std::make_unique<FileOutput>(op, path);
}

}  // namespace mica::io
