#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/dnnl/pooling_kernels.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

[[noreturn]] void refuse(const std::string& expected, const std::string& got) {
  throw std::invalid_argument("pooling: expected " + expected + ", got " + got);
}

void check(const PoolProblem& p) {
  if (p.rank < 1 || p.rank > 3) refuse("1 to 3 spatial axes", std::to_string(p.rank));
  for (int i = 0; i < p.rank; ++i) {
    if (p.kernel[i] < 1) refuse("kernel extents of at least 1", std::to_string(p.kernel[i]));
    if (p.stride[i] < 1) refuse("strides of at least 1", std::to_string(p.stride[i]));
    const int64_t padding = std::min(p.padding_lo[i], p.padding_hi[i]);
    if (padding < 0) refuse("padding of at least 0", std::to_string(padding));
  }
}

// Axes that are missing are 1, in front.
PoolImage describe(const PoolProblem& p) {
  PoolImage image{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, p.channels, 0, p.channels};
  const auto output = p.output();
  for (int i = 0; i < p.rank; ++i) {
    const int to = 3 - p.rank + i;
    image.input[to] = p.input[i];
    image.output[to] = output[i];
    image.kernel[to] = p.kernel[i];
    image.stride[to] = p.stride[i];
    image.padding[to] = p.padding_lo[i];
  }
  return image;
}

int64_t positions(const std::array<int64_t, 3>& x) { return x[0] * x[1] * x[2]; }

// Calls work(image, number) on parts of the batch: whole images, or blocks of their channels where
// there are fewer images than threads.
template <class Work>
void for_each_part(const PoolProblem& p, bool whole_images, const Work& work) {
  const PoolImage image = describe(p);
  const int64_t cost = p.channels * std::max(positions(image.input),
                                             positions(image.output) * positions(image.kernel));
  const int64_t blocks =
      whole_images || p.batch >= engine::num_threads() ? 1 : std::max<int64_t>(p.channels / 32, 1);
  const int64_t each = 32768 * blocks / std::max<int64_t>(cost, 1) + 1;
  engine::parallel_for(p.batch * blocks, each, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) {
      PoolImage some = image;
      some.begin = engine::chunk_begin(p.channels, blocks, part % blocks);
      some.end = engine::chunk_begin(p.channels, blocks, part % blocks + 1);
      work(some, part / blocks);
    }
  });
}

// An operand of every image: its place, elements an image, and whether it is written.
struct Images {
  const void* data;
  int64_t size;
  bool written = false;
};

// Calls kernel(image, pointers...) with operands of T. Those of a half precision type are converted
// image by image.
template <class T, class Kernel, class... Operands>
void run_images(const PoolProblem& p, Kernel kernel, const Operands&... operands) {
  const bool half = p.dtype == Dtype::Val::float16 || p.dtype == Dtype::Val::bfloat16;
  if (!half) {
    return for_each_part(p, false, [&](const PoolImage& image, int64_t number) {
      kernel(image,
             (static_cast<T*>(const_cast<void*>(operands.data)) + number * operands.size)...);
    });
  }
  const Dtype narrow = p.dtype == Dtype::Val::float16 ? float16 : bfloat16;
  const auto widen = cast_kernel(narrow, float32), round = cast_kernel(float32, narrow);
  for_each_part(p, true, [&](const PoolImage& image, int64_t number) {
    const Scratch scratch((operands.size + ...) * sizeof(T));
    const auto place = [&](const Images& x) {
      return static_cast<char*>(const_cast<void*>(x.data)) + number * x.size * 2;
    };
    T* next = scratch.as<T>();
    const auto enter = [&](const Images& x) {
      T* const copy = next;
      next += x.size;
      if (!x.written) widen(copy, place(x), nullptr, nullptr, x.size);
      return copy;
    };
    const std::tuple copies{enter(operands)...};  // braces: in order
    std::apply([&](auto*... pointers) { kernel(image, pointers...); }, copies);
    next = scratch.as<T>();
    const auto leave = [&](const Images& x) {
      if (x.written) round(place(x), next, nullptr, nullptr, x.size);
      next += x.size;
    };
    (leave(operands), ...);
  });
}

// Calls f(kernels) with the floating kernels of the problem's dtype.
template <class F>
void visit_floating(const PoolProblem& p, F&& f) {
  switch (p.dtype) {
    case Dtype::Val::float16:
    case Dtype::Val::bfloat16:
    case Dtype::Val::float32:
      return f(std::get<PoolKernels<float>>(pool_table()), float{});
    case Dtype::Val::float64:
      return f(std::get<PoolKernels<double>>(pool_table()), double{});
    default:
      refuse("a floating dtype", dtype_name(Dtype(p.dtype, 1)));
  }
}

template <class F>
void visit_ordered(const PoolProblem& p, F&& f) {
  const auto integer = [&]<class T>(T value) { f(std::get<PoolKernels<T>>(pool_table()), value); };
  switch (p.dtype) {
    case Dtype::Val::bool_:
    case Dtype::Val::uint8:
      return integer(uint8_t{});
    case Dtype::Val::uint16:
      return integer(uint16_t{});
    case Dtype::Val::uint32:
      return integer(uint32_t{});
    case Dtype::Val::uint64:
      return integer(uint64_t{});
    case Dtype::Val::int8:
      return integer(int8_t{});
    case Dtype::Val::int16:
      return integer(int16_t{});
    case Dtype::Val::int32:
      return integer(int32_t{});
    case Dtype::Val::int64:
      return integer(int64_t{});
    default:
      visit_floating(p, f);
  }
}

// Complex numbers are averaged as twice as many channels.
PoolProblem as_real(PoolProblem p) {
  if (p.dtype == Dtype::Val::complex64) {
    p.dtype = Dtype::Val::float32;
    p.channels *= 2;
  }
  return p;
}

Images input_of(const PoolProblem& p, const void* data, bool written = false) {
  return {data, positions(describe(p).input) * p.channels, written};
}
Images output_of(const PoolProblem& p, const void* data, bool written = false) {
  return {data, positions(describe(p).output) * p.channels, written};
}

}  // namespace

std::array<int64_t, 3> PoolProblem::output() const {
  std::array<int64_t, 3> result{1, 1, 1};
  for (int i = 0; i < rank; ++i) {
    const int64_t room = input[i] + padding_lo[i] + padding_hi[i] - kernel[i];
    result[i] = room < 0 ? 0 : room / stride[i] + 1;
  }
  return result;
}

void max_pool_forward(const PoolProblem& problem, const void* input, void* output) {
  check(problem);
  visit_ordered(problem, [&]<class T>(const PoolKernels<T>& kernels, T) {
    run_images<T>(problem, kernels.max_forward, input_of(problem, input),
                  output_of(problem, output, true));
  });
}

void max_pool_backward(const PoolProblem& problem, const void* input, const void* output,
                       const void* grad_output, void* grad_input) {
  check(problem);
  visit_floating(problem, [&]<class T>(const PoolKernels<T>& kernels, T) {
    run_images<T>(problem, kernels.max_backward, input_of(problem, input),
                  output_of(problem, output), output_of(problem, grad_output),
                  input_of(problem, grad_input, true));
  });
}

void average_pool_forward(const PoolProblem& problem, const void* input, void* output) {
  check(problem);
  const PoolProblem p = as_real(problem);
  visit_floating(p, [&]<class T>(const PoolKernels<T>& kernels, T) {
    run_images<T>(p, kernels.average_forward, input_of(p, input), output_of(p, output, true));
  });
}

void average_pool_backward(const PoolProblem& problem, const void* grad_output, void* grad_input) {
  check(problem);
  const PoolProblem p = as_real(problem);
  visit_floating(p, [&]<class T>(const PoolKernels<T>& kernels, T) {
    run_images<T>(p, kernels.average_backward, output_of(p, grad_output),
                  input_of(p, grad_input, true));
  });
}

}  // namespace mica::cpu
