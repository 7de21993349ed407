#include "model.h"

#include <cmath>

namespace resnet {

using namespace mica;

namespace {

nn::Conv2d convolution(int from, int to, int stride) {
  nn::Conv2d layer(from, to, 3, {.stride = stride, .padding = 1, .bias = false});
  layer.weight = nn::init::he_normal()(layer.weight, nn::init::Fan::fan_in, std::sqrt(2.0));
  return layer;
}

}  // namespace

Block::Block(int from, int to, int stride)
    : stride(stride),
      conv1(convolution(from, to, stride)),
      norm1(to),
      conv2(convolution(to, to, 1)),
      norm2(to) {}

array Block::operator()(const array& x) const {
  array shortcut = x;
  if (stride > 1) shortcut = slice(shortcut, {0, 0, 0, 0}, x.shape(), {1, stride, stride, 1});
  const int missing = conv2.weight.shape(0) - x.shape(3);
  if (missing > 0)
    shortcut = pad(shortcut, {{0, 0}, {0, 0}, {0, 0}, {missing / 2, missing - missing / 2}});
  const array y = nn::relu(norm1(conv1(x)));
  return hooked(nn::relu(norm2(conv2(y)) + shortcut), x);
}

ResNet::ResNet(int blocks_a_stage, int width)
    : conv(convolution(3, width, 1)), norm(width), output(4 * width, classes) {
  int from = width;
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < blocks_a_stage; ++i) {
      const int to = width << stage;
      blocks.emplace_back(from, to, stage > 0 && i == 0 ? 2 : 1);
      from = to;
    }
  }
}

array ResNet::operator()(const array& pictures) const {
  array x = nn::relu(norm(conv(pictures)));
  for (const Block& block : blocks) x = block(x);
  return hooked(output(mean(x, std::vector<int>{1, 2})), pictures);
}

}  // namespace resnet
