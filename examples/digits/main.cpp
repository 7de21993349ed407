// Trains a small convolutional network on handwritten digits, shows how good it is on digits it has
// not seen, and writes the curves of training and the weights.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "data.h"
#include "mica/logging/logging.h"
#include "model.h"
#include "program.h"
#include "train.h"

namespace digits {

namespace {

constexpr int held_out_rows = 360;

struct Options {
  TrainingOptions training;
  uint64_t seed = 0;
  std::string output = "digits-output";
  std::string data = DIGITS_DATA;
};

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

void save_curves(const std::vector<Epoch>& epochs, const std::string& path) {
  mica::logging::Chart loss{"loss", "epoch", "", {{"training", {}, {}}, {"held out", {}, {}}}};
  mica::logging::Chart accuracy = loss;
  accuracy.title = "accuracy";
  for (size_t i = 0; i < epochs.size(); ++i) {
    const Measured both[] = {epochs[i].training, epochs[i].held_out};
    for (size_t k = 0; k < std::size(both); ++k) {
      for (const auto& [chart, value] :
           {std::pair(&loss, both[k].loss), std::pair(&accuracy, both[k].accuracy)}) {
        chart->series[k].x.push_back(static_cast<double>(i + 1));
        chart->series[k].y.push_back(value);
      }
    }
  }
  mica::logging::save_svg(path, {loss, accuracy});
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
  examples::prepare_output(options.output);
  const std::string weights = examples::path_in(options.output, "model.safetensors");
  const std::string curves = examples::path_in(options.output, "curves.svg");
  const std::string picture = examples::path_in(options.output, "model.svg");
  const auto [training, held_out] = split(read_dataset(options.data), held_out_rows);

  mica::random::seed(options.seed);
  DigitsNet model;
  size_t parameters = 0;
  for (const auto& [path, p] : tree_flatten(model.trainable_parameters())) parameters += p.size();
  std::cout << model << '\n'
            << fmt::format("{} parameters, {} training images, {} held out\n\n", parameters,
                           training.size(), held_out.size());

  mica::logging::Progress progress(
      std::cout, mica::logging::display_of(STDOUT_FILENO),
      static_cast<uint64_t>(count_steps(options.training, training.size())), "images");
  examples::stop_on_interrupt();
  const std::vector<Epoch> epochs = train(model, training, held_out, options.training, progress,
                                          [] { return examples::interrupted(); });
  model.save_weights(weights);
  save_curves(epochs, curves);
  mica::nn::draw(model, held_out.images).save(picture);
  if (examples::interrupted()) {
    std::cout << fmt::format("interrupted in epoch {}: saved what there is to {} and {}\n",
                             std::max<size_t>(epochs.size(), 1), weights, curves);
    return examples::interrupted_status;
  }

  const mica::array predictions = predict(model, held_out.images);
  mica::eval(predictions, held_out.labels);
  const Confusion counts = confusion_matrix(held_out.labels, predictions);
  print(counts);
  std::cout << fmt::format("\nwrote {}, {} and {}\n", weights, curves, picture);
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
  CLI::App app("Trains a convolutional network on handwritten digits.", "digits");
  app.failure_message(examples::failure_text);
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
