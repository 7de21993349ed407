#include "mica/ops/quantized.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/ops/quantized_checks.h"
#include "mica/transforms/transforms.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

struct ModeDefaults {
  const char* name;
  int group_size, bits;
};
constexpr std::array<ModeDefaults, 4> mode_defaults{
    {{"affine", 64, 4}, {"mxfp4", 32, 4}, {"mxfp8", 32, 8}, {"nvfp4", 16, 4}}};

// (..., n) as (..., groups, group_size).
array in_groups(const array& x, int group_size) {
  return unflatten(x, -1, {x.shape(-1) / group_size, group_size});
}

// The scales and biases of mode affine in ops that have derivatives; the kernel computes the same.
std::vector<array> affine_parameters(const QuantFormat& format, const array& w) {
  const Dtype dtype = w.dtype() == float64 ? float64 : float32;
  const array groups = in_groups(astype(w, dtype), format.group_size);
  const array high = max(groups, -1), low = min(groups, -1);
  const array least = scalar(1e-7f, dtype);
  if (format.bits == 1) {
    return {astype(maximum(high - low, least), w.dtype()), astype(low, w.dtype())};
  }
  const array step = maximum((high - low) / scalar((1 << format.bits) - 1, dtype), least);
  const array low_is_edge = greater(abs(low), abs(high));
  const array scale = where(low_is_edge, step, negative(step));
  const array edge = where(low_is_edge, low, high);
  const array code = round(edge / scale);
  const array zero = scalar(0, dtype), one = scalar(1, dtype);
  const array at_zero = equal(code, zero);
  return {astype(where(at_zero, scale, edge / where(at_zero, one, code)), w.dtype()),
          astype(where(at_zero, zero, edge), w.dtype())};
}

std::vector<engine::OutputSpec> quantize_outputs(const QuantFormat& format, const array& w) {
  Shape packed = w.shape(), scales = w.shape();
  packed.back() = format.packed(w.shape(-1));
  scales.back() = w.shape(-1) / format.group_size;
  std::vector<engine::OutputSpec> outputs{{packed, uint32},
                                          {scales, format.affine() ? w.dtype() : uint8}};
  if (format.affine()) outputs.push_back({scales, w.dtype()});
  return outputs;
}

array apply_dequantize(const Dequantize& op, const std::vector<array>& inputs,
                       const StreamOrDevice& s = {}) {
  Shape shape = inputs[0].shape();
  shape.back() = static_cast<ShapeElem>(op.format().unpacked(shape.back()));
  return engine::apply(op, inputs, shape, op.dtype, s);
}

// Inputs of Quantize and Dequantize with the batch in front; without it, a global scale of one
// element stays what it is.
std::vector<array> batched_inputs(const engine::VmapArgs& args, bool has_global_scale) {
  std::vector<array> inputs = all_batch_first(args);
  if (!has_global_scale) return inputs;
  if (args.axes.back() < 0 && args.inputs.back().size() == 1) {
    inputs.back() = args.inputs.back();
  } else if (args.inputs.back().size() == 1) {
    inputs.back() = reshape(inputs.back(), {args.batch});
  }
  return inputs;
}

// The sum over the part of x to which each element of a global scale belongs.
array sum_for_global_scale(const array& x, const array& global_scale) {
  const auto parts = static_cast<ShapeElem>(global_scale.size());
  return reshape(sum(reshape(x, {parts, -1}), -1), global_scale.shape());
}

}  // namespace

const char* quant_mode_name(QuantMode mode) {
  return mode_defaults[static_cast<size_t>(mode)].name;
}

QuantFormat quant_format(const char* op, const std::string& mode, std::optional<int> group_size,
                         std::optional<int> bits) {
  const auto found =
      std::find_if(mode_defaults.begin(), mode_defaults.end(),
                   [&](const ModeDefaults& defaults) { return mode == defaults.name; });
  if (found == mode_defaults.end()) {
    throw std::invalid_argument(
        fmt::format("{}: expected mode affine, mxfp4, mxfp8 or nvfp4, got '{}'", op, mode));
  }
  const QuantFormat format{static_cast<QuantMode>(found - mode_defaults.begin()),
                           group_size.value_or(found->group_size), bits.value_or(found->bits)};
  if (!format.affine()) {
    if (format.group_size != found->group_size) {
      throw std::invalid_argument(fmt::format("{}: expected group_size {} in mode {}, got {}", op,
                                              found->group_size, mode, format.group_size));
    }
    if (format.bits != found->bits) {
      throw std::invalid_argument(fmt::format("{}: expected {} bits in mode {}, got {}", op,
                                              found->bits, mode, format.bits));
    }
    return format;
  }
  if (format.group_size != 32 && format.group_size != 64 && format.group_size != 128) {
    throw std::invalid_argument(
        fmt::format("{}: expected group_size 32, 64 or 128, got {}", op, format.group_size));
  }
  if (format.bits < 1 || format.bits > 8 || format.bits == 7) {
    throw std::invalid_argument(
        fmt::format("{}: expected bits 1, 2, 3, 4, 5, 6 or 8, got {}", op, format.bits));
  }
  return format;
}

void check_global_scale(const char* op, const QuantFormat& format,
                        const std::optional<array>& global_scale, const char* argument) {
  if (!global_scale) return;
  if (format.mode != QuantMode::nvfp4) {
    throw std::invalid_argument(fmt::format("{}: expected {} in mode nvfp4 only, got mode {}", op,
                                            argument, quant_mode_name(format.mode)));
  }
  if (global_scale->dtype() != float32) {
    throw std::invalid_argument(fmt::format("{}: expected {} in float32, got {}", op, argument,
                                            dtype_name(global_scale->dtype())));
  }
}

void check_one_global_scale(const char* op, const QuantFormat& format,
                            const std::optional<array>& global_scale, const char* argument) {
  check_global_scale(op, format, global_scale, argument);
  if (global_scale && global_scale->size() != 1) {
    throw std::invalid_argument(fmt::format("{}: expected {} of one element, got {}", op, argument,
                                            to_string(global_scale->shape())));
  }
}

void check_quantized(const char* op, const QuantFormat& format, const array& w, const array& scales,
                     const std::optional<array>& biases) {
  if (w.ndim() < 2) {
    throw std::invalid_argument(fmt::format("{}: expected w with at least two dimensions, got {}",
                                            op, to_string(w.shape())));
  }
  if (w.dtype() != uint32) {
    throw std::invalid_argument(
        fmt::format("{}: expected packed w in uint32, got {}", op, dtype_name(w.dtype())));
  }
  if (!format.affine() && scales.dtype() != uint8) {
    throw std::invalid_argument(fmt::format("{}: expected scales in uint8 in mode {}, got {}", op,
                                            quant_mode_name(format.mode),
                                            dtype_name(scales.dtype())));
  }
  if (format.affine() != biases.has_value()) {
    throw std::invalid_argument(fmt::format(
        "{}: expected {} in mode {}, got {}", op, format.affine() ? "biases" : "no biases",
        quant_mode_name(format.mode), biases ? to_string(biases->shape()) : "none"));
  }
  Shape expected = w.shape();
  const int64_t cols = format.unpacked(w.shape(-1));
  expected.back() = static_cast<ShapeElem>(cols / format.group_size);
  const bool whole =
      cols % format.group_size == 0 && format.packed(static_cast<int>(cols)) == w.shape(-1);
  if (!whole || scales.shape() != expected) {
    throw std::invalid_argument(
        fmt::format("{}: expected scales {} for w {} with group_size {} and {} bits, got {}", op,
                    to_string(expected), to_string(w.shape()), format.group_size, format.bits,
                    to_string(scales.shape())));
  }
  if (biases && biases->shape() != scales.shape()) {
    throw std::invalid_argument(fmt::format("{}: expected biases of the scales' shape {}, got {}",
                                            op, to_string(scales.shape()),
                                            to_string(biases->shape())));
  }
}

// Codes are piecewise constant; so are uint8 scales.
std::vector<array> Quantize::vjp(const engine::VjpArgs& args) const {
  if (mode != QuantMode::affine) return zero_cotangents(args);
  const auto parameters = [this](const std::vector<array>& in) {
    return affine_parameters(format(), in[0]);
  };
  return mica::vjp(parameters, {args.primals[0]}, {args.cotangents[1], args.cotangents[2]}).second;
}

std::vector<array> Quantize::jvp(const engine::JvpArgs& args) const {
  std::vector<array> tangents{zeros_like(args.outputs[0]), zeros_like(args.outputs[1])};
  if (mode != QuantMode::affine) return tangents;
  const auto parameters = [this](const std::vector<array>& in) {
    return affine_parameters(format(), in[0]);
  };
  const auto moved = mica::jvp(parameters, {args.primals[0]}, {args.tangents[0]}).second;
  return {tangents[0], moved[0], moved[1]};
}

engine::Batched Quantize::vmap(const engine::VmapArgs& args) const {
  const std::vector<array> inputs = batched_inputs(args, args.inputs.size() == 2);
  const auto outputs =
      engine::apply_many(*this, inputs, quantize_outputs(format(), inputs[0]), StreamOrDevice{});
  return {outputs, std::vector<int>(outputs.size(), 0)};
}

// Linear in the scales and biases of mode affine, and in the global scale.
std::vector<array> Dequantize::vjp(const engine::VjpArgs& args) const {
  const auto& primals = args.primals;
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    const array& input = primals[static_cast<size_t>(argnum)];
    if (mode == QuantMode::affine && argnum == 1) {
      const array codes =
          apply_dequantize(*this, {primals[0], ones_like(primals[1]), zeros_like(primals[2])});
      cotangents.push_back(sum(in_groups(cotangent * codes, group_size), -1));
    } else if (mode == QuantMode::affine && argnum == 2) {
      cotangents.push_back(sum(in_groups(cotangent, group_size), -1));
    } else if (argnum == 2) {
      const array unscaled =
          apply_dequantize({mode, group_size, bits, float32}, {primals[0], primals[1]});
      cotangents.push_back(sum_for_global_scale(astype(cotangent, float32) * unscaled, input) /
                           scalar(global_scale_unit, float32));
    } else {
      cotangents.push_back(zeros_like(input));
    }
  }
  return cotangents;
}

std::vector<array> Dequantize::jvp(const engine::JvpArgs& args) const {
  std::vector<array> inputs(args.primals.begin(), args.primals.end());
  bool moves = false;
  if (mode == QuantMode::affine) {
    inputs[1] = zeros_like(inputs[1]);
    inputs[2] = zeros_like(inputs[2]);
  }
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const auto argnum = static_cast<size_t>(args.argnums[i]);
    if (mode != QuantMode::affine && argnum < 2) continue;
    inputs[argnum] = args.tangents[i];
    moves = true;
  }
  return {moves ? apply_dequantize(*this, inputs) : zeros_like(args.outputs[0])};
}

engine::Batched Dequantize::vmap(const engine::VmapArgs& args) const {
  const bool has_global_scale = mode != QuantMode::affine && args.inputs.size() == 3;
  return {{apply_dequantize(*this, batched_inputs(args, has_global_scale))}, {0}};
}

}  // namespace ops

std::vector<array> quantize(const array& w, std::optional<int> group_size, std::optional<int> bits,
                            const std::string& mode, const std::optional<array>& global_scale,
                            StreamOrDevice s) {
  const ops::QuantFormat format = ops::quant_format("quantize", mode, group_size, bits);
  if (!floats.has(w.dtype())) {
    throw std::invalid_argument(
        fmt::format("quantize: expected w of real floats, got {}", dtype_name(w.dtype())));
  }
  if (w.ndim() < 2 || w.shape(-1) % format.group_size != 0) {
    throw std::invalid_argument(
        fmt::format("quantize: expected w (..., m, n) with n a multiple of group_size {}, got {}",
                    format.group_size, to_string(w.shape())));
  }
  ops::check_one_global_scale("quantize", format, global_scale, "global_scale");
  std::vector<array> inputs{w};
  if (global_scale) inputs.push_back(*global_scale);
  return engine::apply_many(ops::Quantize{format.mode, format.group_size, format.bits}, inputs,
                            ops::quantize_outputs(format, w), s);
}

array dequantize(const array& w, const array& scales, const std::optional<array>& biases,
                 std::optional<int> group_size, std::optional<int> bits, const std::string& mode,
                 const std::optional<array>& global_scale, std::optional<Dtype> dtype,
                 StreamOrDevice s) {
  const ops::QuantFormat format = ops::quant_format("dequantize", mode, group_size, bits);
  ops::check_quantized("dequantize", format, w, scales, biases);
  ops::check_one_global_scale("dequantize", format, global_scale, "global_scale");
  if (dtype && !floats.has(*dtype)) {
    throw std::invalid_argument(
        fmt::format("dequantize: expected a dtype of real floats, got {}", dtype_name(*dtype)));
  }
  if (format.affine()) {
    const Dtype own = result_type(scales, *biases);
    if (!floats.has(own)) {
      throw std::invalid_argument(
          fmt::format("dequantize: expected scales and biases of real floats, got {} and {}",
                      dtype_name(scales.dtype()), dtype_name(biases->dtype())));
    }
    const array result =
        ops::apply_dequantize({format.mode, format.group_size, format.bits, own},
                              {w, astype(scales, own, s), astype(*biases, own, s)}, s);
    return dtype ? astype(result, *dtype, s) : result;
  }
  std::vector<array> inputs{w, scales};
  if (global_scale) inputs.push_back(*global_scale);
  return ops::apply_dequantize({format.mode, format.group_size, format.bits,
                                dtype.value_or(global_scale ? float32 : bfloat16)},
                               inputs, s);
}

}  // namespace mica
