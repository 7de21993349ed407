// The nonlinear functions of feed-forward layers.
#pragma once

#include "mica/nn/activations.h"

namespace llm {

enum class Activation { silu, gelu, gelu_tanh };

inline mica::array activate(Activation activation, const mica::array& x) {
  switch (activation) {
    case Activation::gelu:
      return mica::nn::gelu(x);
    case Activation::gelu_tanh:
      return mica::nn::gelu_approx(x);
    default:
      return mica::nn::silu(x);
  }
}

}  // namespace llm
