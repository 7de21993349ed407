#include "mica/optimizers/schedules.h"

#include <numbers>
#include <stdexcept>
#include <string>

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

namespace {

void check_steps(const char* op, const char* what, int steps) {
  if (steps < 1)
    throw std::invalid_argument(std::string(op) + ": expected " + what + " of at least 1, got " +
                                std::to_string(steps));
}

array steps_like(int steps, const array& step) { return array(steps, step.dtype()); }

// Part of the way from one rate to another, with `part` in [0, 1].
array annealed(Anneal anneal, double from, double to, const array& part) {
  if (anneal == Anneal::linear) return array(from) + array(to - from) * part;
  return array(to) + array((from - to) / 2) * (array(1.0) + cos(array(std::numbers::pi) * part));
}

}  // namespace

Schedule exponential_decay(double init, double decay_rate) {
  return [=](const array& step) { return array(init) * power(array(decay_rate), step); };
}

Schedule step_decay(double init, double decay_rate, int step_size) {
  check_steps("step_decay", "step_size", step_size);
  return [=](const array& step) {
    const array decays = floor_divide(step, steps_like(step_size, step));
    return array(init) * power(array(decay_rate), decays);
  };
}

Schedule cosine_decay(double init, int decay_steps, double end) {
  check_steps("cosine_decay", "decay_steps", decay_steps);
  return [=](const array& step) {
    const array s = minimum(step, steps_like(decay_steps, step));
    const array decay = array(0.5) * (array(1.0) + cos(array(std::numbers::pi / decay_steps) * s));
    return array(end) + decay * array(init - end);
  };
}

Schedule linear_schedule(double init, double end, int steps) {
  check_steps("linear_schedule", "steps", steps);
  return [=](const array& step) {
    const array s = minimum(step, steps_like(steps, step));
    return s * array((end - init) / steps) + array(init);
  };
}

Schedule join_schedules(const std::vector<Schedule>& schedules,
                        const std::vector<int>& boundaries) {
  if (schedules.empty())
    throw std::invalid_argument("join_schedules: expected at least 1 schedule, got none");
  if (boundaries.size() + 1 != schedules.size())
    throw std::invalid_argument("join_schedules: expected " + std::to_string(schedules.size() - 1) +
                                " boundaries, got " + std::to_string(boundaries.size()));
  return [=](const array& step) {
    array rate = schedules[0](step);
    for (size_t i = 0; i < boundaries.size(); ++i) {
      const array boundary = steps_like(boundaries[i], step);
      rate = where(step < boundary, rate, schedules[i + 1](step - boundary));
    }
    return rate;
  };
}

Schedule one_cycle(double max, int total_steps, const OneCycleOptions& options) {
  check_steps("one_cycle", "total_steps", total_steps);
  const double limit = options.three_phase ? 0.5 : 1.0;
  if (!(options.warmup > 0 && options.warmup < limit))
    throw std::invalid_argument("one_cycle: expected warmup in (0, " + nn::repr(limit) + "), got " +
                                nn::repr(options.warmup));
  for (const double factor : {options.div_factor, options.final_div_factor})
    if (!(factor > 0))
      throw std::invalid_argument(
          "one_cycle: expected div_factor and final_div_factor above 0, "
          "got " +
          nn::repr(factor));
  const double first = max / options.div_factor, last = first / options.final_div_factor;
  const double peak = options.warmup * total_steps - 1, end = total_steps - 1.0;
  struct Phase {
    double begin, end, from, to;
  };
  std::vector<Phase> phases = {{0, peak, first, max}};
  if (options.three_phase) {
    phases.push_back({peak, 2 * peak, max, first});
    phases.push_back({2 * peak, end, first, last});
  } else {
    phases.push_back({peak, end, max, last});
  }
  return [phases, anneal = options.anneal](const array& step) {
    const array at = astype(step, float32);
    array rate = array(phases.back().to);
    for (size_t i = phases.size(); i-- > 0;) {
      const Phase& phase = phases[i];
      const double length = phase.end - phase.begin;
      if (!(length > 0)) continue;  // shorter than a step
      const array part = minimum((at - array(phase.begin)) / array(length), array(1.0));
      rate = where(at <= array(phase.end), annealed(anneal, phase.from, phase.to, part), rate);
    }
    return rate;
  };
}

Schedule cyclic(double base, double max, int step_size_up, const CyclicOptions& options) {
  check_steps("cyclic", "step_size_up", step_size_up);
  const int down = options.step_size_down == 0 ? step_size_up : options.step_size_down;
  check_steps("cyclic", "step_size_down", down);
  return [=, scale = options.scale, gamma = options.gamma](const array& step) {
    const array length = steps_like(step_size_up + down, step);
    const array at = astype(remainder(step, length), float32);
    const array rising = at / array(static_cast<double>(step_size_up));
    const array falling = (array(1.0 * step_size_up + down) - at) / array(1.0 * down);
    array height = array(max - base) * minimum(rising, falling);
    if (scale == CycleScale::halving)
      height = height * power(array(0.5), floor_divide(step, length));
    if (scale == CycleScale::exponential) height = height * power(array(gamma), step);
    return array(base) + height;
  };
}

}  // namespace mica::optimizers
