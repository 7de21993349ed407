// Reading a binary file value by value.
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "mica/io/input.h"

namespace mica::io {

// Reads the file's bytes one value behind the other.
class Cursor {
 public:
  explicit Cursor(Input& input)
      : input_(input), bytes_(input.take("file", input.remaining())), rest_(bytes_.data) {}

  Bytes take(const std::string& field, size_t n) {
    if (n > rest_.size()) {
      fail(field, fmt::format("{} bytes", n), fmt::format("{} in the file", rest_.size()));
    }
    const Bytes taken{rest_.first(n), bytes_.owner};
    rest_ = rest_.subspan(n);
    return taken;
  }
  template <class T>
  T number(const std::string& field) {
    T value;
    std::memcpy(&value, take(field, sizeof(T)).data.data(), sizeof(T));
    return value;
  }
  std::string string(const std::string& field) {
    const Bytes text = take(field, number<uint64_t>(field + " length"));
    return {reinterpret_cast<const char*>(text.data.data()), text.data.size()};
  }
  // A number of things of which each takes at least `least` bytes.
  uint64_t count(const std::string& field, size_t least) {
    const auto value = number<uint64_t>(field);
    if (value > rest_.size() / least) {
      fail(field, fmt::format("at most {}", rest_.size() / least), std::to_string(value));
    }
    return value;
  }
  size_t position() const { return bytes_.data.size() - rest_.size(); }
  size_t remaining() const { return rest_.size(); }
  std::span<const std::byte> rest() const { return rest_; }
  const Input& input() const { return input_; }

  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    input_.fail(field, expected, got);
  }

 private:
  Input& input_;
  Bytes bytes_;
  std::span<std::byte> rest_;
};

}  // namespace mica::io
