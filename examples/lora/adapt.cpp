#include "adapt.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <stdexcept>
#include <unordered_map>

#include "mica/data/data.h"

namespace lora {

using namespace mica;

namespace {

constexpr const char* kind = "mica LoRA adapters 1";

// The numbers that are stored beside the adapters.
template <class F>
void for_each_number(AdapterOptions& options, F f) {
  double rank = options.rank;
  f("rank", rank);
  options.rank = static_cast<int>(rank);
  f("scale", options.scale);
  f("dropout", options.dropout);
}

class AdapterFile {
 public:
  explicit AdapterFile(const std::string& path) : path_(path) {
    auto [arrays, metadata] = load_safetensors(path);
    arrays_.insert(arrays.begin(), arrays.end());
    metadata_.insert(metadata.begin(), metadata.end());
    if (metadata_["kind"] != kind) fail("kind", fmt::format("'{}'", kind), "another file");
  }

  AdapterOptions options() {
    AdapterOptions options;
    for_each_number(options, [&](const char* name, double& value) {
      const std::string& text = metadata_[name];
      const char* const end = text.data() + text.size();
      const auto [stopped, error] = std::from_chars(text.data(), end, value);
      if (error != std::errc() || stopped != end || !(value >= 0 && value <= 1e6))
        fail(name, "a number from 0 to 1e6", "'" + text.substr(0, 40) + "'");
    });
    return options;
  }

  // The file's arrays in the form of `expected`, all of them.
  Tree arrays_like(const Tree& expected) const {
    std::vector<std::pair<std::string, array>> found;
    for (const auto& [name, value] : tree_flatten(expected)) {
      const auto it = arrays_.find(name);
      if (it == arrays_.end() || it->second.shape() != value.shape())
        fail(name, to_string(value.shape()),
             it == arrays_.end() ? "none" : to_string(it->second.shape()));
      found.emplace_back(name, it->second);
    }
    if (found.size() != arrays_.size())
      fail("arrays", std::to_string(found.size()), std::to_string(arrays_.size()));
    return tree_unflatten(found);
  }

 private:
  static std::string to_string(const Shape& shape) {
    return fmt::format("({})", fmt::join(shape, ", "));
  }
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    throw std::invalid_argument(
        fmt::format("{}: {}: expected {}, got {}", path_, field, expected, got));
  }

  std::string path_;
  std::map<std::string, array> arrays_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace

void for_each_linear(Gpt& model,
                     const std::function<void(const std::string&, nn::Slot<nn::Linear>&)>& f) {
  for (size_t i = 0; i < model.transformer.h.size(); ++i) {
    gpt::Block& block = model.transformer.h[i];
    const std::string path = fmt::format("transformer.h.{}.", i);
    f(path + "attn.c_attn", block.attn.c_attn);
    f(path + "attn.c_proj", block.attn.c_proj);
    f(path + "mlp.c_fc", block.mlp.c_fc);
    f(path + "mlp.c_proj", block.mlp.c_proj);
  }
}

void quantize(Gpt& model, int bits) {
  nn::QuantizeOptions options{.bits = bits};
  options.class_predicate = [](const std::string&, nn::Module& layer) -> nn::QuantizeChoice {
    return dynamic_cast<nn::Linear*>(&layer) != nullptr;
  };
  nn::quantize(model, options);
}

void adapt(Gpt& model, const AdapterOptions& o) {
  model.freeze();
  for_each_linear(model, [&](const std::string&, nn::Slot<nn::Linear>& slot) {
    slot = nn::LoRALinear(*slot, {.rank = o.rank, .scale = o.scale, .dropout = o.dropout});
  });
}

void fuse(Gpt& model) {
  for_each_linear(model, [](const std::string&, nn::Slot<nn::Linear>& slot) {
    if (const auto* adapted = slot.as<nn::LoRALinear>()) slot = adapted->fuse(true);
  });
}

void save_adapters(const std::string& file, const Gpt& model, const AdapterOptions& options) {
  std::unordered_map<std::string, array> arrays;
  for (const auto& [name, value] : tree_flatten(model.trainable_parameters()))
    arrays.emplace(name, value);
  std::unordered_map<std::string, std::string> metadata{{"kind", kind}};
  AdapterOptions numbers = options;
  for_each_number(
      numbers, [&](const char* name, double& value) { metadata[name] = fmt::format("{}", value); });
  save_safetensors(file, std::move(arrays), std::move(metadata));
}

AdapterOptions load_adapters(const std::string& path, Gpt& model) {
  AdapterFile file(path);
  const AdapterOptions options = file.options();
  Gpt adapted = model;
  adapt(adapted, options);
  adapted.update(file.arrays_like(adapted.trainable_parameters()));
  model = std::move(adapted);
  return options;
}

void train(Gpt& model, const array& tokens, const TrainOptions& o, logging::Progress& progress,
           const std::function<bool()>& interrupted) {
  const int context = model.config.context;
  data::Loader batches(
      data::windows(tokens, context, std::max(1, context / 4)),
      {.batch_size = o.batch_size, .shuffle = true, .drop_last = true, .seed = o.seed});
  optimizers::Adam optimizer({.learning_rate = optimizers::cosine_decay(o.learning_rate, o.steps),
                              .bias_correction = true});
  auto loss_and_gradients = nn::value_and_grad(
      model, [&](const array& x, const array& y) { return gpt::loss(model, x, y); });
  auto step = nn::compile(
      [&](const array& x, const array& y) {
        auto [loss, gradients] = loss_and_gradients(x, y);
        optimizer.update(model, optimizers::clip_grad_norm(gradients, 1.0).first);
        return loss;
      },
      model, optimizer);
  model.train();
  for (int i = 1; i <= o.steps && !interrupted(); ++i) {
    const data::Sample batch = batches.next();
    const array loss = step(batch[0], batch[1]);
    eval(loss, model, optimizer);
    const std::string text = fmt::format("step {}/{}  loss {:.4f}", i, o.steps, loss.item<float>());
    progress.step(static_cast<double>(batch[0].size()), text);
    if (i % 100 == 0 || i == o.steps) progress.milestone(text);
  }
  progress.finish();
}

}  // namespace lora
