// Fine-tunes a frozen GPT on other text by adapters, saves these, and fuses them into the model.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapt.h"
#include "arguments.h"
#include "folder.h"
#include "generate.h"
#include "mica/data/data.h"
#include "program.h"
#include "train.h"

namespace lora {

namespace {

namespace fs = std::filesystem;
namespace data = mica::data;
namespace logging = mica::logging;

constexpr size_t most_validation_batches = 16;
constexpr double largest_difference = 1e-3;  // of logits, between adapters and what is fused

struct Options {
  std::string base;
  int base_steps = 400;
  std::vector<std::string> data = {LORA_DATA "/docs", LORA_DATA "/README.md"};
  double validation = 0.1;
  int bits = 0;
  AdapterOptions adapters;
  TrainOptions training;
  std::string output = "lora-output";
  std::string prompt = "\n";
  bool quiet = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("--base", o.base,
                 "folder of a model that gpt train has made; without it one is trained on mica's "
                 "sources");
  app.add_option("--base-steps", o.base_steps, "steps in which that is trained")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--data", o.data, "files and folders of the text to adapt to")
      ->capture_default_str();
  app.add_option("--validation", o.validation, "the part of the text that is not trained on")
      ->check(CLI::Range(0.01, 0.9))
      ->capture_default_str();
  app.add_option("--bits", o.bits, "quantize the frozen weights to 4 or 8 bits; 0: leave them")
      ->check(CLI::IsMember({0, 4, 8}))
      ->capture_default_str();
  app.add_option("--rank", o.adapters.rank, "of the adapters' products")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--scale", o.adapters.scale, "of the adapters' products")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--dropout", o.adapters.dropout, "of the adapters' inputs")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--steps", o.training.steps, "of training")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--batch-size", o.training.batch_size, "windows in a step")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--learning-rate", o.training.learning_rate, "at the start")
      ->check(CLI::Range(1e-9, 10.0))
      ->capture_default_str();
  app.add_option("--seed", o.training.seed, "of all random numbers")->capture_default_str();
  app.add_option("--prompt", o.prompt, "of the samples");
  app.add_option("--output", o.output, "folder for the adapters and the fused model")
      ->capture_default_str();
  app.add_flag("--quiet", o.quiet, "show no progress");
}

logging::Display display(const Options& o) {
  logging::Display display = logging::display_of(STDOUT_FILENO);
  display.quiet = o.quiet;
  return display;
}

// The base model's folder, where one is trained first if there is none.
std::string base_folder(const Options& o) {
  if (!o.base.empty()) return o.base;
  const std::string folder = examples::path_in(o.output, "base");
  const bool begun = fs::exists(examples::path_in(folder, gpt::run_file));
  std::cout << "The base: a small GPT, trained on mica's sources (" << folder << ")\n";
  gpt::TrainOptions options;
  options.data = {LORA_DATA "/mica"};
  options.steps = o.base_steps;
  options.seed = o.training.seed;
  options.sample_every = options.steps;
  gpt::train(options, {}, {.output = folder, .resume = begun, .display = display(o)}, std::cout,
             [] { return !examples::interrupted(); });
  return folder;
}

array tokens_of(const mica::text::Tokenizer& tokenizer, const std::string& text, int context,
                const char* part) {
  const std::vector<int32_t> ids = tokenizer.encode(text, {.match_special_tokens = false});
  if (ids.size() <= static_cast<size_t>(context))
    throw std::invalid_argument(
        fmt::format("--data: expected more than {} tokens for {}, the model's context, got {}",
                    context, part, ids.size()));
  return array(ids.begin(), {static_cast<int>(ids.size())});
}

void show_sample(const char* when, Gpt& model, const mica::text::Tokenizer& tokenizer,
                 const Options& o) {
  std::cout << fmt::format(
      "\na sample {}:\n{}\n\n", when,
      gpt::generate(model, tokenizer, o.prompt, {.tokens = 200, .seed = o.training.seed}));
}

// Throws where an array of the adapted model that the base has too is not the base's, bit for bit.
void check_frozen(const Gpt& base, const Gpt& adapted) {
  std::map<std::string, array> after;
  for (const auto& [name, value] : tree_flatten(adapted.parameters())) after.emplace(name, value);
  for (const auto& [name, value] : tree_flatten(base.parameters()))
    if (!array_equal(after.at(name), value).item<bool>())
      throw std::runtime_error(name + " of the frozen model has changed");
}

double difference(const array& a, const array& b) { return max(abs(a - b)).item<double>(); }

int run(const Options& o) {
  examples::prepare_output(o.output);
  examples::stop_on_interrupt();
  const std::string text = data::read_text(std::vector<fs::path>(o.data.begin(), o.data.end()));
  auto [model, tokenizer] = gpt::load(base_folder(o));
  if (examples::interrupted()) return examples::interrupted_status;

  const auto cut = static_cast<size_t>(static_cast<double>(text.size()) * (1 - o.validation));
  const int context = model.config.context;
  const array training = tokens_of(tokenizer, text.substr(0, cut), context, "training");
  const array held_out = tokens_of(tokenizer, text.substr(cut), context, "validation");
  data::Loader validation(data::windows(held_out, context),
                          {.batch_size = o.training.batch_size, .prefetch = 0});

  mica::random::seed(o.training.seed);
  if (o.bits > 0) quantize(model, o.bits);
  const Gpt base = model;
  adapt(model, o.adapters);
  const size_t trained = gpt::count(model.trainable_parameters());
  const size_t total = gpt::count(model.parameters());
  std::cout << fmt::format("{} of {} parameters are trained ({:.1f} %){}\n", trained, total,
                           100.0 * static_cast<double>(trained) / static_cast<double>(total),
                           o.bits > 0 ? fmt::format("; the others have {} bits", o.bits) : "");
  const double before = gpt::measure(model, validation, most_validation_batches);
  show_sample("before", model, tokenizer, o);

  logging::Progress progress(std::cout, display(o), static_cast<uint64_t>(o.training.steps),
                             "tokens");
  train(model, training, o.training, progress, [] { return examples::interrupted(); });
  check_frozen(base, model);
  const double after = gpt::measure(model, validation, most_validation_batches);
  show_sample("after", model, tokenizer, o);

  // The adapters from their file, on a model that has none; and as a part of the weights.
  const std::string adapters = examples::path_in(o.output, "adapters.safetensors");
  save_adapters(adapters, model, o.adapters);
  Gpt loaded = base;
  load_adapters(adapters, loaded);
  loaded.eval();
  Gpt fused = loaded;
  fuse(fused);
  const array window = reshape(slice(held_out, {0}, {context}), {1, context});
  const array logits = model(window);
  const double of_loaded = difference(loaded(window), logits);
  const double of_fused = difference(fused(window), logits);
  const std::string fused_folder = examples::path_in(o.output, "fused");
  fs::create_directories(fused_folder);
  gpt::save(fused_folder, fused, tokenizer);

  std::cout << fmt::format(
      "wrote {} ({} bytes); loaded again, its logits differ by {:.1e}\n"
      "wrote {}; its logits differ by {:.1e}; gpt sample {} writes text\n"
      "the frozen weights are what they were\n",
      adapters, fs::file_size(adapters), of_loaded, fused_folder, of_fused, fused_folder);
  if (of_loaded != 0 || of_fused > largest_difference)
    throw std::runtime_error("the saved model predicts otherwise");
  std::cout << fmt::format("validation loss: {:.4f} before, {:.4f} after\n", before, after);
  return examples::interrupted() ? examples::interrupted_status : 0;
}

}  // namespace

}  // namespace lora

int main(int argc, char** argv) {
  CLI::App app("Fine-tunes a GPT on other text by low-rank adapters.", "lora");
  app.failure_message(examples::failure_text);
  lora::Options options;
  lora::add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return lora::run(options);
  } catch (const std::exception& error) {
    std::cerr << "lora: " << error.what() << '\n';
    return 1;
  }
}
