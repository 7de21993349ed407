#include "mica/fast/attention.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/fast/rules.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

void add_options(engine::Key& key, float scale, const AttentionOptions& o) {
  key.add_field(scale);
  key.add_field(o.causal | o.masked << 1 | o.sinks << 2 | o.lengths << 3);
}

std::vector<array> apply_attention(const Attention& op, const std::vector<array>& inputs,
                                   const StreamOrDevice& s = {}) {
  const array &q = inputs[0], &v = inputs[2];
  const Dtype wide = at_least_float32(q.dtype());
  const Shape rows{q.shape(0), q.shape(1), q.shape(2)};
  Shape shape = rows;
  shape.push_back(v.shape(3));
  return engine::apply_many(op, inputs, {{shape, q.dtype()}, {rows, wide}, {rows, wide}}, s);
}

std::vector<array> apply_backward(const AttentionBackward& op, const std::vector<array>& inputs) {
  std::vector<engine::OutputSpec> outputs;
  for (size_t i = 0; i < 3; ++i) outputs.push_back({inputs[i].shape(), inputs[i].dtype()});
  return engine::apply_many(op, inputs, std::move(outputs), {});
}

// (B, H, ...) as (B, Hkv, H / Hkv, ...), and keys or values as (B, Hkv, 1, Lk, D).
array by_key_head(const array& x, int key_heads) {
  return unflatten(x, 1, {key_heads, x.shape(1) / key_heads});
}

// The masked scores (B, Hkv, H / Hkv, Lq, Lk), and what the ops' definitions share.
struct Scores {
  array queries, keys, values;  // widened, queries scaled, with the axes of by_key_head
  array scores;
  std::optional<array> shown;  // false where a key is hidden and the score a constant

  Scores(float scale, const AttentionOptions& options, const AttentionInputs<array>& in)
      : queries(by_key_head(widened(*in.queries), in.keys->shape(1)) *
                array(scale, at_least_float32(in.queries->dtype()))),
        keys(expand_dims(widened(*in.keys), 2)),
        values(expand_dims(widened(*in.values), 2)),
        scores(matmul(queries, swapaxes(keys, -1, -2))) {
    const Dtype dtype = scores.dtype();
    const int key_heads = in.keys->shape(1), key_count = in.keys->shape(2);
    const array key = arange(key_count);
    const array count =
        in.lengths ? clip(reshape(*in.lengths, {-1, 1, 1, 1, 1}), array(0), array(key_count))
                   : array(key_count);
    if (in.mask && in.mask->dtype() == bool_) {
      shown = by_key_head(*in.mask, key_heads);
    } else if (in.mask) {
      scores = scores + by_key_head(widened(*in.mask), key_heads);
    }
    if (options.causal) {
      const int query_count = in.queries->shape(2);
      const array last = reshape(arange(query_count), {-1, 1}) + (count - query_count);
      shown = shown ? logical_and(*shown, less_equal(key, last)) : less_equal(key, last);
    }
    if (shown) scores = where(*shown, scores, lowest(dtype));
    if (in.lengths) {
      const array infinite(-std::numeric_limits<double>::infinity(), dtype);
      scores = where(less(key, count), scores, infinite);
    }
  }

  static array lowest(Dtype dtype) {
    return dtype == float64 ? array(std::numeric_limits<double>::lowest(), dtype)
                            : array(std::numeric_limits<float>::lowest());
  }

  static array widened(const array& x) { return astype(x, at_least_float32(x.dtype())); }
};

// Numbers (B, H, Lq) of the rows, beside the scores.
array beside(const array& rows, int key_heads) {
  return expand_dims(by_key_head(rows, key_heads), -1);
}

}  // namespace

void Attention::add_to_key(engine::Key& key) const { add_options(key, scale, options); }
void AttentionBackward::add_to_key(engine::Key& key) const { add_options(key, scale, options); }

std::vector<array> Attention::composed(const std::vector<array>& inputs) const {
  const AttentionInputs<array> in(options, inputs.data());
  const Scores s(scale, options, in);
  array largest = max(s.scores, -1, true);
  if (in.sinks) {
    const array sinks = reshape(Scores::widened(*in.sinks), {1, in.keys->shape(1), -1, 1, 1});
    largest = maximum(largest, sinks);
  }
  if (in.lengths) largest = maximum(largest, Scores::lowest(largest.dtype()));
  largest = stop_gradient(largest);
  const array weights = exp(s.scores - largest);
  array total = sum(weights, -1, true);
  if (in.sinks) {
    const array sinks = reshape(Scores::widened(*in.sinks), {1, in.keys->shape(1), -1, 1, 1});
    total = total + exp(sinks - largest);
  }
  array out = matmul(weights, s.values) / total;
  if (in.lengths) out = where(greater(total, array(0)), out, zeros_like(out));
  const auto rows = [](const array& x) { return flatten(squeeze(x, -1), 1, 2); };
  return {astype(flatten(out, 1, 2), in.queries->dtype()), rows(largest), rows(total)};
}

std::vector<array> AttentionBackward::composed(const std::vector<array>& inputs) const {
  const AttentionInputs<array> in(options, inputs.data());
  const array* const rest = inputs.data() + in.count;
  const Scores s(scale, options, in);
  const int heads = in.keys->shape(1);
  const array cotangent = by_key_head(Scores::widened(rest[0]), heads);
  const array largest = stop_gradient(beside(rest[1], heads));
  const array weights = exp(s.scores - largest) / beside(rest[2], heads);
  array scores = weights * (matmul(cotangent, swapaxes(s.values, -1, -2)) - beside(rest[3], heads));
  if (s.shown) scores = where(*s.shown, scores, zeros_like(scores));
  const array of_queries = matmul(scores, s.keys) * array(scale, scores.dtype());
  const array of_keys = sum(matmul(swapaxes(scores, -1, -2), s.queries), 2);
  const array of_values = sum(matmul(swapaxes(weights, -1, -2), cotangent), 2);
  const Dtype dtype = in.queries->dtype();
  return {astype(flatten(of_queries, 1, 2), dtype), astype(of_keys, dtype),
          astype(of_values, dtype)};
}

std::vector<array> Attention::vjp(const engine::VjpArgs& args) const {
  const AttentionInputs<array> in(options, args.primals.data());
  const array &out = args.outputs[0], &m = args.outputs[1], &l = args.outputs[2];
  const array &cotangent = args.cotangents[0], &of_total = args.cotangents[2];
  const Dtype wide = l.dtype();
  const array delta = sum(astype(cotangent, wide) * astype(out, wide), -1) - of_total * l;
  std::vector<array> inputs(args.primals.begin(),
                            args.primals.begin() + static_cast<std::ptrdiff_t>(in.count));
  AttentionBackward backward{scale, options};
  if (in.sinks) {
    inputs.erase(inputs.begin() + (in.sinks - args.primals.data()));
    backward.options.sinks = false;
  }
  inputs.insert(inputs.end(), {cotangent, m, l, delta});
  const std::vector<array> of_operands = apply_backward(backward, inputs);

  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    const array* const primal = args.primals.data() + argnum;
    if (argnum < 3) {
      cotangents.push_back(of_operands[static_cast<size_t>(argnum)]);
    } else if (primal == in.sinks) {
      const array weight = exp(reshape(astype(*primal, wide), {-1, 1}) - m) / l;
      cotangents.push_back(astype(sum(-weight * delta, std::vector<int>{0, 2}), primal->dtype()));
    } else if (primal == in.mask && primal->dtype() != bool_) {
      const std::vector<int> mask_only{argnum};
      const engine::VjpArgs of_mask{args.primals, args.cotangents, mask_only, args.outputs};
      cotangents.push_back(composed_vjp([this](const auto& x) { return composed(x); }, of_mask)[0]);
    } else {
      cotangents.push_back(zeros_like(*primal));
    }
  }
  return cotangents;
}

std::vector<array> Attention::jvp(const engine::JvpArgs& args) const {
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

std::vector<array> AttentionBackward::vjp(const engine::VjpArgs& args) const {
  return composed_vjp([this](const auto& inputs) { return composed(inputs); }, args);
}

std::vector<array> AttentionBackward::jvp(const engine::JvpArgs& args) const {
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

namespace {

// The inputs with the batch merged into their first axis.
std::vector<array> merged_batch(const engine::VmapArgs& args) {
  std::vector<array> inputs = all_batch_first(args);
  for (array& x : inputs) x = flatten(x, 0, 1);
  return inputs;
}

engine::Batched split_batch(std::vector<array> outputs, int batch) {
  for (array& x : outputs) x = unflatten(x, 0, {batch, x.shape(0) / std::max(batch, 1)});
  return {outputs, std::vector<int>(outputs.size(), 0)};
}

}  // namespace

// Sinks, which have no batch axis to merge into, are shared or make it a composition.
engine::Batched Attention::vmap(const engine::VmapArgs& args) const {
  const AttentionInputs<array> in(options, args.inputs.data());
  const size_t sinks = in.sinks ? static_cast<size_t>(in.sinks - args.inputs.data()) : 0;
  if (in.sinks && args.axes[sinks] >= 0) {
    return composed_vmap([this](const auto& inputs) { return composed(inputs); }, args);
  }
  std::vector<array> inputs = merged_batch(args);
  if (in.sinks) inputs[sinks] = *in.sinks;
  return split_batch(apply_attention(*this, inputs), args.batch);
}

engine::Batched AttentionBackward::vmap(const engine::VmapArgs& args) const {
  return split_batch(apply_backward(*this, merged_batch(args)), args.batch);
}

}  // namespace ops

namespace fast {
namespace {

[[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got) {
  throw std::invalid_argument(std::string(name) + ": expected " + expected + ", got " + got);
}

std::string text(std::initializer_list<int> shape) {
  return to_string(Shape(shape.begin(), shape.end()));
}

void check_operands(const char* name, const array& q, const array& k, const array& v) {
  for (const auto& [x, what] :
       {std::pair(&q, "queries"), std::pair(&k, "keys"), std::pair(&v, "values")}) {
    if (x->ndim() != 4) {
      fail(name, std::string(what) + " (batch, heads, length, size)", to_string(x->shape()));
    }
  }
  const int batch = q.shape(0), size = q.shape(3);
  if (k.shape(0) != batch || k.shape(3) != size) {
    fail(name, "keys (" + std::to_string(batch) + ", heads, length, " + std::to_string(size) + ")",
         to_string(k.shape()));
  }
  const int key_heads = k.shape(1);
  if (key_heads == 0 ? q.shape(1) != 0 : q.shape(1) % key_heads != 0) {
    fail(name, "a multiple of the keys' " + std::to_string(key_heads) + " heads in queries",
         std::to_string(q.shape(1)));
  }
  if (v.shape(0) != batch || v.shape(1) != key_heads || v.shape(2) != k.shape(2)) {
    fail(name,
         "values (" + std::to_string(batch) + ", " + std::to_string(key_heads) + ", " +
             std::to_string(k.shape(2)) + ", size)",
         to_string(v.shape()));
  }
}

// A mask that broadcasts to (B, H, Lq, Lk), broadcast, of the operands' dtype unless boolean.
array full_mask(const char* name, const array& mask, const array& q, const array& k, Dtype dtype,
                const StreamOrDevice& s) {
  const Shape shape{q.shape(0), q.shape(1), q.shape(2), k.shape(2)};
  if (mask.ndim() > 4 || !ops::broadcasts_to(mask.shape(), shape)) {
    fail(name, "a mask that broadcasts to " + to_string(shape), to_string(mask.shape()));
  }
  if (mask.dtype() == bool_) return broadcast_to(mask, shape, s);
  if (promote_types(mask.dtype(), dtype) != dtype) {
    fail(name, std::string("a mask of a dtype that promotes to ") + dtype_name(dtype),
         dtype_name(mask.dtype()));
  }
  return broadcast_to(astype(mask, dtype, s), shape, s);
}

array attend(const char* name, const array& queries, const array& keys, const array& values,
             const std::optional<array>& length, float scale, bool causal,
             const std::optional<array>& mask, const std::optional<array>& sinks,
             const StreamOrDevice& s) {
  check_operands(name, queries, keys, values);
  const Dtype dtype = result_type(queries, keys, values);
  if (!issubdtype(dtype, floating)) fail(name, "operands of a floating dtype", dtype_name(dtype));
  const ops::AttentionOptions options{causal, mask.has_value(), sinks.has_value(),
                                      length.has_value()};
  std::vector<array> inputs{astype(queries, dtype, s), astype(keys, dtype, s),
                            astype(values, dtype, s)};
  if (mask) inputs.push_back(full_mask(name, *mask, queries, keys, dtype, s));
  if (sinks) {
    const int heads = queries.shape(1);
    if (sinks->shape() != Shape{heads}) {
      fail(name, "sinks " + text({heads}), to_string(sinks->shape()));
    }
    if (promote_types(sinks->dtype(), dtype) != dtype) {
      fail(name, std::string("sinks of a dtype that promotes to ") + dtype_name(dtype),
           dtype_name(sinks->dtype()));
    }
    inputs.push_back(astype(*sinks, dtype, s));
  }
  if (length) {
    const int batch = queries.shape(0);
    if (!issubdtype(length->dtype(), integer)) {
      fail(name, "integer length", dtype_name(length->dtype()));
    }
    if (length->ndim() > 0 && length->shape() != Shape{batch}) {
      fail(name, "length () or " + text({batch}), to_string(length->shape()));
    }
    inputs.push_back(broadcast_to(astype(*length, int32, s), {batch}, s));
  }
  return ops::apply_attention(ops::Attention{scale, options}, inputs, s)[0];
}

}  // namespace

// There is always a fused kernel, so force_fused asks for what holds anyway.
array scaled_dot_product_attention(const array& queries, const array& keys, const array& values,
                                   const float scale, const std::string& mask_mode,
                                   std::optional<array> mask_arr, const std::optional<array>& sinks,
                                   bool force_fused, StreamOrDevice s) {
  static_cast<void>(force_fused);
  const char* const name = "scaled_dot_product_attention";
  const bool causal = mask_mode == "causal";
  if (!causal && mask_mode != "array" && !mask_mode.empty()) {
    fail(name, "mask_mode \"\", \"causal\" or \"array\"", "\"" + mask_mode + "\"");
  }
  if (mask_mode == "array" && !mask_arr) fail(name, "mask_arr with mask_mode \"array\"", "none");
  if (causal && mask_arr) fail(name, "no mask_arr with mask_mode \"causal\"", "one");
  return attend(name, queries, keys, values, std::nullopt, scale, causal, mask_arr, sinks, s);
}

array cached_attention(const array& queries, const array& keys, const array& values,
                       const array& length, float scale, bool causal,
                       const std::optional<array>& mask, const std::optional<array>& sinks,
                       StreamOrDevice s) {
  return attend("cached_attention", queries, keys, values, length, scale, causal, mask, sinks, s);
}

}  // namespace fast
}  // namespace mica
