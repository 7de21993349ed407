// Models to draw.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mica/nn/activations.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/dropout.h"
#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/recurrent.h"
#include "mica/nn/transformer.h"
#include "mica/ops/ops.h"

namespace mica::testing {

struct MLP : nn::Module {
  std::vector<nn::Linear> layers;
  MICA_MODULE(MLP, layers)
  explicit MLP(int hidden = 8, int out = 3)
      : layers{{2, hidden}, {hidden, hidden}, {hidden, out}} {}
  array operator()(array x) const {
    for (size_t i = 0; i < layers.size(); ++i) {
      if (i > 0) x = maximum(x, 0);
      x = layers[i](x);
    }
    return x;
  }
};

struct Residual : nn::Module {
  nn::Conv2d conv1{4, 4, 3, {.padding = 1}}, conv2{4, 4, 3, {.padding = 1}}, side{4, 2, 1};
  nn::BatchNorm norm1{4}, norm2{4};
  MICA_MODULE(Residual, conv1, norm1, conv2, norm2, side)
  array operator()(const array& x) const {
    return hooked(
        [&] {
          const array y = norm2(conv2(nn::relu(norm1(conv1(x)))));
          return concatenate({nn::relu(y + x), side(x)}, -1);
        },
        x);
  }
};

// Whose calls are not seen: it calls no hooks.
struct Unseen : nn::Module {
  nn::Linear up{4, 8}, down{8, 4};
  MICA_MODULE(Unseen, up, down)
  array operator()(const array& x) const { return x + down(nn::gelu(up(x))); }
};

struct Language : nn::Module {
  nn::Embedding words{20, 8};
  array places = zeros({6, 8});
  nn::TransformerEncoder encoder{2, 8, 2};
  nn::LSTM lstm{8, 4};
  nn::Linear head{4, 3};
  nn::Dropout dropout{0.5};
  MICA_MODULE(Language, words, places, encoder, lstm, head, dropout)
  std::vector<array> operator()(const array& tokens) const {
    const array y = encoder(dropout(words(tokens) + places));
    const auto [hidden, cell] = lstm(y);
    return {head(mean(hidden, 1)), words.as_linear(y)};
  }
};

// The model of docs/nn.md.
struct Classifier : nn::Module {
  nn::Linear embed{16, 32};
  nn::TransformerEncoder encoder{1, 32, 4};
  nn::Linear head{32, 10};
  MICA_MODULE(Classifier, embed, encoder, head)
  array operator()(const array& x) const { return head(mean(encoder(embed(x)), 1)); }
};

struct Hostile : nn::Module {
  std::map<std::string, nn::Linear> heads;
  MICA_MODULE(Hostile, heads)
  explicit Hostile(const std::string& name) { heads.emplace(name, nn::Linear(2, 2)); }
  array operator()(const array& x) const { return heads.begin()->second(x); }
};

}  // namespace mica::testing
