#include "models/gpt2.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "mica/ops/ops.h"

namespace llm {

using namespace mica;

Gpt2Attention::Gpt2Attention(const Gpt2Config& config, size_t layer)
    : c_attn(config.hidden_size, 3 * config.hidden_size),
      c_proj(config.hidden_size, config.hidden_size),
      heads(config.heads),
      scale(1) {
  if (config.scale_attention)
    scale /= std::sqrt(static_cast<float>(config.hidden_size / config.heads));
  if (config.scale_by_layer) scale /= static_cast<float>(layer + 1);
}

array Gpt2Attention::operator()(const array& x, Cache& cache, size_t layer) const {
  std::vector<array> parts = split(c_attn(x), 3, -1);
  for (array& part : parts) part = swapaxes(unflatten(part, -1, {heads, -1}), 1, 2);
  const array out = attend(parts[0], cache.append(layer, parts[1], parts[2]), scale);
  return c_proj(flatten(swapaxes(out, 1, 2), -2, -1));
}

Gpt2MLP::Gpt2MLP(const Gpt2Config& config)
    : c_fc(config.hidden_size, config.intermediate_size),
      c_proj(config.intermediate_size, config.hidden_size),
      activation(config.activation) {}

array Gpt2MLP::operator()(const array& x) const { return c_proj(activate(activation, c_fc(x))); }

Gpt2Layer::Gpt2Layer(const Gpt2Config& config, size_t layer)
    : ln_1(config.hidden_size, {.eps = config.norm_eps}),
      ln_2(config.hidden_size, {.eps = config.norm_eps}),
      attn(config, layer),
      mlp(config) {}

array Gpt2Layer::operator()(const array& x, Cache& cache, size_t layer) const {
  const array y = x + attn(ln_1(x), cache, layer);
  return y + mlp(ln_2(y));
}

Gpt2Stack::Gpt2Stack(const Gpt2Config& config)
    : wte(config.vocab_size, config.hidden_size),
      wpe(config.positions, config.hidden_size),
      ln_f(config.hidden_size, {.eps = config.norm_eps}) {
  for (size_t i = 0; i < static_cast<size_t>(config.layers); ++i) h.emplace_back(config, i);
}

Gpt2::Gpt2(const Gpt2Config& config) : config(config), model(config) {
  if (!config.tied_embeddings)
    lm_head.emplace(config.hidden_size, config.vocab_size, nn::LinearOptions{.bias = false});
}

array Gpt2::hidden(const array& tokens, Cache& cache) const {
  const int count = tokens.shape(1);
  if (cache.position() + count > config.positions) {
    throw std::invalid_argument("gpt2: expected at most " + std::to_string(config.positions) +
                                " positions, got " + std::to_string(cache.position() + count));
  }
  cache.begin(count);
  array x = model.wte(tokens) + model.wpe(arange(count) + cache.position_array());
  for (size_t i = 0; i < model.h.size(); ++i) x = model.h[i](x, cache, i);
  cache.end();
  return model.ln_f(x);
}

array Gpt2::scores(const array& hidden) const {
  return lm_head ? (*lm_head)(hidden) : model.wte.as_linear(hidden);
}

}  // namespace llm
