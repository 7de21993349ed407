#include "mica/logging/csv_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "mica/io/file.h"

namespace mica::logging {

namespace {

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}\n", fmt::join(words, ","));
}

std::string line_of(const CsvLog::Row& row) {
  std::vector<std::string> words;
  for (const auto& value : row) words.push_back(value ? fmt::format("{}", *value) : "");
  return joined(words);
}

std::optional<double> number(const std::string& word) {
  double value = 0;
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, value);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ',')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

}  // namespace

CsvLog::CsvLog(const std::string& file, std::vector<std::string> columns)
    : file_(file), columns_(std::move(columns)) {
  open();
}

CsvLog::CsvLog(const std::string& file, std::vector<std::string> columns, double end)
    : file_(file), columns_(std::move(columns)) {
  read(end);
  open();
}

void CsvLog::read(double end) {
  std::ifstream in(file_);
  if (!in) return;
  std::string line;
  std::getline(in, line);
  if (line + "\n" != joined(columns_))
    fail("columns " + fmt::format("{}", fmt::join(columns_, ",")), "'" + line + "'");
  for (int count = 2; std::getline(in, line) && !in.eof();
       ++count) {  // one without an end broke off
    const std::vector<std::string> words = split(line);
    Row row;
    for (const std::string& word : words) {
      row.push_back(number(word));
      if (!row.back() && !word.empty())
        fail(fmt::format("numbers in line {}", count), "'" + word + "'");
    }
    if (row.size() != columns_.size())
      fail(fmt::format("{} values in line {}", columns_.size(), count), std::to_string(row.size()));
    if (row[0] && *row[0] < end) rows_.push_back(std::move(row));
  }
}

void CsvLog::open() {
  std::string text = joined(columns_);
  for (const Row& row : rows_) text += line_of(row);
  io::ReplacingFile file("CsvLog", file_);
  file.write(text.data(), text.size());
  file.commit();
  out_.open(file_, std::ios::app);
  if (!out_)
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("CsvLog: can't write '{}'", file_));
}

void CsvLog::add(const Row& row) {
  if (row.size() != columns_.size())
    fail(fmt::format("a row of {} values", columns_.size()), std::to_string(row.size()));
  rows_.push_back(row);
  errno = 0;
  if (!(out_ << line_of(row) << std::flush))
    throw std::system_error(errno, std::generic_category(),
                            fmt::format("CsvLog: can't write '{}'", file_));
}

size_t CsvLog::index_of(const std::string& column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end())
    fail(fmt::format("one of the columns {}", fmt::join(columns_, ",")), "'" + column + "'");
  return static_cast<size_t>(found - columns_.begin());
}

Series CsvLog::series(const std::string& label, const std::string& x, const std::string& y) const {
  const size_t x_index = index_of(x), y_index = index_of(y);
  Series series{label, {}, {}};
  for (const Row& row : rows_) {
    if (!row[x_index] || !row[y_index]) continue;
    series.x.push_back(*row[x_index]);
    series.y.push_back(*row[y_index]);
  }
  return series;
}

void CsvLog::fail(const std::string& expected, const std::string& got) const {
  throw std::invalid_argument(
      fmt::format("CsvLog ({}): expected {}, got {}", file_, expected, got));
}

}  // namespace mica::logging
