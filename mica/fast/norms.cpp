#include "mica/fast/norms.h"

#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/fast/rules.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/ops/reduce.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

array apply_normalize(const Normalize& op, const std::vector<array>& inputs,
                      const StreamOrDevice& s = {}) {
  return engine::apply(op, inputs, inputs[0].shape(), inputs[0].dtype(), s);
}

array row_mean(const array& x) { return mean(x, -1, true); }

// What normalizing multiplies by, and its result without weight and bias, in at least float32.
struct Normalized {
  array scale, x_hat;
};

Normalized normalized(const Normalize& op, const array& input) {
  const array x = astype(input, at_least_float32(input.dtype()));
  const array centered = op.centered ? x - row_mean(x) : x;
  const array scale = rsqrt(row_mean(square(centered)) + array(op.eps, x.dtype()));
  return {scale, centered * scale};
}

// Normalizing has a symmetric derivative: what it makes of a tangent of x, and of a cotangent.
array derivative(const Normalize& op, const Normalized& at, const array& direction) {
  const array along = at.x_hat * row_mean(direction * at.x_hat);
  const array rest = op.centered ? direction - row_mean(direction) : direction;
  return at.scale * (rest - along);
}

}  // namespace

std::vector<array> Normalize::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  const NormalizeBackward backward{centered, weighted, biased, eps};
  std::vector<array> inputs{x, args.cotangents[0]};
  if (weighted) inputs.push_back(args.primals[1]);
  std::vector<array> all;
  if (x.dtype() == float64) {
    all = backward.composed(inputs);
  } else {
    std::vector<engine::OutputSpec> outputs{{x.shape(), x.dtype()}};
    outputs.resize(args.primals.size(), {Shape{1, x.shape(-1)}, x.dtype()});
    all = engine::apply_many(backward, inputs, std::move(outputs), {});
  }
  // Who holds an output of a node keeps them all in memory; a view of it keeps that one alone.
  for (size_t i = 1; i < all.size(); ++i) all[i] = reshape(all[i], {x.shape(-1)});
  std::vector<array> cotangents;
  for (int argnum : args.argnums) cotangents.push_back(all[static_cast<size_t>(argnum)]);
  return cotangents;
}

std::vector<array> NormalizeBackward::composed(const std::vector<array>& inputs) const {
  const array& x = inputs[0];
  const Normalize forward{centered, weighted, biased, eps};
  const Normalized at = normalized(forward, x);
  const array cotangent = astype(inputs[1], at.x_hat.dtype());
  const array inner = weighted ? cotangent * astype(inputs[2], cotangent.dtype()) : cotangent;
  std::vector<array> outputs{derivative(forward, at, inner)};
  if (weighted) outputs.push_back(sum(cotangent * at.x_hat, all_but_last(x)));
  if (biased) outputs.push_back(sum(cotangent, all_but_last(x)));
  for (size_t i = 1; i < outputs.size(); ++i) outputs[i] = expand_dims(outputs[i], 0);
  for (array& output : outputs) output = astype(output, x.dtype());
  return outputs;
}

std::vector<array> NormalizeBackward::vjp(const engine::VjpArgs& args) const {
  return composed_vjp([this](const auto& inputs) { return composed(inputs); }, args);
}

std::vector<array> NormalizeBackward::jvp(const engine::JvpArgs& args) const {
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

// Each of the batch sums over its own rows for weight and bias.
engine::Batched NormalizeBackward::vmap(const engine::VmapArgs& args) const {
  if (weighted || biased) {
    return composed_vmap([this](const auto& inputs) { return composed(inputs); }, args);
  }
  const array x = batch_first(args.inputs[0], args.axes[0], args.batch);
  const array cotangent = batch_first(args.inputs[1], args.axes[1], args.batch);
  return {{engine::apply(*this, {x, cotangent}, x.shape(), x.dtype(), {})}, {0}};
}

std::vector<array> Normalize::jvp(const engine::JvpArgs& args) const {
  const array& x = args.primals[0];
  const Normalized at = normalized(*this, x);
  const Dtype dtype = at.x_hat.dtype();
  array total = zeros_like(at.x_hat);
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const array tangent = astype(args.tangents[i], dtype);
    if (args.argnums[i] == 0) {
      const array t = derivative(*this, at, tangent);
      total = total + (weighted ? t * astype(args.primals[1], dtype) : t);
    } else {
      total = total + (weighted && args.argnums[i] == 1 ? at.x_hat * tangent : tangent);
    }
  }
  return {astype(total, x.dtype())};
}

// A weight or bias with the batch is applied apart.
engine::Batched Normalize::vmap(const engine::VmapArgs& args) const {
  const array x = batch_first(args.inputs[0], args.axes[0], args.batch);
  std::vector<array> inputs(args.inputs.begin(), args.inputs.end());
  inputs[0] = x;
  bool shared = true;
  for (size_t i = 1; i < inputs.size(); ++i) shared = shared && args.axes[i] < 0;
  if (shared) return {{apply_normalize(*this, inputs)}, {0}};
  const array plain = apply_normalize(Normalize{centered, false, false, eps}, {x});
  const auto along_rows = [&](size_t i) {
    if (args.axes[i] < 0) return args.inputs[i];
    Shape shape(x.ndim(), 1);
    shape.front() = args.batch;
    shape.back() = x.shape(-1);
    return reshape(moveaxis(args.inputs[i], args.axes[i], 0), shape);
  };
  array out = weighted ? plain * along_rows(1) : plain;
  if (biased) out = out + along_rows(inputs.size() - 1);
  return {{out}, {0}};
}

}  // namespace ops

namespace fast {
namespace {

array normalize(const char* name, const array& x, const std::optional<array>& weight,
                const std::optional<array>& bias, bool centered, float eps,
                const StreamOrDevice& s) {
  const auto fail = [&](const std::string& text) {
    throw std::invalid_argument(std::string(name) + ": " + text);
  };
  if (x.ndim() == 0) fail("expected x with at least one dimension, got ()");
  Dtype dtype = x.dtype();
  for (const auto& [parameter, what] : {std::pair(&weight, "weight"), std::pair(&bias, "bias")}) {
    if (!*parameter) continue;
    const array& p = **parameter;
    if (p.shape() != Shape{x.shape(-1)}) {
      fail(std::string("expected ") + what + " " + to_string(Shape{x.shape(-1)}) + ", got " +
           to_string(p.shape()));
    }
    dtype = promote_types(dtype, p.dtype());
  }
  if (!issubdtype(dtype, floating)) {
    fail("expected x of a floating dtype, got " + std::string(dtype_name(dtype)));
  }
  std::vector<array> inputs{astype(x, dtype, s)};
  if (weight) inputs.push_back(astype(*weight, dtype, s));
  if (bias) inputs.push_back(astype(*bias, dtype, s));
  const ops::Normalize op{centered, weight.has_value(), bias.has_value(), eps};
  return ops::apply_normalize(op, inputs, s);
}

}  // namespace

array rms_norm(const array& x, const std::optional<array>& weight, float eps, StreamOrDevice s) {
  return normalize("rms_norm", x, weight, std::nullopt, false, eps, s);
}

array layer_norm(const array& x, const std::optional<array>& weight,
                 const std::optional<array>& bias, float eps, StreamOrDevice s) {
  return normalize("layer_norm", x, weight, bias, true, eps, s);
}

}  // namespace fast
}  // namespace mica
