#include "train.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "program.h"

namespace digits {

namespace {

using mica::array;
namespace optimizers = mica::optimizers;
namespace random = mica::random;

optimizers::Schedule warm_up_then_decay(double peak, int steps) {
  const int warm_up = std::max(1, steps / 10);
  return optimizers::join_schedules({optimizers::linear_schedule(peak / warm_up, peak, warm_up),
                                     optimizers::cosine_decay(peak, std::max(1, steps - warm_up))},
                                    {warm_up});
}

// Moves the images by a random number of pixels from -1 to 1 along each side, filling up with 0.
array randomly_shifted(const array& images) {
  const array offset = random::randint(0, 3, {2});
  const int down = mica::take(offset, 0, 0).item<int>(),
            right = mica::take(offset, 1, 0).item<int>();
  const array padded = mica::pad(images, {{0, 0}, {1, 1}, {1, 1}, {0, 0}});
  return mica::slice(padded, {0, down, right, 0},
                     {images.shape(0), down + side, right + side, images.shape(3)});
}

array cross_entropy(const array& logits, const array& labels) {
  return nn::losses::cross_entropy(logits, labels, {.reduction = nn::Reduction::mean});
}

array count_right(const array& logits, const array& labels) {
  return mica::sum(mica::argmax(logits, 1) == labels);
}

Measured measure(DigitsNet& model, const Dataset& dataset) {
  model.eval();
  const array logits = model(dataset.images);
  const array loss = cross_entropy(logits, dataset.labels);
  const array right = count_right(logits, dataset.labels);
  mica::eval(loss, right);
  return {loss.item<float>(), right.item<double>() / dataset.size()};
}

// The means over the images of an epoch so far.
class Average {
 public:
  void add(int images, double loss, double right) {
    images_ += images;
    loss_ += loss * images;
    right_ += right;
  }
  int images() const { return images_; }
  Measured get() const { return {loss_ / images_, right_ / images_}; }

 private:
  int images_ = 0;
  double loss_ = 0;
  double right_ = 0;
};

std::string status(int epoch, int epochs, const Measured& training, const std::string& held_out) {
  return fmt::format("epoch {:>{}}/{}  loss {:.4f}  accuracy {:.4f}{}", epoch,
                     fmt::formatted_size("{}", epochs), epochs, training.loss, training.accuracy,
                     held_out);
}

}  // namespace

int count_steps(const TrainingOptions& options, int images) {
  return options.epochs * ((images + options.batch_size - 1) / options.batch_size);
}

std::vector<Epoch> train(DigitsNet& model, const Dataset& training, const Dataset& held_out,
                         const TrainingOptions& options, mica::logging::Progress& progress,
                         const std::function<bool()>& interrupted) {
  const int images = training.size();
  optimizers::AdamW optimizer(
      {.learning_rate = warm_up_then_decay(options.learning_rate, count_steps(options, images))});
  auto loss_and_gradients = nn::value_and_grad(model, [&](const array& x, const array& labels) {
    const array logits = model(x);
    return std::tuple(cross_entropy(logits, labels), count_right(logits, labels));
  });

  std::vector<Epoch> epochs;
  std::string held_out_text;
  while (static_cast<int>(epochs.size()) < options.epochs && !interrupted()) {
    const int epoch = static_cast<int>(epochs.size()) + 1;
    const array order = random::permutation(images);
    Average average;
    model.train();
    for (int from = 0; from < images && !interrupted(); from += options.batch_size) {
      const int to = std::min(from + options.batch_size, images);
      const array rows = mica::slice(order, {from}, {to});
      const array x = randomly_shifted(mica::take(training.images, rows, 0));
      const auto [measured, gradients] =
          loss_and_gradients(x, mica::take(training.labels, rows, 0));
      const auto& [loss, right] = measured;
      optimizer.update(model, gradients);
      mica::eval(loss, right, model.state(), optimizer.state());
      average.add(to - from, examples::finite_loss(loss.item<float>()), right.item<double>());
      progress.step(to - from, status(epoch, options.epochs, average.get(), held_out_text));
    }
    if (average.images() == 0) break;
    epochs.push_back({average.get(), measure(model, held_out)});
    held_out_text = fmt::format("  held-out {:.4f}", epochs.back().held_out.accuracy);
    progress.milestone(status(epoch, options.epochs, epochs.back().training, held_out_text));
  }
  progress.finish();
  return epochs;
}

array predict(DigitsNet& model, const array& images) {
  model.eval();
  return mica::argmax(model(images), 1);
}

}  // namespace digits
