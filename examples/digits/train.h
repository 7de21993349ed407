// Training a network, and measuring what it has learnt.
#pragma once

#include <functional>
#include <vector>

#include "data.h"
#include "mica/logging/progress.h"
#include "model.h"

namespace digits {

struct TrainingOptions {
  int epochs = 15;  // passes over the images
  int batch_size = 32;
  double learning_rate = 2e-3;  // the largest: it rises for a tenth of the steps, then falls to 0
};

// The mean loss and the share of right answers.
struct Measured {
  double loss = 0;
  double accuracy = 0;
};

// What an epoch reached, in training mode while it ran and on held-out images at its end.
struct Epoch {
  Measured training;
  Measured held_out;
};

// Trains with AdamW on images in random order, each batch shifted by up to a pixel in either
// direction, and shows progress. Ends after the current step when interrupted() holds; the last
// epoch is then that of the steps done. All that is random comes from mica's default keys.
std::vector<Epoch> train(DigitsNet& model, const Dataset& training, const Dataset& held_out,
                         const TrainingOptions& options, mica::logging::Progress& progress,
                         const std::function<bool()>& interrupted);

// The steps of all epochs together.
int count_steps(const TrainingOptions& options, int images);

// The most likely digit for each image: (n,), uint32. Leaves the model in evaluation mode.
mica::array predict(DigitsNet& model, const mica::array& images);

}  // namespace digits
