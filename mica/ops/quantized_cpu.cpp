#include "mica/ops/quantized_cpu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/quantized.h"
#include "mica/ops/small_floats.h"

namespace mica::ops {
namespace {

// Elements that a thread should at least convert.
constexpr int64_t grain = 1 << 14;
constexpr int largest_group = 128;

// The scales of the modes of small floats, by their codes.
const std::array<float, 256>& scale_table(QuantMode mode) {
  const auto make = [](float (*value_of)(uint8_t)) {
    std::array<float, 256> table;
    for (size_t code = 0; code < table.size(); ++code) {
      table[code] = value_of(static_cast<uint8_t>(code));
    }
    return table;
  };
  static const auto e4m3 = make([](uint8_t code) { return e4m3_to_float(code); });
  static const auto e8m0 = make(e8m0_to_float);
  return mode == QuantMode::nvfp4 ? e4m3 : e8m0;
}

// Packs a group's codes from the low bits up.
void pack(const uint8_t* codes, int count, int bits, uint8_t* out) {
  if (bits == 8) {
    std::copy_n(codes, count, out);
  } else if (bits == 4) {
    for (int i = 0; i < count / 2; ++i) {
      out[i] = static_cast<uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
    }
  } else {
    uint32_t pending = 0;
    int held = 0;
    for (int i = 0; i < count; ++i) {
      pending |= uint32_t{codes[i]} << held;
      for (held += bits; held >= 8; held -= 8) {
        *out++ = static_cast<uint8_t>(pending);
        pending >>= 8;
      }
    }
  }
}

// Rounds to nearest even; |x| < 2^22 for float. A function call less than std::nearbyint.
float round_small(float x) { return x + 0x1.8p23f - 0x1.8p23f; }
double round_small(double x) { return x + 0x1.8p52 - 0x1.8p52; }

struct GroupParameters {
  double scale, bias;
};

// C computes: float, or double for float64. The last code of the scale's sign is what is largest in
// magnitude, so that it is kept exactly, and 0 is a code.
template <class C>
GroupParameters affine_parameters(const C* w, int group_size, int bits) {
  C low = std::numeric_limits<C>::infinity(), high = -low;
  for (int i = 0; i < group_size; ++i) {
    low = w[i] < low ? w[i] : low;
    high = w[i] > high ? w[i] : high;
  }
  const C least = static_cast<C>(1e-7f);
  if (bits == 1) return {std::max(high - low, least), low};
  const C step = std::max((high - low) / static_cast<C>((1 << bits) - 1), least);
  const bool low_is_edge = std::abs(low) > std::abs(high);
  const C scale = low_is_edge ? step : -step, edge = low_is_edge ? low : high;
  const C code = std::rint(edge / scale);
  if (code == 0) return {scale, 0};
  return {edge / code, edge};
}

template <class T>
void quantize_affine(const QuantFormat& format, const T* w, uint8_t* codes, T* scale, T* bias) {
  using C = cpu::Compute<T>;
  std::array<C, largest_group> values{};
  std::copy_n(w, format.group_size, values.begin());
  const auto parameters = affine_parameters(values.data(), format.group_size, format.bits);
  const C step = static_cast<C>(parameters.scale), from = static_cast<C>(parameters.bias);
  const C last = static_cast<C>((1 << format.bits) - 1);
  for (int i = 0; i < format.group_size; ++i) {
    const C code = (values[i] - from) / step, least = code > 0 ? code : C(0);
    values[i] = round_small(least < last ? least : last);
  }
  std::array<uint8_t, largest_group> own;
  for (int i = 0; i < format.group_size; ++i) {
    own[i] = static_cast<uint8_t>(static_cast<int>(values[i]));
  }
  pack(own.data(), format.group_size, format.bits, codes);
  *scale = static_cast<T>(step);
  *bias = static_cast<T>(from);
}

// The least power of two that is not smaller, as E8M0: wrapping around where it does not fit, and
// 128 for what is not finite, as MLX does.
uint8_t to_e8m0(float x) {
  if (x == 0) return 127;
  if (!std::isfinite(x)) return 128;
  int exponent = 0;
  const float fraction = std::frexp(x, &exponent);  // in [0.5, 1)
  return static_cast<uint8_t>((fraction == 0.5f ? exponent - 1 : exponent) + 127);
}

// `factor` is 1 without a global scale. Divisions are rounded to T.
template <class T>
void quantize_floats(const QuantFormat& format, float factor, const T* w, uint8_t* codes,
                     uint8_t* scale) {
  using C = cpu::Compute<T>;
  C largest = 0;
  for (int i = 0; i < format.group_size; ++i) {
    largest = std::max(largest, std::abs(static_cast<C>(w[i])));
  }
  const C most = format.bits == 4 ? 6 : 448;
  const auto ratio = static_cast<C>(static_cast<T>(largest / most));
  *scale = format.mode == QuantMode::nvfp4 ? to_e4m3(ratio * static_cast<C>(factor))
                                           : to_e8m0(static_cast<float>(ratio));
  const C step = scale_table(format.mode)[*scale];
  // A scale that has underflowed to zero leaves zeros.
  std::array<C, largest_group> values;
  for (int i = 0; i < format.group_size; ++i) {
    const auto quotient = static_cast<C>(static_cast<T>(static_cast<C>(w[i]) / step));
    values[i] = format.bits == 4 && step == 0 ? C(0) : quotient * static_cast<C>(factor);
  }
  std::array<uint8_t, largest_group> own;
  if (format.bits == 4) {
    for (int i = 0; i < format.group_size; ++i) own[i] = to_e2m1(values[i]);
  } else {
    for (int i = 0; i < format.group_size; ++i) own[i] = to_e4m3(values[i]);
  }
  pack(own.data(), format.group_size, format.bits, codes);
}

}  // namespace

void Quantize::cpu(const cpu::Call& call) const {
  const cpu::Tensor& w = call.inputs[0];
  const QuantFormat format = this->format();
  const auto groups = static_cast<int64_t>(w.size) / group_size;
  if (groups == 0) return;
  const bool has_global_scale = call.inputs.size() == 2;
  const int64_t per_scale =
      has_global_scale ? groups / static_cast<int64_t>(call.inputs[1].size) : groups;
  const int64_t group_bytes = int64_t{group_size} * bits / 8;
  cpu::visit_inexact_type(w.dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) {
      const auto run = [&](int64_t begin, int64_t end) {
        for (int64_t group = begin; group < end; ++group) {
          const T* from = w.as<T>() + group * group_size;
          uint8_t* codes = call.outputs[0].as<uint8_t>() + group * group_bytes;
          if (format.affine()) {
            quantize_affine(format, from, codes, call.outputs[1].as<T>() + group,
                            call.outputs[2].as<T>() + group);
          } else {
            const float factor =
                has_global_scale ? global_scale_unit / call.inputs[1].as<float>()[group / per_scale]
                                 : 1.0f;
            quantize_floats(format, factor, from, codes, call.outputs[1].as<uint8_t>() + group);
          }
        }
      };
      engine::parallel_for(groups, grain / group_size, run);
    }
  });
}

QuantMatrix::QuantMatrix(const QuantFormat& format, const cpu::Tensor& codes,
                         const cpu::Tensor& scales, const cpu::Tensor* biases)
    : format_(format),
      scale_dtype_(scales.dtype),
      cols_(format.unpacked(codes.shape.back())),
      codes_(codes.as<uint8_t>()),
      codes_end_(codes_ + codes.size * sizeof(uint32_t)),
      scales_(scales.data),
      biases_(biases ? biases->data : nullptr) {
  rows_ = cols_ == 0 ? 0 : static_cast<int64_t>(codes.size) / codes.shape.back();
}

template <class T>
void QuantMatrix::dequantize(int64_t row, int64_t first, int64_t count, float factor,
                             T* out) const {
  constexpr int64_t block = 4 * largest_group;
  std::array<float, block> values;
  std::array<uint8_t, block + read_ahead> padded;
  const QuantRowKernels& kernels = quant_row_kernels(code_kind(format_.mode), format_.bits);
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t n = std::min(block, count - begin);
    const int64_t element = row * cols_ + first + begin;
    const uint8_t* codes = codes_ + element * format_.bits / 8;
    const int64_t bytes = n * format_.bits / 8;
    if (codes_end_ - codes < bytes + read_ahead) {
      std::copy_n(codes, bytes, padded.begin());
      codes = padded.data();
    }
    kernels.unpack(codes, n, values.data());
    const int64_t group = element / format_.group_size;
    if constexpr (sizeof(T) == 2) {
      scale_halves(group, n, factor, values.data(), out + begin);
    } else {
      scale_values(group, n, factor, values.data(), out + begin);
    }
  }
}

// Multiplies and adds in place of `values`, of groups from `group` on.
template <class T>
void QuantMatrix::scale_halves(int64_t group, int64_t count, float factor, float* values,
                               T* out) const {
  const auto size = static_cast<size_t>(count);
  const cpu::ElementwiseKernel round = cpu::cast_kernel(float32, dtype_of<T>());
  for (int64_t at = 0, g = group; at < count; at += format_.group_size, ++g) {
    const float scale = format_.affine() ? static_cast<float>(static_cast<const T*>(scales_)[g])
                                         : small_float_scale(g) * factor;
    for (int i = 0; i < format_.group_size; ++i) values[at + i] *= scale;
  }
  round(out, values, nullptr, nullptr, size);
  if (!format_.affine()) return;
  cpu::cast_kernel(dtype_of<T>(), float32)(values, out, nullptr, nullptr, size);
  for (int64_t at = 0, g = group; at < count; at += format_.group_size, ++g) {
    const auto bias = static_cast<float>(static_cast<const T*>(biases_)[g]);
    for (int i = 0; i < format_.group_size; ++i) values[at + i] += bias;
  }
  round(out, values, nullptr, nullptr, size);
}

// The same in float32 and float64.
template <class T>
void QuantMatrix::scale_values(int64_t group, int64_t count, float factor, const float* values,
                               T* out) const {
  for (int64_t at = 0, g = group; at < count; at += format_.group_size, ++g) {
    if (format_.affine()) {
      const T scale = static_cast<const T*>(scales_)[g], bias = static_cast<const T*>(biases_)[g];
      for (int i = 0; i < format_.group_size; ++i) out[at + i] = scale * values[at + i] + bias;
    } else {
      const float scale = small_float_scale(g) * factor;
      for (int i = 0; i < format_.group_size; ++i) out[at + i] = values[at + i] * scale;
    }
  }
}

// Of the modes of small floats.
float QuantMatrix::small_float_scale(int64_t group) const {
  return scale_table(format_.mode)[static_cast<const uint8_t*>(scales_)[group]];
}

template void QuantMatrix::dequantize(int64_t, int64_t, int64_t, float, float*) const;
template void QuantMatrix::dequantize(int64_t, int64_t, int64_t, float, double*) const;
template void QuantMatrix::dequantize(int64_t, int64_t, int64_t, float, float16_t*) const;
template void QuantMatrix::dequantize(int64_t, int64_t, int64_t, float, bfloat16_t*) const;

const float* QuantMatrix::as_floats(const void* parameters, int64_t row, int rows,
                                    float* converted) const {
  const int64_t first = row * groups(), count = rows * groups();
  if (scale_dtype_ == float32) return static_cast<const float*>(parameters) + first;
  if (!format_.affine()) {
    const uint8_t* from = static_cast<const uint8_t*>(parameters) + first;
    const auto& table = scale_table(format_.mode);
    for (int64_t i = 0; i < count; ++i) converted[i] = table[from[i]];
    return converted;
  }
  const auto offset = first * static_cast<int64_t>(scale_dtype_.size());
  cpu::cast_kernel(scale_dtype_, float32)(converted, static_cast<const char*>(parameters) + offset,
                                          nullptr, nullptr, static_cast<size_t>(count));
  return converted;
}

QuantRows QuantMatrix::some_rows(int64_t first, int count, float* parameters,
                                 uint8_t* padded) const {
  QuantRows result{count, codes_ + first * row_bytes(), row_bytes(), nullptr, nullptr, groups()};
  result.scales = as_floats(scales_, first, count, parameters);
  if (biases_) result.biases = as_floats(biases_, first, count, parameters + count * groups());
  const int64_t bytes = count * row_bytes();
  if (codes_end_ - result.codes < bytes + read_ahead) {
    std::copy_n(result.codes, bytes, padded);
    result.codes = padded;
  }
  return result;
}

void Dequantize::cpu(const cpu::Call& call) const {
  const cpu::Tensor& out = call.outputs[0];
  const bool affine = mode == QuantMode::affine;
  const QuantMatrix w(format(), call.inputs[0], call.inputs[1], affine ? &call.inputs[2] : nullptr);
  if (out.size == 0) return;
  const bool has_global_scale = !affine && call.inputs.size() == 3;
  const int64_t per_scale =
      has_global_scale ? w.rows() / static_cast<int64_t>(call.inputs[2].size) : w.rows();
  cpu::visit_inexact_type(out.dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) {
      engine::parallel_for(w.rows(), grain / w.cols() + 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          const float factor =
              has_global_scale ? global_factor(call.inputs[2].as<float>()[row / per_scale]) : 1.0f;
          w.dequantize(row, 0, w.cols(), factor, out.as<T>() + row * w.cols());
        }
      });
    }
  });
}

}  // namespace mica::ops
