// einsum.h of MLX.
#include "tests/api/surface.h"

#include "mlx/einsum.h"

namespace {

using namespace mx;

TEST(ArraySurface, Einsum) {
  has<array(const std::string&, const std::vector<array>&, S)>(mx::einsum);
  has<std::pair<std::vector<std::vector<int>>, std::string>(
      const std::string&, const std::vector<array>&)>(mx::einsum_path);
}

}  // namespace
