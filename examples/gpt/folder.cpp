#include "folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>
#include <unordered_map>

#include "mica/io/file.h"
#include "program.h"

namespace gpt {

using examples::path_in;

namespace {

constexpr int largest = 1 << 20;  // of any size in config.json

// transformers' linear layers in GPT-2 hold their weights as (input, output).
bool is_transposed(const std::string& name) {
  return name.ends_with("c_attn.weight") || name.ends_with("c_proj.weight") ||
         name.ends_with("c_fc.weight");
}

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& path) : path_(path) {
    values_ = nlohmann::json::parse(read_file(path), nullptr, false);
    if (!values_.is_object()) fail("file", "a JSON object", "something else");
  }

  int number(const char* key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) fail(key, "a number", "none");
    if (!found->is_number_integer() || *found < 1 || *found > largest)
      fail(key, fmt::format("a number from 1 to {}", largest), found->dump());
    return found->get<int>();
  }
  void expect(const char* key, const nlohmann::json& expected) const {
    const auto found = values_.find(key);
    if (found == values_.end() || *found != expected)
      fail(key, expected.dump(), found == values_.end() ? "none" : found->dump());
  }
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    throw std::invalid_argument(
        fmt::format("{}: {}: expected {}, got {}", path_, field, expected, got.substr(0, 80)));
  }

 private:
  std::string path_;
  nlohmann::json values_;
};

}  // namespace

void write_file(const std::string& path, const std::string& text) {
  mica::io::ReplacingFile file("gpt", path);
  file.write(text.data(), text.size());
  file.commit();
}

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file)
    throw std::system_error(errno, std::generic_category(), fmt::format("can't read '{}'", path));
  return text;
}

void save(const std::string& folder, const Gpt& model, const mica::text::Tokenizer& tokenizer) {
  const Config& c = model.config;
  const nlohmann::ordered_json config{{"architectures", {"GPT2LMHeadModel"}},
                                      {"model_type", "gpt2"},
                                      {"vocab_size", c.vocab_size},
                                      {"n_positions", c.context},
                                      {"n_embd", c.dims},
                                      {"n_layer", c.layers},
                                      {"n_head", c.heads},
                                      {"activation_function", "gelu_new"},
                                      {"layer_norm_epsilon", 1e-5},
                                      {"embd_pdrop", c.dropout},
                                      {"attn_pdrop", 0.0},
                                      {"resid_pdrop", c.dropout},
                                      {"tie_word_embeddings", true},
                                      {"bos_token_id", nullptr},
                                      {"eos_token_id", nullptr}};
  std::unordered_map<std::string, array> weights;
  for (const auto& [name, value] : tree_flatten(model.parameters()))
    weights.emplace(name, is_transposed(name) ? contiguous(transpose(value)) : value);
  mica::save_safetensors(path_in(folder, "model.safetensors"), std::move(weights),
                         {{"format", "pt"}});
  tokenizer.save(path_in(folder, "tokenizer.json"));
  write_file(path_in(folder, "config.json"), config.dump(2) + "\n");
}

Pretrained load(const std::string& folder) {
  const ConfigFile file(path_in(folder, "config.json"));
  file.expect("model_type", "gpt2");
  file.expect("activation_function", "gelu_new");
  const Config config{.vocab_size = file.number("vocab_size"),
                      .context = file.number("n_positions"),
                      .dims = file.number("n_embd"),
                      .layers = file.number("n_layer"),
                      .heads = file.number("n_head")};
  if (config.dims % config.heads != 0)
    file.fail("n_head", fmt::format("a divisor of n_embd, {}", config.dims),
              std::to_string(config.heads));
  auto tokenizer = mica::text::Tokenizer::load(path_in(folder, "tokenizer.json"));
  if (tokenizer.vocab_size() > config.vocab_size)
    throw std::invalid_argument(
        fmt::format("{}: expected a vocabulary of at most {}, config.json's vocab_size, got {}",
                    path_in(folder, "tokenizer.json"), config.vocab_size, tokenizer.vocab_size()));
  Gpt model(config);
  std::vector<std::pair<std::string, array>> weights;
  for (auto& [name, value] : mica::load_safetensors(path_in(folder, "model.safetensors")).first) {
    const bool turn = is_transposed(name) && value.ndim() == 2;
    weights.emplace_back(name, turn ? transpose(value) : value);
  }
  model.load_weights(weights);
  return {std::move(model), std::move(tokenizer)};
}

}  // namespace gpt
