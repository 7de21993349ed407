#include "config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <functional>

namespace llm {

namespace {

constexpr int most_size = 1 << 20;  // of vectors
constexpr int most_vocabulary = 1 << 24;
constexpr int most_layers = 1024;
constexpr int most_positions = 1 << 30;
constexpr double least_eps = 1e-12;

Activation read_activation(const Fields& fields, const std::string& name,
                           const std::string& otherwise) {
  static const std::map<std::string, Activation> known = {
      {"silu", Activation::silu},
      {"swish", Activation::silu},
      {"gelu", Activation::gelu},
      {"gelu_new", Activation::gelu_tanh},
      {"gelu_pytorch_tanh", Activation::gelu_tanh},
  };
  const auto found = known.find(fields.text(name, otherwise));
  if (found == known.end())
    fields.fail(name, "silu, gelu, gelu_new or gelu_pytorch_tanh", fields.shown(name));
  return found->second;
}

// One set of rotary parameters. Newer files hold "rope_theta" beside the rest of it.
RopeConfig read_rope(const Fields& fields, double theta, double positions) {
  RopeConfig rope;
  rope.theta = fields.number("rope_theta", 1, theta);
  if (fields.number("partial_rotary_factor", 0, 1) != 1)
    fields.fail("partial_rotary_factor", "1", fields.shown("partial_rotary_factor"));
  const std::string key = fields.has("rope_type") || !fields.has("type") ? "rope_type" : "type";
  const std::string type = fields.text(key, "default");
  if (type == "default") return rope;
  if (type != "linear" && type != "llama3")
    fields.fail(key, "default, linear or llama3", fields.shown(key));
  rope.factor = fields.number("factor", 1e-6);
  rope.scaling = RopeConfig::Scaling::linear;
  if (type == "linear") return rope;
  rope.scaling = RopeConfig::Scaling::llama3;
  rope.low_frequency_factor = fields.number("low_freq_factor", 1e-6);
  rope.high_frequency_factor = fields.number("high_freq_factor", 1e-6);
  if (rope.high_frequency_factor <= rope.low_frequency_factor)
    fields.fail("high_freq_factor", "more than low_freq_factor", fields.shown("high_freq_factor"));
  rope.original_context = fields.number("original_max_position_embeddings", 1, positions);
  return rope;
}

RopeConfig read_rope(const Fields& fields, int positions) {
  if (fields.number("partial_rotary_factor", 0, 1) != 1)
    fields.fail("partial_rotary_factor", "1", fields.shown("partial_rotary_factor"));
  const double theta = fields.number("rope_theta", 1, 10000);
  for (const char* name : {"rope_parameters", "rope_scaling"}) {
    if (const auto rope = fields.object(name)) return read_rope(*rope, theta, positions);
  }
  RopeConfig rope;
  rope.theta = theta;
  return rope;
}

// Which layers have a window. `pattern` says it where there is no "layer_types".
void read_windows(const Fields& fields, DecoderConfig& config,
                  const std::function<bool(int)>& pattern) {
  const auto types = fields.texts("layer_types");
  if (types && types->size() != config.layers.size()) {
    fields.fail("layer_types", fmt::format("{} entries", config.layers.size()),
                std::to_string(types->size()));
  }
  for (size_t i = 0; i < config.layers.size(); ++i) {
    bool has_window = pattern(static_cast<int>(i));
    if (types) {
      const std::string& type = (*types)[i];
      if (type != "sliding_attention" && type != "full_attention")
        fields.fail("layer_types", "sliding_attention or full_attention", "'" + type + "'");
      has_window = type == "sliding_attention";
    }
    if (has_window) config.layers[i].window = fields.integer("sliding_window", 1, most_positions);
  }
}

int read_positions(const Fields& fields, int otherwise) {
  return fields.integer("max_position_embeddings", 1, most_positions, otherwise);
}

// What all decoders have. head_dim: its default, where that is not hidden_size / heads.
DecoderConfig read_decoder(const Fields& fields, int positions,
                           std::optional<int> head_dim = std::nullopt) {
  DecoderConfig config;
  config.vocab_size = fields.integer("vocab_size", 1, most_vocabulary);
  config.hidden_size = fields.integer("hidden_size", 1, most_size);
  config.intermediate_size = fields.integer("intermediate_size", 1, most_size);
  config.heads = fields.integer("num_attention_heads", 1, most_size);
  config.key_value_heads = fields.integer("num_key_value_heads", 1, most_size, config.heads);
  if (config.heads % config.key_value_heads != 0) {
    fields.fail("num_key_value_heads", fmt::format("a divisor of the {} heads", config.heads),
                fields.shown("num_key_value_heads"));
  }
  if (!fields.has("head_dim") && !head_dim && config.hidden_size % config.heads != 0) {
    fields.fail("num_attention_heads", fmt::format("a divisor of {}", config.hidden_size),
                fields.shown("num_attention_heads"));
  }
  config.head_dim = fields.integer("head_dim", 2, most_size,
                                   head_dim.value_or(config.hidden_size / config.heads));
  if (config.head_dim % 2 != 0)
    fields.fail("head_dim", "an even number", std::to_string(config.head_dim));
  if (int64_t{config.heads} * config.head_dim > most_size)
    fields.fail("head_dim", fmt::format("at most {} in all heads", most_size),
                fields.shown("head_dim"));
  config.layers.resize(static_cast<size_t>(fields.integer("num_hidden_layers", 1, most_layers)));
  config.norm_eps = fields.number("rms_norm_eps", least_eps, 1e-6);
  config.rope = read_rope(fields, positions);
  config.tied_embeddings = fields.boolean("tie_word_embeddings", false);
  config.attention_scale = static_cast<float>(1 / std::sqrt(config.head_dim));
  return config;
}

ModelConfig read_llama(const Fields& fields) {
  const int positions = read_positions(fields, 2048);
  DecoderConfig config = read_decoder(fields, positions);
  config.activation = read_activation(fields, "hidden_act", "silu");
  config.qkv_bias = config.output_bias = fields.boolean("attention_bias", false);
  config.mlp_bias = fields.boolean("mlp_bias", false);
  return {"llama", config, positions};
}

ModelConfig read_mistral(const Fields& fields) {
  const int positions = read_positions(fields, 131072);
  DecoderConfig config = read_decoder(fields, positions);
  config.activation = read_activation(fields, "hidden_act", "silu");
  const bool has_window = fields.has("sliding_window");
  read_windows(fields, config, [&](int) { return has_window; });
  return {"mistral", config, positions};
}

ModelConfig read_qwen(const Fields& fields, bool third) {
  const int positions = read_positions(fields, 32768);
  DecoderConfig config = read_decoder(fields, positions, third ? std::optional(128) : std::nullopt);
  config.activation = read_activation(fields, "hidden_act", "silu");
  if (third) {
    config.qkv_bias = config.output_bias = fields.boolean("attention_bias", false);
    config.head_norms = true;
  } else {
    config.qkv_bias = true;
  }
  const int full_layers = fields.integer("max_window_layers", 0, most_layers, 28);
  if (fields.boolean("use_sliding_window", false))
    read_windows(fields, config, [&](int layer) { return layer >= full_layers; });
  return {third ? "qwen3" : "qwen2", config, positions};
}

DecoderConfig read_any_gemma(const Fields& fields, int positions) {
  DecoderConfig config = read_decoder(fields, positions, 256);
  if (fields.boolean("use_bidirectional_attention", false))
    fields.fail("use_bidirectional_attention", "false", "true");
  config.tied_embeddings = fields.boolean("tie_word_embeddings", true);
  config.qkv_bias = config.output_bias = fields.boolean("attention_bias", false);
  config.gemma_norms = true;
  config.embedding_scale = std::sqrt(static_cast<float>(config.hidden_size));
  config.activation = read_activation(fields, "hidden_activation", "gelu_pytorch_tanh");
  return config;
}

// "gelu" in the files of the first release stands for its approximation with tanh, as in all
// Gemmas.
ModelConfig read_gemma(const Fields& fields) {
  const int positions = read_positions(fields, 8192);
  DecoderConfig config = read_any_gemma(fields, positions);
  if (!fields.has("hidden_activation"))
    config.activation = read_activation(fields, "hidden_act", "gelu_pytorch_tanh");
  if (config.activation == Activation::gelu) config.activation = Activation::gelu_tanh;
  return {"gemma", config, positions};
}

void read_gemma_scores(const Fields& fields, DecoderConfig& config) {
  config.post_norms = true;
  config.attention_scale =
      static_cast<float>(1 / std::sqrt(fields.number("query_pre_attn_scalar", 1e-6, 256)));
  const auto softcap = [&](const char* name) -> std::optional<float> {
    if (!fields.has(name)) return std::nullopt;
    return static_cast<float>(fields.number(name, 1e-6));
  };
  config.attention_softcap = softcap("attn_logit_softcapping");
  config.logit_softcap = softcap("final_logit_softcapping");
}

ModelConfig read_gemma2(const Fields& fields) {
  const int positions = read_positions(fields, 8192);
  DecoderConfig config = read_any_gemma(fields, positions);
  read_gemma_scores(fields, config);
  read_windows(fields, config, [](int layer) { return layer % 2 == 0; });
  return {"gemma2", config, positions};
}

// Layers with a window have rotary positions of their own.
ModelConfig read_gemma3(const Fields& fields) {
  const int positions = read_positions(fields, 131072);
  DecoderConfig config = read_any_gemma(fields, positions);
  read_gemma_scores(fields, config);
  config.attention_softcap = std::nullopt;  // which the third has no more
  config.head_norms = true;
  const int pattern = fields.integer("sliding_window_pattern", 1, most_layers, 6);
  read_windows(fields, config, [&](int layer) { return (layer + 1) % pattern != 0; });

  RopeConfig local;
  const auto both = fields.object("rope_parameters");
  if (both && both->is_object("full_attention")) {
    config.rope = read_rope(*both->object("full_attention"), 1e6, positions);
    if (const auto own = both->object("sliding_attention"))
      local = read_rope(*own, 10000, positions);
  } else {
    if (!fields.has("rope_theta")) config.rope.theta = 1e6;
    local.theta = fields.number("rope_local_base_freq", 1, 10000);
  }
  for (DecoderConfig::Layer& layer : config.layers) {
    if (layer.window) layer.own_rope = local;
  }
  return {"gemma3_text", config, positions};
}

ModelConfig read_gpt2(const Fields& fields) {
  Gpt2Config config;
  config.vocab_size = fields.integer("vocab_size", 1, most_vocabulary);
  config.positions = fields.integer("n_positions", 1, most_vocabulary, 1024);
  config.hidden_size = fields.integer("n_embd", 1, most_size);
  config.layers = fields.integer("n_layer", 1, most_layers);
  config.heads = fields.integer("n_head", 1, most_size);
  if (config.hidden_size % config.heads != 0)
    fields.fail("n_head", fmt::format("a divisor of {}", config.hidden_size),
                fields.shown("n_head"));
  config.intermediate_size = fields.integer("n_inner", 1, most_size, 4 * config.hidden_size);
  config.activation = read_activation(fields, "activation_function", "gelu_new");
  config.norm_eps = fields.number("layer_norm_epsilon", least_eps, 1e-5);
  config.scale_attention = fields.boolean("scale_attn_weights", true);
  config.scale_by_layer = fields.boolean("scale_attn_by_inverse_layer_idx", false);
  config.tied_embeddings = fields.boolean("tie_word_embeddings", true);
  if (fields.boolean("add_cross_attention", false))
    fields.fail("add_cross_attention", "false", "true");
  return {"gpt2", config, config.positions};
}

struct Family {
  const char* model_type;
  ModelConfig (*read)(const Fields&);
};
constexpr std::array<Family, 8> families = {{
    {"llama", read_llama},
    {"mistral", read_mistral},
    {"qwen2", [](const Fields& fields) { return read_qwen(fields, false); }},
    {"qwen3", [](const Fields& fields) { return read_qwen(fields, true); }},
    {"gemma", read_gemma},
    {"gemma2", read_gemma2},
    {"gemma3_text", read_gemma3},
    {"gpt2", read_gpt2},
}};

nn::QuantizationOptions read_format(const Fields& fields) {
  nn::QuantizationOptions options;
  if (fields.has("group_size")) options.group_size = fields.integer("group_size", 16, 128);
  if (fields.has("bits")) options.bits = fields.integer("bits", 2, 8);
  const std::string mode = fields.text("mode", "affine");
  if (!quantization_mode(mode))
    fields.fail("mode", "affine, mxfp4, mxfp8 or nvfp4", fields.shown("mode"));
  options.mode = *quantization_mode(mode);
  return options;
}

std::optional<QuantizationConfig> read_quantization(const Fields& fields) {
  auto entry = fields.object("quantization");
  if (!entry) {
    entry = fields.object("quantization_config");
    if (!entry) return std::nullopt;
    if (entry->has("quant_method"))
      entry->fail("quant_method", "a checkpoint that is not quantized, or by MLX",
                  entry->shown("quant_method"));
  }
  QuantizationConfig config{read_format(*entry)};
  for (const std::string& name : entry->names()) {
    if (entry->is_object(name)) config.layers.emplace(name, read_format(*entry->object(name)));
  }
  return config;
}

}  // namespace

std::optional<nn::QuantizationMode> quantization_mode(std::string_view name) {
  using Mode = nn::QuantizationMode;
  for (const Mode mode : {Mode::affine, Mode::mxfp4, Mode::mxfp8, Mode::nvfp4}) {
    if (name == nn::name_of(mode)) return mode;
  }
  return std::nullopt;
}

ModelConfig parse_config(const Fields& fields) {
  const std::string model_type = fields.text("model_type");
  for (const Family& family : families) {
    if (model_type != family.model_type) continue;
    ModelConfig config = family.read(fields);
    config.quantization = read_quantization(fields);
    config.end_tokens = fields.integers("eos_token_id", 0, most_vocabulary);
    return config;
  }
  std::vector<std::string> known;
  for (const Family& family : families) known.emplace_back(family.model_type);
  fields.fail("model_type", fmt::format("one of {}", fmt::join(known, ", ")),
              fields.shown("model_type"));
}

std::unique_ptr<LanguageModel> make_model(const ModelConfig& config) {
  if (const auto* decoder = std::get_if<DecoderConfig>(&config.model))
    return std::make_unique<Decoder>(*decoder);
  return std::make_unique<Gpt2>(std::get<Gpt2Config>(config.model));
}

}  // namespace llm
