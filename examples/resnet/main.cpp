// Trains a residual network on CIFAR-10, or on shapes that it draws.
#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <string>

#include "arguments.h"
#include "program.h"
#include "shapes.h"
#include "train.h"

namespace resnet {

namespace {

namespace data = mica::data;
namespace logging = mica::logging;

struct Options {
  TrainOptions training;
  int blocks = 3, width = 16;
  std::string data;
  size_t pictures = 4000;  // drawn to train on, where there is no data
  std::string output = "resnet-output";
  bool quiet = false;
};

void add_options(CLI::App& app, Options& o) {
  app.add_option("--data", o.data,
                 "folder with the binary version of CIFAR-10 (data_batch_1.bin, ...); without it "
                 "the program draws pictures of its own");
  app.add_option("--pictures", o.pictures, "to draw for training, a quarter as many to validate")
      ->check(CLI::Range(40, 10000000))
      ->capture_default_str();
  app.add_option("--blocks", o.blocks, "in each of 3 stages: 3 is ResNet-20, 9 ResNet-56")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  app.add_option("--width", o.width, "channels of the first stage")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--epochs", o.training.epochs, "passes over the training pictures")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--batch-size", o.training.batch_size, "pictures in a step")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--learning-rate", o.training.learning_rate, "the largest of the schedule")
      ->check(CLI::Range(1e-9, 100.0))
      ->capture_default_str();
  app.add_option("--momentum", o.training.momentum, "of SGD")
      ->check(CLI::Range(0.0, 0.9999))
      ->capture_default_str();
  app.add_option("--weight-decay", o.training.weight_decay, "of SGD")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_option("--seed", o.training.seed, "of all random numbers")->capture_default_str();
  app.add_option("--output", o.output, "folder for the best weights, the log and the curves")
      ->capture_default_str();
  app.add_flag("--quiet", o.quiet, "show no progress");
}

void save_curves(const logging::CsvLog& log, const std::string& path) {
  const auto chart = [&](const std::string& what) {
    return logging::Chart{what,
                          "epoch",
                          what,
                          {log.series("training", "epoch", "training " + what),
                           log.series("held out", "epoch", "held-out " + what)}};
  };
  logging::save_svg(path, {chart("loss"), chart("accuracy")});
}

int run(const Options& o) {
  const auto path = [&](const char* name) { return examples::path_in(o.output, name); };
  examples::prepare_output(o.output);

  const uint64_t seed = o.training.seed;
  const bool is_cifar = !o.data.empty();
  const data::Dataset training =
      is_cifar ? data::read_cifar10(o.data, data::Part::training) : draw_shapes(o.pictures, seed);
  const data::Dataset held_out =
      is_cifar ? data::read_cifar10(o.data, data::Part::test) : draw_shapes(o.pictures / 4, ~seed);
  if (is_cifar)
    std::cout << fmt::format("CIFAR-10 from {}\n", o.data);
  else
    std::cout << "No --data given: this trains on coloured shapes that the program draws, not on "
                 "CIFAR-10.\nAccuracies say nothing about photographs.\n";

  mica::random::seed(seed);
  ResNet model(o.blocks, o.width);
  const size_t parameters = mica::tree_reduce([](size_t n, const array& p) { return n + p.size(); },
                                              model.trainable_parameters(), size_t{0});
  std::cout << fmt::format(
      "ResNet-{}: {} parameters, {} training pictures, {} held out, {} classes\n\n",
      6 * o.blocks + 2, parameters, training.size(), held_out.size(), classes);

  logging::CsvLog log(path("log.csv"), {"epoch", "training loss", "training accuracy",
                                        "held-out loss", "held-out accuracy"});
  logging::Display display = logging::display_of(STDOUT_FILENO);
  display.quiet = o.quiet;
  examples::stop_on_interrupt();
  int best_epoch = 0;
  Measured best;
  const auto epochs = train(
      model, training, held_out, o.training, display, std::cout,
      [&](int epoch, const Epoch& reached) {
        log.add({static_cast<double>(epoch), reached.training.loss, reached.training.accuracy,
                 reached.held_out.loss, reached.held_out.accuracy});
        save_curves(log, path("curves.svg"));
        if (best_epoch > 0 && reached.held_out.accuracy <= best.accuracy) return;
        best_epoch = epoch;
        best = reached.held_out;
        model.save_weights(path("best.safetensors"));
      },
      [] { return examples::interrupted(); });
  if (epochs.empty()) {
    std::cout << "interrupted before the first epoch: nothing was saved\n";
    return examples::interrupted_status;
  }

  ResNet reloaded(o.blocks, o.width);
  reloaded.load_weights(path("best.safetensors"));
  const Measured again = measure(reloaded, held_out, o.training.batch_size);
  std::cout << fmt::format("wrote {} (epoch {}), {} and {}\n", path("best.safetensors"), best_epoch,
                           path("log.csv"), path("curves.svg"));
  if (again.accuracy != best.accuracy)
    throw std::runtime_error("the reloaded model predicts otherwise");
  std::cout << fmt::format("best held-out accuracy: {:.4f}\n", best.accuracy);
  return examples::interrupted() ? examples::interrupted_status : 0;
}

}  // namespace

}  // namespace resnet

int main(int argc, char** argv) {
  CLI::App app("Trains a residual network on CIFAR-10, or on shapes that it draws.", "resnet");
  app.failure_message(examples::failure_text);
  resnet::Options options;
  resnet::add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    return resnet::run(options);
  } catch (const std::exception& error) {
    std::cerr << "resnet: " << error.what() << '\n';
    return 1;
  }
}
