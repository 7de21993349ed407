// ops.h of MLX: operators, and names from a to l.
#include "tests/api/surface.h"

#include "mlx/ops.h"

namespace {

TEST(ArraySurface, OpsAToL) {
  has<array(const array&, const array&)>(mx::operator!=);
  has<array(const array&, const array&)>(mx::operator%);
  has<array(const array&, const array&)>(mx::operator&);
  has<array(const array&, const array&)>(mx::operator&&);
  has<array(const array&, const array&)>(mx::operator*);
  has<array(const array&, const array&)>(mx::operator+);
  has<array(const array&)>(mx::operator-);
  has<array(const array&, const array&)>(mx::operator-);
  has<array(const array&, const array&)>(mx::operator/);
  has<array(double, const array&)>(mx::operator/);
  has<array(const array&, double)>(mx::operator/);
  has<array(const array&, const array&)>(mx::operator<);
  has<array(const array&, const array&)>(mx::operator<<);
  has<array(const array&, const array&)>(mx::operator<=);
  has<array(const array&, const array&)>(mx::operator==);
  has<array(const array&, const array&)>(mx::operator>);
  has<array(const array&, const array&)>(mx::operator>=);
  has<array(const array&, const array&)>(mx::operator>>);
  has<array(const array&, const array&)>(mx::operator^);
  has<array(const array&, const array&)>(mx::operator|);
  has<array(const array&, const array&)>(mx::operator||);
  has<array(const array&)>(mx::operator~);
  has<array(const array&, S)>(mx::abs);
  has<array(const array&, const array&, S)>(mx::add);
  has<array(array, array, array, const float&, const float&, S)>(mx::addmm);
  has<array(const array&, bool, S)>(mx::all);
  has<array(const array&, S)>(mx::all);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::all);
  has<array(const array&, int, bool, S)>(mx::all);
  has<array(const array&, const array&, double, double, bool, S)>(mx::allclose);
  has<array(const array&, bool, S)>(mx::any);
  has<array(const array&, S)>(mx::any);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::any);
  has<array(const array&, int, bool, S)>(mx::any);
  has<array(double, double, double, Dtype, S)>(mx::arange);
  has<array(double, double, double, S)>(mx::arange);
  has<array(double, double, Dtype, S)>(mx::arange);
  has<array(double, double, S)>(mx::arange);
  has<array(double, Dtype, S)>(mx::arange);
  has<array(double, S)>(mx::arange);
  has<array(int, int, int, S)>(mx::arange);
  has<array(int, int, S)>(mx::arange);
  has<array(int, S)>(mx::arange);
  has<array(const array&, S)>(mx::arccos);
  has<array(const array&, S)>(mx::arccosh);
  has<array(const array&, S)>(mx::arcsin);
  has<array(const array&, S)>(mx::arcsinh);
  has<array(const array&, S)>(mx::arctan);
  has<array(const array&, const array&, S)>(mx::arctan2);
  has<array(const array&, S)>(mx::arctanh);
  has<array(const array&, bool, S)>(mx::argmax);
  has<array(const array&, S)>(mx::argmax);
  has<array(const array&, int, bool, S)>(mx::argmax);
  has<array(const array&, bool, S)>(mx::argmin);
  has<array(const array&, S)>(mx::argmin);
  has<array(const array&, int, bool, S)>(mx::argmin);
  has<array(const array&, int, S)>(mx::argpartition);
  has<array(const array&, int, int, S)>(mx::argpartition);
  has<array(const array&, S)>(mx::argsort);
  has<array(const array&, int, S)>(mx::argsort);
  has<array(const array&, const array&, bool, S)>(mx::array_equal);
  has<array(const array&, const array&, S)>(mx::array_equal);
  has<array(array, Shape, Strides, size_t, S)>(mx::as_strided);
  has<array(array, Dtype, S)>(mx::astype);
  has<array(const array&, S)>(mx::atleast_1d);
  has<std::vector<array>(const std::vector<array>&, S)>(mx::atleast_1d);
  has<array(const array&, S)>(mx::atleast_2d);
  has<std::vector<array>(const std::vector<array>&, S)>(mx::atleast_2d);
  has<array(const array&, S)>(mx::atleast_3d);
  has<std::vector<array>(const std::vector<array>&, S)>(mx::atleast_3d);
  has<array(int, S)>(mx::bartlett);
  has<array(const array&, const array&, S)>(mx::bitwise_and);
  has<array(const array&, S)>(mx::bitwise_invert);
  has<array(const array&, const array&, S)>(mx::bitwise_or);
  has<array(const array&, const array&, S)>(mx::bitwise_xor);
  has<array(int, S)>(mx::blackman);
  has<array(array, array, int, std::optional<array>, std::optional<array>, std::optional<array>,
            S)>(mx::block_masked_mm);
  has<std::vector<array>(const std::vector<array>&, S)>(mx::broadcast_arrays);
  has<array(const array&, const Shape&, S)>(mx::broadcast_to);
  has<array(const array&, S)>(mx::ceil);
  has<array(const array&, const std::optional<array>&, const std::optional<array>&, S)>(mx::clip);
  has<array(std::vector<array>, int, S)>(mx::concatenate);
  has<array(std::vector<array>, S)>(mx::concatenate);
  has<array(const array&, S)>(mx::conjugate);
  has<array(const array&, bool, S)>(mx::contiguous);
  has<array(const array&, const array&, int, int, int, int, S)>(mx::conv1d);
  has<array(const array&, const array&, const std::pair<int, int>&, const std::pair<int, int>&,
            const std::pair<int, int>&, int, S)>(mx::conv2d);
  has<array(const array&, const array&, const std::tuple<int, int, int>&,
            const std::tuple<int, int, int>&, const std::tuple<int, int, int>&, int, S)>(
      mx::conv3d);
  has<array(array, array, std::vector<int>, std::vector<int>, std::vector<int>, std::vector<int>,
            std::vector<int>, int, bool, S)>(mx::conv_general);
  has<array(const array&, const array&, std::vector<int>, std::vector<int>, std::vector<int>,
            std::vector<int>, int, bool, S)>(mx::conv_general);
  has<array(const array&, const array&, int, int, int, int, int, S)>(mx::conv_transpose1d);
  has<array(const array&, const array&, const std::pair<int, int>&, const std::pair<int, int>&,
            const std::pair<int, int>&, const std::pair<int, int>&, int, S)>(mx::conv_transpose2d);
  has<array(const array&, const array&, const std::tuple<int, int, int>&,
            const std::tuple<int, int, int>&, const std::tuple<int, int, int>&,
            const std::tuple<int, int, int>&, int, S)>(mx::conv_transpose3d);
  has<array(array, S)>(mx::copy);
  has<array(const array&, S)>(mx::cos);
  has<array(const array&, S)>(mx::cosh);
  has<array(const array&, bool, S)>(mx::count_nonzero);
  has<array(const array&, int, bool, S)>(mx::count_nonzero);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::count_nonzero);
  has<array(const array&, bool, bool, S)>(mx::cummax);
  has<array(const array&, int, bool, bool, S)>(mx::cummax);
  has<array(const array&, bool, bool, S)>(mx::cummin);
  has<array(const array&, int, bool, bool, S)>(mx::cummin);
  has<array(const array&, bool, bool, std::optional<Dtype>, S)>(mx::cumprod);
  has<array(const array&, bool, bool, S)>(mx::cumprod);
  has<array(const array&, int, bool, bool, std::optional<Dtype>, S)>(mx::cumprod);
  has<array(const array&, int, bool, bool, S)>(mx::cumprod);
  has<array(const array&, bool, bool, std::optional<Dtype>, S)>(mx::cumsum);
  has<array(const array&, bool, bool, S)>(mx::cumsum);
  has<array(const array&, int, bool, bool, std::optional<Dtype>, S)>(mx::cumsum);
  has<array(const array&, int, bool, bool, S)>(mx::cumsum);
  has<array(const array&, S)>(mx::degrees);
  has<std::vector<array>(const std::vector<array>&, const std::vector<array>&)>(mx::depends);
  has<array(const array&, const array&, const std::optional<array>&, std::optional<int>,
            std::optional<int>, const std::string&, const std::optional<array>&,
            std::optional<Dtype>, S)>(mx::dequantize);
  has<array(const array&, int, S)>(mx::diag);
  has<array(const array&, int, int, int, S)>(mx::diagonal);
  has<array(const array&, int, int, S)>(mx::diff);
  has<array(const array&, const array&, S)>(mx::divide);
  has<std::vector<array>(const array&, const array&, S)>(mx::divmod);
  has<array(const array&, const array&, S)>(mx::equal);
  has<array(const array&, S)>(mx::erf);
  has<array(const array&, S)>(mx::erfinv);
  has<array(const array&, S)>(mx::exp);
  has<array(const array&, const std::vector<int>&, S)>(mx::expand_dims);
  has<array(const array&, int, S)>(mx::expand_dims);
  has<array(const array&, S)>(mx::expm1);
  has<array(int, int, int, Dtype, S)>(mx::eye);
  has<array(int, Dtype, S)>(mx::eye);
  has<array(int, int, S)>(mx::eye);
  has<array(int, int, int, S)>(mx::eye);
  has<array(int, S)>(mx::eye);
  has<array(const array&, int, int, S)>(mx::flatten);
  has<array(const array&, S)>(mx::flatten);
  has<array(const array&, const std::vector<int>&, S)>(mx::flip);
  has<array(const array&, int, S)>(mx::flip);
  has<array(const array&, S)>(mx::flip);
  has<array(const array&, S)>(mx::floor);
  has<array(const array&, const array&, S)>(mx::floor_divide);
  has<array(array, Dtype, S)>(mx::from_fp8);
  has<array(Shape, array, Dtype, S)>(mx::full);
  has<array(Shape, array, S)>(mx::full);
  has<array(const array&, array, Dtype, S)>(mx::full_like);
  has<array(const array&, array, S)>(mx::full_like);
  has<array(const array&, const std::vector<array>&, const std::vector<int>&, const Shape&, S)>(
      mx::gather);
  has<array(const array&, const array&, int, const Shape&, S)>(mx::gather);
  has<array(array, array, std::optional<array>, std::optional<array>, bool, S)>(mx::gather_mm);
  has<array(const array&, const array&, const array&, const std::optional<array>&,
            std::optional<array>, std::optional<array>, bool, std::optional<int>,
            std::optional<int>, const std::string&, const std::optional<array>&, bool, S)>(
      mx::gather_qmm);
  has<array(const array&, const array&, const std::optional<array>&, const std::optional<array>&,
            const std::optional<array>&, std::optional<int>, std::optional<int>, const std::string&,
            const std::optional<array>&, const std::optional<array>&, bool, S)>(mx::gather_qqmm);
  has<array(const array&, const array&, S)>(mx::greater);
  has<array(const array&, const array&, S)>(mx::greater_equal);
  has<array(const array&, std::optional<float>, S)>(mx::hadamard_transform);
  has<array(int, S)>(mx::hamming);
  has<array(int, S)>(mx::hanning);
  has<array(int, Dtype, S)>(mx::identity);
  has<array(int, S)>(mx::identity);
  has<array(const array&, S)>(mx::imag);
  has<array(const array&, const array&, S)>(mx::inner);
  has<array(const array&, const array&, double, double, bool, S)>(mx::isclose);
  has<array(const array&, S)>(mx::isfinite);
  has<array(const array&, S)>(mx::isinf);
  has<array(const array&, S)>(mx::isnan);
  has<array(const array&, S)>(mx::isneginf);
  has<array(const array&, S)>(mx::isposinf);
  has<array(const array&, const array&, S)>(mx::kron);
  has<array(const array&, const array&, S)>(mx::left_shift);
  has<array(const array&, const array&, S)>(mx::less);
  has<array(const array&, const array&, S)>(mx::less_equal);
  has<array(double, double, int, bool, Dtype, S)>(mx::linspace);
  has<array(double, double, int, Dtype, S)>(mx::linspace);
  has<array(const array&, S)>(mx::log);
  has<array(const array&, S)>(mx::log10);
  has<array(const array&, S)>(mx::log1p);
  has<array(const array&, S)>(mx::log2);
  has<array(const array&, const array&, S)>(mx::logaddexp);
  has<array(const array&, bool, bool, S)>(mx::logcumsumexp);
  has<array(const array&, int, bool, bool, S)>(mx::logcumsumexp);
  has<array(const array&, const array&, S)>(mx::logical_and);
  has<array(const array&, S)>(mx::logical_not);
  has<array(const array&, const array&, S)>(mx::logical_or);
  has<array(const array&, const array&, S)>(mx::logical_xor);
  has<array(const array&, bool, S)>(mx::logsumexp);
  has<array(const array&, S)>(mx::logsumexp);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::logsumexp);
  has<array(const array&, int, bool, S)>(mx::logsumexp);
}

}  // namespace
