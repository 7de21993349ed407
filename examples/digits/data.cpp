#include "data.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace digits {

namespace {

constexpr int pixels = side * side;
constexpr int darkest = 16;

// The lines of a text file, compressed or not.
class GzipLines {
 public:
  explicit GzipLines(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
  }

  // The next line without its end, nothing at the end of the file.
  std::optional<std::string_view> next() {
    if (!gzgets(file_.get(), line_.data(), static_cast<int>(line_.size()))) {
      check();
      return std::nullopt;
    }
    ++number_;
    std::string_view line(line_.data());
    if (line.size() + 1 == line_.size() && line.back() != '\n')
      fail(fmt::format("expected at most {} characters, got more", line_.size() - 2));
    if (!line.ends_with('\n')) check();  // the last line, or the file breaks off
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw std::runtime_error(fmt::format("{}, line {}: {}", path_, number_, reason));
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  void check() const {
    int error = Z_OK;
    const char* message = gzerror(file_.get(), &error);
    if (error == Z_ERRNO) message = std::strerror(errno);
    if (error != Z_OK && error != Z_STREAM_END)
      throw std::runtime_error(fmt::format("{}, after line {}: {}", path_, number_, message));
  }

  std::string path_;
  std::unique_ptr<gzFile_s, Close> file_;
  std::array<char, 1024> line_;
  int number_ = 0;
};

using Row = std::array<int, pixels + 1>;  // the grey values and the label

Row parse_row(const GzipLines& lines, std::string_view line) {
  Row row;
  const char* next = line.data();
  const char* const end = line.data() + line.size();
  for (int column = 0; column <= pixels; ++column) {
    const int largest = column < pixels ? darkest : classes - 1;
    int& value = row[static_cast<size_t>(column)];
    const auto [stopped, error] = std::from_chars(next, end, value);
    if (error != std::errc() || value < 0 || value > largest) {
      const std::string_view rest(next, static_cast<size_t>(end - next));
      lines.fail(fmt::format("expected a number from 0 to {} in column {}, got '{}'", largest,
                             column + 1, rest.substr(0, rest.find(','))));
    }
    const bool last = column == pixels;
    if (last ? stopped != end : stopped == end || *stopped != ',')
      lines.fail(fmt::format("expected {} numbers separated by commas, got {} after number {}",
                             pixels + 1, stopped == end ? "the end" : fmt::format("'{}'", *stopped),
                             column + 1));
    next = stopped + 1;
  }
  return row;
}

}  // namespace

Dataset read_dataset(const std::string& path) {
  GzipLines lines(path);
  std::vector<float> grey;
  std::vector<int32_t> labels;
  while (const auto line = lines.next()) {
    const Row row = parse_row(lines, *line);
    for (int i = 0; i < pixels; ++i)
      grey.push_back(static_cast<float>(row[static_cast<size_t>(i)]) / darkest);
    labels.push_back(row.back());
  }
  if (labels.empty()) throw std::runtime_error(path + ": expected rows of digits, got none");
  const auto rows = static_cast<int>(labels.size());
  return {mica::array(grey.begin(), {rows, side, side, 1}),
          mica::array(labels.begin(), {rows}, mica::int32)};
}

std::pair<Dataset, Dataset> split(const Dataset& dataset, int held_out) {
  const int rows = dataset.size();
  if (held_out < 1 || held_out >= rows)
    throw std::invalid_argument(
        fmt::format("split: expected held_out from 1 to {}, got {}", rows - 1, held_out));
  const auto part = [&](int from, int to) {
    return Dataset{mica::slice(dataset.images, {from, 0, 0, 0}, {to, side, side, 1}),
                   mica::slice(dataset.labels, {from}, {to})};
  };
  return {part(0, rows - held_out), part(rows - held_out, rows)};
}

}  // namespace digits
