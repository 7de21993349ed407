// Files: one mapped for reading, and one that replaces another at once when it is complete.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace mica::io {

// Throws std::system_error: "load_safetensors: can't read 'a.safetensors': No such file or ...".
class MappedFile {
 public:
  MappedFile(const char* op, const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Private to the process: writing here does not change the file.
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

// Writes to a temporary name in the folder of path; commit() gives it its name. Until then, and
// where anything fails, a file of that name stays as it was.
class ReplacingFile {
 public:
  ReplacingFile(const char* op, const std::string& path);
  ~ReplacingFile();
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;

  // Throw std::system_error: "save_safetensors: can't write 'a.safetensors': No space left ...".
  void write(const void* data, size_t size);
  // Later writes go there.
  void seek(size_t offset);
  void commit();

 private:
  [[noreturn]] void fail(int error);

  const char* op_;
  std::string path_;
  std::string target_;  // path_ with links resolved
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace mica::io
