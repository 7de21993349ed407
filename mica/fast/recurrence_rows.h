// What a recurrent cell does with the gates of one sequence at one step, once the products are
// there. Internal to the kernels of recurrence.h, whose names these use.
#pragma once

#include <cstdint>

#include "mica/engine/cpu/elementwise.h"

namespace mica::ops {

// For this machine's instruction set. Each works on n hidden units; of operands that have several
// parts (gates), these are `size` elements apart. No two pointers overlap, but for dx, which may be
// `saved` (for rnn: `cotangent`).
template <class T>
struct RecurrentRows {
  using Activation = cpu::ElementwiseKernel;
  struct Activations {
    Activation sigmoid, tanh;
  };

  // h = tanh(x + p).
  void (*rnn)(Activations f, int64_t n, const T* x, const T* p, T* h);
  // before: the h before. saved: r, z, n, q.
  void (*gru)(Activations f, int64_t n, int64_t size, const T* x, const T* p, const T* bias,
              const T* before, T* saved, T* h);
  // before: the cell state before. saved: i, f, g, o.
  void (*lstm)(Activations f, int64_t n, int64_t size, const T* x, const T* p, const T* before,
               T* saved, T* cell, T* h);

  // The cotangent of the new h is the sum of dh, which comes through the next step's p, of
  // `cotangent`, and for gru of `directly`, what else comes from the next step. dx and dp: of x
  // and p.
  void (*rnn_backward)(int64_t n, const T* h, const T* cotangent, const T* dh, T* dx, T* dp);
  // dx: of the r, z and n parts, then of q. directly: becomes that of the step before.
  void (*gru_backward)(int64_t n, int64_t size, const T* saved, const T* before, const T* cotangent,
                       const T* dh, T* dx, T* dp, T* directly);
  // dc: the part of the new cell state's cotangent that comes from the next step, and becomes that
  // of the step before; cell_cotangent: the rest.
  void (*lstm_backward)(Activations f, int64_t n, int64_t size, const T* saved, const T* cell,
                        const T* before, const T* cotangent, const T* cell_cotangent, const T* dh,
                        T* dx, T* dp, T* dc);
};

template <class T>
const RecurrentRows<T>& recurrent_rows();

}  // namespace mica::ops
