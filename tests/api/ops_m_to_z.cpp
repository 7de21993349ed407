// ops.h of MLX: names from m to z.
#include "tests/api/surface.h"

#include "mlx/ops.h"

namespace {

TEST(ArraySurface, OpsMToZ) {
  has<array(const array&, const array&, const array&, S)>(mx::masked_scatter);
  has<array(const array&, const array&, S)>(mx::matmul);
  has<array(const array&, S)>(mx::matrix_transpose);
  has<array(const array&, bool, S)>(mx::max);
  has<array(const array&, S)>(mx::max);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::max);
  has<array(const array&, int, bool, S)>(mx::max);
  has<array(const array&, const array&, S)>(mx::maximum);
  has<array(const array&, bool, S)>(mx::mean);
  has<array(const array&, S)>(mx::mean);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::mean);
  has<array(const array&, int, bool, S)>(mx::mean);
  has<array(const array&, bool, S)>(mx::median);
  has<array(const array&, S)>(mx::median);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::median);
  has<array(const array&, int, bool, S)>(mx::median);
  has<std::vector<array>(const std::vector<array>&, bool, const std::string&, S)>(mx::meshgrid);
  has<array(const array&, bool, S)>(mx::min);
  has<array(const array&, S)>(mx::min);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::min);
  has<array(const array&, int, bool, S)>(mx::min);
  has<array(const array&, const array&, S)>(mx::minimum);
  has<std::tuple<array, array>(const array&, bool, S)>(mx::minmax);
  has<std::tuple<array, array>(const array&, S)>(mx::minmax);
  has<std::tuple<array, array>(const array&, const std::vector<int>&, bool, S)>(mx::minmax);
  has<std::tuple<array, array>(const array&, int, bool, S)>(mx::minmax);
  has<array(const array&, int, int, S)>(mx::moveaxis);
  has<array(const array&, const array&, S)>(mx::multiply);
  has<array(const array&, float, const std::optional<float>, const std::optional<float>, S)>(
      mx::nan_to_num);
  has<array(const array&, S)>(mx::negative);
  has<array(const array&, const array&, S)>(mx::not_equal);
  has<array(const array&, std::vector<int>, bool, Dtype, S)>(mx::number_of_elements);
  has<array(const Shape&, Dtype, S)>(mx::ones);
  has<array(const Shape&, S)>(mx::ones);
  has<array(const array&, S)>(mx::ones_like);
  has<array(const array&, Dtype, S)>(mx::ones_like);
  has<array(const array&, const array&, S)>(mx::outer);
  has<array(const array&, const std::vector<int>&, const Shape&, const Shape&, const array&,
            const std::string&, S)>(mx::pad);
  has<array(const array&, const std::vector<std::pair<int, int>>&, const array&, const std::string&,
            S)>(mx::pad);
  has<array(const array&, const std::pair<int, int>&, const array&, const std::string&, S)>(
      mx::pad);
  has<array(const array&, int, const array&, const std::string&, S)>(mx::pad);
  has<array(const array&, int, S)>(mx::partition);
  has<array(const array&, int, int, S)>(mx::partition);
  has<array(const array&, S)>(mx::positive);
  has<array(const array&, const array&, S)>(mx::power);
  has<array(const array&, bool, S)>(mx::prod);
  has<array(const array&, S)>(mx::prod);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::prod);
  has<array(const array&, int, bool, S)>(mx::prod);
  has<array(const array&, const array&, const array&, int, S)>(mx::put_along_axis);
  has<array(const array&, const array&, const std::optional<array>&, std::optional<int>,
            std::optional<int>, const std::string&, const std::optional<array>&,
            const std::optional<array>&, S)>(mx::qqmm);
  has<std::vector<array>(const array&, std::optional<int>, std::optional<int>, const std::string&,
                         const std::optional<array>&, S)>(mx::quantize);
  has<array(const array&, const array&, const array&, const std::optional<array>&, bool,
            std::optional<int>, std::optional<int>, const std::string&, S)>(mx::quantized_matmul);
  has<array(const array&, S)>(mx::radians);
  has<array(const array&, S)>(mx::real);
  has<array(const array&, S)>(mx::reciprocal);
  has<array(const array&, const array&, S)>(mx::remainder);
  has<array(const array&, int, int, S)>(mx::repeat);
  has<array(const array&, int, S)>(mx::repeat);
  has<array(const array&, Shape, S)>(mx::reshape);
  has<array(const array&, const array&, S)>(mx::right_shift);
  has<array(const array&, int, S)>(mx::roll);
  has<array(const array&, const Shape&, S)>(mx::roll);
  has<array(const array&, int, int, S)>(mx::roll);
  has<array(const array&, int, const std::vector<int>&, S)>(mx::roll);
  has<array(const array&, const Shape&, int, S)>(mx::roll);
  has<array(const array&, const Shape&, const std::vector<int>&, S)>(mx::roll);
  has<array(const array&, int, S)>(mx::round);
  has<array(const array&, S)>(mx::round);
  has<array(const array&, S)>(mx::rsqrt);
  has<array(const array&, const std::vector<array>&, const array&, const std::vector<int>&, S)>(
      mx::scatter);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter);
  has<array(const array&, const std::vector<array>&, const array&, const std::vector<int>&, S)>(
      mx::scatter_add);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter_add);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter_add_axis);
  has<array(const array&, const std::vector<array>&, const array&, const std::vector<int>&, S)>(
      mx::scatter_max);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter_max);
  has<array(const array&, const std::vector<array>&, const array&, const std::vector<int>&, S)>(
      mx::scatter_min);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter_min);
  has<array(const array&, const std::vector<array>&, const array&, const std::vector<int>&, S)>(
      mx::scatter_prod);
  has<array(const array&, const array&, const array&, int, S)>(mx::scatter_prod);
  has<array(const array&, const array&, const std::string&, S)>(mx::searchsorted);
  has<array(array, array, array, S)>(mx::segmented_mm);
  has<array(const array&, S)>(mx::sigmoid);
  has<array(const array&, S)>(mx::sign);
  has<array(const array&, S)>(mx::sin);
  has<array(const array&, S)>(mx::sinh);
  has<array(const array&, Shape, Shape, Shape, S)>(mx::slice);
  has<array(const array&, std::initializer_list<int>, Shape, Shape, S)>(mx::slice);
  has<array(const array&, Shape, Shape, S)>(mx::slice);
  has<array(const array&, const array&, std::vector<int>, Shape, S)>(mx::slice);
  has<array(const array&, const array&, Shape, Shape, Shape, S)>(mx::slice_update);
  has<array(const array&, const array&, Shape, Shape, S)>(mx::slice_update);
  has<array(const array&, const array&, const array&, std::vector<int>, S)>(mx::slice_update);
  has<array(const array&, const array&, Shape, Shape, Shape, S)>(mx::slice_update_add);
  has<array(const array&, const array&, Shape, Shape, S)>(mx::slice_update_add);
  has<array(const array&, const array&, Shape, Shape, Shape, S)>(mx::slice_update_max);
  has<array(const array&, const array&, Shape, Shape, S)>(mx::slice_update_max);
  has<array(const array&, const array&, Shape, Shape, Shape, S)>(mx::slice_update_min);
  has<array(const array&, const array&, Shape, Shape, S)>(mx::slice_update_min);
  has<array(const array&, const array&, Shape, Shape, Shape, S)>(mx::slice_update_prod);
  has<array(const array&, const array&, Shape, Shape, S)>(mx::slice_update_prod);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::softmax);
  has<array(const array&, bool, S)>(mx::softmax);
  has<array(const array&, int, bool, S)>(mx::softmax);
  has<array(const array&, S)>(mx::sort);
  has<array(const array&, int, S)>(mx::sort);
  has<std::vector<array>(const array&, int, int, S)>(mx::split);
  has<std::vector<array>(const array&, int, S)>(mx::split);
  has<std::vector<array>(const array&, const Shape&, int, S)>(mx::split);
  has<std::vector<array>(const array&, const Shape&, S)>(mx::split);
  has<array(const array&, S)>(mx::sqrt);
  has<array(const array&, S)>(mx::square);
  has<array(const array&, const std::vector<int>&, S)>(mx::squeeze);
  has<array(const array&, int, S)>(mx::squeeze);
  has<array(const array&, S)>(mx::squeeze);
  has<array(const std::vector<array>&, int, S)>(mx::stack);
  has<array(const std::vector<array>&, S)>(mx::stack);
  has<array(const array&, bool, int, S)>(mx::std);
  has<array(const array&, S)>(mx::std);
  has<array(const array&, const std::vector<int>&, bool, int, S)>(mx::std);
  has<array(const array&, int, bool, int, S)>(mx::std);
  has<array(const array&, S)>(mx::stop_gradient);
  has<array(const array&, const array&, S)>(mx::subtract);
  has<array(const array&, bool, S)>(mx::sum);
  has<array(const array&, S)>(mx::sum);
  has<array(const array&, const std::vector<int>&, bool, S)>(mx::sum);
  has<array(const array&, int, bool, S)>(mx::sum);
  has<array(const array&, int, int, S)>(mx::swapaxes);
  has<array(const array&, const array&, int, S)>(mx::take);
  has<array(const array&, int, int, S)>(mx::take);
  has<array(const array&, const array&, S)>(mx::take);
  has<array(const array&, int, S)>(mx::take);
  has<array(const array&, const array&, int, S)>(mx::take_along_axis);
  has<array(const array&, S)>(mx::tan);
  has<array(const array&, S)>(mx::tanh);
  has<array(const array&, const array&, const int, S)>(mx::tensordot);
  has<array(const array&, const array&, const std::vector<int>&, const std::vector<int>&, S)>(
      mx::tensordot);
  has<array(const array&, std::vector<int>, S)>(mx::tile);
  has<array(array, S)>(mx::to_fp8);
  has<array(const array&, int, S)>(mx::topk);
  has<array(const array&, int, int, S)>(mx::topk);
  has<array(const array&, int, int, int, Dtype, S)>(mx::trace);
  has<array(const array&, int, int, int, S)>(mx::trace);
  has<array(const array&, S)>(mx::trace);
  has<array(const array&, std::vector<int>, S)>(mx::transpose);
  has<array(const array&, std::initializer_list<int>, S)>(mx::transpose);
  has<array(const array&, S)>(mx::transpose);
  has<array(int, int, int, Dtype, S)>(mx::tri);
  has<array(int, Dtype, S)>(mx::tri);
  has<array(array, int, S)>(mx::tril);
  has<array(array, int, S)>(mx::triu);
  has<array(const array&, S)>(mx::trunc);
  has<array(const array&, int, Shape, S)>(mx::unflatten);
  has<std::vector<array>(const array&, int, bool, bool, bool, const std::optional<array>&, S)>(
      mx::unique);
  has<std::vector<array>(const array&, int, S)>(mx::unstack);
  has<std::vector<array>(const array&, S)>(mx::unstack);
  has<array(const array&, bool, int, S)>(mx::var);
  has<array(const array&, S)>(mx::var);
  has<array(const array&, const std::vector<int>&, bool, int, S)>(mx::var);
  has<array(const array&, int, bool, int, S)>(mx::var);
  has<array(const array&, const array&, int, S)>(mx::vecdot);
  has<array(const array&, const Dtype&, S)>(mx::view);
  has<array(const array&, const array&, const array&, S)>(mx::where);
  has<array(const Shape&, Dtype, S)>(mx::zeros);
  has<array(const Shape&, S)>(mx::zeros);
  has<array(const array&, S)>(mx::zeros_like);
  has<array(const array&, Dtype, S)>(mx::zeros_like);
}

}  // namespace
