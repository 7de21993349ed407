#include "train.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <tuple>

#include "folder.h"
#include "generate.h"
#include "mica/data/data.h"
#include "model.h"
#include "program.h"

namespace gpt {

using examples::path_in;

namespace {

namespace fs = std::filesystem;
using namespace mica;
using nlohmann::ordered_json;

constexpr size_t most_validation_batches = 16;
constexpr int sampled_tokens = 120;

// FNV-1a, to tell whether the text is that of the run.
std::string fingerprint(const std::string& text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return fmt::format("{} bytes, {:016x}", text.size(), hash);
}

ordered_json to_json(const TrainOptions& options) {
  ordered_json values;
  for_each_option(options, [&](const char* name, const auto& value) { values[name] = value; });
  return values;
}

// The options of the run in the folder.
TrainOptions resumed(const TrainOptions& options, const std::vector<std::string>& given,
                     const std::string& path, const std::string& output) {
  const ordered_json stored = ordered_json::parse(read_file(path), nullptr, false);
  TrainOptions of_run;
  for_each_option(of_run, [&](const char* name, auto& value) {
    try {
      stored.at(name).get_to(value);
    } catch (const nlohmann::json::exception&) {
      throw std::invalid_argument(fmt::format(
          "{}: {}: expected the run's option, got none or of another type", path, name));
    }
  });
  const ordered_json wanted = to_json(options);
  for (const std::string& name : given) {
    if (stored[name] != wanted[name])
      throw std::invalid_argument(
          fmt::format("--{}: expected {}, as in the run in '{}', got {}; leave it out, or give "
                      "another --output",
                      name, stored[name].dump(), output, wanted[name].dump()));
  }
  return of_run;
}

void check(const TrainOptions& o) {
  if (o.tokenizer != "char" && o.tokenizer != "bpe")
    throw std::invalid_argument(
        fmt::format("--tokenizer: expected char or bpe, got '{}'", o.tokenizer));
  if (o.dims % o.heads != 0)
    throw std::invalid_argument(
        fmt::format("--heads: expected a divisor of --dims, {}, got {}", o.dims, o.heads));
}

// The tokens of both parts of the text.
struct Corpus {
  text::Tokenizer tokenizer;
  array training, validation;
};

text::Tokenizer make_tokenizer(const TrainOptions& o, const std::string& text) {
  // Without merges, bytes are the tokens: characters, in text that is ASCII.
  constexpr int bytes = 256;
  return text::train_bpe(text, {.vocab_size = o.tokenizer == "bpe" ? o.vocab_size : bytes});
}

Corpus read_corpus(const TrainOptions& o, const std::string& text,
                   const std::optional<text::Tokenizer>& of_run) {
  const auto cut = static_cast<size_t>(static_cast<double>(text.size()) * (1 - o.validation));
  const std::string first = text.substr(0, cut), rest = text.substr(cut);
  const text::Tokenizer tokenizer = of_run ? *of_run : make_tokenizer(o, first);
  const auto encoded = [&](const std::string& part, const char* name) {
    const std::vector<int32_t> ids = tokenizer.encode(part, {.match_special_tokens = false});
    if (ids.size() <= static_cast<size_t>(o.context))
      throw std::invalid_argument(fmt::format(
          "--data: expected more than {} tokens for {}, the --context, got {}; give more text, "
          "another --validation or a shorter --context",
          o.context, name, ids.size()));
    return array(ids.begin(), {static_cast<int>(ids.size())});
  };
  return {tokenizer, encoded(first, "training"), encoded(rest, "validation")};
}

optimizers::Schedule warm_up_then_decay(const TrainOptions& o) {
  const int warmup = std::min(o.warmup, o.steps - 1);
  const auto decay = optimizers::cosine_decay(o.learning_rate, std::max(1, o.steps - warmup),
                                              0.1 * o.learning_rate);
  if (warmup == 0) return decay;
  return optimizers::join_schedules(
      {optimizers::linear_schedule(o.learning_rate / warmup, o.learning_rate, warmup), decay},
      {warmup});
}

// The text with each line indented.
std::string indented(const std::string& text) {
  std::string out = "  | ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  | ";
  }
  return out;
}

class Run {
 public:
  Run(const TrainOptions& options, const RunOptions& run, Corpus corpus)
      : o_(options),
        run_(run),
        corpus_(std::move(corpus)),
        model_(seeded_model()),
        optimizer_({.learning_rate = warm_up_then_decay(options),
                    .betas = {0.9, 0.95},
                    .weight_decay = options.weight_decay,
                    .bias_correction = true}),
        state_(model_, optimizer_),
        batches_(
            data::windows(corpus_.training, o_.context, std::max(1, o_.context / 4)),
            {.batch_size = o_.batch_size, .shuffle = true, .drop_last = true, .seed = o_.seed}),
        held_out_(data::windows(corpus_.validation, o_.context),
                  {.batch_size = o_.batch_size, .prefetch = 0}) {
    if (run.tensorboard) events_.emplace(path("tensorboard"));
  }

  TrainResult train(std::ostream& out, const std::function<bool()>& keep_going) {
    if (run_.resume) {
      state_.load(path(state_file));
      batches_.seek(state_.position);
    }
    const std::vector<std::string> columns{"step", "loss", "validation loss", "learning rate"};
    logging::CsvLog log(path(log_file), columns, static_cast<double>(state_.position + 1));
    const auto steps = static_cast<uint64_t>(o_.steps);
    logging::Progress progress(out, run_.display, steps, "tokens", state_.position);
    if (state_.position == 0) progress.print(introduction());

    auto loss_and_gradients = nn::value_and_grad(
        model_, [this](const array& x, const array& y) { return loss(model_, x, y); });
    auto step = nn::compile(
        [&](const array& x, const array& y) {
          auto [loss, gradients] = loss_and_gradients(x, y);
          optimizer_.update(model_, optimizers::clip_grad_norm(gradients, o_.clip).first);
          return loss;
        },
        model_, optimizer_);
    TrainResult result{state_.position};
    const auto is_due = [&](int every) {
      return result.steps % static_cast<uint64_t>(every) == 0 || result.steps == steps;
    };
    model_.train();
    while (state_.position < steps && keep_going()) {
      const data::Sample batch = batches_.next();
      const array loss = step(batch[0], batch[1]);
      eval(loss, model_, optimizer_);
      result.steps = ++state_.position;
      const double value = examples::finite_loss(loss.item<float>());
      std::optional<double> validation;
      if (is_due(o_.validate_every)) {
        validation = result.validation_loss = validation_loss();
        validated_ = fmt::format("  validation {:.4f}", *validation);
      }
      const std::string text =
          fmt::format("step {:>{}}/{}  loss {:.4f}{}", result.steps,
                      fmt::formatted_size("{}", steps), steps, value, validated_);
      progress.step(static_cast<double>(batch[0].size()), text);
      if (validation) progress.milestone(text);
      if (validation || is_due(o_.log_every)) record(log, value, validation);
      if (is_due(o_.sample_every)) show_sample(progress);
      if (is_due(o_.checkpoint_every)) save();
    }
    progress.finish();
    if (!is_due(o_.checkpoint_every)) save();
    if (validated_.empty()) result.validation_loss = validation_loss();
    save_curves(log);
    return result;
  }

 private:
  std::string path(const char* name) const { return path_in(run_.output, name); }

  Gpt seeded_model() const {
    random::seed(o_.seed);
    return Gpt({.vocab_size = corpus_.tokenizer.vocab_size(),
                .context = o_.context,
                .dims = o_.dims,
                .layers = o_.layers,
                .heads = o_.heads,
                .dropout = o_.dropout});
  }

  std::string introduction() const {
    return fmt::format(
        "{} parameters, a vocabulary of {}; {} tokens to train on, {} to validate; {} steps of {} "
        "tokens, {:.1f} passes\n",
        count(model_.parameters()), corpus_.tokenizer.vocab_size(), corpus_.training.size(),
        corpus_.validation.size(), o_.steps, o_.batch_size * o_.context,
        static_cast<double>(o_.steps) * o_.batch_size * o_.context /
            static_cast<double>(corpus_.training.size()));
  }

  double validation_loss() {
    const double loss = measure(model_, held_out_, most_validation_batches);
    model_.train();
    return loss;
  }

  void record(logging::CsvLog& log, double loss, std::optional<double> validation) {
    const double rate = optimizer_.learning_rate().item<float>();
    log.add({static_cast<double>(state_.position), loss, validation, rate});
    if (!events_) return;
    const auto number = static_cast<int64_t>(state_.position);
    events_->scalar("loss/training", number, loss);
    events_->scalar("learning rate", number, rate);
    if (!validation) return;
    events_->scalar("loss/validation", number, *validation);
    events_->histogram("token embeddings", number, model_.transformer.wte.weight);
  }

  void show_sample(logging::Progress& progress) {
    const std::string sample = generate(model_, corpus_.tokenizer, "",
                                        {.tokens = sampled_tokens, .seed = state_.position});
    model_.train();
    if (!run_.display.quiet)
      progress.print(
          fmt::format("a sample after step {}:\n{}\n", state_.position, indented(sample)));
    if (events_)
      events_->text("sample", static_cast<int64_t>(state_.position), "```\n" + sample + "\n```");
  }

  void save() {
    state_.save(path(state_file));
    gpt::save(run_.output, model_, corpus_.tokenizer);
  }

  void save_curves(const logging::CsvLog& log) const {
    const logging::Chart loss{"loss",
                              "step",
                              "nats a token",
                              {log.series("training", "step", "loss"),
                               log.series("validation", "step", "validation loss")}};
    const logging::Chart rate{
        "learning rate", "step", "", {log.series("learning rate", "step", "learning rate")}};
    logging::save_svg(path(curves_file), {loss, rate});
  }

  TrainOptions o_;
  RunOptions run_;
  Corpus corpus_;
  Gpt model_;
  optimizers::AdamW optimizer_;
  TrainState state_;
  data::Loader batches_, held_out_;
  std::optional<logging::EventWriter> events_;
  std::string validated_;  // of the status line
};

}  // namespace

double measure(Gpt& model, data::Loader& batches, size_t most) {
  model.eval();
  auto loss_of =
      nn::compile([&model](const array& x, const array& y) { return loss(model, x, y); }, model);
  batches.seek(0);
  double sum = 0, windows = 0;
  for (size_t i = 0; i < std::min(batches.batches(), most); ++i) {
    const data::Sample batch = batches.next();
    const auto size = static_cast<double>(batch[0].shape(0));
    sum += size * loss_of(batch[0], batch[1]).item<float>();
    windows += size;
  }
  return sum / windows;
}

TrainResult train(TrainOptions options, const std::vector<std::string>& given,
                  const RunOptions& run, std::ostream& out,
                  const std::function<bool()>& keep_going) {
  const std::string of_run = path_in(run.output, run_file);
  const bool is_run = fs::exists(of_run);
  RunOptions settings = run;
  if (run.resume) {
    if (!is_run)
      throw std::invalid_argument(
          fmt::format("--resume: expected a run in '{}', got none", run.output));
    options = resumed(options, given, of_run, run.output);
    // A run that was killed before its first checkpoint begins anew.
    settings.resume = fs::exists(path_in(run.output, state_file));
  } else if (is_run) {
    throw std::invalid_argument(
        fmt::format("--output: '{}' holds a run; go on with it by --resume, or give another folder",
                    run.output));
  }
  check(options);
  const std::string text =
      data::read_text(std::vector<fs::path>(options.data.begin(), options.data.end()));
  ordered_json description = to_json(options);
  description["text"] = fingerprint(text);
  std::optional<text::Tokenizer> tokenizer;
  if (run.resume) {
    const ordered_json stored = ordered_json::parse(read_file(of_run));
    if (stored.value("text", "") != description["text"])
      throw std::invalid_argument(
          fmt::format("--data: expected the text of the run in '{}', {}, got {}", run.output,
                      stored.value("text", "none"), fingerprint(text)));
    if (settings.resume) tokenizer = text::Tokenizer::load(path_in(run.output, "tokenizer.json"));
  } else {
    examples::prepare_output(run.output);
  }
  Corpus corpus = read_corpus(options, text, tokenizer);
  if (!run.resume) write_file(of_run, description.dump(2) + "\n");
  return Run(options, settings, std::move(corpus)).train(out, keep_going);
}

}  // namespace gpt
