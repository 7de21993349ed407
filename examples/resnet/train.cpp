#include "train.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <tuple>

#include "program.h"

namespace resnet {

using namespace mica;

namespace {

// Of CIFAR-10's training pictures, by channel.
const std::vector<float> mean_color{0.4914f, 0.4822f, 0.4465f};
const std::vector<float> color_deviation{0.2470f, 0.2435f, 0.2616f};
constexpr int crop_padding = 4;

array cross_entropy(const array& logits, const array& labels) {
  return nn::losses::cross_entropy(logits, labels, {.reduction = nn::Reduction::mean});
}

array count_right(const array& logits, const array& labels) {
  return sum(argmax(logits, 1) == labels);
}

// The means over pictures.
class Average {
 public:
  void add(int pictures, const array& loss, const array& right) {
    pictures_ += pictures;
    loss_ += loss.item<float>() * pictures;
    right_ += right.item<double>();
  }
  int pictures() const { return pictures_; }
  Measured get() const { return {loss_ / pictures_, right_ / pictures_}; }

 private:
  int pictures_ = 0;
  double loss_ = 0, right_ = 0;
};

optimizers::SGD make_optimizer(const TrainOptions& o, int steps) {
  const int rise = std::max(1, steps / 20);
  const auto rate = optimizers::join_schedules(
      {optimizers::linear_schedule(o.learning_rate / rise, o.learning_rate, rise),
       optimizers::cosine_decay(o.learning_rate, std::max(1, steps - rise))},
      {rise});
  return optimizers::SGD(
      {.learning_rate = rate, .momentum = o.momentum, .weight_decay = o.weight_decay});
}

std::string text(const Measured& m) {
  return fmt::format("loss {:.4f}  accuracy {:.4f}", m.loss, m.accuracy);
}

}  // namespace

Measured measure(ResNet& model, const data::Dataset& dataset, int batch_size) {
  model.eval();
  auto forward = nn::compile(
      [&](const array& x, const array& labels) {
        const array logits = model(x);
        return std::tuple(cross_entropy(logits, labels), count_right(logits, labels));
      },
      model);
  data::Loader batches(dataset.map(data::normalize(mean_color, color_deviation)),
                       {.batch_size = batch_size});
  Average average;
  for (const data::Sample& batch : batches) {
    const auto [loss, right] = forward(batch[0], batch[1]);
    eval(loss, right);
    average.add(batch[0].shape(0), loss, right);
  }
  return average.get();
}

std::vector<Epoch> train(ResNet& model, const data::Dataset& training,
                         const data::Dataset& held_out, const TrainOptions& o,
                         const logging::Display& display, std::ostream& out,
                         const std::function<void(int, const Epoch&)>& reached,
                         const std::function<bool()>& interrupted) {
  data::Loader batches(training.map(data::random_crop(crop_padding))
                           .map(data::random_flip())
                           .map(data::normalize(mean_color, color_deviation)),
                       {.batch_size = o.batch_size,
                        .shuffle = true,
                        .drop_last = static_cast<int>(training.size()) >= o.batch_size,
                        .seed = o.seed});
  const auto batches_an_epoch = static_cast<int>(batches.batches());
  optimizers::SGD optimizer = make_optimizer(o, o.epochs * batches_an_epoch);
  auto loss_and_gradients = nn::value_and_grad(model, [&](const array& x, const array& labels) {
    const array logits = model(x);
    return std::tuple(cross_entropy(logits, labels), count_right(logits, labels));
  });
  auto step = nn::compile(
      [&](const array& x, const array& labels) {
        auto [measured, gradients] = loss_and_gradients(x, labels);
        optimizer.update(model, gradients);
        return measured;
      },
      model, optimizer);

  logging::Progress progress(out, display, static_cast<uint64_t>(o.epochs * batches_an_epoch),
                             "pictures");
  std::vector<Epoch> epochs;
  std::string held_out_text;
  for (int epoch = 1; epoch <= o.epochs && !interrupted(); ++epoch) {
    Average average;
    std::string status;
    model.train();
    for (int i = 0; i < batches_an_epoch && !interrupted(); ++i) {
      const data::Sample batch = batches.next();
      const auto [loss, right] = step(batch[0], batch[1]);
      eval(loss, right, model, optimizer);
      average.add(batch[0].shape(0), loss, right);
      examples::finite_loss(loss.item<float>());
      status = fmt::format("epoch {:>{}}/{}  {}", epoch, fmt::formatted_size("{}", o.epochs),
                           o.epochs, text(average.get()));
      progress.step(batch[0].shape(0), status + held_out_text);
    }
    if (average.pictures() == 0) break;
    epochs.push_back({average.get(), measure(model, held_out, o.batch_size)});
    held_out_text = fmt::format("  held-out {:.4f}", epochs.back().held_out.accuracy);
    progress.milestone(status + held_out_text);
    reached(epoch, epochs.back());
  }
  return epochs;
}

}  // namespace resnet
