#include "mica/nn/containers.h"

namespace mica::nn {

array Sequential::operator()(const array& x) const {
  array y = x;
  for (const Layer& layer : layers) y = layer(y);
  return hooked(y, x);
}

}  // namespace mica::nn
