#include "mica/nn/embedding.h"

#include <cmath>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

Embedding::Embedding(int num_embeddings, int dims) : weight(0.0f) {
  if (num_embeddings < 1 || dims < 1)
    fail("sizes of at least 1", std::to_string(num_embeddings) + " and " + std::to_string(dims));
  weight = random::normal({num_embeddings, dims}, 0.0f, static_cast<float>(std::sqrt(1.0 / dims)));
}

array Embedding::operator()(const array& indices) const {
  if (!issubdtype(indices.dtype(), integer)) fail("integer indices", dtype_name(indices.dtype()));
  return hooked(take(weight, indices, 0), indices);
}

array Embedding::as_linear(const array& x) const {
  const int dims = weight.shape(1);
  if (x.ndim() == 0 || x.shape(-1) != dims)
    fail("input (..., " + std::to_string(dims) + ")", to_string(x.shape()));
  return matmul(x, transpose(weight));
}

std::string Embedding::extra_repr() const {
  return std::to_string(weight.shape(0)) + ", " + std::to_string(weight.shape(1));
}

}  // namespace mica::nn
