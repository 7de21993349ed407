#include "mica/nn/transformer.h"

#include <utility>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica::nn {

namespace {

TransformerLayerOptions layer_options(const TransformerStackOptions& o) {
  return {o.mlp_dims, o.dropout, o.activation, o.norm_first};
}

TransformerStackOptions stack_options(const TransformerOptions& o) {
  return {o.mlp_dims, o.dropout, o.activation, o.norm_first, o.checkpoint};
}

Slot<Encoder> encoder_of(const TransformerOptions& o) {
  if (o.custom_encoder) return *o.custom_encoder;
  return TransformerEncoder(o.num_encoder_layers, o.dims, o.num_heads, stack_options(o));
}

Slot<Decoder> decoder_of(const TransformerOptions& o) {
  if (o.custom_decoder) return *o.custom_decoder;
  return TransformerDecoder(o.num_decoder_layers, o.dims, o.num_heads, stack_options(o));
}

// part(x) added to x, which is normalized before or the sum after.
template <class F>
array residual(const array& x, const Slot<LayerNorm>& norm, bool norm_first, F&& part) {
  return norm_first ? x + part(norm(x)) : norm(x + part(x));
}

template <class L>
std::vector<Slot<L>> make_layers(int count, int dims, int num_heads,
                                 const TransformerStackOptions& options) {
  std::vector<Slot<L>> layers;
  for (int i = 0; i < count; ++i) layers.emplace_back(dims, num_heads, layer_options(options));
  return layers;
}

// layer(arguments...), computed again for gradients. A copy of the layer holds the parameters of
// each run, so that the layer itself stays as it is.
template <class L, class... Args>
array run_checkpointed(const Slot<L>& layer, const Args&... arguments) {
  const auto run = [layer](const Tree& parameters, const Args&... given) {
    Slot<L> copy = layer;
    copy->update(parameters);
    return copy(given...);
  };
  return mica::checkpoint(run)(layer->trainable_parameters(), arguments...);
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(int dims, int num_heads, const Options& o)
    : attention(dims, num_heads),
      ln1(dims),
      ln2(dims),
      linear1(dims, o.mlp_dims.value_or(4 * dims)),
      linear2(o.mlp_dims.value_or(4 * dims), dims),
      dropout1(o.dropout),
      dropout2(o.dropout),
      activation(o.activation),
      norm_first(o.norm_first) {}

array TransformerEncoderLayer::operator()(const array& x, const AttentionMask& mask) const try {
  const array attended = residual(
      x, ln1, norm_first, [&](const array& y) { return dropout1(attention(y, y, y, mask)); });
  const array out = residual(attended, ln2, norm_first, [&](const array& y) {
    return linear2(dropout2(activation(linear1(y))));
  });
  return hooked(out, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

TransformerDecoderLayer::TransformerDecoderLayer(int dims, int num_heads, const Options& o)
    : self_attention(dims, num_heads),
      cross_attention(dims, num_heads),
      ln1(dims),
      ln2(dims),
      ln3(dims),
      linear1(dims, o.mlp_dims.value_or(4 * dims)),
      linear2(o.mlp_dims.value_or(4 * dims), dims),
      dropout1(o.dropout),
      dropout2(o.dropout),
      dropout3(o.dropout),
      activation(o.activation),
      norm_first(o.norm_first) {}

array TransformerDecoderLayer::operator()(const array& x, const array& memory,
                                          const AttentionMask& x_mask,
                                          const AttentionMask& memory_mask) const try {
  array out = residual(x, ln1, norm_first,
                       [&](const array& y) { return dropout1(self_attention(y, y, y, x_mask)); });
  out = residual(out, ln2, norm_first, [&](const array& y) {
    return dropout2(cross_attention(y, memory, memory, memory_mask));
  });
  out = residual(out, ln3, norm_first,
                 [&](const array& y) { return linear2(dropout3(activation(linear1(y)))); });
  return hooked(out, x, memory);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

TransformerEncoder::TransformerEncoder(int num_layers, int dims, int num_heads, const Options& o)
    : layers(make_layers<TransformerEncoderLayer>(num_layers, dims, num_heads, o)),
      ln(dims),
      checkpoint(o.checkpoint) {
  if (num_layers < 0) fail("num_layers of at least 0", std::to_string(num_layers));
}

array TransformerEncoder::operator()(const array& x, const AttentionMask& mask) const try {
  array y = x;
  for (const auto& layer : layers) {
    y = checkpoint ? run_checkpointed(layer, y, mask) : layer(y, mask);
  }
  return hooked(ln(y), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

TransformerDecoder::TransformerDecoder(int num_layers, int dims, int num_heads, const Options& o)
    : layers(make_layers<TransformerDecoderLayer>(num_layers, dims, num_heads, o)),
      ln(dims),
      checkpoint(o.checkpoint) {
  if (num_layers < 0) fail("num_layers of at least 0", std::to_string(num_layers));
}

array TransformerDecoder::operator()(const array& x, const array& memory,
                                     const AttentionMask& x_mask,
                                     const AttentionMask& memory_mask) const try {
  array y = x;
  for (const auto& layer : layers) {
    y = checkpoint ? run_checkpointed(layer, y, memory, x_mask, memory_mask)
                   : layer(y, memory, x_mask, memory_mask);
  }
  return hooked(ln(y), x, memory);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

Transformer::Transformer(const Options& o) : encoder(encoder_of(o)), decoder(decoder_of(o)) {}

array Transformer::operator()(const array& src, const array& tgt, const AttentionMask& src_mask,
                              const AttentionMask& tgt_mask, const AttentionMask& memory_mask) const
    try {
  const array memory = encoder(src, src_mask);
  return hooked(decoder(tgt, memory, tgt_mask, memory_mask), src, tgt);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

}  // namespace mica::nn
