#include "mica/fft/fft.h"

#include <fmt/format.h>

#include <cmath>

#include "mica/fft/fourier_op.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::fft {
namespace {

using cpu::FourierKind;
using ops::throw_expected;

// The public function: its name, and the kind of transform of the last of its axes; the others have
// the complex one.
struct Function {
  const char* name;
  FourierKind kind;

  bool inverse() const { return kind == FourierKind::inverse || kind == FourierKind::real_inverse; }
};

constexpr Function forward_n{"fftn", FourierKind::forward};
constexpr Function inverse_n{"ifftn", FourierKind::inverse};
constexpr Function real_forward_n{"rfftn", FourierKind::real_forward};
constexpr Function real_inverse_n{"irfftn", FourierKind::real_inverse};

float scale_of(bool inverse, FFTNorm norm, int n) {
  if (norm == FFTNorm::Ortho) return static_cast<float>(1 / std::sqrt(static_cast<double>(n)));
  return inverse == (norm == FFTNorm::Backward) ? static_cast<float>(1.0 / n) : 1.0f;
}

array with_size(const array& a, int axis, int size, const StreamOrDevice& s) {
  const int missing = size - a.shape(axis);
  if (missing > 0) return pad(a, {axis}, {0}, {missing}, array(0, a.dtype()), "constant", s);
  if (missing == 0) return a;
  Shape stop = a.shape();
  stop[static_cast<size_t>(axis)] = size;
  return slice(a, Shape(a.ndim(), 0), stop, s);
}

// One axis of a, counted from 0, transformed to n elements.
array transform(const array& a, FourierKind kind, int axis, int n, float scale,
                const StreamOrDevice& s) {
  const bool to_real = kind == FourierKind::real_inverse;
  const array operand = astype(a, kind == FourierKind::real_forward ? float32 : complex64, s);
  const array sized = with_size(operand, axis, to_real ? n / 2 + 1 : n, s);
  Shape shape = a.shape();
  shape[static_cast<size_t>(axis)] = kind == FourierKind::real_forward ? n / 2 + 1 : n;
  return engine::apply(ops::Fourier{kind, axis, n, scale}, {sized}, shape,
                       to_real ? float32 : complex64, s);
}

array transform_axes(const array& a, const Function& function, const Shape& n,
                     const std::vector<int>& axes, FFTNorm norm, const StreamOrDevice& s) {
  const char* name = function.name;
  if (a.ndim() == 0) throw_expected(name, "an array with axes", "a scalar");
  if (n.size() != axes.size()) {
    throw_expected(name, fmt::format("n for each of {} axes", axes.size()), to_string(n));
  }
  const int ndim = static_cast<int>(a.ndim());
  ops::normalize_axes(axes, ndim, name);  // refuses those that a has not, and repeated ones
  for (const ShapeElem size : n) {
    if (size < 1) throw_expected(name, "at least one element along each axis", to_string(n));
  }
  if (axes.empty()) return a;

  const bool inverse = function.inverse();
  const auto apply_last = [&](const array& x) {
    const int size = n.back();
    return transform(x, function.kind, ops::normalize_axis(axes.back(), ndim, name), size,
                     scale_of(inverse, norm, size), s);
  };
  array result = a;
  if (!inverse) result = apply_last(result);
  for (size_t i = axes.size() - 1; i-- > 0;) {
    result =
        transform(result, inverse ? FourierKind::inverse : FourierKind::forward,
                  ops::normalize_axis(axes[i], ndim, name), n[i], scale_of(inverse, norm, n[i]), s);
  }
  return inverse ? apply_last(result) : result;
}

// The sizes of a along axes; the last is that of the real result of real_inverse.
array transform_axes(const array& a, const Function& function, const std::vector<int>& axes,
                     FFTNorm norm, const StreamOrDevice& s) {
  Shape n;
  for (const int axis : axes) {
    n.push_back(a.shape(ops::normalize_axis(axis, static_cast<int>(a.ndim()), function.name)));
  }
  if (!n.empty() && function.kind == FourierKind::real_inverse) {
    n.back() = safe_cast(2 * (int64_t{n.back()} - 1), function.name);
  }
  return transform_axes(a, function, n, axes, norm, s);
}

array transform_axes(const array& a, const Function& function, FFTNorm norm,
                     const StreamOrDevice& s) {
  return transform_axes(a, function, ops::all_axes(static_cast<int>(a.ndim())), norm, s);
}

array shifted(const array& a, const std::vector<int>& axes, bool back, const char* name,
              const StreamOrDevice& s) {
  Shape shifts;
  for (const int axis : axes) {
    const int half = a.shape(ops::normalize_axis(axis, static_cast<int>(a.ndim()), name)) / 2;
    shifts.push_back(back ? -half : half);
  }
  return axes.empty() ? a : roll(a, shifts, axes, s);
}

}  // namespace

array fftn(const array& a, const Shape& n, const std::vector<int>& axes, FFTNorm norm,
           StreamOrDevice s) {
  return transform_axes(a, forward_n, n, axes, norm, s);
}
array fftn(const array& a, const std::vector<int>& axes, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, forward_n, axes, norm, s);
}
array fftn(const array& a, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, forward_n, norm, s);
}

array ifftn(const array& a, const Shape& n, const std::vector<int>& axes, FFTNorm norm,
            StreamOrDevice s) {
  return transform_axes(a, inverse_n, n, axes, norm, s);
}
array ifftn(const array& a, const std::vector<int>& axes, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, inverse_n, axes, norm, s);
}
array ifftn(const array& a, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, inverse_n, norm, s);
}

array rfftn(const array& a, const Shape& n, const std::vector<int>& axes, FFTNorm norm,
            StreamOrDevice s) {
  return transform_axes(a, real_forward_n, n, axes, norm, s);
}
array rfftn(const array& a, const std::vector<int>& axes, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, real_forward_n, axes, norm, s);
}
array rfftn(const array& a, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, real_forward_n, norm, s);
}

array irfftn(const array& a, const Shape& n, const std::vector<int>& axes, FFTNorm norm,
             StreamOrDevice s) {
  return transform_axes(a, real_inverse_n, n, axes, norm, s);
}
array irfftn(const array& a, const std::vector<int>& axes, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, real_inverse_n, axes, norm, s);
}
array irfftn(const array& a, FFTNorm norm, StreamOrDevice s) {
  return transform_axes(a, real_inverse_n, norm, s);
}

namespace {

void check_samples(const char* name, int n, double d) {
  if (n < 1) throw_expected(name, "n of at least 1", std::to_string(n));
  if (d == 0) throw_expected(name, "d other than 0", "0");
}

}  // namespace

array fftfreq(int n, double d, StreamOrDevice s) {
  check_samples("fftfreq", n, d);
  const int positive = (n - 1) / 2 + 1;
  const array cycles = concatenate({arange(0, positive, s), arange(-(n / 2), 0, s)}, s);
  return multiply(cycles, array(1 / (n * d)), s);
}

array rfftfreq(int n, double d, StreamOrDevice s) {
  check_samples("rfftfreq", n, d);
  return multiply(arange(0, n / 2 + 1, s), array(1 / (n * d)), s);
}

array fftshift(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  return shifted(a, axes, false, "fftshift", s);
}
array fftshift(const array& a, StreamOrDevice s) {
  return fftshift(a, ops::all_axes(static_cast<int>(a.ndim())), s);
}

array ifftshift(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  return shifted(a, axes, true, "ifftshift", s);
}
array ifftshift(const array& a, StreamOrDevice s) {
  return ifftshift(a, ops::all_axes(static_cast<int>(a.ndim())), s);
}

}  // namespace mica::fft
