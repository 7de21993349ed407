#include "mica/engine/cpu/program.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/prefetch.h"

namespace mica::cpu {
namespace {

using engine::num_threads;
using engine::parallel_for;

// Elements of a tile: with temporaries it and its operands fit in L1; without, only the call's
// overhead matters.
constexpr int64_t small_tile = 256;
constexpr int64_t large_tile = 4096;
constexpr int64_t small_row = 64;  // rows shorter than this share a tile
constexpr size_t max_itemsize = 8;
// Programs that compute much hide memory's latency by asking for their operands this many tiles
// ahead, from so many elements on: a tile's instructions run too long for the processor's own
// prefetching, which takes part in copies and single functions.
constexpr int64_t prefetch_distance = 3 * small_tile;
constexpr int64_t prefetch_size = int64_t{1} << 18;
// Elements, weighted by instructions, below which work stays on one thread: about 5 us.
constexpr int64_t grain = 16384;

int64_t tile_size(const Program& program) { return program.temporaries ? small_tile : large_tile; }

// A thread's tiles: grown once, kept while the thread lives.
std::byte* scratch(size_t bytes) {
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  thread_local std::unique_ptr<std::byte[], Free> memory;
  thread_local size_t capacity = 0;
  if (bytes > capacity) {
    memory.reset(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t(64))));
    capacity = bytes;
  }
  return memory.get();
}

std::byte* at(void* base, int64_t elements, size_t itemsize) {
  return static_cast<std::byte*>(base) + elements * static_cast<int64_t>(itemsize);
}

template <class T>
void copy_strided_run(void* dst, const void* src, int64_t stride, int64_t n) {
  T* to = static_cast<T*>(dst);
  const T* from = static_cast<const T*>(src);
  for (int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
}

void copy_run(void* dst, const void* src, int64_t stride, size_t itemsize, int64_t n) {
  if (stride == 1) {
    std::memcpy(dst, src, static_cast<size_t>(n) * itemsize);
  } else if (stride == 0) {
    fill_kernel(dst, src, itemsize, static_cast<size_t>(n));
  } else if (itemsize == 4) {
    copy_strided_run<uint32_t>(dst, src, stride, n);
  } else if (itemsize == 8) {
    copy_strided_run<uint64_t>(dst, src, stride, n);
  } else if (itemsize == 2) {
    copy_strided_run<uint16_t>(dst, src, stride, n);
  } else {
    copy_strided_run<uint8_t>(dst, src, stride, n);
  }
}

// The element offset of flat position `flat` of dims, counted over the first `count` dims.
int64_t offset_of(int64_t flat, const Dims& dims, const Dims& strides, size_t count) {
  int64_t offset = 0;
  for (size_t d = count; d-- > 1;) {
    const int64_t index = flat % dims[d];
    flat /= dims[d];
    offset += index * strides[d];
  }
  return count ? offset + flat * strides[0] : 0;
}

// Copies n elements from flat position `flat` on, in the order of the loops.
void gather(void* dst, void* base, const Dims& dims, const Dims& strides, size_t itemsize,
            int64_t flat, int64_t n) {
  const size_t outer = dims.size() - 1;
  const int64_t inner = dims[outer];
  const int64_t stride = strides[outer];
  auto* to = static_cast<std::byte*>(dst);
  while (n > 0) {
    const int64_t column = flat % inner;
    const int64_t run = std::min(n, inner - column);
    const int64_t offset = offset_of(flat / inner, dims, strides, outer) + column * stride;
    copy_run(to, at(base, offset, itemsize), stride, itemsize, run);
    to += run * static_cast<int64_t>(itemsize);
    flat += run;
    n -= run;
  }
}

// periodic: the same short row for all, copied side by side into a tile once.
enum class Access : uint8_t { flat, scalar, rows, gathered, periodic };

// Fetches a program's inputs tile by tile and runs its instructions.
class TileRunner {
 public:
  TileRunner(const Program& program, int64_t tile)
      : program_(program), tile_(tile), input_count_(program.inputs.size()) {
    const size_t buffers = input_count_ + program.temporaries;
    const size_t tile_bytes = static_cast<size_t>(tile) * max_itemsize;
    const size_t pointers = program.slot_count() + input_count_;
    std::byte* memory =
        scratch(buffers * tile_bytes + pointers * sizeof(void*) + input_count_ * sizeof(Access));
    slots_ = reinterpret_cast<void**>(memory + buffers * tile_bytes);
    rows_ = slots_ + program.slot_count();
    access_ = reinterpret_cast<Access*>(rows_ + input_count_);
    tiles_ = memory;
    tile_bytes_ = tile_bytes;
    for (size_t t = 0; t < program.temporaries; ++t) {
      slots_[input_count_ + t] = memory + (input_count_ + t) * tile_bytes;
    }
  }

  void bind(const Loops& loops, std::span<void* const> inputs) {
    loops_ = &loops;
    inputs_ = inputs;
    row_mode_ = periodic_ = false;
    const size_t rank = loops.dims.size();
    for (size_t i = 0; i < input_count_; ++i) {
      const Dims& strides = loops.strides[i];
      int64_t expected = 1;
      bool flat = true, scalar = true;
      for (size_t d = rank; d-- > 0;) {
        flat = flat && (strides[d] == expected || loops.dims[d] == 1);
        scalar = scalar && (strides[d] == 0 || loops.dims[d] == 1);
        expected *= loops.dims[d];
      }
      access_[i] = flat && loops.size > 1 ? Access::flat : scalar ? Access::scalar : Access::rows;
      if (access_[i] == Access::rows && is_periodic(loops, i)) access_[i] = Access::periodic;
      row_mode_ = row_mode_ || access_[i] == Access::rows;
      periodic_ = periodic_ || access_[i] == Access::periodic;
    }
    inner_ = rank ? loops.dims[rank - 1] : 1;
    phase_ = none;
    row_begin_ = -inner_;
    if (row_mode_ && inner_ < small_row) row_mode_ = false;
    for (size_t i = 0; i < input_count_; ++i) {
      if (access_[i] == Access::scalar) {
        slots_[i] = buffer(i);
        const auto n = static_cast<size_t>(std::min(tile_, loops.size));
        fill_kernel(slots_[i], inputs[i], program_.inputs[i].size(), n);
      } else if (access_[i] == Access::rows) {
        const int64_t stride = loops.strides[i][rank - 1];
        if (!row_mode_ || (stride != 0 && stride != 1)) access_[i] = Access::gathered;
      }
    }
  }

  // How many elements from `flat` on the next tile may hold.
  int64_t tile_at(int64_t flat, int64_t end) {
    const int64_t n = std::min(tile_, end - flat);
    if (!row_mode_) return n;
    if (flat < row_begin_ || flat >= row_begin_ + inner_) enter_row(flat / inner_);
    return std::min(n, row_begin_ + inner_ - flat);
  }

  // n: at most tile_at(flat, ...), which was asked last.
  void run_tile(int64_t flat, int64_t n) {
    if (periodic_) {
      if (const int64_t phase = flat % inner_; phase != phase_) repeat_rows(phase);
    }
    for (size_t i = 0; i < input_count_; ++i) fetch(i, flat, n);
    execute(n);
  }

  // Asks for n elements from `flat` on of the inputs that are read in place.
  void prefetch(int64_t flat, int64_t n) const {
    for (size_t i = 0; i < input_count_; ++i) {
      if (access_[i] != Access::flat) continue;
      const size_t itemsize = program_.inputs[i].size();
      cpu::prefetch(at(inputs_[i], flat, itemsize), n * static_cast<int64_t>(itemsize));
    }
  }

  void execute(int64_t n) const {
    for (const Instruction& in : program_.instructions) {
      in.kernel(slots_[in.dst], slots_[in.operands[0]], slots_[in.operands[1]],
                slots_[in.operands[2]], static_cast<size_t>(n));
    }
  }

  void set_output(size_t o, void* p) { slots_[input_count_ + program_.temporaries + o] = p; }
  void set_input(size_t i, void* p) { slots_[i] = p; }
  void* slot(uint16_t s) const { return slots_[s]; }
  void* buffer(size_t input) const { return tiles_ + input * tile_bytes_; }

 private:
  static constexpr int64_t none = -1;

  // Whether an input is one row for all of the outer loops, of which a tile holds several: tiles
  // as short as such rows would spend their time on calls.
  bool is_periodic(const Loops& loops, size_t i) const {
    const size_t rank = loops.dims.size();
    const Dims& strides = loops.strides[i];
    for (size_t d = 0; d + 1 < rank; ++d) {
      if (strides[d] != 0) return false;
    }
    const int64_t row = loops.dims[rank - 1];
    return strides[rank - 1] == 1 && 2 * row <= tile_ && tile_ % row == 0;
  }

  // Fills the tiles of periodic inputs from place `phase` of the row on.
  void repeat_rows(int64_t phase) {
    phase_ = phase;
    for (size_t i = 0; i < input_count_; ++i) {
      if (access_[i] != Access::periodic) continue;
      slots_[i] = buffer(i);
      gather(buffer(i), inputs_[i], loops_->dims, loops_->strides[i], program_.inputs[i].size(),
             phase, tile_);
    }
  }

  // Finds where the inputs' rows begin, and spreads those of one element over a tile.
  void enter_row(int64_t row) {
    row_begin_ = row * inner_;
    const Dims& dims = loops_->dims;
    for (size_t i = 0; i < input_count_; ++i) {
      if (access_[i] != Access::rows) continue;
      const Dims& strides = loops_->strides[i];
      const size_t itemsize = program_.inputs[i].size();
      rows_[i] = at(inputs_[i], offset_of(row, dims, strides, dims.size() - 1), itemsize);
      if (strides.back() == 1) continue;
      slots_[i] = buffer(i);
      fill_kernel(slots_[i], rows_[i], itemsize, static_cast<size_t>(std::min(tile_, inner_)));
    }
  }

  void fetch(size_t i, int64_t flat, int64_t n) {
    const size_t itemsize = program_.inputs[i].size();
    switch (access_[i]) {
      case Access::flat:
        slots_[i] = at(inputs_[i], flat, itemsize);
        break;
      case Access::scalar:
      case Access::periodic:
        break;
      case Access::rows:
        if (loops_->strides[i].back() == 1) slots_[i] = at(rows_[i], flat - row_begin_, itemsize);
        break;
      case Access::gathered:
        slots_[i] = buffer(i);
        gather(slots_[i], inputs_[i], loops_->dims, loops_->strides[i], itemsize, flat, n);
        break;
    }
  }

  const Program& program_;
  const int64_t tile_;
  const size_t input_count_;
  const Loops* loops_ = nullptr;
  std::span<void* const> inputs_;
  void** slots_ = nullptr;
  void** rows_ = nullptr;  // where each input's current row begins
  Access* access_ = nullptr;
  std::byte* tiles_ = nullptr;
  size_t tile_bytes_ = 0;
  int64_t inner_ = 1;
  int64_t row_begin_ = 0;  // flat position of the current row
  int64_t phase_ = none;   // of the tiles of periodic inputs
  bool row_mode_ = false;
  bool periodic_ = false;  // whether an input is
};

void run_range(TileRunner& runner, const Program& program, const Instance& instance, int64_t begin,
               int64_t end) {
  runner.bind(*instance.loops, instance.inputs);
  const bool prefetches = program.temporaries && instance.loops->size >= prefetch_size;
  for (int64_t flat = begin; flat < end;) {
    const int64_t n = runner.tile_at(flat, end);
    if (const int64_t ahead = flat + prefetch_distance; prefetches && ahead + n <= end) {
      runner.prefetch(ahead, n);
      for (size_t o = 0; o < program.outputs.size(); ++o) {
        const size_t itemsize = program.outputs[o].size();
        prefetch<Use::write>(at(instance.outputs[o], ahead, itemsize),
                             n * static_cast<int64_t>(itemsize));
      }
    }
    for (size_t o = 0; o < program.outputs.size(); ++o) {
      runner.set_output(o, at(instance.outputs[o], flat, program.outputs[o].size()));
    }
    runner.run_tile(flat, n);
    flat += n;
  }
}

int64_t program_grain(const Program& program) {
  return std::max<int64_t>(1024, grain / static_cast<int64_t>(1 + program.instructions.size() / 2));
}

// ---- Reductions -------------------------------------------------------------------------------

std::vector<void*> shifted(const Program& program, std::span<void* const> inputs,
                           const Loops& loops, int64_t flat) {
  std::vector<void*> moved(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const int64_t offset = offset_of(flat, loops.dims, loops.strides[i], loops.dims.size());
    moved[i] = at(inputs[i], offset, program.inputs[i].size());
  }
  return moved;
}

// Reduces positions [begin, end) of the reduced loops into one accumulator.
void reduce_run(TileRunner& runner, const Program& program, ReduceKernel kernel, int64_t begin,
                int64_t end, void* accumulator) {
  for (int64_t flat = begin; flat < end;) {
    const int64_t n = runner.tile_at(flat, end);
    runner.run_tile(flat, n);
    kernel(accumulator, runner.slot(program.reduction->slot), static_cast<size_t>(n));
    flat += n;
  }
}

void reduce_innermost(const Program& program, const ReductionLoops& loops,
                      std::span<void* const> inputs, void* out) {
  const auto& reduction = *program.reduction;
  const size_t itemsize = reduction.dtype.size();
  const ReduceKernel kernel = reduce_kernel(reduction.op, reduction.dtype);
  const int64_t length = loops.reduced.size;
  const int64_t rows = loops.outer.size;
  const int threads = num_threads();
  const int64_t tile = tile_size(program);

  if (rows >= threads || length * rows <= program_grain(program)) {
    const int64_t row_grain =
        std::max<int64_t>(1, program_grain(program) / std::max<int64_t>(1, length));
    parallel_for(rows, row_grain, [&](int64_t begin, int64_t end) {
      TileRunner runner(program, tile);
      for (int64_t row = begin; row < end; ++row) {
        const auto moved = shifted(program, inputs, loops.outer, row);
        runner.bind(loops.reduced, moved);
        void* accumulator = at(out, row, itemsize);
        reduce_identity(reduction.op, reduction.dtype, accumulator);
        reduce_run(runner, program, kernel, 0, length, accumulator);
      }
    });
    return;
  }
  // Few long rows: each is cut into one part a thread, combined in order.
  const int64_t part = (length + threads - 1) / threads;
  std::vector<uint64_t> partial(static_cast<size_t>(threads));
  for (int64_t row = 0; row < rows; ++row) {
    const auto moved = shifted(program, inputs, loops.outer, row);
    parallel_for(threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        TileRunner runner(program, tile);
        runner.bind(loops.reduced, moved);
        uint64_t accumulator = 0;
        reduce_identity(reduction.op, reduction.dtype, &accumulator);
        reduce_run(runner, program, kernel, std::min(length, t * part),
                   std::min(length, (t + 1) * part), &accumulator);
        partial[static_cast<size_t>(t)] = accumulator;
      }
    });
    void* accumulator = at(out, row, itemsize);
    reduce_identity(reduction.op, reduction.dtype, accumulator);
    for (uint64_t& p : partial) reduction.combine(accumulator, accumulator, &p, nullptr, 1);
  }
}

// One column block of a reduction whose innermost dimension is kept: `width` columns from `column`
// on, over reduced positions [begin, end), added into accumulators (width of them).
class ColumnReducer {
 public:
  ColumnReducer(const Program& program, const ReductionLoops& loops, int64_t width)
      : program_(program), loops_(loops), runner_(program, width) {}

  // Accumulators in sums are combined after this many rows, which bounds the rounding error.
  static constexpr int64_t rows_per_block = 512;

  void run(std::span<void* const> inputs, int64_t column, int64_t width, int64_t begin, int64_t end,
           void* accumulators) {
    const auto& reduction = *program_.reduction;
    if (plain_rows()) {
      const Loops& reduced = loops_.reduced;
      const int64_t stride = reduced.strides[0][0];
      std::byte* from = at(inputs[0], begin * stride + column, reduction.dtype.size());
      reduce_rows_kernel(reduction.op, reduction.dtype)(
          accumulators, from, stride, static_cast<size_t>(end - begin), static_cast<size_t>(width));
      return;
    }
    for (int64_t row = begin; row < end; ++row) {
      for (size_t i = 0; i < inputs.size(); ++i) {
        const size_t itemsize = program_.inputs[i].size();
        const Loops& reduced = loops_.reduced;
        const int64_t offset =
            offset_of(row, reduced.dims, reduced.strides[i], reduced.dims.size()) +
            column * loops_.inner_strides[i];
        std::byte* from = at(inputs[i], offset, itemsize);
        if (loops_.inner_strides[i] == 1) {
          runner_.set_input(i, from);
        } else {
          runner_.set_input(i, runner_.buffer(i));
          copy_run(runner_.buffer(i), from, loops_.inner_strides[i], itemsize, width);
        }
      }
      runner_.execute(width);
      reduction.combine(accumulators, accumulators, runner_.slot(reduction.slot), nullptr,
                        static_cast<size_t>(width));
    }
  }

 private:
  // Whether contiguous rows of one input, evenly apart, are reduced as they are.
  bool plain_rows() const {
    return program_.instructions.empty() && loops_.inner_strides[0] == 1 &&
           loops_.reduced.dims.size() == 1;
  }

  const Program& program_;
  const ReductionLoops& loops_;
  TileRunner runner_;
};

void fill_identity(const Program::Reduction& reduction, void* out, int64_t n) {
  uint64_t identity = 0;
  reduce_identity(reduction.op, reduction.dtype, &identity);
  fill_kernel(out, &identity, reduction.dtype.size(), static_cast<size_t>(n));
}

void reduce_columns(const Program& program, const ReductionLoops& loops,
                    std::span<void* const> inputs, void* out) {
  const auto& reduction = *program.reduction;
  const size_t itemsize = reduction.dtype.size();
  const int64_t columns = loops.inner;
  const int64_t rows = loops.reduced.size;
  const int threads = num_threads();
  const int64_t max_width = program.temporaries ? small_tile * 2 : large_tile / 2;
  int64_t width = std::min(columns, max_width);
  const int64_t blocks_per_row = (columns + width - 1) / width;
  const int64_t blocks = blocks_per_row * loops.outer.size;
  // Where there are fewer blocks than threads, the rows are cut into parts, combined in order.
  const int64_t work = loops.size();
  const int64_t parts =
      work > 2 * program_grain(program) && blocks < threads ? std::min<int64_t>(threads, rows) : 1;
  const int64_t part = (rows + parts - 1) / std::max<int64_t>(1, parts);

  std::vector<std::byte> partial;
  const size_t partial_stride = static_cast<size_t>(loops.outer.size * columns) * itemsize;
  if (parts > 1) partial.resize(partial_stride * static_cast<size_t>(parts));
  const int64_t tasks = blocks * parts;
  const int64_t task_grain = work <= program_grain(program) ? tasks : 1;
  parallel_for(tasks, task_grain, [&](int64_t first, int64_t last) {
    ColumnReducer reducer(program, loops, width);
    std::vector<std::byte> block_sums(static_cast<size_t>(width) * itemsize);
    for (int64_t task = first; task < last; ++task) {
      const int64_t p = task / blocks, block = task % blocks;
      const int64_t outer = block / blocks_per_row;
      const int64_t column = block % blocks_per_row * width;
      const int64_t n = std::min(width, columns - column);
      const auto moved = shifted(program, inputs, loops.outer, outer);
      void* base = parts > 1 ? partial.data() + partial_stride * static_cast<size_t>(p) : out;
      void* accumulators = at(base, outer * columns + column, itemsize);
      fill_identity(reduction, accumulators, n);
      const int64_t end = std::min(rows, (p + 1) * part);
      for (int64_t row = std::min(rows, p * part); row < end;) {
        const int64_t stop = std::min(end, row + ColumnReducer::rows_per_block);
        fill_identity(reduction, block_sums.data(), n);
        reducer.run(moved, column, n, row, stop, block_sums.data());
        reduction.combine(accumulators, accumulators, block_sums.data(), nullptr,
                          static_cast<size_t>(n));
        row = stop;
      }
    }
  });
  if (parts > 1) {
    const auto n = static_cast<size_t>(loops.outer.size * columns);
    std::memcpy(out, partial.data(), partial_stride);
    for (int64_t p = 1; p < parts; ++p) {
      reduction.combine(out, out, partial.data() + partial_stride * static_cast<size_t>(p), nullptr,
                        n);
    }
  }
}

bool is_repeated_row(const ReductionLoops& loops, size_t input) {
  return loops.outer.size == 1 && loops.reduced.strides[input][0] == 0 &&
         loops.inner_strides[input] == 1;
}

// A reduction over rows of few columns (a batch norm's statistics, a bias's gradient) as one over
// fewer, wider rows: `fold` rows lie side by side, and their accumulators are combined at the end.
// Holds where each input is contiguous over rows and columns, one for all, or one row for all.
int64_t fold_factor(const ReductionLoops& loops) {
  const Loops& reduced = loops.reduced;
  if (loops.inner >= small_tile || loops.inner < 1 || reduced.dims.size() != 1) return 1;
  for (size_t i = 0; i < reduced.strides.size(); ++i) {
    const int64_t row = reduced.strides[i][0], column = loops.inner_strides[i];
    const bool contiguous = row == loops.inner && column == 1;
    const bool scalar = row == 0 && column == 0;
    if (!contiguous && !scalar && !is_repeated_row(loops, i)) return 1;
  }
  return std::max<int64_t>(1, std::min(reduced.size, 2 * small_tile / loops.inner));
}

void reduce_folded(const Program& program, const ReductionLoops& loops, int64_t fold,
                   std::span<void* const> inputs, void* out) {
  const auto& reduction = *program.reduction;
  const size_t itemsize = reduction.dtype.size();
  const int64_t columns = loops.inner;
  ReductionLoops wide = loops;
  wide.inner = columns * fold;
  wide.reduced.dims[0] = wide.reduced.size = loops.reduced.size / fold;
  for (auto& strides : wide.reduced.strides) strides[0] *= fold;
  for (auto& stride : wide.inner_strides) stride = stride != 0;
  std::vector<void*> wide_inputs(inputs.begin(), inputs.end());
  std::vector<std::vector<std::byte>> repeated(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!is_repeated_row(loops, i)) continue;
    const size_t row_bytes = static_cast<size_t>(columns) * program.inputs[i].size();
    repeated[i].resize(row_bytes * static_cast<size_t>(fold));
    for (size_t f = 0; f < static_cast<size_t>(fold); ++f) {
      std::memcpy(repeated[i].data() + f * row_bytes, inputs[i], row_bytes);
    }
    wide_inputs[i] = repeated[i].data();
  }
  std::vector<std::byte> sums(static_cast<size_t>(loops.outer.size * wide.inner) * itemsize);
  reduce_columns(program, wide, wide_inputs, sums.data());

  const int64_t done = wide.reduced.size * fold;
  ReductionLoops rest = loops;
  rest.reduced.dims[0] = rest.reduced.size = loops.reduced.size - done;
  std::vector<void*> moved(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    moved[i] = at(inputs[i], done * loops.reduced.strides[i][0], program.inputs[i].size());
  }
  reduce_columns(program, rest, moved, out);
  for (int64_t o = 0; o < loops.outer.size; ++o) {
    void* to = at(out, o * columns, itemsize);
    for (int64_t f = 0; f < fold; ++f) {
      reduction.combine(to, to, at(sums.data(), o * wide.inner + f * columns, itemsize), nullptr,
                        static_cast<size_t>(columns));
    }
  }
}

}  // namespace

Loops make_loops(const Dims& dims, std::vector<Dims> strides) {
  Loops loops;
  loops.strides.resize(strides.size());
  for (size_t d = 0; d < dims.size(); ++d) {
    loops.size *= dims[d];
    if (dims[d] == 1) continue;
    const bool mergeable =
        !loops.dims.empty() &&
        std::all_of(strides.begin(), strides.end(), [&, i = size_t{0}](const Dims& s) mutable {
          return loops.strides[i++].back() == s[d] * dims[d];
        });
    if (mergeable) {
      loops.dims.back() *= dims[d];
      for (size_t i = 0; i < strides.size(); ++i) loops.strides[i].back() = strides[i][d];
    } else {
      loops.dims.push_back(dims[d]);
      for (size_t i = 0; i < strides.size(); ++i) loops.strides[i].push_back(strides[i][d]);
    }
  }
  if (loops.dims.empty()) {
    loops.dims.push_back(1);
    for (Dims& s : loops.strides) s.push_back(0);
  }
  return loops;
}

void run(const Program& program, std::span<const Instance> instances) {
  int64_t total = 0;
  for (const Instance& instance : instances) total += instance.loops->size;
  if (total == 0) return;
  parallel_for(total, program_grain(program), [&](int64_t begin, int64_t end) {
    TileRunner runner(program, tile_size(program));
    int64_t first = 0;
    for (const Instance& instance : instances) {
      const int64_t last = first + instance.loops->size;
      if (first < end && last > begin) {
        run_range(runner, program, instance, std::max(begin, first) - first,
                  std::min(end, last) - first);
      }
      first = last;
      if (first >= end) break;
    }
  });
}

ReductionLoops make_reduction_loops(const Shape& shape, const std::vector<int>& axes,
                                    const std::vector<Strides>& strides) {
  const size_t rank = shape.size();
  std::vector<bool> reduced(rank, false);
  for (int axis : axes) reduced[static_cast<size_t>(axis)] = true;
  // The kept dimensions behind the last reduced one that has more than one element.
  size_t tail = rank;
  while (tail > 0 && (shape[tail - 1] == 1 || !reduced[tail - 1])) --tail;

  struct Group {
    Dims dims;
    std::vector<Dims> strides;
    void add(const Shape& shape, const std::vector<Strides>& from, size_t d) {
      dims.push_back(shape[d]);
      for (size_t i = 0; i < from.size(); ++i) strides[i].push_back(from[i][d]);
    }
  };
  const size_t inputs = strides.size();
  Group kept{{}, std::vector<Dims>(inputs)}, folded = kept, inside = kept;
  for (size_t d = 0; d < rank; ++d) {
    (reduced[d] ? folded : d < tail ? kept : inside).add(shape, strides, d);
  }
  // Of those inside, the innermost loop; the others go around.
  Loops inside_loops = make_loops(inside.dims, std::move(inside.strides));
  ReductionLoops loops;
  loops.inner = inside_loops.dims.back();
  for (const Dims& s : inside_loops.strides) loops.inner_strides.push_back(s.back());
  for (size_t d = 0; d + 1 < inside_loops.dims.size(); ++d) {
    kept.dims.push_back(inside_loops.dims[d]);
    for (size_t i = 0; i < inputs; ++i) kept.strides[i].push_back(inside_loops.strides[i][d]);
  }
  loops.outer = make_loops(kept.dims, std::move(kept.strides));
  loops.reduced = make_loops(folded.dims, std::move(folded.strides));
  return loops;
}

void run_reduction(const Program& program, const ReductionLoops& loops,
                   std::span<void* const> inputs, void* out) {
  if (loops.outer.size * loops.inner == 0) return;
  if (loops.reduced.size == 0) {
    fill_identity(*program.reduction, out, loops.outer.size * loops.inner);
  } else if (loops.inner == 1) {
    reduce_innermost(program, loops, inputs, out);
  } else if (const int64_t fold = fold_factor(loops); fold > 1) {
    reduce_folded(program, loops, fold, inputs, out);
  } else {
    reduce_columns(program, loops, inputs, out);
  }
}

}  // namespace mica::cpu
