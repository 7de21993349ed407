// Products of quantized matrices with quantized inputs. Composed: no CPU multiplies such codes, so
// x is rounded to what its codes stand for and meets the weights in float32.
#include <fmt/format.h>

#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/gather_mm.h"
#include "mica/ops/ops.h"
#include "mica/ops/quantized.h"
#include "mica/ops/quantized_checks.h"
#include "mica/transforms/transforms.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

// The values of x's codes in float32. Rounding has no useful derivative: gradients and tangents
// pass through it unchanged (straight through), and none reach the global scale.
array rounded(const QuantFormat& format, const array& x, const std::optional<array>& global_scale,
              const StreamOrDevice& s) {
  const std::string mode = quant_mode_name(format.mode);
  const auto round_trip = [mode, s](const std::vector<array>& in) {
    const auto scale = in.size() == 2 ? std::optional<array>(in[1]) : std::nullopt;
    const std::vector<array> q = quantize(in[0], std::nullopt, std::nullopt, mode, scale, s);
    return std::vector<array>{
        dequantize(q[0], q[1], std::nullopt, std::nullopt, std::nullopt, mode, scale, float32, s)};
  };
  const auto vjp = [](const std::vector<array>& primals, const std::vector<array>& cotangents,
                      const std::vector<array>&) {
    std::vector<array> gradients{astype(cotangents[0], primals[0].dtype())};
    if (primals.size() == 2) gradients.push_back(zeros_like(primals[1]));
    return gradients;
  };
  const auto jvp = [](const std::vector<array>& primals, const std::vector<array>& tangents,
                      const std::vector<int>& argnums) {
    return std::vector<array>{argnums[0] == 0 ? astype(tangents[0], float32)
                                              : astype(zeros_like(primals[0]), float32)};
  };
  std::vector<array> inputs{x};
  if (global_scale) inputs.push_back(*global_scale);
  const auto function = custom_function(round_trip, vjp, jvp);
  if (global_scale && global_scale->size() > 1) return vmap(function)(inputs)[0];
  return function(inputs)[0];
}

// What qqmm and gather_qqmm check alike.
QuantFormat check_arguments(const char* op, const array& x, const array& w,
                            const std::optional<array>& scales, std::optional<int> group_size,
                            std::optional<int> bits, const std::string& mode,
                            const std::optional<array>& global_scale_x,
                            const std::optional<array>& global_scale_w) {
  const QuantFormat format = quant_format(op, mode, group_size, bits);
  if (format.affine()) {
    throw std::invalid_argument(
        fmt::format("{}: expected mode mxfp4, mxfp8 or nvfp4, got 'affine'", op));
  }
  if (!floats.has(x.dtype())) {
    throw std::invalid_argument(
        fmt::format("{}: expected x of real floats, got {}", op, dtype_name(x.dtype())));
  }
  if (scales) {
    check_quantized(op, format, w, *scales, std::nullopt);
  } else if (!floats.has(w.dtype())) {
    throw std::invalid_argument(fmt::format("{}: expected w of real floats, or its scales, got {}",
                                            op, dtype_name(w.dtype())));
  }
  const int64_t k = scales ? format.unpacked(w.shape(-1)) : w.ndim() > 0 ? w.shape(-1) : 0;
  if (w.ndim() < 2 || x.ndim() == 0 || x.shape(-1) != k || k % format.group_size != 0) {
    throw std::invalid_argument(
        fmt::format("{}: expected x (..., k) and w (..., n, k) with k a multiple of {}, got {} and "
                    "{}",
                    op, format.group_size, to_string(x.shape()), to_string(w.shape())));
  }
  check_one_global_scale(op, format, global_scale_x, "global_scale_x");
  check_global_scale(op, format, global_scale_w, "global_scale_w");
  if (global_scale_x.has_value() != global_scale_w.has_value()) {
    throw std::invalid_argument(
        fmt::format("{}: expected both global_scale_x and global_scale_w or none of them, got "
                    "{} alone",
                    op, global_scale_x ? "global_scale_x" : "global_scale_w"));
  }
  return format;
}

}  // namespace
}  // namespace ops

array qqmm(const array& x, const array& w, const std::optional<array>& w_scales,
           std::optional<int> group_size, std::optional<int> bits, const std::string& mode,
           const std::optional<array>& global_scale_x, const std::optional<array>& global_scale_w,
           StreamOrDevice s) {
  const ops::QuantFormat format = ops::check_arguments("qqmm", x, w, w_scales, group_size, bits,
                                                       mode, global_scale_x, global_scale_w);
  ops::check_one_global_scale("qqmm", format, global_scale_w, "global_scale_w");
  if (w.ndim() != 2) {
    throw std::invalid_argument(
        fmt::format("qqmm: expected w with two dimensions, got {}", to_string(w.shape())));
  }
  const bool vector = x.ndim() == 1;
  const array inputs = ops::rounded(format, vector ? expand_dims(x, 0, s) : x, global_scale_x, s);
  array out(0.0f);
  if (w_scales) {
    out = quantized_matmul(inputs, w, *w_scales, std::nullopt, true, group_size, bits, mode, s);
    if (global_scale_w) {
      out = multiply(
          out,
          divide(reshape(*global_scale_w, {}, s), ops::scalar(ops::global_scale_unit, float32), s),
          s);
    }
  } else {
    out = matmul(inputs, transpose(ops::rounded(format, w, global_scale_w, s), s), s);
  }
  return astype(vector ? squeeze(out, 0, s) : out, x.dtype(), s);
}

array gather_qqmm(const array& x, const array& w, const std::optional<array>& scales_w,
                  const std::optional<array>& lhs_indices, const std::optional<array>& rhs_indices,
                  std::optional<int> group_size, std::optional<int> bits, const std::string& mode,
                  const std::optional<array>& global_scale_x,
                  const std::optional<array>& global_scale_w, bool sorted_indices,
                  StreamOrDevice s) {
  const ops::QuantFormat format = ops::check_arguments("gather_qqmm", x, w, scales_w, group_size,
                                                       bits, mode, global_scale_x, global_scale_w);
  if (x.ndim() < 2) {
    throw std::invalid_argument(fmt::format(
        "gather_qqmm: expected x with at least two dimensions, got {}", to_string(x.shape())));
  }
  const array inputs = ops::rounded(format, x, global_scale_x, s);
  std::optional<array> scale_w = global_scale_w;
  const array matrices = ops::flatten_batch(w, s);
  if (scale_w) {
    const int count = matrices.shape(0);
    if (scale_w->size() != 1 && scale_w->size() != static_cast<size_t>(count)) {
      throw std::invalid_argument(fmt::format(
          "gather_qqmm: expected global_scale_w of one element or one for each of {} matrices, got "
          "{}",
          count, to_string(scale_w->shape())));
    }
    scale_w = broadcast_to(flatten(*scale_w, s), {count}, s);
  }
  if (scales_w) {
    return astype(gather_qmm(inputs, w, *scales_w, std::nullopt, lhs_indices, rhs_indices, true,
                             group_size, bits, mode, scale_w, sorted_indices, s),
                  x.dtype(), s);
  }
  const array weights = reshape(ops::rounded(format, matrices, scale_w, s), w.shape(), s);
  return astype(
      gather_mm(inputs, swapaxes(weights, -1, -2, s), lhs_indices, rhs_indices, sorted_indices, s),
      x.dtype(), s);
}

}  // namespace mica
