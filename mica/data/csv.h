// Tables of numbers in text files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mica/array/array.h"

namespace mica::data {

struct CsvOptions {
  bool header = false;  // the first line names the columns
  char separator = ',';
  std::optional<double> missing = {};  // what stands for an empty field; empty: it is refused
};

struct Table {
  std::vector<std::string> columns;  // names, where there is a header
  array values;                      // (rows, columns), float32

  // The column's values, (rows,). Throws std::invalid_argument where there is none of that name.
  array operator[](const std::string& column) const;
};

// A file of numbers, a row each line, which may be compressed by gzip. Fields are as C++ writes
// numbers, with spaces around them, in quotes or not. Throws std::system_error where the file can't
// be read, std::invalid_argument naming the line and the column where it is wrong, or empty.
Table read_csv(const std::string& file, const CsvOptions& options = {});

}  // namespace mica::data
