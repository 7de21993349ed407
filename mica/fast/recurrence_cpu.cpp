#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/dnnl/scratch.h"
#include "mica/engine/cpu/packed_matrix.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/fast/recurrence.h"
#include "mica/fast/recurrence_rows.h"
#include "mica/ops/elementwise/transcendental.h"

namespace mica::ops {
namespace {

// What both passes share. Threads take sequences of their own, and never wait for each other, where
// those are many and the weight stays in a cache that they share; otherwise hidden units, and each
// step is one parallel region.
template <class T>
class Pass {
 protected:
  explicit Pass(const cpu::Call& call)
      : call_(call),
        sequences_(call.inputs[0].shape[0]),
        steps_(call.inputs[0].shape[1]),
        size_(call.inputs[1].shape[1]),
        products_(call.inputs[1].shape[0]) {}

  // Packing the weight pays where it is used often.
  bool packs() const { return std::is_same_v<T, float> && sequences_ * steps_ >= 64; }

  // Elements between the products of two sequences at a step. Packed products may lie apart, so
  // that rows of 4 KiB do not meet in the same sets of the L1 cache.
  int64_t product_row() const { return packs() ? products_ + 16 : products_; }

  // Calls f(begin, end) for parts of the sequences: for all of them at once where threads take
  // units.
  template <class F>
  void for_sequences(F&& f) const {
    constexpr int64_t fewest = 8, most_weight = 1 << 20;
    if (packs() && sequences_ >= fewest * engine::num_threads() &&
        products_ * size_ <= most_weight) {
      engine::parallel_for(sequences_, fewest, f);
    } else {
      f(0, sequences_);
    }
  }

  // Calls f(first block, last block, first unit, last unit) for parts of the hidden units, of which
  // there are `sequences` rows.
  template <class F>
  void for_units(int64_t sequences, F&& f) const {
    const int64_t block = cpu::PackedMatrix::panel();
    const int64_t work = sequences * block * (products_ + 64);
    engine::parallel_for(cpu::PackedMatrix::panels(size_), 32768 / (work + 1) + 1,
                         [&](int64_t begin, int64_t end) {
                           f(begin, end, begin * block, std::min(end * block, size_));
                         });
  }

  // out (m, n) = a (m, k) b (k, n), contiguous but for a's rows; b given as its transpose where
  // `transposed`.
  static void multiply(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row, const T* b,
                       bool transposed, T* out) {
    cpu::MatmulProblem p;
    p.dtype = dtype_of<T>().val();
    p.m = m, p.n = n, p.k = k;
    p.a_row = a_row, p.a_col = 1;
    p.b_row = transposed ? 1 : n, p.b_col = transposed ? k : 1;
    cpu::matmul(p, a, b, nullptr, out);
  }

  const T* input(size_t i) const { return call_.inputs[i].template as<T>(); }
  T* output(size_t i) const { return call_.outputs[i].template as<T>(); }
  // Row (sequence, step) of an operand (N, L, size).
  T* row(const cpu::Tensor& x, int64_t sequence, int64_t t) const {
    return x.template as<T>() + (sequence * steps_ + t) * x.shape[2];
  }
  // The state before step t: of `states`, or the first.
  const T* before(const cpu::Tensor& states, const cpu::Tensor& first, int64_t sequence,
                  int64_t t) const {
    return t > 0 ? row(states, sequence, t - 1) : first.template as<T>() + sequence * size_;
  }

  const cpu::Call& call_;
  int64_t sequences_, steps_, size_, products_;  // products_: of each step, G
  const RecurrentRows<T>& rows_ = recurrent_rows<T>();
  const typename RecurrentRows<T>::Activations activations_{
      cpu::elementwise_kernel(op_id<Sigmoid>(), dtype_of<T>()),
      cpu::elementwise_kernel(op_id<Tanh>(), dtype_of<T>())};
};

template <class T>
class Forward : Pass<T> {
 public:
  Forward(RecurrentCell cell, const cpu::Call& call) : Pass<T>(call), cell_(cell) {
    if constexpr (std::is_same_v<T, float>) {
      if (!this->packs()) return;
      for (int64_t gate = 0; gate < products_ / size_; ++gate) {
        packed_.emplace_back(weight() + gate * size_ * size_, 1, size_, size_, size_);
      }
    }
  }

  void run() const {
    this->for_sequences([&](int64_t begin, int64_t end) { run(begin, end); });
  }

 private:
  using Pass<T>::call_, Pass<T>::steps_, Pass<T>::size_, Pass<T>::products_;
  using Pass<T>::rows_, Pass<T>::activations_, Pass<T>::row, Pass<T>::input, Pass<T>::output;

  void run(int64_t begin_sequence, int64_t end_sequence) const {
    const int64_t n = end_sequence - begin_sequence;
    const int64_t row_size = this->product_row();
    const cpu::Scratch memory(n * (2 * size_ + row_size) * sizeof(T));
    T* last = memory.as<T>();  // hidden states, contiguous
    T* next = last + n * size_;
    T* const products = next + n * size_;
    std::copy_n(input(2) + begin_sequence * size_, n * size_, last);
    for (int64_t t = 0; t < steps_; ++t, std::swap(last, next)) {
      if (packed_.empty())
        this->multiply(n, products_, size_, last, size_, weight(), true, products);
      this->for_units(n, [&]([[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end,
                             int64_t first, int64_t stop) {
        if constexpr (std::is_same_v<T, float>) {
          for (size_t gate = 0; gate < packed_.size(); ++gate) {
            packed_[gate].multiply(last, size_, n, begin, end,
                                   products + static_cast<int64_t>(gate) * size_, row_size);
          }
        }
        for (int64_t i = 0; i < n; ++i) {
          step(begin_sequence + i, t, first, stop - first, products + i * row_size + first,
               last + i * size_ + first, next + i * size_ + first);
        }
      });
    }
  }

  const T* weight() const { return input(1); }

  // `count` units from `first` on; products, last and next point to the first's.
  void step(int64_t sequence, int64_t t, int64_t first, int64_t count, const T* products,
            const T* last, T* next) const {
    const T* x = row(call_.inputs[0], sequence, t) + first;
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn(activations_, count, x, products, next);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru(activations_, count, size_, x, products, input(3) + first, last,
                row(call_.outputs[1], sequence, t) + first, next);
    } else {
      const cpu::Tensor& cells = call_.outputs[1];
      rows_.lstm(activations_, count, size_, x, products,
                 this->before(cells, call_.inputs[3], sequence, t) + first,
                 row(call_.outputs[2], sequence, t) + first, row(cells, sequence, t) + first, next);
    }
    std::copy_n(next, count, row(call_.outputs[0], sequence, t) + first);
  }

  RecurrentCell cell_;
  std::deque<cpu::PackedMatrix> packed_;  // one for each gate, or none
};

template <class T>
class Backward : Pass<T> {
 public:
  Backward(RecurrentCell cell, const cpu::Call& call)
      : Pass<T>(call),
        cell_(cell),
        given_(call.inputs.subspan(cell == RecurrentCell::rnn ? 3 : 4)) {
    if constexpr (std::is_same_v<T, float>) {
      if (this->packs()) packed_.emplace(weight(), size_, 1, products_, size_);
    }
  }

  void run() const {
    if (lstm()) std::fill_n(output(2), sequences_ * size_, T(0));
    this->for_sequences([&](int64_t begin, int64_t end) { run(begin, end); });
  }

 private:
  using Pass<T>::call_, Pass<T>::sequences_, Pass<T>::steps_, Pass<T>::size_, Pass<T>::products_;
  using Pass<T>::rows_, Pass<T>::activations_, Pass<T>::row, Pass<T>::input, Pass<T>::output;

  void run(int64_t begin_sequence, int64_t end_sequence) const {
    const int64_t n = end_sequence - begin_sequence;
    const int64_t row_size = this->product_row();
    const cpu::Scratch memory(n * 2 * (size_ + row_size) * sizeof(T));
    T* const hidden = memory.as<T>();        // the cotangent of h that comes through p,
    T* const directly = hidden + n * size_;  // gru's from h to h, and the cotangent
    T* last = directly + n * size_;          // of p: of the step behind,
    T* now = last + n * row_size;            // and of this one
    const int64_t parts = cell_ == RecurrentCell::gru ? 4 * size_ : products_;
    for (int64_t i = begin_sequence * steps_; i < end_sequence * steps_; ++i) {
      T* const out = row(call_.outputs[0], 0, i);
      std::fill(out + parts, out + call_.outputs[0].shape[2], T(0));
    }
    std::fill_n(hidden, n * size_, T(0));
    std::fill_n(directly, n * size_, T(0));
    for (int64_t t = steps_; t-- > 0; std::swap(last, now)) {
      const bool ends = t + 1 == steps_;
      if (!packed_ && !ends) through_weight(n, last, hidden);
      this->for_units(n, [&]([[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end,
                             int64_t first, int64_t stop) {
        if constexpr (std::is_same_v<T, float>) {
          if (packed_ && !ends) packed_->multiply(last, row_size, n, begin, end, hidden, size_);
        }
        for (int64_t i = 0; i < n; ++i) {
          const int64_t at = i * size_ + first;
          step(begin_sequence + i, t, first, stop - first, hidden + at, directly + at,
               now + i * row_size + first);
        }
      });
    }
    T* const of_first = output(1) + begin_sequence * size_;
    through_weight(n, last, of_first);
    for (int64_t j = 0; j < n * size_; ++j) of_first[j] += directly[j];
  }

  bool lstm() const { return cell_ == RecurrentCell::lstm; }
  const T* weight() const { return input(1); }
  void through_weight(int64_t n, const T* of_products, T* out) const {
    this->multiply(n, size_, products_, of_products, this->product_row(), weight(), false, out);
  }

  // As Forward's. hidden: what came through the weight.
  void step(int64_t sequence, int64_t t, int64_t first, int64_t count, const T* hidden, T* directly,
            T* of_products) const {
    const T* cotangent = row(given_[given_.size() - (lstm() ? 2 : 1)], sequence, t) + first;
    T* const out = row(call_.outputs[0], sequence, t) + first;
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn_backward(count, row(given_[0], sequence, t) + first, cotangent, hidden, out,
                         of_products);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru_backward(count, size_, row(given_[1], sequence, t) + first,
                         this->before(given_[0], call_.inputs[2], sequence, t) + first, cotangent,
                         hidden, out, of_products, directly);
    } else {
      rows_.lstm_backward(activations_, count, size_, row(given_[2], sequence, t) + first,
                          row(given_[1], sequence, t) + first,
                          this->before(given_[1], call_.inputs[3], sequence, t) + first, cotangent,
                          row(given_.back(), sequence, t) + first, hidden, out, of_products,
                          output(2) + sequence * size_ + first);
    }
  }

  RecurrentCell cell_;
  std::span<const cpu::Tensor> given_;  // the outputs of Recurrence, then the cotangents
  std::optional<cpu::PackedMatrix> packed_;
};

template <template <class> class Direction>
void run_pass(RecurrentCell cell, const cpu::Call& call) {
  if (call.inputs[0].dtype == float64) {
    Direction<double>(cell, call).run();
  } else {
    Direction<float>(cell, call).run();
  }
}

}  // namespace

void Recurrence::cpu(const cpu::Call& call) const { run_pass<Forward>(cell, call); }
void RecurrenceBackward::cpu(const cpu::Call& call) const { run_pass<Backward>(cell, call); }

}  // namespace mica::ops
