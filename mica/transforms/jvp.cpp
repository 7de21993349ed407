// Forward mode: run the function on tracers, then follow its graph from them to the outputs.
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

// A tangent in the shape and dtype of its value: an op of few broadcast inputs gives less.
array fit_tangent(const array& tangent, const Shape& shape, Dtype dtype) {
  array fitted = tangent.shape() == shape ? tangent : broadcast_to(tangent, shape);
  return fitted.dtype() == dtype ? fitted : astype(fitted, dtype);
}

class Forward {
 public:
  Forward(const std::vector<array>& traced, const std::vector<array>& outputs)
      : tape_(traced, outputs, Walk::jvp), tangents_(tape_.slot_count()) {}

  void set(const array& value, const array& tangent) {
    tangents_[tape_.slot(tape_.find(value), value.output_index())] =
        fit_tangent(tangent, value.shape(), value.dtype());
  }

  void run() {
    for (uint32_t place = 0; place < tape_.nodes().size(); ++place) {
      if (!tape_.is_root(place)) step(*tape_.nodes()[place]);
    }
  }

  array tangent(const array& output) const {
    const auto* found = find(output);
    return found ? *found : zeros_like(output);
  }

 private:
  // Null where the value does not depend on the arguments.
  const array* find(const array& value) const {
    const uint32_t place = tape_.find(value);
    if (place == NodeIndex::none) return nullptr;
    const auto& tangent = tangents_[tape_.slot(place, value.output_index())];
    return tangent ? &*tangent : nullptr;
  }

  void step(Node& node) {
    std::vector<int> argnums;
    std::vector<array> tangents, outputs;
    const auto inputs = node.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (const array* tangent = find(inputs[i])) {
        argnums.push_back(static_cast<int>(i));
        tangents.push_back(*tangent);
      }
    }
    if (argnums.empty()) return;
    for (uint32_t i = 0; i < node.output_count(); ++i) outputs.emplace_back(&node, i);
    const OnStream here(node.stream);
    const auto found = node.op->info().jvp(
        *node.op,
        {.primals = inputs, .tangents = tangents, .argnums = argnums, .outputs = outputs});
    for (size_t i = 0; i < outputs.size(); ++i) set(outputs[i], found[i]);
  }

  Tape tape_;
  std::vector<std::optional<array>> tangents_;  // by slot of the tape
};

}  // namespace

ArraysPair jvp_arrays(const ArraysFunction& fun, const std::vector<array>& primals,
                      const std::vector<array>& tangents) {
  if (primals.size() != tangents.size()) {
    throw std::invalid_argument("jvp: expected " + std::to_string(primals.size()) +
                                " tangents, one for each primal, got " +
                                std::to_string(tangents.size()));
  }
  for (size_t i = 0; i < primals.size(); ++i) {
    if (primals[i].shape() == tangents[i].shape()) continue;
    throw std::invalid_argument("jvp: expected tangent " + std::to_string(i) +
                                " of its primal's shape " + to_string(primals[i].shape()) +
                                ", got " + to_string(tangents[i].shape()));
  }
  const engine::TracingScope tracing;
  const std::vector<array> traced = make_tracers(primals);
  std::vector<array> outputs = fun(traced);
  Forward forward(traced, outputs);
  for (size_t i = 0; i < traced.size(); ++i) forward.set(traced[i], tangents[i]);
  forward.run();
  std::vector<array> derivatives;
  derivatives.reserve(outputs.size());
  for (const array& output : outputs) derivatives.push_back(forward.tangent(output));
  return {std::move(outputs), std::move(derivatives)};
}

}  // namespace mica::detail
