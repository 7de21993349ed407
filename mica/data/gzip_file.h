// A file that may be compressed by gzip, read to its end.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

struct gzFile_s;  // zlib's

namespace mica::data {

class GzipFile {
 public:
  // `op` names the function in errors. Throws std::system_error where the file can't be opened.
  GzipFile(const char* op, const std::string& path);

  // Appends up to n bytes to out, fewer at the end of the file.
  void read(std::string& out, size_t n);
  // The next line without its end, nothing at the end of the file.
  std::optional<std::string> line();
  // Throws std::invalid_argument: "read_csv (a.csv): line 2: expected ..., got ...".
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const;

 private:
  struct Close {
    void operator()(gzFile_s* file) const;
  };
  // Throws where reading has failed.
  void check() const;

  const char* op_;
  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::string buffer_;  // read ahead for lines
  size_t used_ = 0;     // of it
};

}  // namespace mica::data
