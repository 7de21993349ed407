#include "mica/optimizers/schedules.h"

#include <numbers>
#include <stdexcept>
#include <string>

#include "mica/ops/ops.h"

namespace mica::optimizers {

namespace {

void check_steps(const char* op, const char* what, int steps) {
  if (steps < 1)
    throw std::invalid_argument(std::string(op) + ": expected " + what + " of at least 1, got " +
                                std::to_string(steps));
}

array steps_like(int steps, const array& step) { return array(steps, step.dtype()); }

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

}  // namespace mica::optimizers
