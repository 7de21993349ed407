#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/prefetch.h"
#include "mica/engine/cpu/stream.h"
#include "mica/ops/indexing.h"

namespace mica::ops {
namespace {

// Elements that a thread should at least move.
constexpr int64_t grain = 1 << 14;

// Indices are read in blocks of this many, so that one branch on their dtype serves many.
constexpr int64_t block_size = 256;

[[noreturn]] void throw_out_of_bounds(const std::string& index, int64_t n, int axis) {
  throw std::out_of_range("index " + index + " is out of bounds for axis " + std::to_string(axis) +
                          " with size " + std::to_string(n));
}

// Adds stride times each index, counted from 0, to out. Slices of slice_size must end within n.
void add_offsets(const cpu::Tensor& indices, int64_t first, int64_t count, int axis, int64_t n,
                 int64_t slice_size, int64_t stride, int64_t* out) {
  const auto starts = static_cast<uint64_t>(std::max<int64_t>(0, n - slice_size + 1));
  cpu::visit_integer_type(indices.dtype, [&]<class Index>() {
    const Index* index = indices.as<Index>() + first;
    for (int64_t i = 0; i < count; ++i) {
      auto from_zero = static_cast<int64_t>(index[i]);
      if constexpr (std::is_signed_v<Index>) from_zero += from_zero < 0 ? n : 0;
      if (static_cast<uint64_t>(from_zero) >= starts) {
        throw_out_of_bounds(std::to_string(index[i]), n, axis);
      }
      out[i] += from_zero * stride;
    }
  });
}

// Where in a the slices of index tuples start.
struct SliceStarts {
  const cpu::Call& call;
  const std::vector<int>& axes;
  const Shape& slice_sizes;

  // Of the tuples [first, first + count).
  void load(int64_t first, int64_t count, int64_t* out) const {
    const cpu::Tensor& a = call.inputs[0];
    std::fill_n(out, count, 0);
    for (size_t k = 0; k < axes.size(); ++k) {
      const auto axis = static_cast<size_t>(axes[k]);
      add_offsets(call.inputs[k + 1], first, count, axes[k], a.shape[axis], slice_sizes[axis],
                  a.strides[axis], out);
    }
  }

  // Calls f(starts, count) for the tuples [begin, end), so many at a time.
  template <class F>
  void for_each_block(int64_t begin, int64_t end, F&& f) const {
    int64_t starts[block_size];
    for (int64_t i = begin; i < end; i += block_size) {
      const int64_t count = std::min(block_size, end - i);
      load(i, count, starts);
      f(starts, count);
    }
  }

  // Calls f(i, start) for the tuples [begin, end).
  template <class F>
  void for_each(int64_t begin, int64_t end, F&& f) const {
    for_each_block(begin, end, [&](const int64_t* starts, int64_t count) {
      for (int64_t j = 0; j < count; ++j) f(begin + j, starts[j]);
      begin += count;
    });
  }
};

// A slice of a row-contiguous array: runs of contiguous elements at some offsets.
struct SliceRuns {
  int64_t run = 1;
  std::vector<int64_t> offsets{0};  // of the runs, in elements

  SliceRuns(const Shape& shape, const Strides& strides, const Shape& slice_sizes) {
    size_t axis = shape.size();
    bool whole = true;  // all axes behind are taken whole
    while (axis > 0 && whole) {
      --axis;
      run *= slice_sizes[axis];
      whole = slice_sizes[axis] == shape[axis];
    }
    while (axis > 0) {
      --axis;
      std::vector<int64_t> outer;
      outer.reserve(offsets.size() * static_cast<size_t>(slice_sizes[axis]));
      for (int64_t i = 0; i < slice_sizes[axis]; ++i) {
        for (int64_t offset : offsets) outer.push_back(i * strides[axis] + offset);
      }
      offsets = std::move(outer);
    }
  }
  int64_t size() const { return run * static_cast<int64_t>(offsets.size()); }
};

// The first bytes of a run, whose reads are started ahead; the processor follows longer ones by
// itself.
constexpr size_t most_prefetched = 512;

void gather(const cpu::Call& call, const Gather& op) {
  const cpu::Tensor& a = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  const SliceStarts starts{call, op.axes, op.slice_sizes};
  const SliceRuns runs(a.shape, a.strides, op.slice_sizes);
  const auto itemsize = static_cast<size_t>(a.dtype.size());
  const size_t run_bytes = static_cast<size_t>(runs.run) * itemsize;
  const int64_t count = static_cast<int64_t>(out.size) / runs.size();
  const bool streaming = run_bytes >= 128 && out.size * itemsize > cpu::streaming_bytes();
  constexpr int64_t ahead = 8;  // slices whose reads are under way
  engine::parallel_for(
      count, std::max<int64_t>(1, grain / runs.size()), [&](int64_t begin, int64_t end) {
        char* to = out.as<char>() + static_cast<size_t>(begin * runs.size()) * itemsize;
        const auto at = [&](int64_t start) {
          return a.as<char>() + static_cast<size_t>(start) * itemsize;
        };
        starts.for_each_block(begin, end, [&](const int64_t* block, int64_t size) {
          for (int64_t j = 0; j < size; ++j) {
            if (j + ahead < size) {
              cpu::prefetch(at(block[j + ahead] + runs.offsets[0]),
                            static_cast<int64_t>(std::min(run_bytes, most_prefetched)));
            }
            for (int64_t offset : runs.offsets) {
              const char* from = at(block[j] + offset);
              if (streaming) {
                cpu::stream_copy(from, to, run_bytes);
              } else {
                std::memcpy(to, from, run_bytes);
              }
              to += run_bytes;
            }
          }
        });
        if (streaming) cpu::stream_fence();
      });
}

template <ScatterKind kind, class T>
void combine(T& to, T update) {
  using C = cpu::Compute<T>;
  if constexpr (kind == ScatterKind::set) {
    to = update;
  } else if constexpr (std::is_same_v<T, bool>) {
    constexpr bool is_or = kind == ScatterKind::add || kind == ScatterKind::max;
    to = is_or ? (to || update) : (to && update);
  } else if constexpr (kind == ScatterKind::add) {
    to = static_cast<T>(static_cast<C>(to) + static_cast<C>(update));
  } else if constexpr (kind == ScatterKind::prod) {
    to = static_cast<T>(static_cast<C>(to) * static_cast<C>(update));
  } else if constexpr (kind == ScatterKind::max) {
    if (to == to && (update != update || cpu::sorts_before(to, update))) to = update;
  } else {
    if (to == to && (update != update || cpu::sorts_before(update, to))) to = update;
  }
}

void copy_input(const cpu::Tensor& in, const cpu::Tensor& out) {
  if (in.data == out.data) return;
  engine::parallel_for(static_cast<int64_t>(in.size), grain, [&](int64_t begin, int64_t end) {
    const auto first = static_cast<size_t>(begin) * in.dtype.size();
    std::memcpy(out.as<char>() + first, in.as<char>() + first,
                static_cast<size_t>(end - begin) * in.dtype.size());
  });
}

// Each element receives its updates in the order of the indices, however the work is cut: threads
// share out the columns of long runs, and else the rows that slices of one run each start at.
// An integer type of the same size: elements that are only moved need no type of their own.
template <class F>
void visit_size(Dtype dtype, F&& f) {
  switch (dtype.size()) {
    case 1:
      return f.template operator()<uint8_t>();
    case 2:
      return f.template operator()<uint16_t>();
    case 4:
      return f.template operator()<uint32_t>();
    default:
      return f.template operator()<uint64_t>();
  }
}

// Calls f.operator()<T>() with the type that combining as `kind` needs.
template <ScatterKind kind, class F>
void visit_combined_type(Dtype dtype, F&& f) {
  if constexpr (kind == ScatterKind::set) {
    visit_size(dtype, f);
  } else {
    cpu::visit_type(dtype, f);
  }
}

// Each element receives its updates in the order of the indices, however the work is cut: threads
// share out the columns of long runs, and else the rows that slices of one run each start at.
template <ScatterKind kind, class T>
void scatter(const cpu::Call& call, const Scatter& op) {
  const cpu::Tensor& out = call.outputs[0];
  const cpu::Tensor& updates = call.inputs[op.axes.size() + 1];
  const Shape slice_sizes(updates.shape.end() - static_cast<std::ptrdiff_t>(out.shape.size()),
                          updates.shape.end());
  const SliceStarts starts{call, op.axes, slice_sizes};
  const SliceRuns runs(out.shape, out.strides, slice_sizes);
  const int64_t count = static_cast<int64_t>(updates.size) / runs.size();
  const auto update_columns = [&](int64_t i, int64_t start, int64_t first, int64_t last) {
    const T* from = updates.as<T>() + i * runs.size();
    for (int64_t offset : runs.offsets) {
      T* to = out.as<T>() + start + offset;
      for (int64_t j = first; j < last; ++j) combine<kind>(to[j], from[j]);
      from += runs.run;
    }
  };
  const int64_t column_grain = std::max<int64_t>(64, grain / count);
  if (engine::chunk_count(runs.run, column_grain) > 1) {
    engine::parallel_for(runs.run, column_grain, [&](int64_t first, int64_t last) {
      starts.for_each(0, count,
                      [&](int64_t i, int64_t start) { update_columns(i, start, first, last); });
    });
    return;
  }
  // Slices of one run that all start at multiples of its length can't overlap in part.
  bool rows = runs.offsets.size() == 1;
  for (int axis : op.axes) rows = rows && out.strides[static_cast<size_t>(axis)] % runs.run == 0;
  const int64_t destinations = static_cast<int64_t>(out.size) / runs.run;
  const int64_t row_grain =
      rows ? std::max<int64_t>(1, destinations * grain / static_cast<int64_t>(updates.size))
           : destinations;
  engine::parallel_for(destinations, row_grain, [&](int64_t begin, int64_t end) {
    const bool everything = end - begin == destinations;
    starts.for_each(0, count, [&](int64_t i, int64_t start) {
      if (everything || (start >= begin * runs.run && start < end * runs.run)) {
        update_columns(i, start, 0, runs.run);
      }
    });
  });
}

template <ScatterKind kind>
void scatter_of_kind(const cpu::Call& call, const Scatter& op) {
  visit_combined_type<kind>(call.outputs[0].dtype, [&]<class T>() { scatter<kind, T>(call, op); });
}

// Calls f(position in the indices, element of a) for every index along axis, where a is of `shape`;
// in parallel over what an index can't reach out of, in order within.
template <class F>
void for_each_along_axis(const cpu::Tensor& indices, const Shape& shape, int axis, F&& f) {
  const cpu::AxisLayout a(shape, axis), at(indices.shape, axis);
  // Blocks of contiguous indices: along axis where that is the last, else across its columns.
  const bool last_axis = a.inner == 1;
  const int64_t width = last_axis ? 1 : std::min(block_size, a.inner);
  const int64_t height = last_axis ? block_size : 1;
  const int64_t blocks = (a.inner + width - 1) / width;
  const int64_t block_grain = std::max<int64_t>(1, grain / (at.n * width));
  if (last_axis && at.n == 1) {  // an index for each row: blocks of rows
    engine::parallel_for(a.outer, grain, [&](int64_t begin, int64_t end) {
      int64_t offsets[block_size];
      for (int64_t o = begin; o < end; o += block_size) {
        const int64_t count = std::min(block_size, end - o);
        std::fill_n(offsets, count, 0);
        add_offsets(indices, o, count, axis, a.n, 1, 1, offsets);
        for (int64_t j = 0; j < count; ++j) f(o + j, (o + j) * a.n + offsets[j]);
      }
    });
    return;
  }
  engine::parallel_for(a.outer * blocks, block_grain, [&](int64_t begin, int64_t end) {
    int64_t offsets[block_size];
    for (int64_t block = begin; block < end; ++block) {
      const int64_t o = block / blocks, column = block % blocks * width;
      const int64_t columns = std::min(width, a.inner - column);
      for (int64_t i = 0; i < at.n; i += height) {
        const int64_t count = last_axis ? std::min(height, at.n - i) : columns;
        const int64_t first = (o * at.n + i) * a.inner + column;
        std::fill_n(offsets, count, 0);
        add_offsets(indices, first, count, axis, a.n, 1, a.inner, offsets);
        const int64_t base = o * a.n * a.inner + column;
        for (int64_t j = 0; j < count; ++j) {
          f(first + j, base + offsets[j] + (last_axis ? 0 : j));
        }
      }
    }
  });
}

template <class T>
void gather_axis(const cpu::Call& call, int axis) {
  const T* from = call.inputs[0].as<T>();
  T* to = call.outputs[0].as<T>();
  for_each_along_axis(call.inputs[1], call.inputs[0].shape, axis,
                      [&](int64_t position, int64_t element) { to[position] = from[element]; });
}

template <ScatterKind kind, class T>
void scatter_axis(const cpu::Call& call, int axis) {
  const T* from = call.inputs[2].as<T>();
  T* to = call.outputs[0].as<T>();
  for_each_along_axis(
      call.inputs[1], call.outputs[0].shape, axis,
      [&](int64_t position, int64_t element) { combine<kind>(to[element], from[position]); });
}

}  // namespace

void Gather::cpu(const cpu::Call& call) const {
  if (call.outputs[0].size > 0) gather(call, *this);
}

void GatherAxis::cpu(const cpu::Call& call) const {
  if (call.outputs[0].size == 0) return;
  visit_size(call.outputs[0].dtype, [&]<class T>() { gather_axis<T>(call, axis); });
}

void Scatter::cpu(const cpu::Call& call) const {
  copy_input(call.inputs[0], call.outputs[0]);
  if (call.inputs[axes.size() + 1].size == 0) return;
  switch (kind) {
    case ScatterKind::set:
      return scatter_of_kind<ScatterKind::set>(call, *this);
    case ScatterKind::add:
      return scatter_of_kind<ScatterKind::add>(call, *this);
    case ScatterKind::prod:
      return scatter_of_kind<ScatterKind::prod>(call, *this);
    case ScatterKind::max:
      return scatter_of_kind<ScatterKind::max>(call, *this);
    case ScatterKind::min:
      return scatter_of_kind<ScatterKind::min>(call, *this);
  }
}

void ScatterAxis::cpu(const cpu::Call& call) const {
  copy_input(call.inputs[0], call.outputs[0]);
  if (call.inputs[2].size == 0) return;
  const Dtype dtype = call.outputs[0].dtype;
  if (kind == ScatterKind::set) {
    visit_size(dtype, [&]<class T>() { scatter_axis<ScatterKind::set, T>(call, axis); });
  } else {
    cpu::visit_type(dtype, [&]<class T>() { scatter_axis<ScatterKind::add, T>(call, axis); });
  }
}

}  // namespace mica::ops
