// Products with quantized matrices. Few rows meet each row of the weights as it is unpacked in
// registers; many are rounded to 16 bits and meet the integers that codes stand for, or else panels
// of dequantized weights.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/joined_work.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/prefetch.h"
#include "mica/engine/cpu/scratch.h"
#include "mica/ops/gather_mm_cpu.h"
#include "mica/ops/matmul.h"
#include "mica/ops/quantized_cpu.h"
#include "mica/ops/quantized_integers.h"

namespace mica::ops {
namespace {

// More rows than these pay for unpacked integers, or for panels.
constexpr int64_t most_rows_before_integers = 16;
constexpr int64_t most_rows_before_panels = 32;
// Elements of a row that are unpacked as integers at once: a panel of them stays in the L1 cache.
constexpr int64_t integer_depth = 512;
// Elements of a panel, and of the weights that a thread should at least read.
constexpr int64_t panel_size = 1 << 20;
constexpr int64_t grain = 1 << 14;

// x (m, k) times one of the matrices in w, from row `first_row` on, into out (m, n).
struct Product {
  QuantMatrix w;
  int64_t first_row;
  bool transpose;
  Dtype dtype;  // of x and out
  int64_t m, k, n;
  const void* x;
  void* out;

  void run() const;
  // Whether the rows are so few that reading the weights is what takes time.
  bool is_exact() const {
    return m > 0 && n > 0 && k > 0 && dtype != float64 && transpose &&
           m <= most_rows_before_integers;
  }

 private:
  // Calls f(x, out) in float32, and returns what it does: whether out is written.
  template <class F>
  bool run_wide(F&& f) const;
  bool multiply_integers(const float* x, float* out) const;
  void multiply_panels(const IntegerRows& rows, IntegerCodes kind, float* out) const;
  bool run_integers() const;
  template <class P>
  void fill_panel(int64_t first, int64_t begin, int64_t end, int64_t length, P* panel) const;
  template <class P>
  void run_panels() const;
};

// A product whose rows meet each row of the weights as it is unpacked.
class ExactProduct {
 public:
  explicit ExactProduct(const Product& product);

  engine::Work work() const { return {(p_.n + rows - 1) / rows, rows * p_.k}; }
  void multiply(int64_t begin, int64_t end) const;  // units of work()
  void finish() const;

 private:
  static constexpr int64_t rows = most_dot_rows;  // of weights, in a unit of work

  const Product p_;
  const QuantRowKernels& kernels_;
  engine::BufferRef prepared_;  // x
  engine::BufferRef wide_;      // the result in float32, where that is not its dtype
};

ExactProduct::ExactProduct(const Product& product)
    : p_(product), kernels_(quant_row_kernels(code_kind(p_.w.format().mode), p_.w.format().bits)) {
  const int group_size = p_.w.format().group_size;
  const int64_t x_row = prepared_size(p_.k, group_size);
  prepared_ = engine::allocate_scratch(static_cast<size_t>(p_.m * x_row) * sizeof(float));
  const auto prepare = [&](const float* x) {
    auto* const to = static_cast<float*>(prepared_.data());
    for (int64_t i = 0; i < p_.m; ++i) {
      kernels_.prepare(x + i * p_.k, p_.k, group_size, to + i * x_row);
    }
  };
  if (p_.dtype == float32) {
    prepare(static_cast<const float*>(p_.x));
    return;
  }
  const auto size = static_cast<size_t>(p_.m * p_.k);
  const cpu::Scratch x(size * sizeof(float));
  cpu::cast_kernel(p_.dtype, float32)(x.data(), p_.x, nullptr, nullptr, size);
  prepare(x.as<float>());
  wide_ = engine::allocate_scratch(static_cast<size_t>(p_.m * p_.n) * sizeof(float));
}

void ExactProduct::multiply(int64_t begin, int64_t end) const {
  const int group_size = p_.w.format().group_size;
  const int64_t x_row = prepared_size(p_.k, group_size);
  const auto* const x = static_cast<const float*>(prepared_.data());
  auto* const out = static_cast<float*>(wide_ ? wide_.data() : p_.out);
  std::vector<float> parameters(static_cast<size_t>(rows * 2 * p_.w.groups()));
  std::vector<uint8_t> padded(static_cast<size_t>(rows * p_.w.row_bytes() + read_ahead));
  for (int64_t j = begin * rows; j < std::min(p_.n, end * rows); j += rows) {
    const int count = static_cast<int>(std::min<int64_t>(rows, p_.n - j));
    const QuantRows weights =
        p_.w.some_rows(p_.first_row + j, count, parameters.data(), padded.data());
    for (int64_t i = 0; i < p_.m; i += most_dot_inputs) {
      const int height = static_cast<int>(std::min<int64_t>(most_dot_inputs, p_.m - i));
      kernels_.dot(x + i * x_row, height, p_.k, weights, group_size, out + i * p_.n + j, p_.n);
    }
  }
}

void ExactProduct::finish() const {
  if (!wide_) return;
  cpu::cast_kernel(float32, p_.dtype)(p_.out, wide_.data(), nullptr, nullptr,
                                      static_cast<size_t>(p_.m * p_.n));
}

// Runs products in one parallel region.
void run_exact(std::span<const Product> products) {
  std::vector<ExactProduct> exact;
  std::vector<engine::Work> work;
  exact.reserve(products.size());
  work.reserve(products.size());
  for (const Product& product : products) work.push_back(exact.emplace_back(product).work());
  engine::parallel_works(work, grain, [&](size_t product, int64_t begin, int64_t end) {
    exact[product].multiply(begin, end);
  });
  for (const ExactProduct& product : exact) product.finish();
}

template <class F>
bool Product::run_wide(F&& f) const {
  if (dtype == float32) return f(static_cast<const float*>(x), static_cast<float*>(out));
  const cpu::Scratch wide(static_cast<size_t>(m * (k + n)) * sizeof(float));
  float* const wide_out = wide.as<float>() + m * k;
  cpu::cast_kernel(dtype, float32)(wide.data(), x, nullptr, nullptr, static_cast<size_t>(m * k));
  if (!f(wide.as<float>(), wide_out)) return false;
  cpu::cast_kernel(float32, dtype)(out, wide_out, nullptr, nullptr, static_cast<size_t>(m * n));
  return true;
}

// Asks for `bytes` of each row, `stride` bytes apart: more short streams than the processor
// foresees. Nothing is read, so that addresses may lie beyond the array.
void fetch(const void* first, int64_t stride, int64_t rows, int64_t bytes) {
  for (int64_t row = 0; row < rows; ++row) {
    cpu::prefetch(static_cast<const char*>(first) + row * stride, bytes);
  }
}

void Product::multiply_panels(const IntegerRows& x_rows, IntegerCodes kind, float* out) const {
  const IntegerKernels& kernels = integer_kernels();
  const QuantRowKernels& row_kernels =
      quant_row_kernels(code_kind(w.format().mode), w.format().bits);
  const bool repacked = kind == IntegerCodes::bytes && w.format().bits != 8;
  const float unit = kind == IntegerCodes::doubled_e2m1 ? 0.5f : 1.0f;
  const int64_t columns = kernels.columns, groups = w.groups();
  const auto of_rows = static_cast<size_t>(columns * groups);
  const int64_t step = integer_depth / x_rows.group_size * x_rows.group_size;
  engine::parallel_for((n + columns - 1) / columns, 1, [&](int64_t begin, int64_t end) {
    IntegerRows rows = x_rows;
    const cpu::Scratch codes(static_cast<size_t>(columns * step) * sizeof(int16_t));
    const cpu::Scratch bytes(repacked ? static_cast<size_t>(columns * step) : 0);
    const cpu::Scratch sums(static_cast<size_t>(columns * m) * sizeof(float));
    std::vector<float> parameters(2 * of_rows), scales(of_rows), biases(of_rows);
    std::vector<uint8_t> padded(static_cast<size_t>(columns * w.row_bytes() + read_ahead));
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t first = panel * columns, count = std::min(columns, n - first);
      const QuantRows from =
          w.some_rows(first_row + first, static_cast<int>(count), parameters.data(), padded.data());
      for (int64_t j = 0; j < count; ++j) {
        for (int64_t group = 0; group < groups; ++group) {
          const int64_t at = j * from.group_stride + group;
          scales[group * columns + j] = from.scales[at] * unit;
          if (from.biases) biases[group * columns + j] = from.biases[at];
        }
      }
      for (rows.first = 0; rows.first < k; rows.first += rows.count) {
        rows.count = std::min(step, k - rows.first);
        const uint8_t* packed = from.codes + rows.first * w.format().bits / 8;
        int64_t stride = from.code_stride;
        if (repacked) {
          for (int64_t j = 0; j < count; ++j) {
            row_kernels.unpack_bytes(packed + j * stride, rows.count,
                                     bytes.as<uint8_t>() + j * rows.count);
          }
          packed = bytes.as<uint8_t>();
          stride = rows.count;
        }
        kernels.unpack(packed, stride, count, rows.count, kind, codes.as<int16_t>());
        // What is unpacked next arrives while this is multiplied.
        const int64_t next = rows.first + rows.count;
        const int64_t bits = w.format().bits;
        if (next < k) {
          fetch(from.codes + next * bits / 8, from.code_stride, columns,
                std::min(step, k - next) * bits / 8);
        } else if (panel + 1 < end) {
          fetch(from.codes + columns * from.code_stride, from.code_stride, columns,
                std::min(step, k) * bits / 8);
          fetch(from.scales + columns * groups, 0, 1, columns * groups * 4);
          if (from.biases) fetch(from.biases + columns * groups, 0, 1, columns * groups * 4);
        }
        const int64_t parameter = rows.first / rows.group_size * columns;
        kernels.multiply(rows,
                         {codes.as<int16_t>(), scales.data() + parameter,
                          from.biases ? biases.data() + parameter : nullptr},
                         rows.first > 0, sums.as<float>());
      }
      for (int64_t i = 0; i < m; ++i) {
        std::copy_n(sums.as<float>() + i * columns, count, out + i * n + first);
      }
    }
  });
}

// False where x cannot be rounded; out is then untouched.
bool Product::multiply_integers(const float* x, float* out) const {
  const QuantFormat& format = w.format();
  const IntegerCodes kind = format.bits != 4  ? IntegerCodes::bytes
                            : format.affine() ? IntegerCodes::nibbles
                                              : IntegerCodes::doubled_e2m1;
  const int64_t groups = w.groups();
  const cpu::Scratch values(static_cast<size_t>(m * k) * sizeof(int16_t));
  const cpu::Scratch parameters(static_cast<size_t>(2 * m * groups) * sizeof(float));
  float* const scales = parameters.as<float>();
  float* const sums = scales + m * groups;
  std::atomic<bool> usable = true;
  engine::parallel_for(m, grain / k + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const IntegerRow row{values.as<int16_t>() + i * k, scales + i * groups, sums + i * groups};
      if (!integer_kernels().round(x + i * k, k, format.group_size, kind, row)) usable = false;
    }
  });
  if (!usable) return false;
  multiply_panels({m, k, format.group_size, values.as<int16_t>(), scales, sums, 0, 0}, kind, out);
  return true;
}

// Whether the codes stand for integers that the processor multiplies, and x can be rounded.
bool Product::run_integers() const {
  if (code_kind(w.format().mode) == CodeKind::e4m3 || integer_kernels().columns == 0) return false;
  return run_wide([this](const float* from, float* to) { return multiply_integers(from, to); });
}

// Lines [begin, end) of a panel, which are rows of w or, unless transpose, columns
// [first, first + length) of its rows.
template <class P>
void Product::fill_panel(int64_t first, int64_t begin, int64_t end, int64_t length,
                         P* panel) const {
  if constexpr (std::is_same_v<P, double>) {
    for (int64_t line = begin; line < end; ++line) {
      w.dequantize(first_row + (transpose ? first + line : line), transpose ? 0 : first, length, 1,
                   panel + line * length);
    }
  } else {
    const QuantRowKernels& kernels = quant_row_kernels(code_kind(w.format().mode), w.format().bits);
    const cpu::ElementwiseKernel round = cpu::cast_kernel(float32, dtype_of<P>());
    std::vector<float> parameters(static_cast<size_t>(2 * w.groups()));
    std::vector<uint8_t> padded(static_cast<size_t>(w.row_bytes() + read_ahead));
    std::vector<float> wide(static_cast<size_t>(length));
    for (int64_t line = begin; line < end; ++line) {
      const QuantRows row = w.some_rows(first_row + (transpose ? first + line : line), 1,
                                        parameters.data(), padded.data());
      kernels.dequantize(row, transpose ? 0 : first, length, w.format().group_size, wide.data());
      round(panel + line * length, wide.data(), nullptr, nullptr, static_cast<size_t>(length));
    }
  }
}

// Panels of columns of the product: as many rows of w, or columns of it unless transpose. They are
// multiplied in P.
template <class P>
void Product::run_panels() const {
  const Dtype panel_dtype = dtype_of<P>();
  const int64_t step = transpose ? 16 : w.format().group_size;
  const int64_t width = std::min(n, std::max(step, panel_size / k / step * step));
  const bool converted = dtype != panel_dtype, in_place = width == n && !converted;
  const cpu::Scratch panel(static_cast<size_t>(width * k) * sizeof(P));
  const cpu::Scratch part(in_place ? 0 : static_cast<size_t>(width * m) * sizeof(P));
  const cpu::Scratch own_x(converted ? static_cast<size_t>(m * k) * sizeof(P) : 0);
  if (converted) {
    cpu::cast_kernel(dtype, panel_dtype)(own_x.data(), x, nullptr, nullptr,
                                         static_cast<size_t>(m * k));
  }
  const cpu::ElementwiseKernel finish = cpu::cast_kernel(panel_dtype, dtype);
  const auto itemsize = static_cast<int64_t>(dtype.size());
  for (int64_t first = 0; first < n; first += width) {
    const int64_t cols = std::min(width, n - first);
    const int64_t lines = transpose ? cols : k, length = transpose ? k : cols;
    engine::parallel_for(lines, grain / length + 1, [&](int64_t begin, int64_t end) {
      fill_panel(first, begin, end, length, panel.as<P>());
    });
    cpu::MatmulProblem problem;
    problem.dtype = panel_dtype.val();
    problem.m = m;
    problem.k = k;
    problem.n = cols;
    problem.a_row = k;
    problem.a_col = 1;
    problem.b_row = transpose ? 1 : cols;
    problem.b_col = transpose ? k : 1;
    cpu::matmul(problem, converted ? own_x.data() : x, panel.data(), nullptr,
                in_place ? out : part.data());
    if (in_place) return;
    for (int64_t i = 0; i < m; ++i) {
      finish(static_cast<char*>(out) + (i * n + first) * itemsize, part.as<P>() + i * cols, nullptr,
             nullptr, static_cast<size_t>(cols));
    }
  }
}

void Product::run() const {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    std::memset(out, 0, static_cast<size_t>(m * n) * dtype.size());
  } else if (dtype == float64) {
    run_panels<double>();
  } else if (transpose && m > most_rows_before_integers && run_integers()) {
    return;
  } else if (transpose && m <= most_rows_before_panels) {
    run_exact({this, 1});
  } else if (dtype == bfloat16) {
    run_panels<bfloat16_t>();
  } else {
    run_panels<float>();
  }
}

QuantMatrix weights_of(const QuantFormat& format, const cpu::Call& call) {
  return {format, call.inputs[1], call.inputs[2], format.affine() ? &call.inputs[3] : nullptr};
}

}  // namespace

bool QuantizedMatmul::joins(const Shape& out) { return is_few_rows(out); }

void QuantizedMatmul::cpu(const cpu::Call& call) const { cpu_joined({&call, 1}); }

void QuantizedMatmul::cpu_joined(std::span<const cpu::Call> calls) const {
  std::vector<Product> exact;
  for (const cpu::Call& call : calls) {
    const cpu::Tensor &x = call.inputs[0], &out = call.outputs[0];
    const Product product{.w = weights_of(format(), call),
                          .first_row = 0,
                          .transpose = transpose,
                          .dtype = x.dtype,
                          .m = x.shape[0],
                          .k = x.shape[1],
                          .n = out.shape[1],
                          .x = x.data,
                          .out = out.data};
    if (product.is_exact()) {
      exact.push_back(product);
    } else {
      product.run();
    }
  }
  run_exact(exact);
}

void GatherQmm::cpu(const cpu::Call& call) const {
  const cpu::Tensor &x = call.inputs[0], &packed = call.inputs[1], &out = call.outputs[0];
  const QuantMatrix w = weights_of(format(), call);
  const size_t indices = call.inputs.size() - 2;
  const auto runs =
      pair_runs(call.inputs[indices], x.shape[0], call.inputs[indices + 1], packed.shape[0], true);
  const auto itemsize = static_cast<int64_t>(x.dtype.size());
  const int64_t m = x.shape[1], k = x.shape[2], n = out.shape[2];
  for_each_run(runs, [&](const PairRun& run) {
    const Product product{.w = w,
                          .first_row = run.b * packed.shape[1],
                          .transpose = transpose,
                          .dtype = x.dtype,
                          .m = run.count * m,
                          .k = k,
                          .n = n,
                          .x = x.as<char>() + run.a * m * k * itemsize,
                          .out = out.as<char>() + run.first * m * n * itemsize};
    product.run();
  });
}

}  // namespace mica::ops
