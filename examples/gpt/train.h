// Training a model on text, so that it can be killed at any time and go on later as if it had not
// been.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mica/data/loader.h"
#include "mica/logging/logging.h"
#include "model.h"

namespace gpt {

struct TrainOptions {
  std::vector<std::string> data;   // files and folders
  std::string tokenizer = "char";  // or "bpe"
  int vocab_size = 1024;           // of bpe
  int layers = 4, heads = 4, dims = 128, context = 128;
  double dropout = 0.0;
  int steps = 1000, batch_size = 16;
  double learning_rate = 2e-3;  // the largest: it rises in `warmup` steps, then falls to a tenth
  int warmup = 50;
  double weight_decay = 0.1;
  double clip = 1.0;         // the largest norm of the gradients
  double validation = 0.05;  // the part of the text, at its end, that is not trained on
  int validate_every = 100, sample_every = 250, checkpoint_every = 100, log_every = 10;
  uint64_t seed = 0;
};

// Calls f(name, value) for each option, as it is called on the command line and in run.json.
template <class Options, class F>
void for_each_option(Options& o, F f) {
  f("data", o.data);
  f("tokenizer", o.tokenizer);
  f("vocab-size", o.vocab_size);
  f("layers", o.layers);
  f("heads", o.heads);
  f("dims", o.dims);
  f("context", o.context);
  f("dropout", o.dropout);
  f("steps", o.steps);
  f("batch-size", o.batch_size);
  f("learning-rate", o.learning_rate);
  f("warmup", o.warmup);
  f("weight-decay", o.weight_decay);
  f("clip", o.clip);
  f("validation", o.validation);
  f("validate-every", o.validate_every);
  f("sample-every", o.sample_every);
  f("checkpoint-every", o.checkpoint_every);
  f("log-every", o.log_every);
  f("seed", o.seed);
}

struct TrainResult {
  uint64_t steps = 0;
  double validation_loss = 0;  // the last that was measured
};

// Files of a run in its folder.
inline constexpr const char* run_file = "run.json";                  // options, and what data
inline constexpr const char* state_file = "checkpoint.safetensors";  // TrainState
inline constexpr const char* log_file = "log.csv";
inline constexpr const char* curves_file = "curves.svg";

// The model's loss over the loader's first `most` batches, or all that there are: a mean over
// windows. Leaves the model in evaluation mode.
double measure(Gpt& model, mica::data::Loader& batches, size_t most);

struct RunOptions {
  std::string output;
  bool resume = false;
  bool tensorboard = false;  // writes event files to the folder "tensorboard" of output
  mica::logging::Display display = {};
};

// Trains from the start, or from the last checkpoint, to the last step or until keep_going(), which
// is asked after each step, says no; then saves the model, the state and the curves. Without
// `resume` the folder must not hold a run. With it, the run's options are taken from its folder;
// `given` names those that the user gave, which must not be others. Throws std::invalid_argument
// where options, data or files don't fit.
TrainResult train(
    TrainOptions options, const std::vector<std::string>& given, const RunOptions& run,
    std::ostream& out, const std::function<bool()>& keep_going = [] { return true; });

}  // namespace gpt
