// Streams of bytes to read files from and write them to: those of the disk, and base classes for
// others (an archive, a socket's buffer, a test's string).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ios>
#include <string>

namespace mica::io {

// A stream that can be read at any place. Errors may throw, or show in good().
class Reader {
 public:
  virtual ~Reader() = default;
  virtual bool is_open() const = 0;
  virtual bool good() const = 0;
  virtual size_t tell() = 0;
  virtual void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) = 0;
  // The next n bytes; those at offset.
  virtual void read(char* data, size_t n) = 0;
  virtual void read(char* data, size_t n, size_t offset) = 0;
  // What errors call the stream.
  virtual std::string label() const = 0;
};

// A stream to write to. open() is called once what is to be written has been computed, so that a
// file may be written from arrays that were read from it.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void open() {}
  virtual bool is_open() const = 0;
  virtual bool good() const = 0;
  virtual size_t tell() = 0;
  virtual void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) = 0;
  virtual void write(const char* data, size_t n) = 0;
  virtual std::string label() const = 0;
};

// A file of the disk. Where it can't be opened is_open() is false; later errors throw
// std::system_error.
class FileReader : public Reader {
 public:
  explicit FileReader(std::string path);
  ~FileReader() override;
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  bool is_open() const override { return descriptor_ >= 0; }
  bool good() const override { return is_open(); }
  size_t tell() override;
  void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) override;
  void read(char* data, size_t n) override;
  void read(char* data, size_t n, size_t offset) override;
  std::string label() const override { return "file " + path_; }

 private:
  std::string path_;
  int descriptor_;
};

// Writes over a file in place, from open() on. The functions that take a path replace the file at
// once instead.
class FileWriter : public Writer {
 public:
  explicit FileWriter(std::string path);
  ~FileWriter() override;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void open() override;
  bool is_open() const override { return descriptor_ >= 0; }
  bool good() const override { return is_open(); }
  size_t tell() override;
  void seek(int64_t off, std::ios_base::seekdir way = std::ios_base::beg) override;
  void write(const char* data, size_t n) override;
  std::string label() const override { return "file " + path_; }

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace mica::io
