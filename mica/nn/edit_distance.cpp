#include "mica/nn/edit_distance.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace mica::nn {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates) {
  std::string best;
  size_t least = name.size() / 3 + 2;
  for (const std::string& candidate : candidates) {
    const auto [low, high] = std::minmax(name.size(), candidate.size());
    if (high - low >= least) continue;
    const size_t distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string some_of(const std::vector<std::string>& names,
                    const std::vector<std::string>& candidates) {
  constexpr size_t shown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), shown); ++i) {
    text += fmt::format("{}'{}'", i ? ", " : "", names[i]);
    const std::string meant = nearest_name(names[i], candidates);
    if (!meant.empty()) text += fmt::format(" (did you mean '{}'?)", meant);
  }
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

}  // namespace mica::nn
