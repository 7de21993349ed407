#include "models/decoder.h"

#include <cmath>
#include <numbers>

#include "mica/fast/fast.h"
#include "mica/ops/ops.h"

namespace llm {

using namespace mica;

DecoderNorm::DecoderNorm(int dims, const DecoderConfig& config)
    : RMSNorm(dims, {.eps = config.norm_eps}), from_one(config.gemma_norms) {}

array DecoderNorm::operator()(const array& x) const {
  if (!from_one) return RMSNorm::operator()(x);
  // 1 + weight would lose bits in half precision.
  const array whole = astype(weight, float32) + 1.0f;
  return hooked(
      astype(fast::rms_norm(astype(x, float32), whole, static_cast<float>(eps)), x.dtype()), x);
}

namespace {

// As Llama 3.1 does: https://github.com/meta-llama/llama-models, apply_scaling.
array llama3_wavelengths(int dims, const RopeConfig& config) {
  const double longest = config.original_context / config.low_frequency_factor;
  const double shortest = config.original_context / config.high_frequency_factor;
  std::vector<float> wavelengths;
  for (int i = 0; i < dims; i += 2) {
    const double radius = std::pow(config.theta, static_cast<double>(i) / dims);
    const double wave = 2 * std::numbers::pi * radius;
    double speed = 1;
    if (wave > longest) {
      speed = 1 / config.factor;
    } else if (wave >= shortest) {
      const double smooth = (config.original_context / wave - config.low_frequency_factor) /
                            (config.high_frequency_factor - config.low_frequency_factor);
      speed = (1 - smooth) / config.factor + smooth;
    }
    wavelengths.push_back(static_cast<float>(radius / speed));
  }
  return array(wavelengths.begin(), Shape{dims / 2});
}

}  // namespace

DecoderRope::DecoderRope(int dims, const RopeConfig& config) : dims(dims), scale(1) {
  if (config.scaling == RopeConfig::Scaling::llama3) {
    wavelengths = llama3_wavelengths(dims, config);
    return;
  }
  base = static_cast<float>(config.theta);
  if (config.scaling == RopeConfig::Scaling::linear) scale = static_cast<float>(1 / config.factor);
}

array DecoderRope::operator()(const array& x, const array& position) const {
  return fast::rope(x, dims, /*traditional=*/false, base, scale, position, wavelengths);
}

DecoderAttention::DecoderAttention(const DecoderConfig& config, const RopeConfig& rope)
    : q_proj(config.hidden_size, config.heads * config.head_dim, {.bias = config.qkv_bias}),
      k_proj(config.hidden_size, config.key_value_heads * config.head_dim,
             {.bias = config.qkv_bias}),
      v_proj(config.hidden_size, config.key_value_heads * config.head_dim,
             {.bias = config.qkv_bias}),
      o_proj(config.heads * config.head_dim, config.hidden_size, {.bias = config.output_bias}),
      head_dim(config.head_dim),
      scale(config.attention_scale),
      softcap(config.attention_softcap),
      rope(config.head_dim, rope) {
  if (config.head_norms) {
    q_norm.emplace(config.head_dim, config);
    k_norm.emplace(config.head_dim, config);
  }
}

array DecoderAttention::operator()(const array& x, Cache& cache, size_t layer) const {
  const auto by_head = [&](const array& y, const std::optional<DecoderNorm>& norm = {}) {
    const array heads = unflatten(y, -1, {-1, head_dim});
    return swapaxes(norm ? (*norm)(heads) : heads, 1, 2);
  };
  const array queries = rope(by_head(q_proj(x), q_norm), cache.position_array());
  const array keys = rope(by_head(k_proj(x), k_norm), cache.position_array());
  const array values = by_head(v_proj(x));
  const array out = attend(queries, cache.append(layer, keys, values), scale, softcap);
  return o_proj(flatten(swapaxes(out, 1, 2), -2, -1));
}

DecoderMLP::DecoderMLP(const DecoderConfig& config)
    : gate_proj(config.hidden_size, config.intermediate_size, {.bias = config.mlp_bias}),
      up_proj(config.hidden_size, config.intermediate_size, {.bias = config.mlp_bias}),
      down_proj(config.intermediate_size, config.hidden_size, {.bias = config.mlp_bias}),
      activation(config.activation) {}

array DecoderMLP::operator()(const array& x) const {
  return down_proj(activate(activation, gate_proj(x)) * up_proj(x));
}

DecoderLayer::DecoderLayer(const DecoderConfig& config, const RopeConfig& rope)
    : self_attn(config, rope),
      mlp(config),
      input_layernorm(config.hidden_size, config),
      post_attention_layernorm(config.hidden_size, config) {
  if (config.post_norms) {
    pre_feedforward_layernorm.emplace(config.hidden_size, config);
    post_feedforward_layernorm.emplace(config.hidden_size, config);
  }
}

array DecoderLayer::operator()(const array& x, Cache& cache, size_t layer) const {
  const array attended = self_attn(input_layernorm(x), cache, layer);
  if (!pre_feedforward_layernorm) {
    const array y = x + attended;
    return y + mlp(post_attention_layernorm(y));
  }
  const array y = x + post_attention_layernorm(attended);
  return y + (*post_feedforward_layernorm)(mlp((*pre_feedforward_layernorm)(y)));
}

DecoderStack::DecoderStack(const DecoderConfig& config)
    : embed_tokens(config.vocab_size, config.hidden_size), norm(config.hidden_size, config) {
  for (const DecoderConfig::Layer& layer : config.layers) {
    layers.emplace_back(config, layer.own_rope.value_or(config.rope));
  }
}

Decoder::Decoder(const DecoderConfig& config) : config(config), model(config) {
  if (!config.tied_embeddings)
    lm_head.emplace(config.hidden_size, config.vocab_size, nn::LinearOptions{.bias = false});
}

array Decoder::hidden(const array& tokens, Cache& cache) const {
  cache.begin(tokens.shape(1));
  array x = model.embed_tokens(tokens);
  if (config.embedding_scale != 1) x = x * array(config.embedding_scale, x.dtype());
  for (size_t i = 0; i < model.layers.size(); ++i) x = model.layers[i](x, cache, i);
  cache.end();
  return model.norm(x);
}

array Decoder::scores(const array& hidden) const {
  const array y = lm_head ? (*lm_head)(hidden) : model.embed_tokens.as_linear(hidden);
  if (!config.logit_softcap) return y;
  const array cap(*config.logit_softcap, y.dtype());
  return tanh(y / cap) * cap;
}

std::vector<std::optional<int>> Decoder::windows() const {
  std::vector<std::optional<int>> windows;
  for (const DecoderConfig::Layer& layer : config.layers) windows.push_back(layer.window);
  return windows;
}

DecoderConfig llama_config(int vocab_size, int hidden_size, int intermediate_size, int layers,
                           int heads, int key_value_heads) {
  DecoderConfig config;
  config.vocab_size = vocab_size;
  config.hidden_size = hidden_size;
  config.intermediate_size = intermediate_size;
  config.heads = heads;
  config.key_value_heads = key_value_heads;
  config.head_dim = hidden_size / heads;
  config.norm_eps = 1e-5;
  config.layers.resize(static_cast<size_t>(layers));
  config.attention_scale = static_cast<float>(1 / std::sqrt(config.head_dim));
  return config;
}

}  // namespace llm
