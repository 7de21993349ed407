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

enum class Anneal { cosine, linear };

struct OneCycleOptions {
  double warmup = 0.3;  // part of the steps that rise, in (0, 1); below 1/2 with three_phase
  Anneal anneal = Anneal::cosine;
  double div_factor = 25.0;       // the first rate is max / div_factor
  double final_div_factor = 1e4;  // the last is the first / final_div_factor
  bool three_phase = false;       // falls to the first rate as fast as it rose, then to the last
};
// One rise to max and one fall in total_steps (the first has number 0); the last rate stays
// (Smith and Topin, https://arxiv.org/abs/1708.07120).
Schedule one_cycle(double max, int total_steps, const OneCycleOptions& options = {});

// How the height of a cycle changes: not at all, by half each cycle, by gamma each step.
enum class CycleScale { constant, halving, exponential };

struct CyclicOptions {
  int step_size_down = 0;  // 0: as step_size_up
  CycleScale scale = CycleScale::constant;
  double gamma = 1.0;
};
// From base to max in step_size_up along a line, and back, again and again
// (Smith, https://arxiv.org/abs/1506.01186).
Schedule cyclic(double base, double max, int step_size_up, const CyclicOptions& options = {});

}  // namespace mica::optimizers
