#include "bert.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>

#include "mica/io/file.h"
#include "mica/text/fields.h"

namespace semantic_search {

using namespace mica;

BertConfig BertConfig::load(const std::filesystem::path& path) {
  const io::MappedFile file("BertConfig::load", path.string());
  const std::string_view content(reinterpret_cast<const char*>(file.bytes().data()),
                                 file.bytes().size());
  const nlohmann::json json = text::parse_json(content, path.string());
  const text::Field field(json, path.string());
  if (field.get_string("model_type", "bert") != "bert") field.at("model_type").fail("bert");
  if (field.get_string("hidden_act", "gelu") != "gelu") field.at("hidden_act").fail("gelu");
  if (field.get_string("position_embedding_type", "absolute") != "absolute") {
    field.at("position_embedding_type").fail("absolute");
  }
  auto number = [&](const char* name, int most) {
    return static_cast<int>(field.at(name).integer(1, most));
  };
  BertConfig config;
  config.vocab_size = number("vocab_size", 1 << 24);
  config.hidden_size = number("hidden_size", 1 << 16);
  config.num_hidden_layers = number("num_hidden_layers", 1 << 10);
  config.num_attention_heads = number("num_attention_heads", 1 << 10);
  config.intermediate_size = number("intermediate_size", 1 << 18);
  config.max_position_embeddings = number("max_position_embeddings", 1 << 20);
  config.type_vocab_size = number("type_vocab_size", 1 << 10);
  if (config.hidden_size % config.num_attention_heads != 0) {
    field.at("num_attention_heads").fail("a divisor of hidden_size");
  }
  if (const auto eps = field.find("layer_norm_eps")) {
    if (!eps->value().is_number() || !(eps->value().get<double>() >= 0))
      eps->fail("a number from 0");
    config.layer_norm_eps = eps->value().get<double>();
  }
  return config;
}

Embeddings::Embeddings(const BertConfig& config)
    : word_embeddings(config.vocab_size, config.hidden_size),
      position_embeddings(config.max_position_embeddings, config.hidden_size),
      token_type_embeddings(config.type_vocab_size, config.hidden_size),
      norm(config.hidden_size, {.eps = config.layer_norm_eps}) {}

array Embeddings::operator()(const array& ids) const {
  const array positions = position_embeddings.weight[{Slice(0, ids.shape(1))}];
  return norm(word_embeddings(ids) + positions + token_type_embeddings.weight[0]);
}

SelfAttention::SelfAttention(const BertConfig& config)
    : query(config.hidden_size, config.hidden_size),
      key(config.hidden_size, config.hidden_size),
      value(config.hidden_size, config.hidden_size),
      heads(config.num_attention_heads) {}

array SelfAttention::operator()(const array& x, const array& lengths) const {
  auto split = [this](const array& y) { return swapaxes(unflatten(y, -1, {heads, -1}), 1, 2); };
  const int size = query.output_dims() / heads;
  const array out = fast::cached_attention(split(query(x)), split(key(x)), split(value(x)), lengths,
                                           1 / std::sqrt(static_cast<float>(size)), false);
  return flatten(swapaxes(out, 1, 2), -2, -1);
}

Output::Output(int input_dims, const BertConfig& config)
    : dense(input_dims, config.hidden_size),
      norm(config.hidden_size, {.eps = config.layer_norm_eps}) {}

array Output::operator()(const array& x, const array& residual) const {
  return norm(dense(x) + residual);
}

Attention::Attention(const BertConfig& config) : self(config), output(config.hidden_size, config) {}

array Attention::operator()(const array& x, const array& lengths) const {
  return output(self(x, lengths), x);
}

Intermediate::Intermediate(const BertConfig& config)
    : dense(config.hidden_size, config.intermediate_size) {}

array Intermediate::operator()(const array& x) const { return nn::gelu(dense(x)); }

Layer::Layer(const BertConfig& config)
    : attention(config), intermediate(config), output(config.intermediate_size, config) {}

array Layer::operator()(const array& x, const array& lengths) const {
  const array y = attention(x, lengths);
  return output(intermediate(y), y);
}

Encoder::Encoder(const BertConfig& config) {
  for (int i = 0; i < config.num_hidden_layers; ++i) layer.emplace_back(config);
}

array Encoder::operator()(array x, const array& lengths) const {
  for (const Layer& each : layer) x = each(x, lengths);
  return x;
}

Bert::Bert(const BertConfig& config) : embeddings(config), encoder(config) { train(false); }

array Bert::operator()(const array& ids, const array& lengths) const {
  return encoder(embeddings(ids), lengths);
}

void Bert::load(const std::filesystem::path& checkpoint) {
  std::vector<std::pair<std::string, array>> weights;
  for (const auto& [name, weight] : load_checkpoint(checkpoint)) {
    const std::string own = name.starts_with("bert.") ? name.substr(5) : name;
    if (own.starts_with("pooler.") || own.ends_with("position_ids")) continue;
    weights.emplace_back(own, weight);
  }
  try {
    load_weights(weights);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(checkpoint.string() + ": " + error.what());
  }
}

array sentence_embeddings(const array& states, const array& lengths) {
  const array counts = expand_dims(lengths, {1, 2});
  const array counted = expand_dims(arange(states.shape(1)), {0, 2}) < counts;
  const array mean = sum(where(counted, states, array(0.0f)), 1) / squeeze(counts, 2);
  return mean / maximum(linalg::norm(mean, -1, true), array(1e-12f));
}

}  // namespace semantic_search
