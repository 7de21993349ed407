#include "mica/optimizers/plateau.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

namespace {

[[noreturn]] void fail(const std::string& expected, const std::string& got) {
  throw std::invalid_argument("ReduceLROnPlateau: expected " + expected + ", got " + got);
}

double worst(PlateauMode mode) {
  const double infinity = std::numeric_limits<double>::infinity();
  return mode == PlateauMode::min ? infinity : -infinity;
}

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(const Options& options)
    : options_(options), best_(worst(options.mode)) {
  if (!(options.factor > 0 && options.factor < 1)) {
    fail("factor in (0, 1)", nn::repr(options.factor));
  }
  if (options.patience < 0) fail("patience of at least 0", nn::repr(options.patience));
  if (options.cooldown < 0) fail("cooldown of at least 0", nn::repr(options.cooldown));
}

bool ReduceLROnPlateau::improves(double metric) const {
  const double margin = options_.relative && std::isfinite(best_)
                            ? options_.threshold * std::abs(best_)
                            : options_.threshold;
  return options_.mode == PlateauMode::min ? metric < best_ - margin : metric > best_ + margin;
}

bool ReduceLROnPlateau::step(Optimizer& optimizer, double metric) {
  if (optimizer.is_scheduled()) {
    fail("an optimizer whose learning rate is a number", "one with a schedule");
  }
  if (improves(metric)) {
    best_ = metric;
    bad_steps_ = 0;
  } else {
    ++bad_steps_;
  }
  if (cooldown_ > 0) {
    --cooldown_;
    bad_steps_ = 0;
  }
  if (bad_steps_ <= options_.patience) return false;
  cooldown_ = options_.cooldown;
  bad_steps_ = 0;
  const array rate = optimizer.learning_rate();
  const double before = astype(rate, float64).item<double>();
  const double lowered = std::max(before * options_.factor, options_.min_lr);
  if (before - lowered <= options_.eps) return false;
  optimizer.set_learning_rate(array(lowered, rate.dtype()));
  return true;
}

Tree ReduceLROnPlateau::state() const {
  return Tree::dict({{"best", array(best_, float64)},
                     {"bad_steps", array(bad_steps_)},
                     {"cooldown", array(cooldown_)}});
}

void ReduceLROnPlateau::set_state(const Tree& state) {
  for (const char* key : {"best", "bad_steps", "cooldown"})
    if (!state.contains(key)) fail(std::string("a state with ") + key, "none");
  best_ = array(state["best"]).item<double>();
  bad_steps_ = array(state["bad_steps"]).item<int>();
  cooldown_ = array(state["cooldown"]).item<int>();
}

}  // namespace mica::optimizers
