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
  std::optional<int> ignore_index = {};  // targets that have no loss, and don't count in the mean
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

struct FocalOptions {
  double alpha = 0.25;  // weight of targets of 1; 1 - alpha of those of 0; below 0: none
  double gamma = 2.0;   // at least 0: how much less sure predictions count
  Reduction reduction = Reduction::none;
};

// binary_cross_entropy of logits times (1 - p)^gamma, where p is the probability of the target.
array focal_loss(const array& inputs, const array& targets, const FocalOptions& options = {});

struct DiceOptions {
  double smooth = 1.0;
  Reduction reduction = Reduction::mean;
};

// 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), over all axes but the first. inputs:
// probabilities p (N, ...); targets: t, of the same shape.
array dice_loss(const array& inputs, const array& targets, const DiceOptions& options = {});

struct NllOptions {
  int axis = -1;  // of the classes in inputs
  Reduction reduction = Reduction::none;
  std::optional<int> ignore_index = {};  // targets that have no loss, and don't count in the mean
};

// -inputs at the targets. inputs: log probabilities; targets: class indices, the shape of inputs
// without axis.
array nll_loss(const array& inputs, const array& targets, const NllOptions& options = {});

struct CtcOptions {
  int blank = 0;               // the class of no label
  bool zero_infinity = false;  // 0 in place of inf where a target is too long for its input
  Reduction reduction = Reduction::mean;
};

// Connectionist temporal classification: -log of the probability of all sequences of classes that
// are the target once repetitions and then blanks are taken out. log_probs: (N, T, C), log_softmax
// of the network's outputs; targets: (N, S) labels other than blank; input_lengths and
// target_lengths: (N,), at most T and S. mean divides each loss by its target's length (at least 1)
// first.
array ctc_loss(const array& log_probs, const array& targets, const array& input_lengths,
               const array& target_lengths, const CtcOptions& options = {});

struct ReductionOptions {
  Reduction reduction = Reduction::mean;
};
struct UnreducedOptions {
  Reduction reduction = Reduction::none;
};

// |predictions - targets|
array l1_loss(const array& predictions, const array& targets, const ReductionOptions& options = {});
// (predictions - targets)²
array mse_loss(const array& predictions, const array& targets,
               const ReductionOptions& options = {});
// log cosh(inputs - targets)
array log_cosh_loss(const array& inputs, const array& targets,
                    const UnreducedOptions& options = {});
// max(0, 1 - inputs targets); targets are 1 or -1.
array hinge_loss(const array& inputs, const array& targets, const UnreducedOptions& options = {});

struct SmoothL1Options {
  double beta = 1.0;  // above 0: where the loss becomes linear
  Reduction reduction = Reduction::mean;
};

// For d = |predictions - targets|: d² / (2 beta) below beta, d - beta / 2 above.
array smooth_l1_loss(const array& predictions, const array& targets,
                     const SmoothL1Options& options = {});

struct HuberOptions {
  double delta = 1.0;  // at least 0: where the loss becomes linear
  Reduction reduction = Reduction::none;
};

// For d = |inputs - targets|: d² / 2 below delta, delta (d - delta / 2) above.
array huber_loss(const array& inputs, const array& targets, const HuberOptions& options = {});

struct GaussianNllOptions {
  bool full = false;  // with the constant log(2 pi) / 2
  double eps = 1e-6;  // least variance
  Reduction reduction = Reduction::mean;
};

// (log(vars) + (targets - inputs)² / vars) / 2, for means `inputs`.
array gaussian_nll_loss(const array& inputs, const array& targets, const array& vars,
                        const GaussianNllOptions& options = {});

struct KlDivOptions {
  int axis = -1;  // summed over
  Reduction reduction = Reduction::none;
};

// The divergence sum(exp(targets) (targets - inputs)); both are log probabilities.
array kl_div_loss(const array& inputs, const array& targets, const KlDivOptions& options = {});

struct CosineSimilarityOptions {
  int axis = 1;
  double eps = 1e-8;  // least product of norms
  Reduction reduction = Reduction::none;
};

// sum(x1 x2) / (|x1| |x2|) along axis.
array cosine_similarity_loss(const array& x1, const array& x2,
                             const CosineSimilarityOptions& options = {});

struct MarginRankingOptions {
  double margin = 0.0;
  Reduction reduction = Reduction::none;
};

// max(0, margin - targets (inputs1 - inputs2)); targets: 1 where inputs1 should be larger, else -1.
array margin_ranking_loss(const array& inputs1, const array& inputs2, const array& targets,
                          const MarginRankingOptions& options = {});

struct TripletOptions {
  int axis = -1;
  int p = 2;  // of the norm
  double margin = 1.0;
  double eps = 1e-6;  // added to the sums of powers
  Reduction reduction = Reduction::none;
};

// max(0, |anchors - positives| - |anchors - negatives| + margin), norms along axis.
array triplet_loss(const array& anchors, const array& positives, const array& negatives,
                   const TripletOptions& options = {});

}  // namespace losses
}  // namespace mica::nn
