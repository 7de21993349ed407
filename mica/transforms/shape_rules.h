// Shapes of a recorded graph's values for arguments of other shapes than it was recorded with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mica/engine/op.h"

namespace mica::detail {

// A size of an axis: as recorded, and now. An axis that two were merged into keeps both sizes, so
// that they can be told apart when it is cut again.
struct Factor {
  int64_t recorded;
  int64_t now;
  friend bool operator==(const Factor&, const Factor&) = default;
};
using Factors = std::vector<Factor>;
using Axes = std::vector<Factors>;

// Of an array recorded with a shape that has another one of as many axes now.
Axes axes_of(const Shape& recorded, const Shape& now);
Shape shape_of(const Axes& axes);

struct Reshaped {
  engine::OpRef op;  // the step's, or one with other attributes
  std::vector<Axes> outputs;
};

// The step for inputs of other shapes. Where none has changed it stays as it is; otherwise ops that
// keep shapes, broadcast, reduce, join or multiply matrices follow, and others throw
// std::invalid_argument naming the op.
Reshaped reshape_step(const engine::OpRef& op, std::span<const Axes> inputs,
                      std::span<const engine::OutputSpec> outputs);

}  // namespace mica::detail
