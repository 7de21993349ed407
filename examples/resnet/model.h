// The residual networks of He et al., "Deep Residual Learning for Image Recognition", 2015, section
// 4.2: for pictures of 32 by 32 pixels, 6 n + 2 layers deep.
#pragma once

#include <vector>

#include "mica/mica.h"

namespace resnet {

using mica::array;
namespace nn = mica::nn;

inline constexpr int classes = 10;

// Two convolutions beside a shortcut, which takes every second pixel and fills up with channels of
// zeros where the block makes the picture smaller (the paper's option A: no parameters).
struct Block : nn::Module {
  int stride;
  nn::Conv2d conv1;
  nn::BatchNorm norm1;
  nn::Conv2d conv2;
  nn::BatchNorm norm2;
  MICA_MODULE(Block, conv1, norm1, conv2, norm2)

  Block(int from, int to, int stride);
  // (N, H, W, from); returns (N, H / stride, W / stride, to).
  array operator()(const array& x) const;
};

struct ResNet : nn::Module {
  nn::Conv2d conv;
  nn::BatchNorm norm;
  std::vector<Block> blocks;
  nn::Linear output;
  MICA_MODULE(ResNet, conv, norm, blocks, output)

  // blocks_a_stage: n of the paper, 3 for ResNet-20; width: channels of the first stage.
  explicit ResNet(int blocks_a_stage = 3, int width = 16);
  // (N, H, W, 3); returns logits, (N, classes).
  array operator()(const array& pictures) const;
};

}  // namespace resnet
