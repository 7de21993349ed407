#include "inputs.h"

#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

namespace benchmarks {

namespace {

using namespace mica;

uint32_t hash(uint32_t seed, uint32_t place) {
  uint32_t x = place * 2654435761u + seed * 0x9e3779b9u;
  x = (x ^ x >> 16) * 0x85ebca6bu;
  x = (x ^ x >> 13) * 0xc2b2ae35u;
  return x ^ x >> 16;
}

uint32_t size_of(const Shape& shape) {
  return static_cast<uint32_t>(std::accumulate(shape.begin(), shape.end(), 1, std::multiplies<>()));
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

array values(uint32_t seed, const Shape& shape) {
  std::vector<float> out(size_of(shape));
  for (uint32_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(static_cast<int32_t>(hash(seed, i))) * 0x1p-30f;
  return array(out.begin(), shape);
}

array labels(uint32_t seed, const Shape& shape, uint32_t classes) {
  std::vector<int32_t> out(size_of(shape));
  for (uint32_t i = 0; i < out.size(); ++i) out[i] = static_cast<int32_t>(hash(seed, i) % classes);
  return array(out.begin(), shape);
}

void initialise(nn::Module& model) {
  std::vector<std::pair<std::string, array>> leaves;
  for (const auto& [path, parameter] : tree_flatten(model.trainable_parameters())) {
    const Shape& shape = parameter.shape();
    if (shape.size() > 1) {
      const auto fan_in = static_cast<float>(size_of(shape) / static_cast<uint32_t>(shape[0]));
      leaves.emplace_back(
          path, values(static_cast<uint32_t>(leaves.size()), shape) * array(1 / std::sqrt(fan_in)));
    } else {
      leaves.emplace_back(path, ends_with(path, "bias") ? zeros(shape) : ones(shape));
    }
  }
  model.update(tree_unflatten(leaves));
  eval(model.parameters());
}

}  // namespace benchmarks
