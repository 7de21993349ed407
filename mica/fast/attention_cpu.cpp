#include <cmath>

#include "mica/engine/cpu/dnnl/few_rows.h"
#include "mica/fast/attention_blocks.h"

namespace mica::ops {
namespace {

// One block of rows: scores of a block of keys at a time; what was summed so far is scaled down
// where a larger score turns up ("online softmax", Milakov and Gimelshein, 2018).
template <class T>
class AttentionForward {
  using C = cpu::Compute<T>;
  using Matrices = AttentionMatrices<T>;
  using Use = typename Matrices::Use;

 public:
  AttentionForward(const Attention& op, const cpu::Call& call)
      : op_(op),
        in_(op.options, call.inputs.data()),
        sizes_(in_),
        mask_(op.options, in_, sizes_),
        use_(choose_use()),
        keys_(*in_.keys, use_, [this](int64_t b) { return mask_.keys(b); }),
        values_(*in_.values, use_, [this](int64_t b) { return mask_.keys(b); }),
        out_(call.outputs[0].as<T>()),
        largest_(call.outputs[1].as<C>()),
        total_(call.outputs[2].as<C>()) {}

  void run() const {
    const int64_t height = std::min(attention_block_rows, sizes_.rows);
    const int64_t blocks = (sizes_.rows + height - 1) / height;
    const int64_t tasks = sizes_.batch * sizes_.key_heads * blocks;
    const int64_t work = height * sizes_.keys * (sizes_.size + sizes_.value_size);
    engine::parallel_for(tasks, 32768 / std::max<int64_t>(work, 1) + 1,
                         [&](int64_t begin, int64_t end) {
                           const int64_t width = std::min(attention_block_keys, sizes_.keys);
                           const Memory memory(height, width, sizes_);
                           for (int64_t i = begin; i < end; ++i) {
                             const int64_t first = i % blocks * height, matrix = i / blocks;
                             rows(matrix / sizes_.key_heads, matrix % sizes_.key_heads, first,
                                  std::min(first + height, sizes_.rows), memory);
                           }
                         });
  }

 private:
  struct Memory {
    cpu::Scratch all;
    C *queries, *scores, *sums, *more;  // more: what a block adds to the sums

    Memory(int64_t height, int64_t width, const AttentionSizes& sizes)
        : all(height * (sizes.size + width + 2 * sizes.value_size) * sizeof(C)),
          queries(all.as<C>()),
          scores(queries + height * sizes.size),
          sums(scores + height * width),
          more(sums + height * sizes.value_size) {}
  };

  // A few rows, as in decoding, are bound by reading keys and values: kernels that read any dtype.
  Use choose_use() const {
    const bool few = !std::is_same_v<C, double> && sizes_.rows <= cpu::most_rows &&
                     Matrices::readable(*in_.keys) && Matrices::readable(*in_.values);
    return few ? Use::raw : sizes_.rows > 16 ? Use::often : Use::once;
  }

  // The scores of `width` keys.
  void multiply_keys(int64_t b, int64_t key_head, int64_t key, int64_t count, int64_t width,
                     const Memory& memory) const {
    if constexpr (!std::is_same_v<C, double>) {
      if (use_ == Use::raw) {
        return few_rows().columns(memory.queries, count, sizes_.size, keys_.raw(b, key_head, key),
                                  keys_.leading(), 0, width, memory.scores, width);
      }
    }
    Factor<C> keys = keys_.at(b, key_head, key);
    keys.transposed = true;
    attention_product<C>(count, width, sizes_.size, {memory.queries, sizes_.size}, keys,
                         memory.scores, false);
  }

  // Adds the values of `width` keys, by their weights, to the sums; the first ones are the sums.
  void add_values(int64_t b, int64_t key_head, int64_t key, int64_t count, int64_t width,
                  const Memory& memory) const {
    const int64_t size = sizes_.value_size;
    if constexpr (!std::is_same_v<C, double>) {
      if (use_ == Use::raw) {
        few_rows().rows(memory.scores, count, width, values_.raw(b, key_head, key),
                        values_.leading(), 0, size, key == 0 ? memory.sums : memory.more, size);
        if (key > 0) attention_rows<C>().add(memory.sums, memory.more, count * size);
        return;
      }
    }
    attention_product<C>(count, size, width, {memory.scores, width}, values_.at(b, key_head, key),
                         memory.sums, key > 0);
  }

  static const cpu::FewRowsKernels<T>& few_rows() {
    return std::get<cpu::FewRowsKernels<T>>(cpu::few_rows_table());
  }

  // The place of a row in the outputs.
  int64_t place(int64_t b, int64_t key_head, int64_t row) const {
    return (b * sizes_.key_heads + key_head) * sizes_.rows + row;
  }

  void rows(int64_t b, int64_t key_head, int64_t begin, int64_t end, const Memory& memory) const {
    const int64_t count = end - begin, value_size = sizes_.value_size;
    load_attention_rows<T, C>(*in_.queries, sizes_, b, key_head, begin, end,
                              static_cast<C>(op_.scale), memory.queries);
    C* const m = largest_ + place(b, key_head, begin);
    C* const l = total_ + place(b, key_head, begin);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t head = key_head * sizes_.group + (begin + i) / sizes_.queries;
      m[i] = in_.sinks ? static_cast<C>(in_.sinks->template as<T>()[head * in_.sinks->strides[0]])
                       : -std::numeric_limits<C>::infinity();
      l[i] = in_.sinks ? C(1) : C(0);
    }
    const int64_t visible = mask_.visible(b, begin, end);
    for (int64_t key = 0; key < visible; key += attention_block_keys) {
      const int64_t width = std::min(attention_block_keys, visible - key);
      multiply_keys(b, key_head, key, count, width, memory);
      for (int64_t i = 0; i < count; ++i) {
        add_block(b, key_head, begin + i, key, width, memory.scores + i * width,
                  key == 0 ? nullptr : memory.sums + i * value_size, m[i], l[i]);
      }
      add_values(b, key_head, key, count, width, memory);
    }
    T* out = out_ + place(b, key_head, begin) * value_size;
    for (int64_t i = 0; i < count; ++i, out += value_size) {
      C* const sums = memory.sums + i * value_size;
      if (visible == 0) {
        std::fill_n(out, value_size, T(0));
        continue;
      }
      attention_rows<C>().scale(sums, 1 / l[i], value_size);
      convert_row(sums, 1, value_size, out);
    }
  }

  // Scores of one row become weights relative to its largest score m, the sums scaled if it grows.
  void add_block(int64_t b, int64_t key_head, int64_t row, int64_t key, int64_t width, C* scores,
                 C* sums, C& m, C& l) const {
    const auto& loops = attention_rows<C>();
    const int64_t visible = std::clamp<int64_t>(mask_.visible(b, row) - key, 0, width);
    mask_.apply(b, key_head, row, key, visible, scores);
    const C larger = visible > 0 ? std::max(m, loops.max(scores, visible)) : m;
    if (visible == 0 || larger == -std::numeric_limits<C>::infinity()) {
      return std::fill(scores, scores + width, C(0));
    }
    if (larger > m) {
      const C factor = std::exp(m - larger);
      l *= factor;
      if (sums) loops.scale(sums, factor, sizes_.value_size);
      m = larger;
    }
    l += loops.exp(scores, m, visible);
    std::fill(scores + visible, scores + width, C(0));
  }

  const Attention& op_;
  AttentionInputs<cpu::Tensor> in_;
  AttentionSizes sizes_;
  AttentionMask<T> mask_;
  Use use_;
  Matrices keys_, values_;
  T* out_;
  C *largest_, *total_;
};

}  // namespace

void Attention::cpu(const cpu::Call& call) const {
  if (call.outputs[0].size == 0 && call.outputs[1].size == 0) return;
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) AttentionForward<T>(*this, call).run();
  });
}

}  // namespace mica::ops
