#include "mica/fast/attention_blocks.h"

namespace mica::ops {
namespace {

// Weights are made again from scores, m and l, block by block. With P the weights, dO the
// cotangent and dP = dO V^T: dS = P (dP - delta), dQ = scale dS K, dK = scale dS^T Q, dV = P^T dO
// (Dao et al., FlashAttention, 2022).
template <class T>
class Backward {
  using C = cpu::Compute<T>;

 public:
  Backward(const AttentionBackward& op, const cpu::Call& call)
      : op_(op),
        in_(op.options, call.inputs.data()),
        sizes_(in_),
        mask_(op.options, in_, sizes_),
        keys_(*in_.keys, AttentionMatrices<T>::Use::often,
              [this](int64_t b) { return mask_.keys(b); }),
        values_(*in_.values, AttentionMatrices<T>::Use::often,
                [this](int64_t b) { return mask_.keys(b); }),
        cotangent_(call.inputs[in_.count]),
        largest_(call.inputs[in_.count + 1]),
        total_(call.inputs[in_.count + 2]),
        delta_(call.inputs[in_.count + 3]),
        outputs_(call.outputs) {}

  // The cotangents of a key head's keys and values are sums over its rows. Where there are fewer
  // heads than threads, several threads sum over every so many blocks of rows each.
  void run() const {
    const int64_t heads = sizes_.batch * sizes_.key_heads;
    const int64_t blocks = (sizes_.rows + attention_block_rows - 1) / attention_block_rows;
    const int64_t parts = std::clamp<int64_t>(engine::num_threads() / std::max<int64_t>(heads, 1),
                                              1, std::max<int64_t>(blocks, 1));
    const int64_t of_keys = sizes_.keys * sizes_.size;
    const int64_t each = of_keys + sizes_.keys * sizes_.value_size;
    const cpu::Scratch partial(heads * parts * each * sizeof(C));
    C* const sums = partial.as<C>();
    engine::parallel_for(heads * parts, 1, [&](int64_t begin, int64_t end) {
      const Memory memory(sizes_);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t head = i / parts;
        C* const own = sums + i * each;
        std::fill_n(own, each, C(0));
        for (int64_t block = i % parts; block < blocks; block += parts) {
          const int64_t first = block * attention_block_rows;
          rows(head / sizes_.key_heads, head % sizes_.key_heads, first,
               std::min(first + attention_block_rows, sizes_.rows), memory, own, own + of_keys);
        }
      }
    });
    engine::parallel_for(heads, 16384 / (each * parts + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t head = begin; head < end; ++head) {
        C* const total = sums + head * parts * each;
        for (int64_t part = 1; part < parts; ++part) {
          attention_rows<C>().add(total, total + part * each, each);
        }
        store(total, of_keys, head, outputs_[1]);
        store(total + of_keys, each - of_keys, head, outputs_[2]);
      }
    });
  }

 private:
  struct Memory {
    cpu::Scratch all;
    C *queries, *cotangent, *of_queries, *scores, *weights;

    explicit Memory(const AttentionSizes& s)
        : all(height(s) * (2 * s.size + s.value_size + 2 * width(s)) * sizeof(C)),
          queries(all.as<C>()),
          cotangent(queries + height(s) * s.size),
          of_queries(cotangent + height(s) * s.value_size),
          scores(of_queries + height(s) * s.size),
          weights(scores + height(s) * width(s)) {}

    static int64_t height(const AttentionSizes& s) {
      return std::min(attention_block_rows, s.rows);
    }
    static int64_t width(const AttentionSizes& s) { return std::min(attention_block_keys, s.keys); }
  };

  // Writes the block-th part of n elements of an output.
  static void store(const C* from, int64_t n, int64_t block, const cpu::Tensor& out) {
    convert_row(from, 1, n, out.as<T>() + block * n);
  }

  // Adds to the cotangents of keys and values, and writes those of queries.
  void rows(int64_t b, int64_t key_head, int64_t begin, int64_t end, const Memory& memory,
            C* of_keys, C* of_values) const {
    const int64_t count = end - begin, size = sizes_.size, value_size = sizes_.value_size;
    const C scale = static_cast<C>(op_.scale);
    load_attention_rows<T, C>(*in_.queries, sizes_, b, key_head, begin, end, scale, memory.queries);
    load_attention_rows<T, C>(cotangent_, sizes_, b, key_head, begin, end, C(1), memory.cotangent);
    std::fill_n(memory.of_queries, count * size, C(0));
    const int64_t visible = mask_.visible(b, begin, end);
    for (int64_t key = 0; key < visible; key += attention_block_keys) {
      const int64_t width = std::min(attention_block_keys, visible - key);
      Factor<C> keys = keys_.at(b, key_head, key), values = values_.at(b, key_head, key);
      const Factor<C> key_rows = keys;
      keys.transposed = values.transposed = true;
      attention_product<C>(count, width, size, {memory.queries, size}, keys, memory.weights, false);
      attention_product<C>(count, width, value_size, {memory.cotangent, value_size}, values,
                           memory.scores, false);
      for (int64_t i = 0; i < count; ++i) {
        row(b, key_head, begin + i, key, width, memory.weights + i * width,
            memory.scores + i * width);
      }
      attention_product<C>(width, value_size, count, {memory.weights, width, true},
                           {memory.cotangent, value_size}, of_values + key * value_size, true);
      attention_product<C>(count, size, width, {memory.scores, width}, key_rows, memory.of_queries,
                           true);
      attention_product<C>(width, size, count, {memory.scores, width, true}, {memory.queries, size},
                           of_keys + key * size, true);
    }
    const int64_t first = (b * sizes_.key_heads + key_head) * sizes_.rows + begin;
    attention_rows<C>().scale(memory.of_queries, scale, count * size);
    convert_row(memory.of_queries, 1, count * size, outputs_[0].as<T>() + first * size);
  }

  // Scores become weights, and the weights' cotangents those of the scores.
  void row(int64_t b, int64_t key_head, int64_t row, int64_t key, int64_t width, C* weights,
           C* scores) const {
    const int64_t visible = std::clamp<int64_t>(mask_.visible(b, row) - key, 0, width);
    const int64_t head = key_head * sizes_.group + row / sizes_.queries;
    const auto number = [&](const cpu::Tensor& x) {
      return x
          .as<C>()[b * x.strides[0] + head * x.strides[1] + row % sizes_.queries * x.strides[2]];
    };
    const C m = number(largest_);
    mask_.apply(b, key_head, row, key, visible, weights);
    attention_rows<C>().backward(weights, scores, m, 1 / number(total_), number(delta_), visible);
    std::fill(weights + visible, weights + width, C(0));
    // Where all keys are hidden they have weight, but their scores are constants.
    const bool hidden = mask_.hides(b, row) && m == std::numeric_limits<C>::lowest();
    std::fill(scores + (hidden ? 0 : visible), scores + width, C(0));
  }

  const AttentionBackward& op_;
  AttentionInputs<cpu::Tensor> in_;
  AttentionSizes sizes_;
  AttentionMask<T> mask_;
  AttentionMatrices<T> keys_, values_;
  const cpu::Tensor &cotangent_, &largest_, &total_, &delta_;
  std::span<const cpu::Tensor> outputs_;
};

}  // namespace

void AttentionBackward::cpu(const cpu::Call& call) const {
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) Backward<T>(*this, call).run();
  });
}

}  // namespace mica::ops
