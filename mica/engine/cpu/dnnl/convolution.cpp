#include "mica/engine/cpu/dnnl/convolution.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

// The extent a kernel spans.
int64_t span(const ConvProblem& p, int axis) { return (p.kernel[axis] - 1) * p.dilation[axis] + 1; }

void check(const ConvProblem& p) {
  const auto fail = [](const std::string& expected, int64_t got) {
    throw std::invalid_argument("convolution: expected " + expected + ", got " +
                                std::to_string(got));
  };
  if (p.dtype == Dtype::Val::bool_) {
    throw std::invalid_argument("convolution: expected a numeric dtype, got bool");
  }
  if (p.epilogue == Epilogue::accumulate) {
    throw std::invalid_argument("convolution: the epilogue cannot accumulate");
  }
  if (p.rank < 1 || p.rank > 3) fail("1 to 3 spatial axes", p.rank);
  if (p.groups < 1) fail("at least one group", p.groups);
  if (p.batch < 0) fail("a batch of at least 0", p.batch);
  if (p.in_channels < 0 || p.in_channels % p.groups != 0) {
    fail("in_channels divisible by " + std::to_string(p.groups) + " groups", p.in_channels);
  }
  if (p.out_channels < 0 || p.out_channels % p.groups != 0) {
    fail("out_channels divisible by " + std::to_string(p.groups) + " groups", p.out_channels);
  }
  for (int i = 0; i < p.rank; ++i) {
    if (p.input[i] < 0) fail("input extents of at least 0", p.input[i]);
    if (p.kernel[i] < 1) fail("kernel extents of at least 1", p.kernel[i]);
    if (p.stride[i] < 1) fail("strides of at least 1", p.stride[i]);
    if (p.dilation[i] < 1) fail("dilations of at least 1", p.dilation[i]);
    if (p.input_dilation[i] < 1) fail("input dilations of at least 1", p.input_dilation[i]);
  }
}

// Neutral values past the rank, so that loops may run over three axes.
ConvProblem canonical(ConvProblem p) {
  for (int i = p.rank; i < 3; ++i) {
    p.input[i] = p.kernel[i] = p.stride[i] = p.dilation[i] = p.input_dilation[i] = 1;
    p.padding_lo[i] = p.padding_hi[i] = 0;
  }
  if (product(p.kernel, 3) == 1) p.flip = false;
  return p;
}

bool all_one(const std::array<int64_t, 3>& x) { return x == std::array<int64_t, 3>{1, 1, 1}; }

// A convolution of a dilated input is the gradient with respect to the input of one that strides:
// the roles of input and output are exchanged, and the kernel's direction is reversed.
bool as_transposed(const ConvProblem& p, PlainConv& dual) {
  if (!all_one(p.stride)) return false;
  ConvProblem& q = dual.problem;
  q = p;
  q.flip = false;
  q.epilogue = Epilogue::none;
  q.input = p.output();
  std::swap(q.in_channels, q.out_channels);
  q.stride = p.input_dilation;
  q.input_dilation = {1, 1, 1};
  for (int i = 0; i < p.rank; ++i) {
    q.padding_lo[i] = span(p, i) - 1 - p.padding_lo[i];
    q.padding_hi[i] = span(p, i) - 1 - p.padding_hi[i];
  }
  dual.transposed_weight = true;
  return true;
}

template <class From, class To>
void convert(const From* from, int64_t size, To* to) {
  const ElementwiseKernel cast = cast_kernel(dtype_of<From>(), dtype_of<To>());
  engine::parallel_for(size, 16384, [&](int64_t begin, int64_t end) {
    cast(to + begin, from + begin, nullptr, nullptr, end - begin);
  });
}

void run(const ConvProblem& p, ConvPass pass, const ConvOperands& x);

// Runs a float16 or bfloat16 problem in float32.
template <class T>
void run_widened(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  ConvProblem wide = p;
  wide.dtype = Dtype::Val::float32;
  const int64_t sizes[] = {input_size(p), weight_size(p), output_size(p),
                           x.bias ? p.out_channels : 0};
  const void* data[] = {x.input, x.weight, x.output, x.bias};
  const bool writes[] = {pass == ConvPass::backward_data, pass == ConvPass::backward_weights,
                         pass == ConvPass::forward, pass == ConvPass::backward_weights};
  const Scratch input(sizes[0] * sizeof(float)), weight(sizes[1] * sizeof(float)),
      output(sizes[2] * sizeof(float)), bias(sizes[3] * sizeof(float));
  float* const copies[] = {input.as<float>(), weight.as<float>(), output.as<float>(),
                           bias.as<float>()};
  for (int i = 0; i < 4; ++i) {
    if (!writes[i]) convert(static_cast<const T*>(data[i]), sizes[i], copies[i]);
  }
  run(wide, pass, {copies[0], copies[1], copies[2], copies[3]});
  for (int i = 0; i < 4; ++i) {
    if (writes[i]) convert(copies[i], sizes[i], static_cast<T*>(const_cast<void*>(data[i])));
  }
}

// A kernel of one element that visits every position is a plain matrix product.
bool is_product(const ConvProblem& p) {
  return p.groups == 1 && all_one(p.kernel) && all_one(p.stride) && all_one(p.input_dilation) &&
         p.padding_lo == std::array<int64_t, 3>{} && p.padding_hi == std::array<int64_t, 3>{};
}

void run_product(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  const int64_t positions = p.batch * product(p.input, 3);
  MatmulProblem q;
  q.dtype = p.dtype;
  if (pass == ConvPass::forward) {
    q.m = positions, q.n = p.out_channels, q.k = p.in_channels;
    q.a_row = q.k, q.a_col = 1, q.b_row = 1, q.b_col = q.k;
    q.epilogue = p.epilogue;
    matmul(q, x.input, x.weight, x.bias, const_cast<void*>(x.output));
  } else if (pass == ConvPass::backward_data) {
    q.m = positions, q.n = p.in_channels, q.k = p.out_channels;
    q.a_row = q.k, q.a_col = 1, q.b_row = q.n, q.b_col = 1;
    matmul(q, x.output, x.weight, nullptr, const_cast<void*>(x.input));
  } else {
    q.m = p.out_channels, q.n = p.in_channels, q.k = positions;
    q.a_row = 1, q.a_col = q.m, q.b_row = q.n, q.b_col = 1;
    matmul(q, x.output, x.input, nullptr, const_cast<void*>(x.weight));
  }
}

// Reverses the kernel of each filter.
template <class T>
void flip_kernel(const ConvProblem& p, const void* from, void* to) {
  const int64_t taps = product(p.kernel, 3), channels = p.in_channels / p.groups;
  for (int64_t row = 0; row < p.out_channels * taps; ++row) {
    const int64_t flipped = row / taps * taps + taps - 1 - row % taps;
    std::copy_n(static_cast<const T*>(from) + row * channels, channels,
                static_cast<T*>(to) + flipped * channels);
  }
}

bool run_onednn(const ConvProblem& p, ConvPass pass, const ConvOperands& x);

// Runs the problem with a copy of the kernel in the other direction.
template <class T>
bool run_flipped(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  ConvProblem q = p;
  q.flip = !p.flip;
  const Scratch kernel(weight_size(p) * sizeof(T));
  if (pass != ConvPass::backward_weights) flip_kernel<T>(p, x.weight, kernel.data());
  if (!run_onednn(q, pass, {x.input, kernel.data(), x.output, x.bias})) return false;
  if (pass == ConvPass::backward_weights) {
    flip_kernel<T>(p, kernel.data(), const_cast<void*>(x.weight));
  }
  return true;
}

bool run_onednn(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  const bool dilated = !all_one(p.input_dilation);
  if (p.flip != dilated) {
    return p.dtype == Dtype::Val::float32 ? run_flipped<float>(p, pass, x)
                                          : run_flipped<bfloat16_t>(p, pass, x);
  }
  PlainConv conv;
  if (!dilated) {
    conv.problem = p;
    return conv_onednn(conv, pass, x);
  }
  const bool extra = x.bias || p.epilogue != Epilogue::none;
  // Where more is to be done with the sums, they must not have been rounded.
  if ((extra && p.dtype != Dtype::Val::float32) || !as_transposed(p, conv)) return false;
  const ConvPass passes[] = {ConvPass::backward_data, ConvPass::forward,
                             ConvPass::backward_weights};
  if (!conv_onednn(conv, passes[static_cast<int>(pass)], {x.output, x.weight, x.input, nullptr})) {
    return false;
  }
  if (extra && pass == ConvPass::forward) {
    MatmulProblem rows;
    rows.m = output_size(p) / p.out_channels, rows.n = p.out_channels;
    rows.epilogue = p.epilogue;
    float* const out = static_cast<float*>(const_cast<void*>(x.output));
    finish<float>(rows, 1, out, static_cast<const float*>(x.bias), out);
  } else if (x.bias && pass == ConvPass::backward_weights) {
    sum_rows(static_cast<const float*>(x.output), output_size(p) / p.out_channels, p.out_channels,
             static_cast<float*>(const_cast<void*>(x.bias)));
  }
  return true;
}

// Where oneDNN would spend more on reordering the weight than on the products: 2.5 ms for 1x7x7x512
// with a 3x3 kernel, for 1.4.
bool is_mostly_weight(const ConvProblem& p) {
  return p.dtype == Dtype::Val::float32 && p.groups == 1 && weight_size(p) >= 1 << 20 &&
         p.batch * product(p.output(), 3) <= 64;
}

void run(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  if (p.dtype == Dtype::Val::float16) return run_widened<float16_t>(p, pass, x);
  const bool empty = input_size(p) == 0 || weight_size(p) == 0 || output_size(p) == 0;
  if (!empty && is_product(p) && !(x.bias && pass == ConvPass::backward_weights)) {
    return run_product(p, pass, x);
  }
  if (!empty && suits_winograd(p, pass)) return conv_winograd(p, pass, x);
  const bool known = p.dtype == Dtype::Val::float32 || p.dtype == Dtype::Val::bfloat16;
  if (!empty && known && !is_mostly_weight(p) && run_onednn(p, pass, x)) return;
  if (p.dtype == Dtype::Val::bfloat16) return run_widened<bfloat16_t>(p, pass, x);
  conv_general(p, pass, x);
}

}  // namespace

std::array<int64_t, 3> ConvProblem::output() const {
  std::array<int64_t, 3> result{1, 1, 1};
  for (int i = 0; i < rank; ++i) {
    const int64_t padded = std::max<int64_t>((input[i] - 1) * input_dilation[i] + 1, 0) +
                           padding_lo[i] + padding_hi[i];
    const int64_t room = padded - span(*this, i);
    result[i] = room < 0 ? 0 : room / stride[i] + 1;
  }
  return result;
}

void conv_forward(const ConvProblem& problem, const void* input, const void* weight,
                  const void* bias, void* output) {
  check(problem);
  const engine::ThreadCountScope threads;
  run(canonical(problem), ConvPass::forward, {input, weight, output, bias});
}

void conv_backward_data(const ConvProblem& problem, const void* grad_output, const void* weight,
                        void* grad_input) {
  check(problem);
  const engine::ThreadCountScope threads;
  run(canonical(problem), ConvPass::backward_data, {grad_input, weight, grad_output, nullptr});
}

void conv_backward_weights(const ConvProblem& problem, const void* input, const void* grad_output,
                           void* grad_weight, void* grad_bias) {
  check(problem);
  const engine::ThreadCountScope threads;
  run(canonical(problem), ConvPass::backward_weights, {input, grad_weight, grad_output, grad_bias});
}

}  // namespace mica::cpu
