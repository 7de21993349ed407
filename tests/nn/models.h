// Modules and helpers that tests of nn share.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "mica/nn/containers.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/slot.h"
#include "mica/ops/ops.h"

namespace mica {

template <class T>
std::string text(const T& value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

inline float total(const array& a) { return sum(astype(a, float32)).item<float>(); }

struct MLP : nn::Module {
  std::vector<nn::Linear> layers;
  MICA_MODULE(MLP, layers)

  MLP(int in_dims, int out_dims) : layers{{in_dims, 8}, {8, 8}, {8, out_dims}} {}
  array operator()(array x) {
    for (size_t i = 0; i < layers.size(); ++i) {
      if (i > 0) x = maximum(x, array(0.0f));
      x = layers[i](x);
    }
    return x;
  }
};

// Every kind of member.
struct Everything : nn::Module {
  array weight = ones({2});
  std::optional<array> bias;
  std::vector<std::map<std::string, nn::Linear>> heads{{{"a", {3, 2}}, {"b", {3, 4}}}};
  nn::BatchNorm norm{3};
  std::vector<array> gains{array(1.0f), array(2.0f)};
  std::optional<nn::Linear> extra;
  nn::Linear w{2, 2, {.bias = false}};
  array _scratch = array(5.0f);
  MICA_MODULE(Everything, weight, bias, heads, norm, gains, extra, MICA_KEY(w, "weights"), _scratch)
};

}  // namespace mica
