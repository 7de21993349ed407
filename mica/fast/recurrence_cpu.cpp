#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/copy.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/packed_matrix.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/scratch.h"
#include "mica/fast/recurrence.h"
#include "mica/fast/recurrence_rows.h"
#include "mica/ops/elementwise/transcendental.h"

namespace mica::ops {
namespace {

// The rows of an operand (size), (N, size) or (N, L, size), whatever its strides: in place where
// each is contiguous, one for all where all elements are the same one, copied otherwise.
template <class T>
class Rows {
 public:
  explicit Rows(const cpu::Tensor& x) : copy_(copied_elements(x) * sizeof(T)) {
    const size_t rank = x.shape.size();
    if (copied_elements(x) == 0) {
      data_ = x.as<T>();
      if (rank > 1) sequence_ = x.strides[0];
      if (rank > 2) step_ = x.strides[1];
      return;
    }
    data_ = copy_.as<T>();
    if (is_one_element(x)) {
      std::fill_n(copy_.as<T>(), x.shape.back(), *x.as<T>());
      return;
    }
    cpu::copy_strided(x, copy_.data());
    if (rank > 1) sequence_ = x.shape.back();
    if (rank > 2) {
      step_ = sequence_;
      sequence_ *= x.shape[1];
    }
  }

  const T* at(int64_t sequence, int64_t step = 0) const {
    return data_ + sequence * sequence_ + step * step_;
  }

 private:
  static bool is_one_element(const cpu::Tensor& x) {
    return std::all_of(x.strides.begin(), x.strides.end(), [](int64_t s) { return s == 0; });
  }
  static size_t copied_elements(const cpu::Tensor& x) {
    if (x.strides.back() == 1 || x.shape.back() == 1) return 0;
    return is_one_element(x) ? static_cast<size_t>(x.shape.back()) : x.size;
  }

  cpu::Scratch copy_;
  const T* data_;
  int64_t sequence_ = 0, step_ = 0;  // elements from one to the next
};

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
        products_(call.inputs[1].shape[0]),
        first_hidden_(call.inputs[2]) {
    if (call.inputs.size() > 3) extra_.emplace(call.inputs[3]);
  }

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

  // out (m, n) = a (m, k) times the weight, or its transpose; contiguous but for a's rows.
  void multiply(int64_t m, const T* a, int64_t a_row, bool transposed, T* out) const {
    const cpu::Tensor& weight = call_.inputs[1];
    cpu::MatmulProblem p;
    p.dtype = dtype_of<T>().val();
    p.m = m, p.n = transposed ? products_ : size_, p.k = transposed ? size_ : products_;
    p.a_row = a_row, p.a_col = 1;
    p.b_row = weight.strides[transposed], p.b_col = weight.strides[!transposed];
    cpu::matmul(p, a, weight.data, nullptr, out);
  }

  T* output(size_t i) const { return call_.outputs[i].template as<T>(); }
  // Row (sequence, step) of output i, (N, L, size).
  T* row(size_t i, int64_t sequence, int64_t t) const {
    return output(i) + (sequence * steps_ + t) * call_.outputs[i].shape[2];
  }
  // Zeros behind the parts in a row of output i, from whoever makes its last unit.
  void fill_unused(size_t i, int64_t sequence, int64_t t, int64_t parts, int64_t stop) const {
    if (stop < size_) return;
    std::fill(row(i, sequence, t) + parts * size_, row(i, sequence, t) + call_.outputs[i].shape[2],
              T(0));
  }
  // Units [first, stop) of each part of a row that is used soon come from memory meanwhile.
  void prefetch(const T* row, int64_t parts, int64_t first, int64_t stop) const {
    constexpr int64_t line = 64 / sizeof(T);
    for (int64_t part = 0; part < parts; ++part, row += size_) {
      for (int64_t i = first; i < stop; i += line) __builtin_prefetch(row + i);
    }
  }

  const cpu::Call& call_;
  int64_t sequences_, steps_, size_, products_;  // products_: of each step, G
  Rows<T> first_hidden_;
  std::optional<Rows<T>> extra_;  // gru's bias, or lstm's first cell state
  const RecurrentRows<T>& rows_ = recurrent_rows<T>();
  const typename RecurrentRows<T>::Activations activations_{
      cpu::elementwise_kernel(op_id<Sigmoid>(), dtype_of<T>()),
      cpu::elementwise_kernel(op_id<Tanh>(), dtype_of<T>())};
};

template <class T>
class Forward : Pass<T> {
 public:
  Forward(RecurrentCell cell, const cpu::Call& call)
      : Pass<T>(call), cell_(cell), x_(call.inputs[0]) {
    if constexpr (std::is_same_v<T, float>) {
      if (!this->packs()) return;
      const cpu::Tensor& weight = call.inputs[1];
      for (int64_t gate = 0; gate < products_ / size_; ++gate) {
        packed_.emplace_back(weight.as<T>() + gate * size_ * weight.strides[0], weight.strides[1],
                             weight.strides[0], size_, size_);
      }
    }
  }

  void run() const {
    this->for_sequences([&](int64_t begin, int64_t end) { run(begin, end); });
  }

 private:
  using Pass<T>::steps_, Pass<T>::size_, Pass<T>::products_, Pass<T>::first_hidden_;
  using Pass<T>::extra_, Pass<T>::rows_, Pass<T>::activations_, Pass<T>::row;

  void run(int64_t begin_sequence, int64_t end_sequence) const {
    const int64_t n = end_sequence - begin_sequence;
    const int64_t row_size = this->product_row();
    const cpu::Scratch memory(n * (2 * size_ + row_size) * sizeof(T));
    T* last = memory.as<T>();  // hidden states, contiguous
    T* next = last + n * size_;
    T* const products = next + n * size_;
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(first_hidden_.at(begin_sequence + i), size_, last + i * size_);
    }
    for (int64_t t = 0; t < steps_; ++t, std::swap(last, next)) {
      if (packed_.empty()) this->multiply(n, last, size_, true, products);
      this->for_units(n, [&]([[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end,
                             int64_t first, int64_t stop) {
        if constexpr (std::is_same_v<T, float>) {
          const auto gates = static_cast<int64_t>(packed_.size());
          for (int64_t gate = 0; gate < gates; ++gate) {
            for (int64_t i = n * gate / gates; i < n * (gate + 1) / gates; ++i) {
              prefetch_step(begin_sequence + i, t, first, stop);
            }
            packed_[static_cast<size_t>(gate)].multiply(last, size_, n, begin, end,
                                                        products + gate * size_, row_size);
          }
        }
        for (int64_t i = 0; i < n; ++i) {
          step(begin_sequence + i, t, first, stop - first, products + i * row_size + first,
               last + i * size_ + first, next + i * size_ + first);
        }
      });
    }
  }

  // What the step reads and writes besides the product, of units [first, stop).
  void prefetch_step(int64_t sequence, int64_t t, int64_t first, int64_t stop) const {
    this->prefetch(x_.at(sequence, t), products_ / size_, first, stop);
    if (cell_ != RecurrentCell::rnn) {
      this->prefetch(row(cell_ == RecurrentCell::lstm ? 2 : 1, sequence, t), 4, first, stop);
    }
  }

  // `count` units from `first` on; products, last and next point to the first's.
  void step(int64_t sequence, int64_t t, int64_t first, int64_t count, const T* products,
            const T* last, T* next) const {
    const T* x = x_.at(sequence, t) + first;
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn(activations_, count, x, products, next);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru(activations_, count, size_, x, products, extra_->at(0) + first, last,
                row(1, sequence, t) + first, next);
      this->fill_unused(1, sequence, t, 4, first + count);
    } else {
      const T* before = t > 0 ? row(1, sequence, t - 1) : extra_->at(sequence);
      rows_.lstm(activations_, count, size_, x, products, before + first,
                 row(2, sequence, t) + first, row(1, sequence, t) + first, next);
      this->fill_unused(2, sequence, t, 4, first + count);
    }
    std::copy_n(next, count, row(0, sequence, t) + first);
  }

  RecurrentCell cell_;
  Rows<T> x_;
  std::deque<cpu::PackedMatrix> packed_;  // one for each gate, or none
};

template <class T>
class Backward : Pass<T> {
 public:
  Backward(RecurrentCell cell, const cpu::Call& call) : Pass<T>(call), cell_(cell) {
    const size_t outputs = cell == RecurrentCell::rnn ? 1 : cell == RecurrentCell::gru ? 2 : 3;
    const auto given = call.inputs.subspan(cell == RecurrentCell::rnn ? 3 : 4);
    for (size_t i = 0; i < outputs; ++i) outputs_.emplace_front(given[i]);
    for (const cpu::Tensor& x : given.subspan(outputs)) cotangents_.emplace_back(x);
    if constexpr (std::is_same_v<T, float>) {
      const cpu::Tensor& weight = call.inputs[1];
      if (!this->packs()) return;
      packed_.emplace(weight.as<T>(), weight.strides[0], weight.strides[1], products_, size_);
    }
  }

  void run() const {
    if (lstm()) std::fill_n(output(2), sequences_ * size_, T(0));
    this->for_sequences([&](int64_t begin, int64_t end) { run(begin, end); });
  }

 private:
  using Pass<T>::sequences_, Pass<T>::steps_, Pass<T>::size_, Pass<T>::products_;
  using Pass<T>::first_hidden_, Pass<T>::extra_, Pass<T>::rows_, Pass<T>::activations_;
  using Pass<T>::row, Pass<T>::output;

  void run(int64_t begin_sequence, int64_t end_sequence) const {
    const int64_t n = end_sequence - begin_sequence;
    const int64_t row_size = this->product_row();
    const cpu::Scratch memory(n * 2 * (size_ + row_size) * sizeof(T));
    T* const hidden = memory.as<T>();        // the cotangent of h that comes through p,
    T* const directly = hidden + n * size_;  // gru's from h to h, and the cotangent
    T* last = directly + n * size_;          // of p: of the step behind,
    T* now = last + n * row_size;            // and of this one
    std::fill_n(hidden, n * size_, T(0));
    std::fill_n(directly, n * size_, T(0));
    for (int64_t t = steps_; t-- > 0; std::swap(last, now)) {
      const bool ends = t + 1 == steps_;
      if (!packed_ && !ends) through_weight(n, last, hidden);
      this->for_units(n, [&]([[maybe_unused]] int64_t begin, [[maybe_unused]] int64_t end,
                             int64_t first, int64_t stop) {
        if constexpr (std::is_same_v<T, float>) {
          for (int64_t panel = begin; packed_ && panel < end; ++panel) {
            const int64_t done = panel - begin, count = end - begin;
            for (int64_t i = n * done / count; i < n * (done + 1) / count; ++i) {
              prefetch_step(begin_sequence + i, t, first, stop);
            }
            if (!ends) packed_->multiply(last, row_size, n, panel, panel + 1, hidden, size_);
          }
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
  void through_weight(int64_t n, const T* of_products, T* out) const {
    this->multiply(n, of_products, this->product_row(), false, out);
  }
  // The state before step t: of output i of Recurrence, or the first.
  const T* before(size_t i, const Rows<T>& first, int64_t sequence, int64_t t) const {
    return t > 0 ? outputs_[i].at(sequence, t - 1) : first.at(sequence);
  }

  void prefetch_step(int64_t sequence, int64_t t, int64_t first, int64_t stop) const {
    for (const Rows<T>& x : cotangents_) this->prefetch(x.at(sequence, t), 1, first, stop);
    if (cell_ != RecurrentCell::rnn) {
      this->prefetch(outputs_.back().at(sequence, t), 4, first, stop);
    }
    this->prefetch(row(0, sequence, t), cell_ == RecurrentCell::rnn ? 1 : 4, first, stop);
    const size_t states = lstm() ? 1 : 0;
    this->prefetch(outputs_[states].at(sequence, std::max<int64_t>(t - 1, 0)), 1, first, stop);
  }

  // As Forward's. hidden: what came through the weight.
  void step(int64_t sequence, int64_t t, int64_t first, int64_t count, const T* hidden, T* directly,
            T* of_products) const {
    const T* cotangent = cotangents_[0].at(sequence, t) + first;
    T* const out = row(0, sequence, t) + first;
    if (cell_ == RecurrentCell::rnn) {
      rows_.rnn_backward(count, outputs_[0].at(sequence, t) + first, cotangent, hidden, out,
                         of_products);
    } else if (cell_ == RecurrentCell::gru) {
      rows_.gru_backward(count, size_, outputs_[1].at(sequence, t) + first,
                         before(0, first_hidden_, sequence, t) + first, cotangent, hidden, out,
                         of_products, directly);
    } else {
      rows_.lstm_backward(activations_, count, size_, outputs_[2].at(sequence, t) + first,
                          outputs_[1].at(sequence, t) + first,
                          before(1, *extra_, sequence, t) + first, cotangent,
                          cotangents_[1].at(sequence, t) + first, hidden, out, of_products,
                          output(2) + sequence * size_ + first);
    }
    this->fill_unused(0, sequence, t, cell_ == RecurrentCell::rnn ? 1 : 4, first + count);
  }

  RecurrentCell cell_;
  std::deque<Rows<T>> outputs_;  // of Recurrence, in its order
  std::deque<Rows<T>> cotangents_;
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
