#include "model.h"

#include <cmath>

namespace gpt {

using namespace mica;

namespace {

constexpr double deviation = 0.02;

array normal(const array& like, double std) {
  return random::normal(like.shape(), like.dtype(), 0.0f, static_cast<float>(std));
}

}  // namespace

Attention::Attention(const Config& c)
    : heads(c.heads), c_attn(c.dims, 3 * c.dims), c_proj(c.dims, c.dims), dropout(c.dropout) {}

array Attention::operator()(const array& x) const {
  const int batch = x.shape(0), length = x.shape(1), dims = x.shape(2), size = dims / heads;
  // (3, batch, heads, length, size)
  const array qkv = transpose(reshape(c_attn(x), {batch, length, 3, heads, size}), {2, 0, 3, 1, 4});
  const array attended =
      fast::scaled_dot_product_attention(take(qkv, 0, 0), take(qkv, 1, 0), take(qkv, 2, 0),
                                         1 / std::sqrt(static_cast<float>(size)), "causal");
  const array joined = reshape(transpose(attended, {0, 2, 1, 3}), {batch, length, dims});
  return hooked(dropout(c_proj(joined)), x);
}

FeedForward::FeedForward(const Config& c)
    : c_fc(c.dims, 4 * c.dims), c_proj(4 * c.dims, c.dims), dropout(c.dropout) {}

array FeedForward::operator()(const array& x) const {
  return hooked(dropout(c_proj(nn::gelu_approx(c_fc(x)))), x);
}

Block::Block(const Config& c) : ln_1(c.dims), attn(c), ln_2(c.dims), mlp(c) {}

array Block::operator()(const array& x) const {
  const array y = x + attn(ln_1(x));
  return hooked(y + mlp(ln_2(y)), x);
}

Transformer::Transformer(const Config& c)
    : wte(c.vocab_size, c.dims), wpe(c.context, c.dims), dropout(c.dropout), ln_f(c.dims) {
  for (int i = 0; i < c.layers; ++i) h.emplace_back(c);
}

array Transformer::operator()(const array& tokens) const {
  array x = dropout(wte(tokens) + wpe(arange(tokens.shape(1))));
  for (const Block& block : h) x = block(x);
  return hooked(ln_f(x), tokens);
}

Gpt::Gpt(const Config& c) : config(c), transformer(c) {
  transformer.wte.weight = normal(transformer.wte.weight, deviation);
  transformer.wpe.weight = normal(transformer.wpe.weight, deviation);
  for (Block& block : transformer.h) {
    for (nn::Slot<nn::Linear>* layer :
         {&block.attn.c_attn, &block.attn.c_proj, &block.mlp.c_fc, &block.mlp.c_proj}) {
      const bool ends_part = layer == &block.attn.c_proj || layer == &block.mlp.c_proj;
      nn::Linear& linear = **layer;
      linear.weight =
          normal(linear.weight, ends_part ? deviation / std::sqrt(2.0 * c.layers) : deviation);
      linear.bias = zeros_like(*linear.bias);
    }
  }
}

array Gpt::operator()(const array& tokens) const {
  return hooked(transformer.wte.as_linear(transformer(tokens)), tokens);
}

array loss(const Gpt& model, const array& tokens, const array& targets) {
  return nn::losses::cross_entropy(model(tokens), targets, {.reduction = nn::Reduction::mean});
}

size_t count(const Tree& parameters) {
  return tree_reduce([](size_t n, const array& p) { return n + p.size(); }, parameters, size_t{0});
}

}  // namespace gpt
