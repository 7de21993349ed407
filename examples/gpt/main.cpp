// Trains a GPT-2 of any size on text, and writes more of it.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "arguments.h"
#include "generate.h"
#include "program.h"
#include "train.h"

namespace gpt {

namespace {

const std::map<std::string, std::string> help = {
    {"data", "files and folders of text"},
    {"tokenizer", "char (a token a byte) or bpe"},
    {"vocab-size", "of the bpe tokenizer"},
    {"layers", "Transformer blocks"},
    {"heads", "of attention; they divide --dims"},
    {"dims", "size of the vectors between blocks"},
    {"context", "tokens in a window"},
    {"dropout", "probability"},
    {"steps", "of training"},
    {"batch-size", "windows in a step"},
    {"learning-rate", "the largest of the schedule"},
    {"warmup", "steps in which the learning rate rises"},
    {"weight-decay", "of AdamW"},
    {"clip", "the largest norm of the gradients"},
    {"validation", "the part of the text that is not trained on"},
    {"validate-every", "steps between measurements of the validation loss"},
    {"sample-every", "steps between sampled texts"},
    {"checkpoint-every", "steps between checkpoints"},
    {"log-every", "steps between rows of log.csv"},
    {"seed", "of all random numbers"}};

// Whole numbers are at least 1, except these.
CLI::Range range_of(const std::string& name, int) {
  const double least = name == "warmup" ? 0 : name == "vocab-size" ? 256 : 1;
  return {least, 1e9};
}
CLI::Range range_of(const std::string& name, double) {
  if (name == "dropout" || name == "validation") return {0.0, 0.9};
  return {name == "weight-decay" ? 0.0 : 1e-9, 1e3};
}

void add_training_options(CLI::App& app, TrainOptions& options, RunOptions& run) {
  for_each_option(options, [&](const std::string& name, auto& value) {
    CLI::Option* option = app.add_option("--" + name, value, help.at(name))->capture_default_str();
    using Value = std::remove_reference_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, int> || std::is_same_v<Value, double>)
      option->check(range_of(name, value))->take_last();
    if (name == "tokenizer") option->check(CLI::IsMember({"char", "bpe"}));
  });
  app.add_option("--output", run.output, "folder for the model, checkpoints, log and curves")
      ->capture_default_str();
  app.add_flag("--resume", run.resume, "go on with the run in --output");
  app.add_flag("--tensorboard", run.tensorboard, "write event files for TensorBoard");
  app.add_flag("--quiet", run.display.quiet, "show no progress and no samples");
}

std::vector<std::string> given_options(const CLI::App& app) {
  std::vector<std::string> given;
  TrainOptions names;
  for_each_option(names, [&](const std::string& name, const auto&) {
    if (app.count("--" + name) > 0) given.push_back(name);
  });
  return given;
}

int run_training(const CLI::App& app, const TrainOptions& options, RunOptions run) {
  const bool quiet = run.display.quiet;
  run.display = mica::logging::display_of(STDOUT_FILENO);
  run.display.quiet = quiet;
  examples::stop_on_interrupt();
  const TrainResult result =
      train(options, given_options(app), run, std::cout, [] { return !examples::interrupted(); });
  if (examples::interrupted()) {
    std::cout << fmt::format("interrupted after step {}: gpt train --resume --output {} goes on\n",
                             result.steps, run.output);
    return examples::interrupted_status;
  }
  std::cout << fmt::format("wrote {0}; gpt sample {0} writes text\nvalidation loss: {1:.4f}\n",
                           run.output, result.validation_loss);
  return 0;
}

}  // namespace

}  // namespace gpt

int main(int argc, char** argv) {
  CLI::App app("Trains a language model (GPT-2) on text, and writes more of it.", "gpt");
  app.failure_message(examples::failure_text);
  app.require_subcommand(1);
  CLI::App* train = app.add_subcommand("train", "train a model");
  gpt::TrainOptions options;
  options.data = {GPT_DATA "/mica", GPT_DATA "/docs", GPT_DATA "/examples"};
  gpt::RunOptions run{.output = "gpt-output"};
  gpt::add_training_options(*train, options, run);

  CLI::App* sample = app.add_subcommand("sample", "write text with a trained model");
  std::string folder = run.output, prompt;
  gpt::GenerateOptions generate;
  sample->add_option("folder", folder, "of the model")->capture_default_str();
  sample->add_option("--prompt", prompt, "what the text begins with");
  sample->add_option("--tokens", generate.tokens, "to write")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  sample->add_option("--temperature", generate.temperature, "0 takes the most likely token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  sample->add_option("--top-k", generate.top_k, "tokens to choose from; 0: all")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  sample->add_option("--seed", generate.seed, "of the choices")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    if (*train) return gpt::run_training(*train, options, run);
    gpt::Pretrained pretrained = gpt::load(folder);
    std::cout << prompt;
    gpt::generate(pretrained.model, pretrained.tokenizer, prompt, generate,
                  [](const std::string& text) { std::cout << text << std::flush; });
    std::cout << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "gpt: " << error.what() << '\n';
    return 1;
  }
}
