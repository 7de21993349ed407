#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

enum class PlateauMode { min, max };  // the metric is to fall, or to rise

struct ReduceLROnPlateauOptions {
  PlateauMode mode = PlateauMode::min;
  double factor = 0.1;  // of the learning rate, in (0, 1)
  int patience = 10;    // calls without an improvement that are let pass
  double threshold = 1e-4;
  bool relative = true;  // an improvement is by threshold * |best|, else by threshold
  int cooldown = 0;      // calls behind a reduction in which nothing is counted
  double min_lr = 0.0;
  double eps = 1e-8;  // reductions by less are left out
};

// Lowers a learning rate when a metric stops improving. A value, whose state can be saved and set.
class ReduceLROnPlateau {
 public:
  using Options = ReduceLROnPlateauOptions;
  explicit ReduceLROnPlateau(const Options& options = {});

  // To be called with the metric of each epoch; returns whether the rate was lowered. All of a
  // MultiOptimizer's optimizers get the lowered rate of the first. Throws std::invalid_argument
  // where the optimizer's rate is a schedule's.
  bool step(Optimizer& optimizer, double metric);

  // {"best", "bad_steps", "cooldown"}
  Tree state() const;
  void set_state(const Tree& state);

 private:
  bool improves(double metric) const;

  Options options_;
  double best_;
  int bad_steps_ = 0;
  int cooldown_ = 0;  // calls left
};

}  // namespace mica::optimizers
