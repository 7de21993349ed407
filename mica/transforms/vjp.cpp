// Reverse mode: run the function on tracers, then walk its graph from the outputs to them.
#include <optional>
#include <stdexcept>
#include <string>

#include "mica/engine/op.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/transforms/tape.h"
#include "mica/transforms/transforms.h"
#include "mica/utils.h"

namespace mica {
namespace detail {
namespace {

using engine::Node;

// The cotangent of a value in the shape and dtype of the value: summed over the axes along which an
// op has broadcast it.
array fit_cotangent(const array& cotangent, const Shape& shape, Dtype dtype) {
  array fitted = cotangent;
  if (fitted.shape() != shape) {
    const size_t extra = fitted.ndim() > shape.size() ? fitted.ndim() - shape.size() : 0;
    const size_t missing = shape.size() > fitted.ndim() ? shape.size() - fitted.ndim() : 0;
    std::vector<int> axes;
    for (size_t i = 0; i < fitted.ndim(); ++i) {
      const bool stretched =
          i < extra || (shape[i - extra + missing] == 1 && fitted.shape()[i] != 1);
      if (stretched) axes.push_back(static_cast<int>(i));
    }
    if (!axes.empty()) fitted = sum(fitted, axes, true);
    if (extra > 0) {
      fitted = reshape(fitted, Shape(fitted.shape().begin() + extra, fitted.shape().end()));
    }
    if (fitted.shape() != shape) fitted = broadcast_to(fitted, shape);
  }
  return fitted.dtype() == dtype ? fitted : astype(fitted, dtype);
}

class Backward {
 public:
  Backward(const std::vector<array>& traced, const std::vector<array>& outputs)
      : tape_(traced, outputs, Walk::vjp), cotangents_(tape_.slot_count()) {}

  void add(const array& value, const array& cotangent) {
    const uint32_t place = tape_.find(value);
    if (place == NodeIndex::none) return;
    const array fitted = fit_cotangent(cotangent, value.shape(), value.dtype());
    std::optional<array>& sum = cotangents_[tape_.slot(place, value.output_index())];
    if (sum) {
      sum = mica::add(*sum, fitted);
    } else {
      sum = fitted;
    }
  }

  void run() {
    for (size_t place = tape_.nodes().size(); place-- > 0;) {
      if (!tape_.is_root(static_cast<uint32_t>(place))) step(static_cast<uint32_t>(place));
    }
  }

  array gradient(const array& traced) const {
    const auto& found = cotangents_[tape_.slot(tape_.find(traced), traced.output_index())];
    return found ? *found : zeros_like(traced);
  }

 private:
  void step(uint32_t place) {
    Node& node = *tape_.nodes()[place];
    std::vector<array> outputs, cotangents;
    if (!take_cotangents(place, outputs, cotangents)) return;
    std::vector<int> argnums;
    const auto inputs = node.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (tape_.find(inputs[i]) != NodeIndex::none) argnums.push_back(static_cast<int>(i));
    }
    const OnStream here(node.stream);
    const auto found = node.op->info().vjp(
        *node.op,
        {.primals = inputs, .cotangents = cotangents, .argnums = argnums, .outputs = outputs});
    for (size_t i = 0; i < argnums.size(); ++i) add(inputs[argnums[i]], found[i]);
  }

  // False where no output has one. They are not needed again.
  bool take_cotangents(uint32_t place, std::vector<array>& outputs,
                       std::vector<array>& cotangents) {
    Node& node = *tape_.nodes()[place];
    const uint32_t count = node.output_count();
    bool any = false;
    for (uint32_t i = 0; i < count; ++i) any |= cotangents_[tape_.slot(place, i)].has_value();
    if (!any) return false;
    for (uint32_t i = 0; i < count; ++i) {
      auto& cotangent = cotangents_[tape_.slot(place, i)];
      outputs.emplace_back(&node, i);
      cotangents.push_back(cotangent ? *cotangent : zeros_like(outputs.back()));
      cotangent.reset();
    }
    return true;
  }

  Tape tape_;
  std::vector<std::optional<array>> cotangents_;  // by slot of the tape
};

std::vector<array> pull_back(const std::vector<array>& traced, const std::vector<array>& outputs,
                             const std::vector<array>& cotangents) {
  Backward backward(traced, outputs);
  for (size_t i = 0; i < outputs.size(); ++i) backward.add(outputs[i], cotangents[i]);
  backward.run();
  std::vector<array> gradients;
  gradients.reserve(traced.size());
  for (const array& t : traced) gradients.push_back(backward.gradient(t));
  return gradients;
}

}  // namespace

ArraysPair vjp_arrays(const ArraysFunction& fun, const std::vector<array>& primals,
                      const std::vector<array>& cotangents) {
  const engine::TracingScope tracing;
  const std::vector<array> traced = make_tracers(primals);
  std::vector<array> outputs = fun(traced);
  if (outputs.size() != cotangents.size()) {
    throw std::invalid_argument("vjp: expected " + std::to_string(outputs.size()) +
                                " cotangents, one for each output, got " +
                                std::to_string(cotangents.size()));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].shape() == cotangents[i].shape()) continue;
    throw std::invalid_argument("vjp: expected cotangent " + std::to_string(i) +
                                " of its output's shape " + to_string(outputs[i].shape()) +
                                ", got " + to_string(cotangents[i].shape()));
  }
  std::vector<array> gradients = pull_back(traced, outputs, cotangents);
  return {std::move(outputs), std::move(gradients)};
}

std::vector<array> gradients(const std::function<array(const std::vector<array>&)>& loss,
                             const std::vector<array>& primals) {
  const engine::TracingScope tracing;
  const std::vector<array> traced = make_tracers(primals);
  const array value = loss(traced);
  if (value.ndim() != 0) {
    throw std::invalid_argument("grad: expected a function whose value has shape (), got " +
                                to_string(value.shape()) + "; reduce it with sum or mean");
  }
  return pull_back(traced, {value}, {ones_like(value)});
}

std::vector<int> checked_argnums(const std::vector<int>& argnums, size_t count) {
  const int n = static_cast<int>(count);
  if (argnums.empty()) {
    throw std::invalid_argument("grad: expected at least one argnum, got none");
  }
  std::vector<int> checked;
  for (int argnum : argnums) {
    const int i = argnum < 0 ? argnum + n : argnum;
    if (i < 0 || i >= n) {
      throw std::invalid_argument("grad: expected argnums in [-" + std::to_string(n) + ", " +
                                  std::to_string(n) + ") for a function of " + std::to_string(n) +
                                  " arguments, got " + std::to_string(argnum));
    }
    for (int other : checked) {
      if (other == i) {
        throw std::invalid_argument("grad: expected each argnum once, got " +
                                    std::to_string(argnum) + " twice");
      }
    }
    checked.push_back(i);
  }
  return checked;
}

const array& first_output(const std::vector<array>& outputs) {
  if (outputs.empty()) {
    throw std::invalid_argument(
        "grad: expected a function that returns its loss first, got an empty vector");
  }
  return outputs.front();
}

}  // namespace detail
}  // namespace mica
