#include "shapes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace resnet {

namespace {

using mica::data::Random;

constexpr int side = 32, channels = 3;

double between(Random& random, double low, double high) {
  return low + (high - low) * random.uniform();
}

// Whether the shape, whose middle is 0 and whose extent is 1, covers the point.
bool covers(size_t shape, double x, double y) {
  const double ax = std::abs(x), ay = std::abs(y), radius = std::hypot(x, y);
  switch (shape) {
    case 0:
      return radius < 1;
    case 1:
      return radius < 1 && radius > 0.6;
    case 2:
      return std::max(ax, ay) < 0.85;
    case 3:
      return std::max(ax, ay) < 0.9 && std::max(ax, ay) > 0.55;
    case 4:
      return y < 0.8 && ax < (y + 1) / 2;
    case 5:
      return std::min(ax, ay) < 0.28 && std::max(ax, ay) < 1;
    case 6:
      return std::abs(ax - ay) < 0.36 && std::max(ax, ay) < 0.9;
    case 7:
      return ax + ay < 1;
    case 8:
      return std::max(ax, ay) < 0.95 && std::fmod(y + 1, 0.76) < 0.38;
    default:
      return std::hypot(ax - 0.5, ay - 0.5) < 0.35;
  }
}

mica::array draw(size_t shape, Random& random) {
  std::array<double, channels> ink{}, paper{};
  for (size_t c = 0; c < channels; ++c) {
    ink[c] = between(random, 0.45, 1);
    paper[c] = between(random, 0, 0.4);
  }
  const double radius = between(random, 9, 14);
  const double x0 = between(random, radius, side - radius);
  const double y0 = between(random, radius, side - radius);
  const double tilt = between(random, -0.2, 0.2), noise = between(random, 0, 0.15);
  const double along = std::cos(tilt), across = std::sin(tilt);
  std::vector<uint8_t> pixels;
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      const double dx = (column + 0.5 - x0) / radius, dy = (row + 0.5 - y0) / radius;
      const bool inside = covers(shape, dx * along + dy * across, dy * along - dx * across);
      for (size_t c = 0; c < channels; ++c) {
        const double value = (inside ? ink : paper)[c] + between(random, -noise, noise);
        pixels.push_back(static_cast<uint8_t>(255 * std::clamp(value, 0.0, 1.0)));
      }
    }
  }
  return mica::array(pixels.begin(), {side, side, channels});
}

}  // namespace

mica::data::Dataset draw_shapes(size_t count, uint64_t seed) {
  return {
      count, [seed](size_t index, Random&) {
        Random random = Random(seed).at(index);
        const size_t shape = index % shape_classes.size();
        return mica::data::Sample{draw(shape, random), mica::array(static_cast<int32_t>(shape))};
      }};
}

}  // namespace resnet
