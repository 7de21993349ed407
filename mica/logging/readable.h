// Text for people and for XML: counts, columns of a terminal, names that are cut to fit.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace mica::logging {

// Columns of UTF-8 text, of characters that take one each.
size_t columns_of(std::string_view text);

// At most that many columns (of 3 and more), "…" standing for what is left out of the middle.
std::string shortened(const std::string& text, size_t columns);

// "784", "1.33 K", "124 M".
std::string readable_count(double value);

// The columns of the terminal that a descriptor writes to; none where it writes elsewhere.
std::optional<int> terminal_columns(int descriptor);

// The width to print a table with: that of the terminal where os is std::cout, std::cerr or
// std::clog and writes to one (the environment's COLUMNS where the terminal does not know), or 80.
int columns_for(const std::ostream& os);

// Text inside an XML element or attribute. What XML can't hold (control characters, bytes that
// aren't UTF-8) becomes U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace mica::logging
