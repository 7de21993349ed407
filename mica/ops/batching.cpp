#include "mica/ops/batching.h"

#include "mica/ops/ops.h"

namespace mica::ops {

array batch_first(const array& x, int axis, int batch) {
  if (axis >= 0) return moveaxis(x, axis, 0);
  Shape shape = x.shape();
  shape.insert(shape.begin(), batch);
  return broadcast_to(x, shape);
}

array batch_first_or_one(const array& x, int axis) {
  return axis >= 0 ? moveaxis(x, axis, 0) : expand_dims(x, 0);
}

std::vector<array> all_batch_first(const engine::VmapArgs& args) {
  std::vector<array> moved;
  moved.reserve(args.inputs.size());
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    moved.push_back(batch_first(args.inputs[i], args.axes[i], args.batch));
  }
  return moved;
}

std::vector<int> shift_axes(const std::vector<int>& axes) {
  std::vector<int> shifted = axes;
  for (int& axis : shifted) ++axis;
  return shifted;
}

}  // namespace mica::ops
