#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace {

enum class PadMode { constant, edge, reflect, symmetric };

PadMode parse_mode(const std::string& mode) {
  if (mode == "constant") return PadMode::constant;
  if (mode == "edge") return PadMode::edge;
  if (mode == "reflect") return PadMode::reflect;
  if (mode == "symmetric") return PadMode::symmetric;
  throw std::invalid_argument(
      fmt::format("pad: expected mode constant, edge, reflect or symmetric, got '{}'", mode));
}

// Where the element at place i outside or inside of an axis of n elements comes from.
int64_t source_of(int64_t i, int64_t n, PadMode mode) {
  if (mode == PadMode::edge || n == 1) return std::clamp<int64_t>(i, 0, n - 1);
  // Mirrors repeat; symmetric ones show the edge twice.
  const int64_t period = mode == PadMode::symmetric ? 2 * n : 2 * n - 2;
  const int64_t phase = (i % period + period) % period;
  return phase < n ? phase : mode == PadMode::symmetric ? period - 1 - phase : period - phase;
}

// Pads one axis with its own elements: runs of equally spaced sources are slices, put together.
array pad_axis(const array& a, int axis, int64_t low, int64_t high, PadMode mode,
               const StreamOrDevice& s) {
  const int64_t n = a.shape(axis);
  const size_t at = static_cast<size_t>(axis);
  std::vector<array> parts;
  for (int64_t begin = -low; begin < n + high;) {
    const int64_t first = source_of(begin, n, mode);
    int64_t size = 1;
    int64_t step = 0;
    for (; begin + size < n + high; ++size) {
      const int64_t next = source_of(begin + size, n, mode);
      if (size == 1) step = next - first;
      if (next != first + size * step) break;
    }
    Shape start(a.ndim(), 0), strides(a.ndim(), 1), stop = a.shape(), shape = a.shape();
    start[at] = static_cast<ShapeElem>(first);
    if (step < 0) {
      strides[at] = -1;
      stop[at] = static_cast<ShapeElem>(first - size - n);
    } else {
      stop[at] = static_cast<ShapeElem>(first + (step == 0 ? 1 : size));
    }
    shape[at] = safe_cast(size, "pad");
    parts.push_back(broadcast_to(slice(a, start, stop, strides, s), shape, s));
    begin += size;
  }
  return concatenate(std::move(parts), axis, s);
}

}  // namespace

array pad(const array& a, const std::vector<int>& axes, const Shape& low_pad_size,
          const Shape& high_pad_size, const array& pad_value, const std::string& mode,
          StreamOrDevice s) {
  if (axes.size() != low_pad_size.size() || axes.size() != high_pad_size.size()) {
    throw std::invalid_argument(
        fmt::format("pad: expected a low and a high size for each of {} axes, got {} and {}",
                    axes.size(), low_pad_size.size(), high_pad_size.size()));
  }
  const PadMode pad_mode = parse_mode(mode);
  const int ndim = static_cast<int>(a.ndim());
  ops::normalize_axes(axes, ndim, "pad");
  Shape low(a.ndim(), 0), high(a.ndim(), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = static_cast<size_t>(ops::normalize_axis(axes[i], ndim, "pad"));
    low[axis] = low_pad_size[i];
    high[axis] = high_pad_size[i];
    if (low[axis] < 0 || high[axis] < 0) {
      throw std::invalid_argument(
          fmt::format("pad: expected sizes of at least 0, got ({}, {})", low[axis], high[axis]));
    }
    if (pad_mode != PadMode::constant && a.shape()[axis] == 0 && low[axis] + high[axis] > 0) {
      throw std::invalid_argument(
          fmt::format("pad: expected axis {} not to be empty for mode {}, got {}", axis, mode,
                      to_string(a.shape())));
    }
  }

  if (pad_mode != PadMode::constant) {
    array padded = a;
    for (int axis = 0; axis < ndim; ++axis) {
      const size_t at = static_cast<size_t>(axis);
      if (low[at] + high[at] == 0) continue;
      padded = pad_axis(padded, axis, low[at], high[at], pad_mode, s);
    }
    return padded;
  }
  Shape shape = a.shape(), stop = a.shape();
  for (size_t i = 0; i < shape.size(); ++i) {
    shape[i] = safe_cast(int64_t{shape[i]} + low[i] + high[i], "pad");
    stop[i] += low[i];
  }
  if (shape == a.shape()) return a;
  return slice_update(full(shape, pad_value, a.dtype(), s), a, low, stop, s);
}

array pad(const array& a, const std::vector<std::pair<int, int>>& pad_width, const array& pad_value,
          const std::string& mode, StreamOrDevice s) {
  if (pad_width.size() != a.ndim()) {
    throw std::invalid_argument(fmt::format("pad: expected {} pairs of sizes for a {}, got {}",
                                            a.ndim(), to_string(a.shape()), pad_width.size()));
  }
  Shape low, high;
  for (const auto& [before, after] : pad_width) low.push_back(before), high.push_back(after);
  return pad(a, ops::all_axes(static_cast<int>(a.ndim())), low, high, pad_value, mode, s);
}

array pad(const array& a, const std::pair<int, int>& pad_width, const array& pad_value,
          const std::string& mode, StreamOrDevice s) {
  return pad(a, std::vector<std::pair<int, int>>(a.ndim(), pad_width), pad_value, mode, s);
}

array pad(const array& a, int pad_width, const array& pad_value, const std::string& mode,
          StreamOrDevice s) {
  return pad(a, std::pair<int, int>{pad_width, pad_width}, pad_value, mode, s);
}

}  // namespace mica
