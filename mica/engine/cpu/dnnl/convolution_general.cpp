#include <algorithm>
#include <cstring>
#include <vector>

#include "mica/engine/cpu/dnnl/convolution.h"
#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/dnnl/scratch.h"

namespace mica::cpu {
namespace {

constexpr int64_t block_bytes = 2 << 20;  // of windows at a time: about a core's L2 cache

// The windows of a range of output positions, each one row of `depth` elements for each group:
// (groups, positions, kernel..., channels of a group).
template <class T>
class Windows {
 public:
  explicit Windows(const ConvProblem& p)
      : p_(p),
        output_(p.output()),
        positions_(p.batch * product(output_, 3)),
        taps_(product(p.kernel, 3)),
        channels_(p.in_channels / p.groups) {}

  int64_t positions() const { return positions_; }
  int64_t depth() const { return taps_ * channels_; }
  int64_t block() const {
    const int64_t row = std::max<int64_t>(1, depth() * p_.groups * int64_t{sizeof(T)});
    return std::clamp<int64_t>(block_bytes / row, 1, std::max<int64_t>(positions_, 1));
  }

  // Copies the windows of positions [first, first + count) from `input`.
  void gather(const T* input, int64_t first, int64_t count, T* windows) const {
    const int64_t each = rows_each(depth() * p_.groups);
    engine::parallel_for(count, each, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int64_t from = source(first + i, tap);
          for (int64_t g = 0; g < p_.groups; ++g) {
            T* to = windows + ((g * count + i) * taps_ + tap) * channels_;
            if (from < 0) {
              std::fill_n(to, channels_, T(0));
            } else {
              std::copy_n(input + from * p_.in_channels + g * channels_, channels_, to);
            }
          }
        }
      }
    });
  }

  // Adds the windows back to where they came from. Threads share the channels, so that no element
  // is written by two, and sums have a fixed order.
  void scatter_add(const T* windows, int64_t first, int64_t count, T* input) const {
    const int64_t each = rows_each(count * taps_ * p_.groups);
    engine::parallel_for(channels_, each, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int64_t to = source(first + i, tap);
          if (to < 0) continue;
          for (int64_t g = 0; g < p_.groups; ++g) {
            const T* from = windows + ((g * count + i) * taps_ + tap) * channels_;
            T* sum = input + to * p_.in_channels + g * channels_;
            for (int64_t c = begin; c < end; ++c) sum[c] = wrapping_add(sum[c], from[c]);
          }
        }
      }
    });
  }

 private:
  // The flat input position under a tap of the window at an output position, or -1 for padding.
  int64_t source(int64_t position, int64_t tap) const {
    int64_t offset = 0, step = 1;
    for (int axis = 2; axis >= 0; --axis) {
      const int64_t o = position % output_[axis], k = tap % p_.kernel[axis];
      position /= output_[axis];
      tap /= p_.kernel[axis];
      const int64_t at = o * p_.stride[axis] + k * p_.dilation[axis] - p_.padding_lo[axis];
      if (at < 0 || at % p_.input_dilation[axis] != 0) return -1;
      const int64_t i = at / p_.input_dilation[axis];
      if (i >= p_.input[axis]) return -1;
      offset += i * step;
      step *= p_.input[axis];
    }
    return offset + position * step;  // what is left of the position is the image
  }

  ConvProblem p_;
  std::array<int64_t, 3> output_;
  int64_t positions_, taps_, channels_;
};

// Reverses the kernel: taps are `channels` elements each.
template <class T>
void flip_taps(const T* from, int64_t filters, int64_t taps, int64_t channels, T* to) {
  for (int64_t o = 0; o < filters; ++o) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      std::copy_n(from + (o * taps + tap) * channels, channels,
                  to + (o * taps + taps - 1 - tap) * channels);
    }
  }
}

template <class T>
struct General {
  ConvProblem p;
  Windows<T> windows{p};
  int64_t filters = p.out_channels / p.groups;

  MatmulProblem matrices(int64_t m, int64_t n, int64_t k) const {
    MatmulProblem q;
    q.dtype = p.dtype;
    q.m = m, q.n = n, q.k = k;
    q.batch = {1, 1, p.groups};
    return q;
  }

  // output = windows @ weight^T, by groups
  void forward(const T* input, const T* weight, const T* bias, T* output) const {
    const int64_t depth = windows.depth(), block = windows.block();
    const Scratch rows(block * depth * p.groups * sizeof(T));
    const Scratch grouped(p.groups > 1 ? block * p.out_channels * sizeof(T) : 0);
    for (int64_t first = 0; first < windows.positions(); first += block) {
      const int64_t count = std::min(block, windows.positions() - first);
      windows.gather(input, first, count, rows.template as<T>());
      T* const target = output + first * p.out_channels;
      MatmulProblem q = matrices(count, filters, depth);
      q.a_row = depth, q.a_col = 1, q.a_batch[2] = count * depth;
      q.b_row = 1, q.b_col = depth, q.b_batch[2] = filters * depth;
      if (p.groups == 1) {
        q.epilogue = p.epilogue;
        matmul(q, rows.data(), weight, bias, target);
        continue;
      }
      const T* from = grouped.template as<T>();
      matmul(q, rows.data(), weight, nullptr, grouped.data());
      for (int64_t g = 0; g < p.groups; ++g) {
        for (int64_t i = 0; i < count; ++i) {
          std::copy_n(from + (g * count + i) * filters, filters,
                      target + i * p.out_channels + g * filters);
        }
      }
    }
    if (p.groups > 1 && (bias || p.epilogue != Epilogue::none)) {
      MatmulProblem whole = matrices(windows.positions(), p.out_channels, 1);
      whole.batch = {1, 1, 1};
      whole.epilogue = p.epilogue;
      finish<T>(whole, 1, output, bias, output);
    }
  }

  // windows' gradient = output's gradient @ weight, by groups
  void backward_data(const T* grad, const T* weight, T* grad_input) const {
    std::fill_n(grad_input, input_size(p), T(0));
    const int64_t depth = windows.depth(), block = windows.block();
    const Scratch rows(block * depth * p.groups * sizeof(T));
    for (int64_t first = 0; first < windows.positions(); first += block) {
      const int64_t count = std::min(block, windows.positions() - first);
      MatmulProblem q = matrices(count, depth, filters);
      q.a_row = p.out_channels, q.a_col = 1, q.a_batch[2] = filters;
      q.b_row = depth, q.b_col = 1, q.b_batch[2] = filters * depth;
      matmul(q, grad + first * p.out_channels, weight, nullptr, rows.data());
      windows.scatter_add(rows.template as<T>(), first, count, grad_input);
    }
  }

  // weight's gradient = output's gradient^T @ windows, by groups
  void backward_weights(const T* input, const T* grad, T* grad_weight, T* grad_bias) const {
    const int64_t depth = windows.depth(), block = windows.block();
    const Scratch rows(block * depth * p.groups * sizeof(T));
    std::fill_n(grad_weight, p.out_channels * depth, T(0));
    for (int64_t first = 0; first < windows.positions(); first += block) {
      const int64_t count = std::min(block, windows.positions() - first);
      windows.gather(input, first, count, rows.template as<T>());
      MatmulProblem q = matrices(filters, depth, count);
      q.a_row = 1, q.a_col = p.out_channels, q.a_batch[2] = filters;
      q.b_row = depth, q.b_col = 1, q.b_batch[2] = count * depth;
      q.epilogue = Epilogue::accumulate;
      matmul(q, grad + first * p.out_channels, rows.data(), nullptr, grad_weight);
    }
    if (grad_bias) sum_rows(grad, windows.positions(), p.out_channels, grad_bias);
  }
};

template <class T>
void run(const ConvProblem& p, ConvPass pass, const ConvOperands& x) {
  const General<T> general{p};
  const int64_t taps = product(p.kernel, 3), channels = p.in_channels / p.groups;
  const Scratch flipped(p.flip ? weight_size(p) * sizeof(T) : 0);
  const auto input = static_cast<const T*>(x.input), output = static_cast<const T*>(x.output),
             bias = static_cast<const T*>(x.bias);
  auto weight = static_cast<const T*>(x.weight);
  if (p.flip && pass != ConvPass::backward_weights) {
    flip_taps(weight, p.out_channels, taps, channels, flipped.as<T>());
    weight = flipped.as<T>();
  }
  switch (pass) {
    case ConvPass::forward:
      return general.forward(input, weight, bias, const_cast<T*>(output));
    case ConvPass::backward_data:
      return general.backward_data(output, weight, const_cast<T*>(input));
    case ConvPass::backward_weights:
      T* const target = p.flip ? flipped.as<T>() : const_cast<T*>(weight);
      general.backward_weights(input, output, target, const_cast<T*>(bias));
      if (p.flip) flip_taps(target, p.out_channels, taps, channels, const_cast<T*>(weight));
  }
}

}  // namespace

void conv_general(const ConvProblem& problem, ConvPass pass, const ConvOperands& operands) {
  switch (problem.dtype) {
    case Dtype::Val::float32:
      return run<float>(problem, pass, operands);
    case Dtype::Val::float64:
      return run<double>(problem, pass, operands);
    case Dtype::Val::complex64:
      return run<complex64_t>(problem, pass, operands);
    default:
      visit_integer(problem.dtype, [&]<class T>(T) { run<T>(problem, pass, operands); });
  }
}

}  // namespace mica::cpu
