// Rows of numbers in a CSV file, written as they come.
#pragma once

#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "mica/logging/chart.h"

namespace mica::logging {

// A file with a line of column names and a line for each row, whole after each add().
class CsvLog {
 public:
  using Row = std::vector<std::optional<double>>;  // what is not there is written as nothing

  // Starts the file anew, replacing one of that name. Throws std::system_error where it can't be
  // written.
  CsvLog(const std::string& file, std::vector<std::string> columns);
  // Goes on with the file, where there is one, of a run that is resumed: rows whose first column is
  // `end` or more, which will be written again, are taken out. Throws std::invalid_argument where
  // its columns are others, or a row is not of numbers.
  CsvLog(const std::string& file, std::vector<std::string> columns, double end);

  // As many values as columns, else std::invalid_argument.
  void add(const Row& row);

  const std::vector<Row>& rows() const { return rows_; }
  // The rows that have both columns, for a chart.
  Series series(const std::string& label, const std::string& x, const std::string& y) const;

 private:
  size_t index_of(const std::string& column) const;
  void read(double end);
  void open();
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;

  std::string file_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
  std::ofstream out_;
};

}  // namespace mica::logging
