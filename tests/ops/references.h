// Parts of references: loops over tensors in double precision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/ops/op_rows.h"

namespace mica::testing {

using Line = std::vector<double>;

// Calls f(index) for every index of a shape, in row-major order.
template <class F>
void for_each_index(const Shape& shape, F&& f) {
  for (ShapeElem dim : shape) {
    if (dim == 0) return;
  }
  std::vector<int> index(shape.size(), 0);
  while (true) {
    f(index);
    size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

// The position of an index in row-major order; along axes of size 1 any index is 0.
inline size_t position(const Shape& shape, const std::vector<int>& index) {
  size_t at = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    at = at * static_cast<size_t>(shape[i]) + static_cast<size_t>(shape[i] == 1 ? 0 : index[i]);
  }
  return at;
}

inline size_t element_count(const Shape& shape) {
  size_t count = 1;
  for (ShapeElem dim : shape) count *= static_cast<size_t>(dim);
  return count;
}

// f of the elements along axes, which stay with size 1 where keepdims.
inline Tensor reduce_axes(const Tensor& t, const std::vector<int>& axes, bool keepdims,
                          const std::function<double(const Line&)>& f) {
  Shape kept = t.shape;
  for (int axis : axes) kept[static_cast<size_t>(axis)] = 1;
  std::vector<Line> lines(element_count(kept));
  for_each_index(t.shape, [&](const std::vector<int>& index) {
    lines[position(kept, index)].push_back(t.data[position(t.shape, index)]);
  });
  Tensor out{kept, {}};
  for (const Line& line : lines) out.data.push_back(f(line));
  if (keepdims) return out;
  out.shape.clear();
  for (size_t i = 0; i < t.shape.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), static_cast<int>(i)) == axes.end()) {
      out.shape.push_back(t.shape[i]);
    }
  }
  return out;
}

// f of each line along an axis, which gets the size of what f returns.
inline Tensor along(const Tensor& t, int axis, const std::function<Line(const Line&)>& f) {
  const auto a = static_cast<size_t>(axis < 0 ? axis + static_cast<int>(t.shape.size()) : axis);
  Shape lines = t.shape;
  lines[a] = 1;
  Tensor out{t.shape, {}};
  bool first = true;
  for_each_index(lines, [&](std::vector<int> index) {
    Line line;
    for (index[a] = 0; index[a] < t.shape[a]; ++index[a]) {
      line.push_back(t.data[position(t.shape, index)]);
    }
    const Line result = f(line);
    if (first) {
      out.shape[a] = static_cast<ShapeElem>(result.size());
      out.data.resize(element_count(out.shape));
      first = false;
    }
    for (size_t i = 0; i < result.size(); ++i) {
      index[a] = static_cast<int>(i);
      out.data[out.shape[a] == 1 ? position(lines, index) : position(out.shape, index)] = result[i];
    }
  });
  return out;
}

}  // namespace mica::testing
