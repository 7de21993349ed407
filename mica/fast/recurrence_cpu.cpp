#include <algorithm>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/dnnl/scratch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/fast/recurrence.h"
#include "mica/fast/recurrence_rows.h"
#include "mica/ops/elementwise/transcendental.h"

namespace mica::ops {
namespace {

struct Sizes {
  int64_t sequences, steps, hidden, products;

  explicit Sizes(std::span<const cpu::Tensor> inputs)
      : sequences(inputs[0].shape[0]),
        steps(inputs[0].shape[1]),
        hidden(inputs[1].shape[1]),
        products(inputs[1].shape[0]) {}

  // Calls f(sequence) for each, in parallel where there is enough to do.
  template <class F>
  void for_each_sequence(F&& f) const {
    engine::parallel_for(sequences, 4096 / std::max<int64_t>(hidden, 1) + 1,
                         [&](int64_t begin, int64_t end) {
                           for (int64_t n = begin; n < end; ++n) f(n);
                         });
  }
};

// out (m, n) = a (m, k) b (k, n), all contiguous; b given as its transpose where `transposed`.
template <class T>
void product(int64_t m, int64_t n, int64_t k, const T* a, const T* b, bool transposed, T* out) {
  cpu::MatmulProblem p;
  p.dtype = dtype_of<T>().val();
  p.m = m, p.n = n, p.k = k;
  p.a_row = k, p.a_col = 1;
  p.b_row = transposed ? 1 : n, p.b_col = transposed ? k : 1;
  cpu::matmul(p, a, b, nullptr, out);
}

template <class T>
typename RecurrentRows<T>::Activations activations() {
  return {cpu::elementwise_kernel(op_id<Sigmoid>(), dtype_of<T>()),
          cpu::elementwise_kernel(op_id<Tanh>(), dtype_of<T>())};
}

template <class T>
class Forward {
 public:
  Forward(RecurrentCell cell, const cpu::Call& call)
      : cell_(cell), call_(call), sizes_(call.inputs) {}

  void run() const {
    const int64_t n = sizes_.sequences, size = sizes_.hidden, rows = sizes_.products;
    const cpu::Scratch memory(n * (size + rows) * sizeof(T));
    T* const hidden = memory.as<T>();  // the last one, contiguous
    T* const products = hidden + n * size;
    std::copy_n(call_.inputs[2].as<T>(), n * size, hidden);
    for (int64_t t = 0; t < sizes_.steps; ++t) {
      product<T>(n, rows, size, hidden, call_.inputs[1].as<T>(), true, products);
      sizes_.for_each_sequence(
          [&](int64_t i) { step(i, t, products + i * rows, hidden + i * size); });
    }
  }

 private:
  // Row (sequence, step) of an operand (N, L, size).
  T* row(const cpu::Tensor& x, int64_t sequence, int64_t t) const {
    return x.as<T>() + (sequence * sizes_.steps + t) * x.shape[2];
  }

  void step(int64_t sequence, int64_t t, T* products, T* hidden) const {
    const int64_t size = sizes_.hidden;
    const T* x = row(call_.inputs[0], sequence, t);
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn(activations_, size, x, products, hidden);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru(activations_, size, x, products, call_.inputs[3].as<T>(),
                row(call_.outputs[1], sequence, t), hidden);
    } else {
      const T* before = t > 0 ? row(call_.outputs[1], sequence, t - 1)
                              : call_.inputs[3].as<T>() + sequence * size;
      rows_.lstm(activations_, size, x, products, before, row(call_.outputs[2], sequence, t),
                 row(call_.outputs[1], sequence, t), hidden);
    }
    std::copy_n(hidden, size, row(call_.outputs[0], sequence, t));
  }

  RecurrentCell cell_;
  const cpu::Call& call_;
  Sizes sizes_;
  const RecurrentRows<T>& rows_ = recurrent_rows<T>();
  const typename RecurrentRows<T>::Activations activations_ = activations<T>();
};

template <class T>
class Backward {
 public:
  Backward(RecurrentCell cell, const cpu::Call& call)
      : cell_(cell),
        call_(call),
        sizes_(call.inputs),
        given_(call.inputs.subspan(cell == RecurrentCell::rnn ? 3 : 4)) {}

  void run() const {
    const int64_t n = sizes_.sequences, size = sizes_.hidden, rows = sizes_.products;
    const cpu::Scratch memory(n * (2 * size + rows) * sizeof(T));
    T* const from_later = memory.as<T>();       // the part of h's cotangent that later steps give,
    T* const directly = from_later + n * size;  // and of it that does not come through weight
    T* const products = directly + n * size;    // of p
    T* const cells = lstm() ? call_.outputs[2].as<T>() : nullptr;
    std::fill_n(from_later, n * size, T(0));
    if (cells) std::fill_n(cells, n * size, T(0));
    for (int64_t t = sizes_.steps; t-- > 0;) {
      sizes_.for_each_sequence([&](int64_t i) {
        step(i, t, from_later + i * size, products + i * rows, directly + i * size,
             cells ? cells + i * size : nullptr);
      });
      product<T>(n, size, rows, products, call_.inputs[1].as<T>(), false, from_later);
      if (cell_ != RecurrentCell::gru) continue;
      for (int64_t j = 0; j < n * size; ++j) from_later[j] += directly[j];
    }
    std::copy_n(from_later, n * size, call_.outputs[1].as<T>());
  }

 private:
  bool lstm() const { return cell_ == RecurrentCell::lstm; }
  T* row(const cpu::Tensor& x, int64_t sequence, int64_t t) const {
    return x.as<T>() + (sequence * sizes_.steps + t) * x.shape[2];
  }

  void step(int64_t sequence, int64_t t, T* hidden, T* products, T* directly, T* cells) const {
    const int64_t size = sizes_.hidden;
    const cpu::Tensor& of_hidden = given_[given_.size() - (lstm() ? 2 : 1)];
    const T* cotangent = row(of_hidden, sequence, t);
    for (int64_t j = 0; j < size; ++j) hidden[j] += cotangent[j];
    T* const out = row(call_.outputs[0], sequence, t);
    // The state before step t: an output, or an input.
    const auto before = [&](const cpu::Tensor& states, const cpu::Tensor& first) {
      return t > 0 ? row(states, sequence, t - 1) : first.as<T>() + sequence * size;
    };
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn_backward(size, row(given_[0], sequence, t), hidden, out, products);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru_backward(size, row(given_[1], sequence, t), before(given_[0], call_.inputs[2]),
                         hidden, out, products, directly);
    } else {
      const T* cotangent_of_cells = row(given_.back(), sequence, t);
      for (int64_t j = 0; j < size; ++j) cells[j] += cotangent_of_cells[j];
      rows_.lstm_backward(activations_, size, row(given_[2], sequence, t),
                          row(given_[1], sequence, t), before(given_[1], call_.inputs[3]), hidden,
                          out, products, cells);
    }
  }

  RecurrentCell cell_;
  const cpu::Call& call_;
  Sizes sizes_;
  std::span<const cpu::Tensor> given_;  // the outputs of Recurrence, then the cotangents
  const RecurrentRows<T>& rows_ = recurrent_rows<T>();
  const typename RecurrentRows<T>::Activations activations_ = activations<T>();
};

template <template <class> class Pass>
void run_pass(RecurrentCell cell, const cpu::Call& call) {
  if (call.inputs[0].dtype == float64) {
    Pass<double>(cell, call).run();
  } else {
    Pass<float>(cell, call).run();
  }
}

}  // namespace

void Recurrence::cpu(const cpu::Call& call) const { run_pass<Forward>(cell, call); }
void RecurrenceBackward::cpu(const cpu::Call& call) const { run_pass<Backward>(cell, call); }

}  // namespace mica::ops
