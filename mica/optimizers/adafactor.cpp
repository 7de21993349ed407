#include "mica/optimizers/adafactor.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

namespace {

using nn::weak;

array root_mean_square(const array& x) { return sqrt(mean(square(x))); }

// x * beta + update * (1 - beta)
array moved(const array& x, const array& beta, const array& update) {
  return beta * x + (weak(1, beta) - beta) * update;
}

}  // namespace

Adafactor::Adafactor(const Options& options)
    : Optimizer("Adafactor", options.learning_rate, !options.relative_step), options_(options) {}

void Adafactor::init_single(const array& parameter, Tree& state) const {
  const Shape shape = parameter.shape();
  if (shape.size() >= 2) {
    Shape rows(shape.begin(), shape.end() - 1), columns(shape.begin(), shape.end() - 2);
    columns.push_back(shape.back());
    state["exp_avg_sq_row"] = zeros(rows, parameter.dtype());
    state["exp_avg_sq_col"] = zeros(columns, parameter.dtype());
  } else {
    state["exp_avg_sq"] = zeros_like(parameter);
  }
  if (options_.beta_1) state["exp_avg"] = zeros_like(parameter);
}

array Adafactor::step_size(const array& parameter_rms) const {
  const array count = astype(step(), float32);
  array size = options_.relative_step
                   ? minimum(options_.warmup_init ? array(1e-6) * count : array(1e-2), rsqrt(count))
                   : learning_rate();
  size = astype(size, parameter_rms.dtype());
  if (!options_.scale_parameter) return size;
  return maximum(weak(options_.eps[1], parameter_rms), parameter_rms) * size;
}

// The gradient over the root of its second moment, which is kept.
array Adafactor::second_moment_root(const array& gradient, const array& beta, Tree& state) const {
  const array squares = square(gradient) + weak(options_.eps[0], gradient);
  if (gradient.ndim() < 2) {
    const array moment = moved(state["exp_avg_sq"], beta, squares);
    state["exp_avg_sq"] = moment;
    return rsqrt(moment) * gradient;
  }
  const array rows = moved(state["exp_avg_sq_row"], beta, mean(squares, -1));
  const array columns = moved(state["exp_avg_sq_col"], beta, mean(squares, -2));
  state["exp_avg_sq_row"] = rows;
  state["exp_avg_sq_col"] = columns;
  const array of_row = rsqrt(rows / mean(rows, -1, true));
  return expand_dims(of_row, -1) * expand_dims(rsqrt(columns), -2) * gradient;
}

array Adafactor::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array parameter_rms = root_mean_square(parameter);
  const array lr = step_size(parameter_rms);
  const array decay = power(astype(step(), float32), array(options_.decay_rate));
  const array beta = weak(1, parameter_rms) - astype(decay, parameter_rms.dtype());
  array update = second_moment_root(gradient, beta, state);
  const array rms = root_mean_square(update);
  update = update / maximum(weak(1, rms), rms / weak(options_.clip_threshold, rms));
  update = lr * update;
  if (options_.beta_1) {
    const array mean = state["exp_avg"];
    update = weak(*options_.beta_1, mean) * mean + weak(1 - *options_.beta_1, update) * update;
    state["exp_avg"] = update;
  }
  if (options_.weight_decay == 0) return parameter - update;
  return parameter + parameter * (weak(-options_.weight_decay, lr) * lr) - update;
}

}  // namespace mica::optimizers
