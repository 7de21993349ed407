#include "mica/optimizers/line_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mica::optimizers {

namespace {

// The minimum, within [low, high], of the cubic with the values and slopes of two points.
double cubic_minimum(const LinePoint& a, const LinePoint& b, double low, double high) {
  const LinePoint &left = a.step <= b.step ? a : b, &right = a.step <= b.step ? b : a;
  const double width = right.step - left.step;
  const double d1 = left.slope + right.slope + 3 * (left.value - right.value) / width;
  const double square = d1 * d1 - left.slope * right.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double d2 = std::sqrt(square);
  const double part = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2);
  const double found = right.step - width * part;
  return std::isnan(found) ? (low + high) / 2 : std::clamp(found, low, high);
}

class Search {
 public:
  Search(const std::function<LinePoint(double)>& at, const LinePoint& start, double max_slope,
         const WolfeOptions& options)
      : at_(at), start_(start), max_slope_(max_slope), options_(options) {}

  LinePoint run(double first) {
    LinePoint previous = start_, current = evaluate(first);
    while (!done()) {
      if (!decreases(current) || (evaluations_ > 1 && current.value >= previous.value)) {
        return zoom(previous, current);
      }
      if (is_flat(current)) return current;
      if (current.slope >= 0) return zoom(current, previous);
      const double low = current.step + 0.01 * (current.step - previous.step);
      const double next = cubic_minimum(previous, current, low, 10 * current.step);
      previous = current;
      current = evaluate(next);
    }
    return decreases(current) || current.value < start_.value ? current : start_;
  }

 private:
  bool done() const { return evaluations_ >= options_.max_evaluations; }
  LinePoint evaluate(double step) {
    ++evaluations_;
    LinePoint point = at_(step);
    if (std::isnan(point.value)) point.value = std::numeric_limits<double>::infinity();
    return point;
  }
  bool decreases(const LinePoint& point) const {
    const double limit = options_.sufficient_decrease * point.step * start_.slope;
    return point.value <= start_.value + limit;
  }
  bool is_flat(const LinePoint& point) const {
    return std::abs(point.slope) <= -options_.curvature * start_.slope;
  }

  // Between the ends lies a point that meets the conditions; best is the better end.
  LinePoint zoom(LinePoint best, LinePoint other) {
    bool stalled = false;
    while (!done()) {
      const double width = std::abs(other.step - best.step);
      if (width * max_slope_ < options_.tolerance) break;
      const double low = std::min(best.step, other.step), high = std::max(best.step, other.step);
      double step = cubic_minimum(best, other, low, high);
      // Two steps in a row, or one to the very end, that come near an end are moved inwards.
      const double margin = 0.1 * width;
      if (std::min(high - step, step - low) < margin) {
        if (stalled || step >= high || step <= low) {
          step = high - step < step - low ? high - margin : low + margin;
          stalled = false;
        } else {
          stalled = true;
        }
      } else {
        stalled = false;
      }
      const LinePoint point = evaluate(step);
      if (!decreases(point) || point.value >= best.value) {
        other = point;
        continue;
      }
      if (is_flat(point)) return point;
      if (point.slope * (other.step - best.step) >= 0) other = best;
      best = point;
    }
    return best;
  }

  const std::function<LinePoint(double)>& at_;
  LinePoint start_;
  double max_slope_;
  WolfeOptions options_;
  int evaluations_ = 0;
};

}  // namespace

LinePoint strong_wolfe(const std::function<LinePoint(double step)>& at, const LinePoint& start,
                       double first, double max_slope, const WolfeOptions& options) {
  return Search(at, start, max_slope, options).run(first);
}

}  // namespace mica::optimizers
