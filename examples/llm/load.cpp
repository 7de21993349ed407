#include "load.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "mica/io/checkpoint.h"
#include "mica/io/file.h"
#include "mica/nn/edit_distance.h"
#include "mica/nn/quantized.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace llm {

namespace fs = std::filesystem;
using namespace mica;

namespace {

constexpr const char* config_name = "config.json";

[[noreturn]] void refuse(const std::string& label, const std::string& field,
                         const std::string& expected, const std::string& got) {
  throw std::invalid_argument(
      fmt::format("load_model ({}): {}: expected {}, got {}", label, field, expected, got));
}

std::string text_of(const Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

// ", did you mean 'x'?" where one of the names is nearly the same.
std::string suggestion(const std::string& name, const std::vector<std::string>& others) {
  constexpr size_t far = 6;
  size_t least = far;
  const std::string* nearest = nullptr;
  for (const std::string& other : others) {
    if (std::max(name.size(), other.size()) > 200) continue;
    const size_t d = nn::edit_distance(name, other);
    if (d < least) least = d, nearest = &other;
  }
  return nearest ? fmt::format(", did you mean '{}'?", *nearest) : "";
}

bool is_ignored(const ModelConfig& config, const std::string& name) {
  const bool tied =
      std::visit([](const auto& model) { return model.tied_embeddings; }, config.model);
  if (tied && name.starts_with("lm_head.")) return true;
  if (name.ends_with(".rotary_emb.inv_freq")) return true;
  return config.model_type == "gpt2" &&
         (name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias"));
}

// GPT-2 as OpenAI published it multiplies by matrices from the right.
bool is_transposed(const ModelConfig& config, const std::string& name) {
  if (config.model_type != "gpt2" || config.quantization) return false;
  for (const char* layer : {".c_attn.weight", ".c_proj.weight", ".c_fc.weight"}) {
    if (name.ends_with(layer)) return true;
  }
  return false;
}

// Puts the layers that have scales into their format.
void quantize_as_stored(LoadedModel& loaded, const Tensors& tensors) {
  const QuantizationConfig& format = *loaded.config.quantization;
  nn::quantize(*loaded.model,
               {.class_predicate = [&](const std::string& path, nn::Module&) -> nn::QuantizeChoice {
                 if (!tensors.contains(path + ".scales")) return false;
                 const auto own = format.layers.find(path);
                 return own == format.layers.end() ? format.common : own->second;
               }});
}

void check(const nn::Module& model, const Tensors& tensors, const std::string& label) {
  std::vector<std::string> missing, unknown;
  std::unordered_map<std::string, array> parameters;
  for (auto& [name, value] : tree_flatten(model.parameters())) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      missing.push_back(name);
    } else if (found->second.shape() != value.shape()) {
      refuse(label, name, text_of(value.shape()) + " after config.json",
             text_of(found->second.shape()));
    } else if (issubdtype(found->second.dtype(), floating) != issubdtype(value.dtype(), floating)) {
      refuse(label, name, issubdtype(value.dtype(), floating) ? "floating-point numbers" : "uint32",
             dtype_name(found->second.dtype()));
    }
    parameters.emplace(name, value);
  }
  for (const auto& [name, value] : tensors) {
    if (!parameters.contains(name)) unknown.push_back(name);
  }
  std::sort(unknown.begin(), unknown.end());
  const auto more = [](size_t count) {
    return count > 1 ? fmt::format(" and {} others", count - 1) : "";
  };
  if (!missing.empty()) {
    refuse(label, missing[0],
           fmt::format("a tensor {} after config.json", text_of(parameters.at(missing[0]).shape())),
           "none" + (missing.size() > 1 ? fmt::format(" ({} are missing)", missing.size()) : "") +
               suggestion(missing[0], unknown));
  }
  if (!unknown.empty()) {
    refuse(label, "tensors", "only those that config.json asks for",
           fmt::format("'{}'", unknown[0]) + more(unknown.size()));
  }
}

std::vector<int> end_tokens(const fs::path& folder, std::vector<int> otherwise) {
  const fs::path file = folder / "generation_config.json";
  if (!fs::exists(file)) return otherwise;
  std::vector<int> tokens = Fields::read(file).integers("eos_token_id", 0, 1 << 30);
  return tokens.empty() ? otherwise : tokens;
}

// Quantizes what can be, and notes the format with the mode's defaults.
void quantize(LoadedModel& loaded, const nn::QuantizationOptions& options,
              const std::string& label) {
  if (loaded.config.quantization)
    refuse(label, "quantization", "none in the folder, to quantize it", "one");
  nn::quantize(*loaded.model, {options.group_size, options.bits, options.mode});
  for (const nn::ModuleRef& module : loaded.model->modules()) {
    const auto* layer = module.as<nn::Embedding>();
    if (!layer) continue;
    const nn::Quantization& format = *layer->quantization();
    loaded.config.quantization = QuantizationConfig{{format.group_size, format.bits, format.mode}};
  }
}

}  // namespace

Tensors named_as_model(const ModelConfig& config, Tensors tensors) {
  Tensors named;
  for (auto& [name, value] : tensors) {
    if (is_ignored(config, name)) continue;
    std::string known = name;
    if (known.starts_with("transformer.")) known = "model." + known.substr(12);
    if (!known.starts_with("model.") && !known.starts_with("lm_head.")) known = "model." + known;
    if (is_transposed(config, known) && value.ndim() == 2) value = contiguous(transpose(value));
    named.insert_or_assign(known, std::move(value));
  }
  return named;
}

void assign(LoadedModel& loaded, Tensors tensors, const std::string& label) {
  tensors = named_as_model(loaded.config, std::move(tensors));
  if (loaded.config.quantization) quantize_as_stored(loaded, tensors);
  check(*loaded.model, tensors, label);
  const std::vector<std::pair<std::string, array>> weights(tensors.begin(), tensors.end());
  loaded.model->load_weights(weights);
  loaded.model->eval();
}

LoadedModel load_model(const fs::path& folder, const LoadOptions& options) {
  if (!fs::is_directory(folder)) {
    throw std::system_error(
        std::make_error_code(fs::exists(folder) ? std::errc::not_a_directory
                                                : std::errc::no_such_file_or_directory),
        fmt::format("load_model: can't read the folder '{}'", folder.string()));
  }
  LoadedModel loaded{parse_config(Fields::read(folder / config_name)), nullptr};
  loaded.config.end_tokens = end_tokens(folder, std::move(loaded.config.end_tokens));
  Tensors tensors = load_checkpoint(folder);
  loaded.model = make_model(loaded.config);
  assign(loaded, std::move(tensors), folder.string());
  if (options.dtype) loaded.model->set_dtype(*options.dtype);
  if (options.quantize) {
    quantize(loaded, *options.quantize, folder.string());
  }
  // One by one: where weights are converted or packed, no more than one is there twice.
  for (auto& [name, value] : tree_flatten(loaded.model->parameters())) value.eval();
  return loaded;
}

void save_model(const fs::path& folder, const LoadedModel& loaded, const fs::path& source) {
  if (fs::exists(folder) && fs::equivalent(folder, source))
    throw std::invalid_argument("save_model: expected another folder than '" + source.string() +
                                "'");
  fs::create_directories(folder);
  for (const fs::directory_entry& entry : fs::directory_iterator(source)) {
    const std::string name = entry.path().filename().string();
    const bool is_text = name.ends_with(".json") || name.ends_with(".txt") ||
                         name.ends_with(".jinja") || name.ends_with(".model");
    if (!entry.is_regular_file() || !is_text || name == config_name ||
        name.ends_with(".index.json"))
      continue;
    fs::copy_file(entry.path(), folder / name, fs::copy_options::overwrite_existing);
  }
  Tensors tensors;
  for (auto& [name, value] : tree_flatten(loaded.model->parameters())) tensors.emplace(name, value);
  save_checkpoint(folder, tensors);

  nlohmann::ordered_json config = Fields::read(source / config_name).as_json();
  if (loaded.config.quantization && !config.contains("quantization")) {
    const nn::QuantizationOptions& format = loaded.config.quantization->common;
    nlohmann::ordered_json entry;
    entry["group_size"] = *format.group_size;
    entry["bits"] = *format.bits;
    entry["mode"] = nn::name_of(format.mode);
    config["quantization"] = entry;
    config["quantization_config"] = entry;
  }
  const std::string text = config.dump(2) + "\n";
  io::ReplacingFile file("save_model", (folder / config_name).string());
  file.write(text.data(), text.size());
  file.commit();
}

}  // namespace llm
