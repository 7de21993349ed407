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

// The windows of an axis of x, the elements of each along a new axis behind it; shorter windows
// repeat their last element.
struct Gathered {
  std::vector<Window> windows;
  int size = 0;  // of the longest window
  array elements;

  Gathered(const array& x, int axis, int count)
      : windows(windows_of(x.shape(axis), count)), elements(x) {
    for (const Window& window : windows) size = std::max(size, window.end - window.begin);
    std::vector<int> indices;
    for (const Window& window : windows) {
      for (int i = 0; i < size; ++i) indices.push_back(std::min(window.begin + i, window.end - 1));
    }
    elements = take(x, array(indices.begin(), {count, size}, int32), axis);
  }

  // One value for each of the windows, or of their elements, to go with `elements`.
  template <class T>
  array operand(const std::vector<T>& values, int axis, bool of_elements) const {
    Shape shape(elements.ndim(), 1);
    shape[static_cast<size_t>(axis)] = static_cast<int>(windows.size());
    if (of_elements) shape[static_cast<size_t>(axis) + 1] = size;
    return array(values.begin(), shape, dtype_of<T>());
  }
};

array maxima(const array& x, int axis, int count) {
  return max(Gathered(x, axis, count).elements, axis + 1);
}

array averages(const array& x, int axis, int count) {
  const Gathered gathered(x, axis, count);
  std::vector<uint8_t> counts;  // whether an element does
  std::vector<float> shares;
  for (const Window& window : gathered.windows) {
    const int length = window.end - window.begin;
    for (int i = 0; i < gathered.size; ++i) counts.push_back(i < length);
    shares.push_back(1 / static_cast<float>(length));
  }
  const array counted = astype(gathered.operand(counts, axis, true), bool_);
  const array elements = where(counted, gathered.elements, array(0, x.dtype()));
  const array weights = astype(gathered.operand(shares, axis, false), x.dtype());
  return squeeze(sum(elements, axis + 1, true) * weights, axis + 1);
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
array AdaptiveAvgPool<n>::operator()(const array& x) const try {
  this->check_input(x);
  const std::vector<int> sizes = equal_windows(x, this->output_size);
  if (!sizes.empty()) return this->hooked(avg_pool(x, sizes, sizes, Sizes<n>(0).to_vector()), x);
  array y = x;
  for (size_t i = 0; i < n; ++i) y = averages(y, static_cast<int>(i) + 1, this->output_size[i]);
  return this->hooked(y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

template <size_t n>
array AdaptiveMaxPool<n>::operator()(const array& x) const try {
  this->check_input(x);
  const std::vector<int> sizes = equal_windows(x, this->output_size);
  if (!sizes.empty()) return this->hooked(max_pool(x, sizes, sizes, Sizes<n>(0).to_vector()), x);
  array y = x;
  for (size_t i = 0; i < n; ++i) y = maxima(y, static_cast<int>(i) + 1, this->output_size[i]);
  return this->hooked(y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
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
