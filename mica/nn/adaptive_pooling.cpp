#include "mica/nn/adaptive_pooling.h"

#include <algorithm>
#include <vector>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/ops/pooling.h"

namespace mica::nn {

namespace {

struct Window {
  int begin, end;
};

std::vector<Window> windows_of(int length, int count) {
  std::vector<Window> windows;
  for (int64_t i = 0; i < count; ++i) {
    windows.push_back({static_cast<int>(i * length / count),
                       static_cast<int>(((i + 1) * length + count - 1) / count)});
  }
  return windows;
}

// The stride and size of windows that are all alike, or nothing.
template <size_t n>
std::vector<int> equal_windows(const array& x, const Sizes<n>& output_size) {
  std::vector<int> sizes;
  for (size_t i = 0; i < n; ++i) {
    const int length = x.shape(static_cast<int>(i) + 1);
    if (length % output_size[i] != 0) return {};
    sizes.push_back(length / output_size[i]);
  }
  return sizes;
}

// The means of the windows of an axis: a product with a matrix of shares.
array averages(const array& x, int axis, int count) {
  const int length = x.shape(axis);
  std::vector<float> shares(static_cast<size_t>(count) * static_cast<size_t>(length));
  auto row = shares.begin();
  for (const Window& window : windows_of(length, count)) {
    std::fill(row + window.begin, row + window.end,
              1 / static_cast<float>(window.end - window.begin));
    row += length;
  }
  const array matrix = astype(array(shares.begin(), {count, length}, float32), x.dtype());
  const array moved = moveaxis(x, axis, -2);  // in front of the channels
  return moveaxis(matmul(matrix, moved), -2, axis);
}

// The largest of the windows of an axis, gathered into a new one behind it; shorter windows repeat
// their last element.
array maxima(const array& x, int axis, int count) {
  const std::vector<Window> windows = windows_of(x.shape(axis), count);
  int size = 0;
  for (const Window& window : windows) size = std::max(size, window.end - window.begin);
  std::vector<int> indices;
  for (const Window& window : windows) {
    for (int i = 0; i < size; ++i) indices.push_back(std::min(window.begin + i, window.end - 1));
  }
  return max(take(x, array(indices.begin(), {count, size}, int32), axis), axis + 1);
}

}  // namespace

template <size_t n>
AdaptivePool<n>::AdaptivePool(const char* kind, Sizes<n> output_size) : output_size(output_size) {
  if (!output_size.all_at_least(1))
    fail_as(kind + std::to_string(n) + "d", "output_size of at least 1", output_size.repr());
}

template <size_t n>
std::string AdaptivePool<n>::extra_repr() const {
  return "output_size=" + output_size.repr();
}

template <size_t n>
void AdaptivePool<n>::check_input(const array& x) const {
  static const char* const layouts[] = {"input (N, L, C)", "input (N, H, W, C)",
                                        "input (N, D, H, W, C)"};
  if (x.ndim() != n + 2) fail(layouts[n - 1], to_string(x.shape()));
  if (!issubdtype(x.dtype(), floating)) fail("a floating input", dtype_name(x.dtype()));
  for (size_t i = 0; i < n; ++i)
    if (x.shape(static_cast<int>(i) + 1) == 0)
      fail("input with elements along spatial axes", to_string(x.shape()));
}

template <size_t n>
array AdaptiveAvgPool<n>::operator()(const array& x) const {
  this->check_input(x);
  const std::vector<int> sizes = equal_windows(x, this->output_size);
  if (!sizes.empty()) return this->hooked(avg_pool(x, sizes, sizes, Sizes<n>(0).to_vector()), x);
  array y = x;
  for (size_t i = 0; i < n; ++i) y = averages(y, static_cast<int>(i) + 1, this->output_size[i]);
  return this->hooked(y, x);
}

template <size_t n>
array AdaptiveMaxPool<n>::operator()(const array& x) const {
  this->check_input(x);
  const std::vector<int> sizes = equal_windows(x, this->output_size);
  if (!sizes.empty()) return this->hooked(max_pool(x, sizes, sizes, Sizes<n>(0).to_vector()), x);
  array y = x;
  for (size_t i = 0; i < n; ++i) y = maxima(y, static_cast<int>(i) + 1, this->output_size[i]);
  return this->hooked(y, x);
}

template struct AdaptivePool<1>;
template struct AdaptivePool<2>;
template struct AdaptivePool<3>;
template struct AdaptiveAvgPool<1>;
template struct AdaptiveAvgPool<2>;
template struct AdaptiveAvgPool<3>;
template struct AdaptiveMaxPool<1>;
template struct AdaptiveMaxPool<2>;
template struct AdaptiveMaxPool<3>;

}  // namespace mica::nn
