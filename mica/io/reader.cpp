#include "mica/io/reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mica::io {

namespace {

// Linux reads and writes at most 2^31 - 4096 bytes at once.
constexpr size_t largest_transfer = size_t{1} << 30;

[[noreturn]] void throw_error(const char* verb, const std::string& path, int error) {
  throw std::system_error(error, std::generic_category(),
                          std::string("can't ") + verb + " '" + path + "'");
}

size_t seek_to(int descriptor, const std::string& path, int64_t off, std::ios_base::seekdir way) {
  const int whence = way == std::ios_base::beg   ? SEEK_SET
                     : way == std::ios_base::cur ? SEEK_CUR
                                                 : SEEK_END;
  const off_t place = ::lseek(descriptor, off, whence);
  if (place < 0) throw_error("seek in", path, errno);
  return static_cast<size_t>(place);
}

}  // namespace

FileReader::FileReader(std::string path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {}

FileReader::~FileReader() {
  if (is_open()) ::close(descriptor_);
}

size_t FileReader::tell() { return seek_to(descriptor_, path_, 0, std::ios_base::cur); }
void FileReader::seek(int64_t off, std::ios_base::seekdir way) {
  seek_to(descriptor_, path_, off, way);
}

void FileReader::read(char* data, size_t n) {
  const size_t start = tell();
  read(data, n, start);
  seek(static_cast<int64_t>(start + n));
}

void FileReader::read(char* data, size_t n, size_t offset) {
  while (n > 0) {
    const ssize_t got =
        ::pread(descriptor_, data, std::min(n, largest_transfer), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw_error("read", path_, got < 0 ? errno : ENODATA);
    data += got;
    offset += static_cast<size_t>(got);
    n -= static_cast<size_t>(got);
  }
}

FileWriter::FileWriter(std::string path) : path_(std::move(path)) {}

FileWriter::~FileWriter() {
  if (is_open()) ::close(descriptor_);
}

void FileWriter::open() {
  if (!is_open()) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
}

size_t FileWriter::tell() { return seek_to(descriptor_, path_, 0, std::ios_base::cur); }
void FileWriter::seek(int64_t off, std::ios_base::seekdir way) {
  seek_to(descriptor_, path_, off, way);
}

void FileWriter::write(const char* data, size_t n) {
  while (n > 0) {
    const ssize_t written = ::write(descriptor_, data, std::min(n, largest_transfer));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw_error("write", path_, written < 0 ? errno : ENOSPC);
    data += written;
    n -= static_cast<size_t>(written);
  }
}

}  // namespace mica::io
