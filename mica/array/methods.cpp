// The methods of array: each calls the function of the same name.
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/ops/ops.h"

namespace mica {

// Inside a method its own name hides the function, hence the qualified calls.

array array::T() const { return mica::transpose(*this); }
array array::abs() const { return mica::abs(*this); }

array array::all(bool keepdims) const { return mica::all(*this, keepdims); }
array array::all(int axis, bool keepdims) const { return mica::all(*this, axis, keepdims); }
array array::all(const std::vector<int>& axes, bool keepdims) const {
  return mica::all(*this, axes, keepdims);
}

array array::any(bool keepdims) const { return mica::any(*this, keepdims); }
array array::any(int axis, bool keepdims) const { return mica::any(*this, axis, keepdims); }
array array::any(const std::vector<int>& axes, bool keepdims) const {
  return mica::any(*this, axes, keepdims);
}

array array::argmax(bool keepdims) const { return mica::argmax(*this, keepdims); }
array array::argmax(int axis, bool keepdims) const { return mica::argmax(*this, axis, keepdims); }

array array::argmin(bool keepdims) const { return mica::argmin(*this, keepdims); }
array array::argmin(int axis, bool keepdims) const { return mica::argmin(*this, axis, keepdims); }

array array::astype(Dtype dtype) const { return mica::astype(*this, dtype); }
array array::conj() const { return mica::conjugate(*this); }
array array::cos() const { return mica::cos(*this); }
array array::exp() const { return mica::exp(*this); }
array array::flatten(int start_axis, int end_axis) const {
  return mica::flatten(*this, start_axis, end_axis);
}
array array::log() const { return mica::log(*this); }
array array::log10() const { return mica::log10(*this); }
array array::log1p() const { return mica::log1p(*this); }
array array::log2() const { return mica::log2(*this); }

array array::logsumexp(bool keepdims) const { return mica::logsumexp(*this, keepdims); }
array array::logsumexp(int axis, bool keepdims) const {
  return mica::logsumexp(*this, axis, keepdims);
}
array array::logsumexp(const std::vector<int>& axes, bool keepdims) const {
  return mica::logsumexp(*this, axes, keepdims);
}

array array::max(bool keepdims) const { return mica::max(*this, keepdims); }
array array::max(int axis, bool keepdims) const { return mica::max(*this, axis, keepdims); }
array array::max(const std::vector<int>& axes, bool keepdims) const {
  return mica::max(*this, axes, keepdims);
}

array array::mean(bool keepdims) const { return mica::mean(*this, keepdims); }
array array::mean(int axis, bool keepdims) const { return mica::mean(*this, axis, keepdims); }
array array::mean(const std::vector<int>& axes, bool keepdims) const {
  return mica::mean(*this, axes, keepdims);
}

array array::min(bool keepdims) const { return mica::min(*this, keepdims); }
array array::min(int axis, bool keepdims) const { return mica::min(*this, axis, keepdims); }
array array::min(const std::vector<int>& axes, bool keepdims) const {
  return mica::min(*this, axes, keepdims);
}

array array::moveaxis(int source, int destination) const {
  return mica::moveaxis(*this, source, destination);
}

array array::prod(bool keepdims) const { return mica::prod(*this, keepdims); }
array array::prod(int axis, bool keepdims) const { return mica::prod(*this, axis, keepdims); }
array array::prod(const std::vector<int>& axes, bool keepdims) const {
  return mica::prod(*this, axes, keepdims);
}

array array::reciprocal() const { return mica::reciprocal(*this); }
array array::reshape(Shape shape) const { return mica::reshape(*this, std::move(shape)); }
array array::round(int decimals) const { return mica::round(*this, decimals); }
array array::rsqrt() const { return mica::rsqrt(*this); }
array array::sin() const { return mica::sin(*this); }
std::vector<array> array::split(int num_splits, int axis) const {
  return mica::split(*this, num_splits, axis);
}
std::vector<array> array::split(const Shape& indices, int axis) const {
  return mica::split(*this, indices, axis);
}
array array::sqrt() const { return mica::sqrt(*this); }
array array::square() const { return mica::square(*this); }
array array::squeeze() const { return mica::squeeze(*this); }
array array::squeeze(int axis) const { return mica::squeeze(*this, axis); }
array array::squeeze(const std::vector<int>& axes) const { return mica::squeeze(*this, axes); }

array array::std(bool keepdims, int ddof) const { return mica::std(*this, keepdims, ddof); }
array array::std(int axis, bool keepdims, int ddof) const {
  return mica::std(*this, axis, keepdims, ddof);
}
array array::std(const std::vector<int>& axes, bool keepdims, int ddof) const {
  return mica::std(*this, axes, keepdims, ddof);
}

array array::sum(bool keepdims) const { return mica::sum(*this, keepdims); }
array array::sum(int axis, bool keepdims) const { return mica::sum(*this, axis, keepdims); }
array array::sum(const std::vector<int>& axes, bool keepdims) const {
  return mica::sum(*this, axes, keepdims);
}

array array::swapaxes(int axis1, int axis2) const { return mica::swapaxes(*this, axis1, axis2); }
array array::transpose() const { return mica::transpose(*this); }
array array::transpose(std::vector<int> axes) const {
  return mica::transpose(*this, std::move(axes));
}
array array::unflatten(int axis, Shape shape) const {
  return mica::unflatten(*this, axis, std::move(shape));
}

array array::var(bool keepdims, int ddof) const { return mica::var(*this, keepdims, ddof); }
array array::var(int axis, bool keepdims, int ddof) const {
  return mica::var(*this, axis, keepdims, ddof);
}
array array::var(const std::vector<int>& axes, bool keepdims, int ddof) const {
  return mica::var(*this, axes, keepdims, ddof);
}

}  // namespace mica
