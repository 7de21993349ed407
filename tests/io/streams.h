// Streams over a string.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "mica/io/reader.h"

namespace mica {

class StringReader : public io::Reader {
 public:
  explicit StringReader(std::string bytes) : bytes_(std::move(bytes)) {}
  bool is_open() const override { return true; }
  bool good() const override { return good_; }
  size_t tell() override { return position_; }
  void seek(int64_t off, std::ios_base::seekdir way) override {
    const size_t from = way == std::ios_base::beg   ? 0
                        : way == std::ios_base::cur ? position_
                                                    : bytes_.size();
    position_ = from + static_cast<size_t>(off);
  }
  void read(char* data, size_t n) override {
    read(data, n, position_);
    position_ += n;
  }
  void read(char* data, size_t n, size_t offset) override {
    good_ = good_ && offset + n <= bytes_.size();
    if (good_) bytes_.copy(data, n, offset);
  }
  std::string label() const override { return "a string"; }

 private:
  std::string bytes_;
  size_t position_ = 0;
  bool good_ = true;
};

class StringWriter : public io::Writer {
 public:
  bool is_open() const override { return open_; }
  bool good() const override { return true; }
  void open() override { open_ = true; }
  size_t tell() override { return position_; }
  void seek(int64_t off, std::ios_base::seekdir) override { position_ = static_cast<size_t>(off); }
  void write(const char* data, size_t n) override {
    if (bytes.size() < position_ + n) bytes.resize(position_ + n);
    bytes.replace(position_, n, data, n);
    position_ += n;
  }
  std::string label() const override { return "a string"; }

  std::string bytes;

 private:
  bool open_ = false;
  size_t position_ = 0;
};

}  // namespace mica
