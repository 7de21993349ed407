#include "mica/nn/pooling.h"

#include "mica/ops/checks.h"
#include "mica/ops/pooling.h"

namespace mica::nn {

template <size_t n>
Pool<n>::Pool(const char* kind, Sizes<n> kernel_size, const Options& options)
    : kernel_size(kernel_size),
      stride(options.stride.value_or(kernel_size)),
      padding(options.padding) {
  const auto refuse = [kind](const std::string& expected, const std::string& got) {
    Module::fail_as(kind + std::to_string(n) + "d", expected, got);
  };
  if (!this->kernel_size.all_at_least(1))
    refuse("kernel_size of at least 1", this->kernel_size.repr());
  if (!stride.all_at_least(1)) refuse("stride of at least 1", stride.repr());
  if (!padding.all_at_least(0)) refuse("padding of at least 0", padding.repr());
}

template <size_t n>
std::string Pool<n>::extra_repr() const {
  return "kernel_size=" + kernel_size.repr() + ", stride=" + stride.repr() +
         ", padding=" + padding.repr();
}

template <size_t n>
void Pool<n>::check_input(const array& x) const {
  static const char* const layouts[] = {"input (N, L, C)", "input (N, H, W, C)",
                                        "input (N, D, H, W, C)"};
  if (x.ndim() != n + 2) this->fail(layouts[n - 1], to_string(x.shape()));
  for (size_t i = 0; i < n; ++i)
    if (x.shape(static_cast<int>(i) + 1) + 2 * padding[i] < kernel_size[i])
      this->fail("input, with padding, of at least " + kernel_size.repr(), to_string(x.shape()));
}

template <size_t n>
array MaxPool<n>::operator()(const array& x) const try {
  this->check_input(x);
  return this->hooked(max_pool(x, this->kernel_size.to_vector(), this->stride.to_vector(),
                               this->padding.to_vector()),
                      x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

template <size_t n>
array AvgPool<n>::operator()(const array& x) const try {
  this->check_input(x);
  return this->hooked(avg_pool(x, this->kernel_size.to_vector(), this->stride.to_vector(),
                               this->padding.to_vector()),
                      x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
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
