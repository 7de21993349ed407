#include "mica/data/gzip_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace mica::data {

namespace {

constexpr size_t chunk_bytes = size_t{1} << 16;

}  // namespace

GzipFile::GzipFile(const char* op, const std::string& path) : op_(op), path_(path) {
  errno = 0;
  if (std::filesystem::is_directory(path))
    errno = EISDIR;
  else
    file_.reset(gzopen(path.c_str(), "rb"));
  if (!file_)
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("{}: can't read '{}'", op, path));
}

void GzipFile::Close::operator()(gzFile_s* file) const { gzclose(file); }

void GzipFile::read(std::string& out, size_t n) {
  while (n > 0) {
    const size_t begin = out.size(), wanted = std::min(n, chunk_bytes);
    out.resize(begin + wanted);
    const int got = gzread(file_.get(), out.data() + begin, static_cast<unsigned>(wanted));
    out.resize(begin + static_cast<size_t>(std::max(got, 0)));
    check();
    if (got <= 0) return;
    n -= static_cast<size_t>(got);
  }
}

std::optional<std::string> GzipFile::line() {
  std::string line;
  while (true) {
    const size_t end = buffer_.find('\n', used_);
    line += buffer_.substr(used_, end == std::string::npos ? end : end - used_);
    if (end != std::string::npos) {
      used_ = end + 1;
      break;
    }
    buffer_.clear();
    used_ = 0;
    read(buffer_, chunk_bytes);
    if (buffer_.empty()) {
      if (line.empty()) return std::nullopt;
      break;
    }
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

void GzipFile::fail(const std::string& field, const std::string& expected,
                    const std::string& got) const {
  throw std::invalid_argument(
      fmt::format("{} ({}): {}: expected {}, got {}", op_, path_, field, expected, got));
}

void GzipFile::check() const {
  int error = Z_OK;
  const char* message = gzerror(file_.get(), &error);
  if (error == Z_ERRNO)
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("{}: can't read '{}'", op_, path_));
  if (error != Z_OK && error != Z_STREAM_END) fail("gzip", "a whole file", message);
}

}  // namespace mica::data
