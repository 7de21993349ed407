// fast.h of MLX.
#include "tests/api/surface.h"

#include "mlx/fast.h"

namespace {

using namespace mx;

TEST(ArraySurface, Fast) {
  has<array(const array&, const array&, S)>(mx::fast::cross_entropy);
  has<fast::CustomKernelFunction(const std::string&, const std::vector<std::string>&,
                                 const std::vector<std::string>&, const std::string&,
                                 const std::string&, bool, int)>(mx::fast::cuda_kernel);
  has<std::vector<array>(const array&, const array&, const array&, const array&, const array&,
                         const std::optional<array>&, const std::optional<array>&, S)>(
      mx::fast::gated_delta_update);
  has<array(const array&, const std::optional<array>&, const std::optional<array>&, float, S)>(
      mx::fast::layer_norm);
  has<fast::CustomKernelFunction(const std::string&, const std::vector<std::string>&,
                                 const std::vector<std::string>&, const std::string&,
                                 const std::string&, bool, bool, const CompileOptions&)>(
      mx::fast::metal_kernel);
  has<std::vector<array>(const std::string&, const std::string&, const std::vector<array>&,
                         const std::vector<Shape>&, const std::vector<Dtype>&,
                         const std::vector<fast::ScalarArg>&, std::tuple<int, int, int>,
                         std::tuple<int, int, int>, int, std::optional<float>, bool, S)>(
      mx::fast::precompiled_cuda_kernel);
  has<array(const array&, const std::optional<array>&, float, S)>(mx::fast::rms_norm);
  has<array(const array&, int, bool, std::optional<float>, float, int, const std::optional<array>&,
            S)>(mx::fast::rope);
  has<array(const array&, int, bool, std::optional<float>, float, const array&,
            const std::optional<array>&, S)>(mx::fast::rope);
  has<array(const array&, const array&, const array&, const float, const std::string&,
            std::optional<array>, const std::optional<array>&, bool, S)>(
      mx::fast::scaled_dot_product_attention);
}

}  // namespace
