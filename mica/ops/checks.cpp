#include "mica/ops/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "mica/utils.h"

namespace mica {

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

namespace ops {

void throw_expected(const char* op, const std::string& expected, const std::string& got) {
  throw std::invalid_argument(fmt::format("{}: expected {}, got {}", op, expected, got));
}

int normalize_axis(int axis, int ndim, const char* op) {
  if (axis < -ndim || axis >= ndim) {
    throw std::invalid_argument(
        ndim == 0
            ? fmt::format("{}: expected an array with axes, got axis {} of a scalar", op, axis)
            : fmt::format("{}: expected axis in [{}, {}), got {}", op, -ndim, ndim, axis));
  }
  return axis < 0 ? axis + ndim : axis;
}

std::vector<int> normalize_axes(const std::vector<int>& axes, int ndim, const char* op) {
  std::vector<int> normalized;
  normalized.reserve(axes.size());
  for (int axis : axes) normalized.push_back(normalize_axis(axis, ndim, op));
  std::sort(normalized.begin(), normalized.end());
  const auto twice = std::adjacent_find(normalized.begin(), normalized.end());
  if (twice != normalized.end()) {
    throw std::invalid_argument(
        fmt::format("{}: expected each axis once, got axis {} twice", op, *twice));
  }
  return normalized;
}

std::vector<int> all_axes(int ndim) {
  std::vector<int> axes(static_cast<size_t>(ndim));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  const size_t skipped = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1 && from[i] != to[skipped + i]) return false;
  }
  return std::all_of(to.begin(), to.end(), [](ShapeElem dim) { return dim >= 0; });
}

Shape broadcast_together(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  try {
    return broadcast_shapes(a, b);
  } catch (const std::invalid_argument&) {
    throw std::invalid_argument(
        fmt::format("{}: expected shapes that broadcast together, got {} and {}", op, to_string(a),
                    to_string(b)));
  }
}

void check_dimensions(const char* op, const Shape& shape) {
  if (std::all_of(shape.begin(), shape.end(), [](ShapeElem dim) { return dim >= 0; })) return;
  throw std::invalid_argument(
      fmt::format("{}: expected dimensions of at least 0, got {}", op, to_string(shape)));
}

}  // namespace ops
}  // namespace mica
