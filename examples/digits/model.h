// The network: two convolutions, and a classifier of what they see.
#pragma once

#include "data.h"
#include "mica/mica.h"

namespace digits {

namespace nn = mica::nn;

struct DigitsNet : nn::Module {
  nn::Conv2d conv1{1, 32, 3, {.padding = 1}};
  nn::BatchNorm norm1{32};
  nn::Conv2d conv2{32, 64, 3, {.padding = 1}};
  nn::BatchNorm norm2{64};
  nn::MaxPool2d pool{2};
  nn::Dropout dropout;
  nn::Linear hidden{side / 2 * side / 2 * 64, 128};
  nn::Linear output{128, classes};
  MICA_MODULE(DigitsNet, conv1, norm1, conv2, norm2, pool, dropout, hidden, output)

  explicit DigitsNet(double dropout_rate = 0.25) : dropout(dropout_rate) {}

  // images: (n, side, side, 1); returns logits, (n, classes).
  mica::array operator()(const mica::array& images) const {
    mica::array x = nn::relu(norm1(conv1(images)));
    x = pool(nn::relu(norm2(conv2(x))));
    x = dropout(mica::flatten(x, 1));
    return output(dropout(nn::relu(hidden(x))));
  }
};

}  // namespace digits
