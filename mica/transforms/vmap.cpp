// vmap: run the function on placeholders without the batch axis, then build its graph again with
// each op's batching rule.
#include <optional>
#include <stdexcept>
#include <string>

#include "mica/engine/op.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/transforms/tape.h"
#include "mica/transforms/transforms.h"

namespace mica::detail {
namespace {

using engine::Node;

// The size of the axes mapped; throws where they differ or there is none.
int batch_size(const std::vector<array>& inputs, const std::vector<int>& axes) {
  std::optional<int> batch;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] == -1) continue;
    const int ndim = static_cast<int>(inputs[i].ndim());
    if (axes[i] < 0 || axes[i] >= ndim) {
      throw std::invalid_argument("vmap: expected in axis -1 (not mapped) or in [0, " +
                                  std::to_string(ndim) + ") for input " + std::to_string(i) +
                                  " of shape " + to_string(inputs[i].shape()) + ", got " +
                                  std::to_string(axes[i]));
    }
    const int size = inputs[i].shape(axes[i]);
    if (batch && *batch != size) {
      throw std::invalid_argument("vmap: expected mapped axes of one size, got " +
                                  std::to_string(*batch) + " and " + std::to_string(size) +
                                  " (input " + std::to_string(i) + " of shape " +
                                  to_string(inputs[i].shape()) + ")");
    }
    batch = size;
  }
  if (!batch) throw std::invalid_argument("vmap: expected an input with a mapped axis, got none");
  return *batch;
}

class Batching {
 public:
  Batching(const std::vector<array>& roots, const std::vector<array>& outputs, int batch)
      : tape_(roots, outputs, Walk::vmap), batch_(batch), mapped_(tape_.slot_count()) {}

  struct Mapped {
    array value;
    int axis;
  };

  void set(const array& traced, const array& value, int axis) {
    mapped_[tape_.slot(tape_.find(traced), traced.output_index())] = Mapped{value, axis};
  }

  void run() {
    for (uint32_t place = 0; place < tape_.nodes().size(); ++place) {
      if (!tape_.is_root(place)) step(place);
    }
  }

  // The value that stands for a traced one; axis -1: it does not depend on the mapped inputs.
  Mapped find(const array& traced) const {
    const uint32_t place = tape_.find(traced);
    if (place == NodeIndex::none) return {traced, -1};
    return *mapped_[tape_.slot(place, traced.output_index())];
  }

 private:
  void step(uint32_t place) {
    Node& node = *tape_.nodes()[place];
    std::vector<array> inputs;
    std::vector<int> axes;
    for (const array& input : node.inputs()) {
      Mapped mapped = find(input);
      inputs.push_back(std::move(mapped.value));
      axes.push_back(mapped.axis);
    }
    const OnStream here(node.stream);
    auto found = node.op->info().vmap(*node.op, {.inputs = inputs, .axes = axes, .batch = batch_});
    for (uint32_t i = 0; i < node.output_count(); ++i) {
      mapped_[tape_.slot(place, i)] = Mapped{std::move(found.outputs[i]), found.axes[i]};
    }
  }

  Tape tape_;
  int batch_;
  std::vector<std::optional<Mapped>> mapped_;  // by slot of the tape
};

// An output with its batch axis where it is wanted.
array place_axis(const Batching::Mapped& output, int out_axis, int batch, size_t number) {
  const int ndim = static_cast<int>(output.value.ndim()) + (output.axis < 0 ? 1 : 0);
  if (out_axis == -1 && output.axis < 0) return output.value;
  if (out_axis < 0 || out_axis >= ndim) {
    throw std::invalid_argument("vmap: expected out axis in [0, " + std::to_string(ndim) +
                                ") for output " + std::to_string(number) + ", got " +
                                std::to_string(out_axis));
  }
  if (output.axis >= 0) return moveaxis(output.value, output.axis, out_axis);
  Shape shape = output.value.shape();
  shape.insert(shape.begin() + out_axis, batch);
  return broadcast_to(expand_dims(output.value, out_axis), shape);
}

}  // namespace

std::vector<int> MapAxes::expand(size_t count, const char* what) const {
  if (each.empty()) return std::vector<int>(count, all);
  if (each.size() != count) {
    throw std::invalid_argument("vmap: expected an axis for each of " + std::to_string(count) +
                                " " + what + ", got " + std::to_string(each.size()));
  }
  return each;
}

std::vector<array> vmap_arrays(const MappedFunction& fun, const std::vector<array>& inputs,
                               const std::vector<int>& in_axes) {
  const int batch = batch_size(inputs, in_axes);
  const engine::TracingScope tracing;
  std::vector<array> traced, roots;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (in_axes[i] == -1) {
      traced.push_back(inputs[i]);
      continue;
    }
    Shape shape = inputs[i].shape();
    shape.erase(shape.begin() + in_axes[i]);
    traced.push_back(make_argument(shape, inputs[i].dtype()));
    roots.push_back(traced.back());
  }
  const MappedOutputs outputs = fun(traced);
  Batching batching(roots, outputs.arrays, batch);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (in_axes[i] != -1) batching.set(traced[i], inputs[i], in_axes[i]);
  }
  batching.run();
  std::vector<array> results;
  for (size_t i = 0; i < outputs.arrays.size(); ++i) {
    results.push_back(place_axis(batching.find(outputs.arrays[i]), outputs.axes[i], batch, i));
  }
  return results;
}

}  // namespace mica::detail
