// Learning rates as functions of the step, an array of shape (), so that they stay lazy.
#pragma once

#include <functional>
#include <vector>

#include "mica/array/array.h"

namespace mica::optimizers {

using Schedule = std::function<array(const array& step)>;

// init * decay_rate^step
Schedule exponential_decay(double init, double decay_rate);
// init * decay_rate^floor(step / step_size)
Schedule step_decay(double init, double decay_rate, int step_size);
// From init to end along half a cosine in decay_steps.
Schedule cosine_decay(double init, int decay_steps, double end = 0.0);
// From init to end along a line in `steps`.
Schedule linear_schedule(double init, double end, int steps);
// The first schedule until boundaries[0], then the second, which counts from there, and so on.
Schedule join_schedules(const std::vector<Schedule>& schedules, const std::vector<int>& boundaries);

}  // namespace mica::optimizers
