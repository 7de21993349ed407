// Fused elementwise programs: bytecode run over tiles that stay in L1, one kernel call an
// instruction, optionally ending in a reduction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mica/array/dtype.h"
#include "mica/array/shape.h"
#include "mica/engine/cpu/elementwise.h"

namespace mica::cpu {

using Dims = SmallVector<int64_t>;

// Slots are numbered inputs first, then temporaries, then outputs.
struct Instruction {
  ElementwiseKernel kernel;
  uint16_t dst;
  uint16_t operands[3];  // unused ones are 0
};

struct Program {
  std::vector<Dtype> inputs;
  std::vector<Dtype> outputs;  // none where the program ends in a reduction
  uint16_t temporaries = 0;
  std::vector<Instruction> instructions;

  struct Reduction {
    ReduceOp op;
    Dtype dtype;                // of the accumulator
    uint16_t slot;              // what is reduced
    ElementwiseKernel combine;  // of two accumulators
  };
  std::optional<Reduction> reduction;

  uint16_t slot_count() const {
    return static_cast<uint16_t>(inputs.size() + temporaries + outputs.size());
  }
};

// The loops of a program: dimensions merged where every input allows it, and each input's strides
// in elements, 0 where it is broadcast.
struct Loops {
  Dims dims;                  // outermost first
  std::vector<Dims> strides;  // one for each input
  int64_t size = 1;
};

Loops make_loops(const Dims& dims, std::vector<Dims> strides);

// One run of a program over its own memory. Outputs are row-contiguous over the loops.
struct Instance {
  const Loops* loops;
  std::span<void* const> inputs;
  std::span<void* const> outputs;
};

// Runs an elementwise program over each instance, in parallel over all their elements.
void run(const Program& program, std::span<const Instance> instances);

// The loops of a reduction: the kept dimensions around, the reduced ones, and those kept inside
// (size 1 where the innermost dimension is reduced).
struct ReductionLoops {
  Loops outer;
  Loops reduced;
  int64_t inner = 1;
  std::vector<int64_t> inner_strides;
  int64_t size() const { return outer.size * reduced.size * inner; }
};

ReductionLoops make_reduction_loops(const Shape& shape, const std::vector<int>& axes,
                                    const std::vector<Strides>& strides);

// out: outer.size * inner accumulators of reduction->dtype, row-contiguous.
void run_reduction(const Program& program, const ReductionLoops& loops,
                   std::span<void* const> inputs, void* out);

}  // namespace mica::cpu
