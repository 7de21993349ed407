#include "mica/fast/batch_norm.h"

#include "mica/engine/node.h"
#include "mica/fast/rules.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/op_list.h"
#include "mica/ops/ops.h"
#include "mica/ops/reduce.h"
#include "mica/transforms/transforms.h"

namespace mica::ops {
namespace {

array scaled(const array& x, const array& mean, const array& var, double eps) {
  return (x - mean) * rsqrt(var + scalar(eps, var.dtype()));
}

bool is_float32(const std::optional<array>& x) { return !x || x->dtype() == float32; }

// The rules of an op as its composition has them.
template <class Op>
Composition composition_of(const Op& op) {
  return [&op](const std::vector<array>& inputs) { return op.composed(inputs); };
}

}  // namespace

std::vector<array> BatchMoments::composed(const std::vector<array>& inputs) const {
  const std::vector<int> axes = all_but_last(inputs[0]);
  return {mean(inputs[0], axes), var(inputs[0], axes)};
}

std::vector<array> BatchMoments::vjp(const engine::VjpArgs& args) const {
  return composed_vjp(composition_of(*this), args);
}

std::vector<array> BatchMoments::jvp(const engine::JvpArgs& args) const {
  return composed_jvp(composition_of(*this), args);
}

engine::Batched BatchMoments::vmap(const engine::VmapArgs& args) const {
  return composed_vmap(composition_of(*this), args);
}

// The moments are made from x again, not read: a derivative by x has to contain them.
std::vector<array> BatchNormalize::composed(const std::vector<array>& inputs) const {
  const array& x = inputs[0];
  const std::vector<array> moments = BatchMoments{}.composed({x});
  array y = scaled(x, moments[0], moments[1], eps);
  if (affine) y = inputs[3] * y + inputs[4];
  return {relu ? maximum(y, scalar(0, y.dtype())) : y};
}

std::vector<array> BatchNormalize::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  std::vector<array> inputs{args.cotangents[0]};
  inputs.insert(inputs.end(), args.primals.begin(), args.primals.end());
  std::vector<engine::OutputSpec> outputs{{x.shape(), float32}};
  if (affine) outputs.resize(3, {Shape{1, x.shape(-1)}, float32});
  const std::vector<array> all =
      engine::apply_many(BatchNormalizeBackward{affine, relu, eps}, inputs, std::move(outputs), {});
  std::vector<array> cotangents;
  for (const int argnum : args.argnums) {
    if (argnum == 0) {
      cotangents.push_back(all[0]);
    } else if (argnum < 3) {
      cotangents.push_back(zeros_like(args.primals[static_cast<size_t>(argnum)]));
    } else {
      // Who holds an output of a node keeps them all in memory; a view of it keeps that one alone.
      cotangents.push_back(reshape(all[static_cast<size_t>(argnum) - 2], {x.shape(-1)}));
    }
  }
  return cotangents;
}

std::vector<array> BatchNormalize::jvp(const engine::JvpArgs& args) const {
  return composed_jvp(composition_of(*this), args);
}

engine::Batched BatchNormalize::vmap(const engine::VmapArgs& args) const {
  return composed_vmap(composition_of(*this), args);
}

std::vector<array> BatchNormalizeBackward::composed(const std::vector<array>& inputs) const {
  const array &cotangent = inputs[0], &x = inputs[1];
  const auto forward = [this](const std::vector<array>& of) {
    std::vector<array> all{of[0], of[0], of[0]};  // it doesn't read the moments
    all.insert(all.end(), of.begin() + 1, of.end());
    return BatchNormalize{affine, relu, eps}.composed(all);
  };
  std::vector<array> primals{x};
  if (affine) primals.insert(primals.end(), inputs.begin() + 4, inputs.end());
  std::vector<array> outputs = detail::vjp_arrays(forward, primals, {cotangent}).second;
  for (size_t i = 1; i < outputs.size(); ++i) outputs[i] = expand_dims(outputs[i], 0);
  return outputs;
}

std::vector<array> BatchNormalizeBackward::vjp(const engine::VjpArgs& args) const {
  return composed_vjp(composition_of(*this), args);
}

std::vector<array> BatchNormalizeBackward::jvp(const engine::JvpArgs& args) const {
  return composed_jvp(composition_of(*this), args);
}

engine::Batched BatchNormalizeBackward::vmap(const engine::VmapArgs& args) const {
  return composed_vmap(composition_of(*this), args);
}

BatchNormalized batch_normalize(const array& x, const std::optional<array>& weight,
                                const std::optional<array>& bias, double eps) {
  if (x.dtype() != float32 || !is_float32(weight) || !is_float32(bias)) {
    const std::vector<array> moments = BatchMoments{}.composed({x});
    const array y = scaled(x, moments[0], moments[1], eps);
    return {weight ? *weight * y + *bias : y, moments[0], moments[1]};
  }
  const Shape channels{x.shape(-1)};
  const std::vector<array> moments = engine::apply_many(
      BatchMoments{}, {x}, {{channels, float32}, {channels, float32}}, StreamOrDevice{});
  std::vector<array> inputs{x, stop_gradient(moments[0]), stop_gradient(moments[1])};
  if (weight) inputs.insert(inputs.end(), {*weight, *bias});
  const BatchNormalize op{weight.has_value(), false, static_cast<float>(eps)};
  return {engine::apply(op, inputs, x.shape(), float32, {}), moments[0], moments[1]};
}

std::optional<array> relu_of_batch_normalize(const array& x) {
  const engine::Node& node = x.node();
  if (!node.tracer || node.status.load(std::memory_order_acquire) != engine::Status::unscheduled) {
    return {};
  }
  if (!node.op || node.op->id != OpId::BatchNormalize || node.stream != to_stream({})) return {};
  BatchNormalize op = engine::attributes<BatchNormalize>(*node.op);
  op.relu = true;
  const std::vector<array> inputs(node.inputs().begin(), node.inputs().end());
  return engine::apply(op, inputs, x.shape(), x.dtype(), {});
}

}  // namespace mica::ops
