// linalg.h of MLX.
#include "tests/api/surface.h"

#include "mlx/linalg.h"

namespace {

using namespace mx;

TEST(ArraySurface, Linalg) {
  has<array(const array&, bool, S)>(mx::linalg::cholesky);
  has<array(const array&, bool, S)>(mx::linalg::cholesky_inv);
  has<array(const array&, const array&, int, S)>(mx::linalg::cross);
  has<array(const array&, S)>(mx::linalg::det);
  has<std::pair<array, array>(const array&, S)>(mx::linalg::eig);
  has<std::pair<array, array>(const array&, std::string, S)>(mx::linalg::eigh);
  has<array(const array&, S)>(mx::linalg::eigvals);
  has<array(const array&, std::string, S)>(mx::linalg::eigvalsh);
  has<array(const array&, S)>(mx::linalg::inv);
  has<std::vector<array>(const array&, S)>(mx::linalg::lu);
  has<std::pair<array, array>(const array&, S)>(mx::linalg::lu_factor);
  has<array(const array&, const double, const std::optional<std::vector<int>>&, bool, S)>(
      mx::linalg::norm);
  has<array(const array&, const double, int, bool, S)>(mx::linalg::norm);
  has<array(const array&, const std::string&, const std::optional<std::vector<int>>&, bool, S)>(
      mx::linalg::norm);
  has<array(const array&, const std::string&, int, bool, S)>(mx::linalg::norm);
  has<array(const array&, const std::optional<std::vector<int>>&, bool, S)>(mx::linalg::norm);
  has<array(const array&, int, bool, S)>(mx::linalg::norm);
  has<array(const array&, S)>(mx::linalg::pinv);
  has<std::pair<array, array>(const array&, S)>(mx::linalg::qr);
  has<std::pair<array, array>(const array&, S)>(mx::linalg::slogdet);
  has<array(const array&, const array&, S)>(mx::linalg::solve);
  has<array(const array&, const array&, bool, S)>(mx::linalg::solve_triangular);
  has<std::vector<array>(const array&, bool, S)>(mx::linalg::svd);
  has<std::vector<array>(const array&, S)>(mx::linalg::svd);
  has<array(const array&, bool, S)>(mx::linalg::tri_inv);
}

}  // namespace
