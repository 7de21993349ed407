// Places in sorted sequences, and distinct elements: compositions.
#include <bit>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace {

using ops::throw_expected;

// Whether elements of a come before those of b where sorted: NaN is last.
array comes_before(const array& a, const array& b, const StreamOrDevice& s) {
  const array smaller = less(a, b, s);
  if (!issubdtype(a.dtype(), inexact)) return smaller;
  return logical_or(smaller, logical_and(isnan(b, s), logical_not(isnan(a, s), s), s), s);
}

array first_true(const array& a, const StreamOrDevice& s) {
  return concatenate({array({true}, bool_), a}, 0, s);
}

}  // namespace

// A binary search by steps of falling powers of two, for all values at once. Places carry no
// gradient.
array searchsorted(const array& sorted_sequence, const array& values, const std::string& side,
                   StreamOrDevice s) {
  constexpr const char* op = "searchsorted";
  if (sorted_sequence.ndim() != 1) {
    throw_expected(op, "sorted_sequence with one axis", to_string(sorted_sequence.shape()));
  }
  const bool left = side == "left";
  if (!left && side != "right") throw_expected(op, "side left or right", "'" + side + "'");

  const Dtype dtype = result_type(sorted_sequence, values);
  const array sequence = stop_gradient(astype(sorted_sequence, dtype, s), s);
  const array wanted = stop_gradient(astype(values, dtype, s), s);
  const int n = sequence.shape(0);
  array passed = zeros(values.shape(), int32, s);
  for (uint32_t step = std::bit_floor(static_cast<uint32_t>(n)); step > 0; step /= 2) {
    const array next = add(passed, array(static_cast<int>(step)), s);
    const array last = take(sequence, subtract(minimum(next, array(n), s), array(1), s), 0, s);
    const array passes =
        left ? comes_before(last, wanted, s) : logical_not(comes_before(wanted, last, s), s);
    passed = where(logical_and(passes, less_equal(next, array(n), s), s), next, passed, s);
  }
  return astype(passed, uint32, s);
}

// Elements are sorted, and numbered by the distinct ones before them. Only the values, which are
// taken from a, carry a gradient.
std::vector<array> unique(const array& a, int size, bool return_index, bool return_inverse,
                          bool return_counts, const std::optional<array>& fill_value,
                          StreamOrDevice s) {
  constexpr const char* op = "unique";
  if (size < 0) throw_expected(op, "size of at least 0", std::to_string(size));
  if (fill_value && fill_value->size() != 1) {
    throw_expected(op, "fill_value of one element", to_string(fill_value->shape()));
  }
  const auto fill = [&] { return astype(reshape(*fill_value, {1}, s), a.dtype(), s); };
  std::vector<array> results;
  if (a.size() == 0) {
    if (size > 0 && !fill_value) {
      throw_expected(op, "a fill_value where a is empty and size is not 0", "none");
    }
    results.push_back(size > 0 ? broadcast_to(fill(), {size}, s) : zeros({0}, a.dtype(), s));
    if (return_index) results.push_back(zeros({size}, uint32, s));
    if (return_inverse) results.push_back(zeros(a.shape(), uint32, s));
    if (return_counts) results.push_back(zeros({size}, int32, s));
    return results;
  }

  const array flat = reshape(a, {-1}, s);
  const int n = flat.shape(0);
  const array order = argsort(flat, s);
  const array sorted = take(flat, order, 0, s);
  const array is_new =
      first_true(not_equal(slice(sorted, {1}, {n}, s), slice(sorted, {0}, {n - 1}, s), s), s);
  const array ordinal = subtract(cumsum(astype(is_new, int32, s), 0, false, true, s), array(1), s);

  // Places behind the last distinct element begin at n.
  const array places = arange(size, s);
  const array begin = astype(searchsorted(ordinal, places, "left", s), int32, s);
  const array used = less(begin, array(n), s);
  const array first = take(order, where(used, begin, array(0), s), 0, s);
  const array values = take(flat, first, 0, s);
  results.push_back(fill_value ? where(used, values, fill(), s) : values);
  if (return_index) results.push_back(first);
  if (return_inverse) {
    const array clamped = astype(minimum(ordinal, array(std::max(size - 1, 0)), s), uint32, s);
    const array inverse = put_along_axis(zeros({n}, uint32, s), order, clamped, 0, s);
    results.push_back(reshape(inverse, a.shape(), s));
  }
  if (return_counts) {
    const array end = astype(searchsorted(ordinal, places, "right", s), int32, s);
    results.push_back(subtract(end, begin, s));
  }
  return results;
}

}  // namespace mica
