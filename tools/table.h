// Tables of text that fit a terminal.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace tools {

using Row = std::vector<std::string>;

// The rows below the header, the columns named in `right` aligned to the right. Where the table is
// wider than `width`, the first column is shortened in its middle.
void print_table(std::ostream& output, const Row& header, const std::vector<Row>& rows,
                 const std::vector<size_t>& right, std::optional<int> width);

}  // namespace tools
