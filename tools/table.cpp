#include "table.h"

#include <fmt/format.h>

#include <algorithm>

#include "mica/logging/readable.h"

namespace tools {
namespace {

constexpr size_t gap = 2;
constexpr size_t least_width = 12;  // that the first column is shortened to

}  // namespace

void print_table(std::ostream& output, const Row& header, const std::vector<Row>& rows,
                 const std::vector<size_t>& right, std::optional<int> width) {
  Row line = header;
  std::vector<size_t> widths(header.size());
  const auto measure = [&](const Row& row) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  };
  measure(header);
  for (const Row& row : rows) measure(row);
  if (width) {
    size_t others = 0;
    for (size_t i = 1; i < widths.size(); ++i) others += widths[i] + gap;
    const size_t total = static_cast<size_t>(std::max(*width, 0));
    const size_t left = total > others ? total - others : 0;
    widths[0] = std::min(widths[0], std::max(left, least_width));
  }
  const auto print = [&](const Row& row) {
    std::string text;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool to_right = std::find(right.begin(), right.end(), i) != right.end();
      const std::string cell = i == 0 ? mica::logging::shortened(row[i], widths[i]) : row[i];
      if (i > 0) text += std::string(gap, ' ');
      text += to_right ? fmt::format("{:>{}}", cell, widths[i])
                       : fmt::format("{:<{}}", cell, widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    output << text << "\n";
  };
  print(header);
  for (const Row& row : rows) print(row);
}

}  // namespace tools
