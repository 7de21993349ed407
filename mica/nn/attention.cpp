#include "mica/nn/attention.h"

#include <cmath>

#include "mica/fast/fast.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::nn {

namespace {

// (N, L, heads * size) as (N, heads, L, size).
array by_head(const array& x, int heads) {
  return transpose(unflatten(x, -1, {heads, -1}), {0, 2, 1, 3});
}

// The weights are needed one by one where they are dropped.
array attention_with_dropout(const array& queries, const array& keys, const array& values,
                             double scale, const AttentionMask& mask, const Dropout& dropout) {
  const int heads = queries.shape(1), groups = keys.shape(1);
  const array q = unflatten(queries, 1, {groups, heads / groups});
  array scores = matmul(q * weak(scale, q), expand_dims(swapaxes(keys, -1, -2), 2));
  scores = flatten(scores, 1, 2);
  const array lowest(finfo(scores.dtype()).min, scores.dtype());
  if (mask.causal) {
    const int length = scores.shape(-2), count = scores.shape(-1);
    scores = where(tri(length, count, count - length, bool_), scores, lowest);
  } else if (mask.values) {
    scores =
        mask.values->dtype() == bool_ ? where(*mask.values, scores, lowest) : scores + *mask.values;
  }
  const array weights = dropout(softmax(scores, -1, true));
  return flatten(matmul(unflatten(weights, 1, {groups, heads / groups}), expand_dims(values, 2)), 1,
                 2);
}

}  // namespace

void collect_arrays(std::vector<array>& out, const AttentionMask& mask) {
  if (mask.values) out.push_back(*mask.values);
}

AttentionMask rebuild_arrays(const AttentionMask& like, const array*& next) {
  AttentionMask mask = like;
  if (mask.values) mask.values = *next++;
  return mask;
}

void describe_structure(std::string& key, const AttentionMask& mask) {
  key += mask.causal ? 'c' : '-';
  key += mask.values ? 'm' : '-';
}

// Throws where the numbers of heads do not divide what they must; returns num_heads.
int MultiHeadAttention::checked_heads(int dims, int num_heads, const Options& o) {
  const auto check = [&](bool holds, const std::string& expected, int got) {
    if (!holds) fail_as("MultiHeadAttention", expected, std::to_string(got));
  };
  const std::string heads = std::to_string(num_heads);
  check(num_heads > 0, "num_heads of at least 1", num_heads);
  check(dims > 0 && dims % num_heads == 0, "dims divisible by num_heads, " + heads, dims);
  const int value_dims = o.value_dims.value_or(dims), groups = o.num_kv_heads.value_or(num_heads);
  check(value_dims > 0 && value_dims % num_heads == 0,
        "value_dims divisible by num_heads, " + heads, value_dims);
  check(groups > 0 && num_heads % groups == 0, "num_kv_heads that divides num_heads, " + heads,
        groups);
  return num_heads;
}

MultiHeadAttention::MultiHeadAttention(int dims, int heads, const Options& o)
    : num_heads(checked_heads(dims, heads, o)),
      num_kv_heads(o.num_kv_heads.value_or(num_heads)),
      query_proj(o.query_input_dims.value_or(dims), dims, {.bias = o.bias}),
      key_proj(o.key_input_dims.value_or(dims), dims / num_heads * num_kv_heads, {.bias = o.bias}),
      value_proj(o.value_input_dims.value_or(o.key_input_dims.value_or(dims)),
                 o.value_dims.value_or(dims) / num_heads * num_kv_heads, {.bias = o.bias}),
      out_proj(o.value_dims.value_or(dims), o.value_output_dims.value_or(dims), {.bias = o.bias}) {
  if (o.dropout != 0) dropout.emplace(o.dropout);
}

array MultiHeadAttention::operator()(const array& queries, const array& keys, const array& values,
                                     const AttentionMask& mask) const try {
  for (const auto& [x, what] :
       {std::pair(&queries, "queries"), std::pair(&keys, "keys"), std::pair(&values, "values")}) {
    if (x->ndim() != 3) fail(std::string(what) + " (batch, length, size)", to_string(x->shape()));
  }
  const array q = by_head(query_proj(queries), num_heads);
  const array k = by_head(key_proj(keys), num_kv_heads);
  const array v = by_head(value_proj(values), num_kv_heads);
  const double scale = std::sqrt(1.0 / q.shape(-1));
  const array attended =
      dropout && dropout->training()
          ? attention_with_dropout(q, k, v, scale, mask, *dropout)
          : fast::scaled_dot_product_attention(q, k, v, static_cast<float>(scale),
                                               mask.causal ? "causal" : "", mask.values);
  const array joined = flatten(transpose(attended, {0, 2, 1, 3}), -2, -1);
  return hooked(out_proj(joined), queries, keys, values);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

array MultiHeadAttention::create_additive_causal_mask(int N, Dtype dtype) {
  if (N < 0) fail_as("MultiHeadAttention", "a mask for at least 0 positions", std::to_string(N));
  const array place = arange(N);
  const array hidden = less(expand_dims(place, 1), expand_dims(place, 0));
  return astype(hidden, dtype) * array(finfo(dtype).min, dtype);
}

}  // namespace mica::nn
