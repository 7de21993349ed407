#include "mica/fft/fourier_op.h"

#include "mica/ops/ops.h"

namespace mica::ops {
namespace {

using cpu::FourierKind;

// Factors for the elements 0, 1, ..., n / 2 of x along axis: one for those that stand for
// themselves (the first and, for even n, the last), another for those with a conjugate.
array with_factors(const array& x, int axis, int n, float own, float shared) {
  std::vector<float> factors(static_cast<size_t>(n / 2 + 1), shared);
  factors.front() = own;
  if (n % 2 == 0) factors.back() = own;
  Shape shape(x.ndim(), 1);
  shape[static_cast<size_t>(axis)] = n / 2 + 1;
  return x * array(factors.begin(), shape, float32);
}

array transform(const Fourier& op, FourierKind kind, const array& x) {
  Shape shape = x.shape();
  auto& size = shape[static_cast<size_t>(op.axis)];
  if (kind == FourierKind::real_forward) size = op.n / 2 + 1;
  if (kind == FourierKind::real_inverse) size = op.n;
  const Dtype dtype = kind == FourierKind::real_inverse ? float32 : complex64;
  return engine::apply(Fourier{kind, op.axis, op.n, op.scale}, {x}, shape, dtype, {});
}

}  // namespace

// The conjugate transpose of the matrix: that of a complex transform is the other one. Each row of
// real_inverse's counts twice but those of the elements that stand for themselves, and
// real_forward's transpose is real_inverse's without that factor.
std::vector<array> Fourier::vjp(const engine::VjpArgs& args) const {
  const array& cotangent = args.cotangents[0];
  switch (kind) {
    case FourierKind::forward:
      return {transform(*this, FourierKind::inverse, cotangent)};
    case FourierKind::inverse:
      return {transform(*this, FourierKind::forward, cotangent)};
    case FourierKind::real_forward:
      return {
          transform(*this, FourierKind::real_inverse, with_factors(cotangent, axis, n, 1, 0.5f))};
    default:
      return {with_factors(transform(*this, FourierKind::real_forward, cotangent), axis, n, 1, 2)};
  }
}

std::vector<array> Fourier::jvp(const engine::JvpArgs& args) const {
  return {transform(*this, kind, args.tangents[0])};
}

engine::Batched Fourier::vmap(const engine::VmapArgs& args) const {
  const int batch = args.axes[0];
  const Fourier batched{kind, axis + (axis >= batch), n, scale};
  return {{transform(batched, kind, args.inputs[0])}, {batch}};
}

}  // namespace mica::ops
