#include "mica/nn/pooling.h"

#include <limits>

#include "mica/nn/repr.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

template <size_t n>
Pool<n>::Pool(Sizes<n> kernel_size, const Options& options)
    : kernel_size(kernel_size),
      stride(options.stride.value_or(kernel_size)),
      padding(options.padding) {
  if (!this->kernel_size.all_at_least(1))
    this->fail("kernel_size of at least 1", this->kernel_size.repr());
  if (!stride.all_at_least(1)) this->fail("stride of at least 1", stride.repr());
  if (!padding.all_at_least(0)) this->fail("padding of at least 0", padding.repr());
}

template <size_t n>
std::string Pool<n>::extra_repr() const {
  return "kernel_size=" + kernel_size.repr() + ", stride=" + stride.repr() +
         ", padding=" + padding.repr();
}

template <size_t n>
array Pool<n>::windows(const array& x, const array& padding_value) const {
  static const char* const layouts[] = {"input (N, L, C)", "input (N, H, W, C)",
                                        "input (N, D, H, W, C)"};
  if (x.ndim() != n + 2) this->fail(layouts[n - 1], to_string(x.shape()));
  array padded = x;
  if (!(padding == Sizes<n>(0))) {
    std::vector<std::pair<int, int>> widths{{0, 0}};
    for (const int width : padding.values) widths.emplace_back(width, width);
    widths.emplace_back(0, 0);
    padded = pad(x, widths, padding_value);
  }
  Shape shape{x.shape(0)};
  for (size_t i = 0; i < n; ++i) {
    const int size = padded.shape(static_cast<int>(i) + 1);
    if (size < kernel_size[i])
      this->fail("input, padding included, of at least " + kernel_size.repr(),
                 to_string(x.shape()));
    shape.push_back((size - kernel_size[i]) / stride[i] + 1);
  }
  Strides strides(padded.ndim());
  int64_t step = 1;
  for (size_t i = padded.ndim(); i-- > 0; step *= padded.shape(static_cast<int>(i)))
    strides[i] = step;
  Strides window_strides{strides[0]};
  for (size_t i = 0; i < n; ++i) window_strides.push_back(strides[i + 1] * stride[i]);
  for (size_t i = 0; i < n; ++i) {
    shape.push_back(kernel_size[i]);
    window_strides.push_back(strides[i + 1]);
  }
  shape.push_back(x.shape(-1));
  window_strides.push_back(1);
  return as_strided(padded, shape, window_strides, 0);
}

template <size_t n>
std::vector<int> Pool<n>::window_axes() const {
  std::vector<int> axes;
  for (size_t i = 0; i < n; ++i) axes.push_back(static_cast<int>(1 + n + i));
  return axes;
}

template <size_t n>
array MaxPool<n>::operator()(const array& x) const {
  const array lowest = weak(-std::numeric_limits<double>::infinity(), x);
  return max(this->windows(x, lowest), this->window_axes());
}

template <size_t n>
array AvgPool<n>::operator()(const array& x) const {
  return mean(this->windows(x, weak(0, x)), this->window_axes());
}

template struct Pool<1>;
template struct Pool<2>;
template struct Pool<3>;
template struct MaxPool<1>;
template struct MaxPool<2>;
template struct MaxPool<3>;
template struct AvgPool<1>;
template struct AvgPool<2>;
template struct AvgPool<3>;

}  // namespace mica::nn
