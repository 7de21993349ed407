// Trains a small convolutional network on handwritten digits, shows how good it is on digits it has
// not seen, and writes the curves of training and the weights.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "data.h"
#include "mica/io/file.h"
#include "model.h"
#include "plot.h"
#include "progress.h"
#include "train.h"

namespace digits {

namespace {

constexpr int held_out_rows = 360;
constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it

struct Options {
  TrainingOptions training;
  uint64_t seed = 0;
  std::string output = "digits-output";
  std::string data = DIGITS_DATA;
};

volatile std::sig_atomic_t interrupt_requested = 0;

// The first Ctrl-C asks training to stop; a second one ends the program as usual.
void stop_on_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupt_requested = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
}

CLI::Validator positive_up_to(double most) {
  return CLI::Validator(
      [most](const std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        return number && value > 0 && value <= most
                   ? std::string()
                   : fmt::format("expected a number above 0 and up to {}, got '{}'", most, text);
      },
      fmt::format("FLOAT up to {}", most));
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--epochs", options.training.epochs, "passes over the training images")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--batch-size", options.training.batch_size, "images in a step")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--learning-rate", options.training.learning_rate, "the largest of the schedule")
      ->check(positive_up_to(10))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "of all random numbers")->capture_default_str();
  app.add_option("--output", options.output, "folder for the weights and the curves")
      ->capture_default_str();
  app.add_option("--data", options.data, "the digits, as a CSV file that may be gzipped")
      ->capture_default_str();
}

// Before any work, so that a long training does not end without a place for its results.
void prepare_output(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && !std::filesystem::is_directory(folder))
    error = std::make_error_code(std::errc::not_a_directory);
  if (!error && access(folder.c_str(), W_OK | X_OK) != 0)
    error = std::error_code(errno, std::generic_category());
  if (error) throw std::system_error(error, fmt::format("--output: can't write to '{}'", folder));
}

void save_curves(const std::vector<Epoch>& epochs, const std::string& path) {
  const std::string blue = "#0072b2", orange = "#d55e00";
  Chart loss{"loss", "epoch", {{"training", blue, {}}, {"held out", orange, {}}}};
  Chart accuracy{"accuracy", "epoch", {{"training", blue, {}}, {"held out", orange, {}}}};
  for (const auto& [training, held_out] : epochs) {
    loss.lines[0].values.push_back(training.loss);
    loss.lines[1].values.push_back(held_out.loss);
    accuracy.lines[0].values.push_back(training.accuracy);
    accuracy.lines[1].values.push_back(held_out.accuracy);
  }
  const std::string text = svg({loss, accuracy});
  mica::io::ReplacingFile file("save_curves", path);
  file.write(text.data(), text.size());
  file.commit();
}

using Confusion = std::vector<std::vector<int>>;  // [label][prediction]

Confusion confusion_matrix(const mica::array& labels, const mica::array& predictions) {
  Confusion counts(classes, std::vector<int>(classes));
  for (int i = 0; i < labels.shape(0); ++i) {
    const auto label = static_cast<size_t>(labels.data<int32_t>()[i]);
    ++counts[label][predictions.data<uint32_t>()[i]];
  }
  return counts;
}

void print(const Confusion& counts) {
  std::cout << "\nconfusion matrix (a row for each digit, a column for each prediction)\n      ";
  for (int digit = 0; digit < classes; ++digit) std::cout << fmt::format("{:>4}", digit);
  std::cout << '\n';
  for (size_t digit = 0; digit < counts.size(); ++digit) {
    std::cout << fmt::format("{:>4} |", digit);
    for (const int count : counts[digit])
      std::cout << fmt::format("{:>4}", count ? std::to_string(count) : ".");
    std::cout << '\n';
  }
}

// The predictions of a model that has nothing but the weights in the file.
void check_reloaded(const std::string& weights, const Dataset& held_out,
                    const mica::array& predictions) {
  DigitsNet fresh;
  fresh.load_weights(weights);
  const int same = sum(predict(fresh, held_out.images) == predictions).item<int>();
  std::cout << fmt::format("reloaded {}: {} of {} predictions are the same\n", weights, same,
                           held_out.size());
  if (same != held_out.size()) throw std::runtime_error("the reloaded model predicts otherwise");
}

int run(const Options& options) {
  prepare_output(options.output);
  const std::string weights =
      (std::filesystem::path(options.output) / "model.safetensors").string();
  const std::string curves = (std::filesystem::path(options.output) / "curves.svg").string();
  const auto [training, held_out] = split(read_dataset(options.data), held_out_rows);

  mica::random::seed(options.seed);
  DigitsNet model;
  size_t parameters = 0;
  for (const auto& [path, p] : tree_flatten(model.trainable_parameters())) parameters += p.size();
  std::cout << model << '\n'
            << fmt::format("{} parameters, {} training images, {} held out\n\n", parameters,
                           training.size(), held_out.size());

  const int batch = options.training.batch_size;
  const int steps = options.training.epochs * ((training.size() + batch - 1) / batch);
  Progress progress(std::cout, display_of(STDOUT_FILENO), options.training.epochs, steps);
  stop_on_interrupt();
  const std::vector<Epoch> epochs = train(model, training, held_out, options.training, progress,
                                          [] { return interrupt_requested != 0; });
  model.save_weights(weights);
  save_curves(epochs, curves);
  if (interrupt_requested) {
    std::cout << fmt::format("interrupted in epoch {}: saved what there is to {} and {}\n",
                             std::max<size_t>(epochs.size(), 1), weights, curves);
    return interrupted_status;
  }

  const mica::array predictions = predict(model, held_out.images);
  mica::eval(predictions, held_out.labels);
  const Confusion counts = confusion_matrix(held_out.labels, predictions);
  print(counts);
  std::cout << fmt::format("\nwrote {} and {}\n", weights, curves);
  check_reloaded(weights, held_out, predictions);
  int right = 0;
  for (size_t digit = 0; digit < counts.size(); ++digit) right += counts[digit][digit];
  std::cout << fmt::format("held-out accuracy: {:.3f}\n",
                           static_cast<double>(right) / held_out.size());
  return 0;
}

}  // namespace

}  // namespace digits

int main(int argc, char** argv) {
  CLI::App app("Trains a convolutional network on handwritten digits.");
  digits::Options options;
  digits::add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return digits::run(options);
  } catch (const std::exception& error) {
    std::cerr << "digits: " << error.what() << '\n';
    return 1;
  }
}
