#include "data.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "mica/data/csv.h"

namespace digits {

namespace {

constexpr int pixels = side * side;
constexpr int darkest = 16;

}  // namespace

Dataset read_dataset(const std::string& path) {
  const mica::array table = mica::data::read_csv(path).values;
  const int rows = table.shape(0);
  const auto fail = [&](int row, const std::string& expected, const std::string& got) {
    throw std::invalid_argument(
        fmt::format("{}, line {}: expected {}, got {}", path, row + 1, expected, got));
  };
  if (table.shape(1) != pixels + 1)
    fail(0, fmt::format("{} numbers", pixels + 1), std::to_string(table.shape(1)));
  std::vector<float> grey;
  std::vector<int32_t> labels;
  const float* value = table.data<float>();
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column <= pixels; ++column, ++value) {
      const int largest = column < pixels ? darkest : classes - 1;
      if (!(*value >= 0 && *value <= static_cast<float>(largest)) || *value != std::floor(*value))
        fail(row, fmt::format("a whole number from 0 to {} in column {}", largest, column + 1),
             fmt::format("{}", *value));
      if (column < pixels)
        grey.push_back(*value / darkest);
      else
        labels.push_back(static_cast<int32_t>(*value));
    }
  }
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
