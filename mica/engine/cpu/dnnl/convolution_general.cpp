#include <algorithm>
#include <vector>

#include "mica/engine/cpu/dnnl/convolution.h"
#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/scratch.h"

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
        channels_(p.in_channels / p.groups) {
    for (int64_t i = 0; i < p.kernel[0]; ++i) {
      for (int64_t j = 0; j < p.kernel[1]; ++j) {
        for (int64_t k = 0; k < p.kernel[2]; ++k) {
          offsets_.push_back({i * p.dilation[0], j * p.dilation[1], k * p.dilation[2]});
        }
      }
    }
    if (p.flip) std::reverse(offsets_.begin(), offsets_.end());
  }

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
        const Place window = place(first + i);
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int64_t from = source(window, tap);
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
        const Place window = place(first + i);
        for (int64_t tap = 0; tap < taps_; ++tap) {
          const int64_t to = source(window, tap);
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
  // Where a window begins, in an image that is dilated and padded.
  struct Place {
    int64_t image;
    std::array<int64_t, 3> at;
  };

  Place place(int64_t position) const {
    Place result;
    for (int axis = 2; axis >= 0; --axis) {
      result.at[axis] = position % output_[axis] * p_.stride[axis] - p_.padding_lo[axis];
      position /= output_[axis];
    }
    result.image = position;
    return result;
  }

  // The flat input position under a tap of a window, or -1 for padding.
  int64_t source(const Place& window, int64_t tap) const {
    int64_t result = window.image;
    for (int axis = 0; axis < 3; ++axis) {
      int64_t at = window.at[axis] + offsets_[tap][axis];
      if (at < 0) return -1;
      if (const int64_t dilation = p_.input_dilation[axis]; dilation != 1) {
        if (at % dilation != 0) return -1;
        at /= dilation;
      }
      if (at >= p_.input[axis]) return -1;
      result = result * p_.input[axis] + at;
    }
    return result;
  }

  ConvProblem p_;
  std::array<int64_t, 3> output_;
  int64_t positions_, taps_, channels_;
  std::vector<std::array<int64_t, 3>> offsets_;  // of the taps
};

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
  const auto input = static_cast<const T*>(x.input), weight = static_cast<const T*>(x.weight),
             output = static_cast<const T*>(x.output), bias = static_cast<const T*>(x.bias);
  switch (pass) {
    case ConvPass::forward:
      return general.forward(input, weight, bias, const_cast<T*>(output));
    case ConvPass::backward_data:
      return general.backward_data(output, weight, const_cast<T*>(input));
    case ConvPass::backward_weights:
      return general.backward_weights(input, output, const_cast<T*>(weight), const_cast<T*>(bias));
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
