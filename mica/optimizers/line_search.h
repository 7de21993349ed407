// A step length along a direction, for functions of which value and slope can be had.
#pragma once

#include <functional>

namespace mica::optimizers {

struct LinePoint {
  double step;
  double value;
  double slope;  // along the direction
};

struct WolfeOptions {
  double sufficient_decrease = 1e-4;  // value <= start + this * step * slope there
  double curvature = 0.9;             // |slope| <= this * |slope at the start|
  double tolerance = 1e-9;            // least length of the bracket times max_slope
  int max_evaluations = 25;
};

// A point that meets the strong Wolfe conditions, found by bracketing it and cubic interpolation
// (Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6), or the best one seen.
// start: the point at step 0, whose slope is negative; first: the step tried first; max_slope: the
// direction's largest element, which makes the tolerance one of steps.
LinePoint strong_wolfe(const std::function<LinePoint(double step)>& at, const LinePoint& start,
                       double first, double max_slope, const WolfeOptions& options = {});

}  // namespace mica::optimizers
