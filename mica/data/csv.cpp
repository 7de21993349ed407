#include "mica/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include "mica/data/gzip_file.h"
#include "mica/ops/ops.h"

namespace mica::data {

namespace {

constexpr size_t longest_quoted = 40;  // characters of a field in an error

// Without spaces and quotes around it.
std::string_view trimmed(std::string_view field) {
  const auto strip = [&](std::string_view what) {
    while (!field.empty() && what.find(field.front()) != what.npos) field.remove_prefix(1);
    while (!field.empty() && what.find(field.back()) != what.npos) field.remove_suffix(1);
  };
  strip(" \t");
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
    field.remove_prefix(1);
    field.remove_suffix(1);
    strip(" \t");
  }
  return field;
}

std::vector<std::string_view> fields_of(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t end = line.find(separator);
    fields.push_back(trimmed(line.substr(0, end)));
    if (end == line.npos) return fields;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

array Table::operator[](const std::string& column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  if (found == columns.end())
    throw std::invalid_argument(fmt::format("Table: expected one of the columns {}, got '{}'",
                                            fmt::join(columns, ", "), column));
  return take(values, static_cast<int>(found - columns.begin()), 1);
}

Table read_csv(const std::string& path, const CsvOptions& options) {
  GzipFile file("read_csv", path);
  std::vector<std::string> names;
  std::vector<float> values;
  size_t columns = 0, rows = 0;
  int number = 0;
  while (const auto line = file.line()) {
    ++number;
    const std::vector<std::string_view> fields = fields_of(*line, options.separator);
    const std::string place = fmt::format("line {}", number);
    if (columns != 0 && fields.size() != columns)
      file.fail(place, fmt::format("{} fields", columns), std::to_string(fields.size()));
    columns = fields.size();
    if (options.header && number == 1) {
      names.assign(fields.begin(), fields.end());
      continue;
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      const std::string_view field = fields[i];
      double value = options.missing.value_or(0);
      const char* const end = field.data() + field.size();
      const auto [stopped, error] = std::from_chars(field.data(), end, value);
      const bool given = error == std::errc() && stopped == end;
      if (!given && !(field.empty() && options.missing)) {
        const std::string name = names.empty() ? "" : fmt::format(" ({})", names[i]);
        file.fail(fmt::format("{}, column {}{}", place, i + 1, name), "a number",
                  fmt::format("'{}'", field.substr(0, longest_quoted)));
      }
      values.push_back(static_cast<float>(value));
    }
    ++rows;
  }
  if (rows == 0) file.fail("rows", "at least one", "none");
  const Shape shape{static_cast<ShapeElem>(rows), static_cast<ShapeElem>(columns)};
  return {std::move(names), array(values.begin(), shape)};
}

}  // namespace mica::data
