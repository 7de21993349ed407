// Training a residual network as the paper does: SGD with momentum and weight decay, pictures moved
// and mirrored at random. But for the learning rate, which falls along a cosine, not in steps.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "mica/data/data.h"
#include "mica/logging/logging.h"
#include "model.h"

namespace resnet {

struct TrainOptions {
  int epochs = 10;
  int batch_size = 128;
  double learning_rate = 0.1;  // the largest: it rises for a twentieth of the steps, then falls
  double momentum = 0.9;
  double weight_decay = 1e-4;
  uint64_t seed = 0;
};

struct Measured {
  double loss = 0;
  double accuracy = 0;
};
struct Epoch {
  Measured training;  // in training mode, while it ran
  Measured held_out;  // at its end
};

// The model's loss and accuracy on a dataset of {picture of uint8, label}. Leaves the model in
// evaluation mode.
Measured measure(ResNet& model, const mica::data::Dataset& dataset, int batch_size);

// Trains on {picture of uint8, label} and calls reached(epoch, what it reached) after each epoch,
// counted from 1. Ends after the current step when interrupted() holds. Shows progress on `out`.
std::vector<Epoch> train(ResNet& model, const mica::data::Dataset& training,
                         const mica::data::Dataset& held_out, const TrainOptions& options,
                         const mica::logging::Display& display, std::ostream& out,
                         const std::function<void(int, const Epoch&)>& reached,
                         const std::function<bool()>& interrupted);

}  // namespace resnet
