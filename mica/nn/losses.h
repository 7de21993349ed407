// Losses: functions of predictions and targets that training makes small.
#pragma once

#include <optional>

#include "mica/array/array.h"

namespace mica::nn {

// Of the losses of all targets: kept, averaged, or added up.
enum class Reduction { none, mean, sum };

namespace losses {

struct CrossEntropyOptions {
  std::optional<array> weights = {};  // one for each target, of the shape of the losses
  std::optional<array> class_weights =
      {};                        // (C,): each target's loss is scaled by its class's weight
  int axis = -1;                 // of the classes in logits
  double label_smoothing = 0.0;  // in [0, 1): spread over all classes
  Reduction reduction = Reduction::none;
};

// -log softmax(logits) at the targets: class indices (the shape of logits without axis), or
// probabilities (the shape of logits).
array cross_entropy(const array& logits, const array& targets,
                    const CrossEntropyOptions& options = {});

struct BinaryCrossEntropyOptions {
  std::optional<array> weights = {};  // of the shape of the inputs
  bool with_logits = true;            // inputs are logits, else probabilities
  Reduction reduction = Reduction::mean;
};

array binary_cross_entropy(const array& inputs, const array& targets,
                           const BinaryCrossEntropyOptions& options = {});

struct ReductionOptions {
  Reduction reduction = Reduction::mean;
};

// |predictions - targets|
array l1_loss(const array& predictions, const array& targets, const ReductionOptions& options = {});
// (predictions - targets)²
array mse_loss(const array& predictions, const array& targets,
               const ReductionOptions& options = {});

}  // namespace losses
}  // namespace mica::nn
