"""Attention, transformers, encodings of positions and recurrent layers, as mlx.nn computes them."""

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_map, tree_unflatten

from common import differentiated, golden, normal


def layer_case(layer, call, *inputs):
    """A layer's parameters, output, and gradients in its parameters and then in the inputs;
    call(layer, *inputs) returns the output. What it trains is drawn anew."""
    drawn = tree_map(lambda p: 0.5 * normal(*p.shape, dtype=p.dtype), layer.trainable_parameters())
    layer.update(drawn)
    before = tree_flatten(layer.parameters(), destination={})
    names = list(before)

    def function(*arrays):
        layer.update(tree_unflatten(list(zip(names, arrays))))
        return call(layer, *arrays[len(names) :])

    case = differentiated(function, *before.values(), *inputs)
    layer.update(drawn)
    return {"parameters": before} | case


def printed(layer):
    """The text that Python prints for it, as bytes."""
    return mx.array(list(repr(layer).encode()), dtype=mx.uint8)


@golden("nn/attention")
def attention():
    x, memory = normal(2, 3, 8), normal(2, 5, 6)
    values, causal = normal(2, 5, 10), nn.MultiHeadAttention.create_additive_causal_mask(3)
    seen = normal(2, 1, 3, 5) > -0.5
    inputs = dict(x=x, memory=memory, values=values, seen=seen)

    def itself(mask=None):
        return lambda layer, x: layer(x, x, x, mask)

    def across(mask=None):
        return lambda layer, q, k, v: layer(q, k, v, mask)

    dims = dict(query_input_dims=8, key_input_dims=6, value_input_dims=10)
    dims |= dict(value_dims=12, value_output_dims=5)
    return inputs | {
        "mask_float32": causal,
        "mask_float16": nn.MultiHeadAttention.create_additive_causal_mask(3, mx.float16),
        "plain": layer_case(nn.MultiHeadAttention(8, 2), itself(), x),
        "bias": layer_case(nn.MultiHeadAttention(8, 4, bias=True), itself(), x),
        "additive": layer_case(nn.MultiHeadAttention(8, 2), itself(causal), x),
        "causal": layer_case(nn.MultiHeadAttention(8, 2), itself("causal"), x),
        "dims": layer_case(nn.MultiHeadAttention(4, 2, **dims), across(), x, memory, values),
        "key_dims": layer_case(
            nn.MultiHeadAttention(8, 2, key_input_dims=6), across(seen), x, memory, memory
        ),
    }


@golden("nn/transformer")
def transformer():
    x, memory = normal(2, 3, 8), normal(2, 4, 8)
    mask = nn.MultiHeadAttention.create_additive_causal_mask(3)
    seen = normal(3, 4) > -1

    def encode(layer, x):
        return layer(x, mask)

    def decode(layer, x, memory):
        return layer(x, memory, mask, seen)

    def both(layer, src, tgt):
        return layer(src, tgt, None, mask, None)

    encoder_layer, decoder_layer = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
    last = dict(norm_first=False)
    mx.random.seed(3)
    made = nn.Transformer(8, 2, 1, 2, 12)
    return {
        "x": x,
        "memory": memory,
        "mask": mask,
        "seen": seen,
        "made": made.parameters(),
        "printed": printed(made),
        "encoder_layer": layer_case(encoder_layer(8, 2), encode, x),
        "encoder_layer_norm_last": layer_case(encoder_layer(8, 2, 5, **last), encode, x),
        "encoder_layer_gelu": layer_case(encoder_layer(8, 2, activation=nn.gelu), encode, x),
        "decoder_layer": layer_case(decoder_layer(8, 2), decode, x, memory),
        "decoder_layer_norm_last": layer_case(decoder_layer(8, 2, 5, **last), decode, x, memory),
        "encoder": layer_case(nn.TransformerEncoder(2, 8, 2, 12), encode, x),
        "decoder": layer_case(nn.TransformerDecoder(2, 8, 2, 12), decode, x, memory),
        "transformer": layer_case(nn.Transformer(8, 2, 1, 1, 12), both, memory, x),
    }


@golden("nn/positional")
def positional():
    x, scores, mask = normal(2, 2, 3, 8), normal(2, 6, 3, 5), normal(3, 5)
    places = mx.array([[0.0, 1.0, 7.0], [2.5, -1.0, 100.0]])

    def encoding(dims=8, **options):
        layer = nn.SinusoidalPositionalEncoding(dims, **options)
        return {"sigmas": layer._sigmas} | differentiated(layer, places)

    alibi = nn.ALiBi()
    return {
        "x": x,
        "scores": scores,
        "mask": mask,
        "places": places,
        "rope": differentiated(nn.RoPE(8), x),
        "rope_offset": differentiated(lambda x: nn.RoPE(8)(x, offset=5), x),
        "rope_options": differentiated(nn.RoPE(4, traditional=True, base=100, scale=0.5), x),
        "sinusoidal": encoding(),
        "sinusoidal_two": encoding(2),
        "sinusoidal_freqs": encoding(min_freq=0.01, max_freq=2.0),
        "sinusoidal_scale": encoding(scale=1.0),
        "sinusoidal_cos_first": encoding(cos_first=True),
        "sinusoidal_full_turns": encoding(full_turns=True),
        "alibi": differentiated(alibi, scores),
        "alibi_offset": differentiated(lambda x: alibi(x, offset=2), scores),
        "alibi_mask": differentiated(lambda x: alibi(x, mask=mask), scores),
        "alibi_half": {"output": alibi(scores.astype(mx.float16))},
        "slopes": [nn.ALiBi.create_alibi_slope(n) for n in (1, 4, 6, 12)],
        "matrix": nn.ALiBi.create_alibi_matrix(5, 4, 2, offset=1, dtype=mx.float16),
    }


@golden("nn/recurrent")
def recurrent():
    x, hidden, cell = normal(2, 5, 3), normal(2, 4), normal(2, 4)
    inputs = dict(x=x, hidden=hidden, cell=cell)

    def joined(result):
        return mx.concatenate(result, -1) if isinstance(result, tuple) else result

    def run(layer, *inputs):
        return joined(layer(*inputs))

    def from_cell(layer, x, cell):
        return joined(layer(x, None, cell))

    cases = {}
    for name, kind in [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)]:
        cases[name] = layer_case(kind(3, 4), run, x)
        cases[name + "_no_bias"] = layer_case(kind(3, 4, bias=False), run, x, hidden)
        cases[name + "_from_state"] = layer_case(kind(3, 4), run, x, hidden)
        cases[name + "_unbatched"] = layer_case(kind(3, 4), run, x[0], hidden[0])
        mx.random.seed(5)
        made = kind(3, 4)
        cases[name + "_made"] = made.parameters()
        cases[name + "_printed"] = printed(made)
        half = kind(3, 4)
        half.set_dtype(mx.bfloat16)
        cases[name + "_bfloat16"] = layer_case(half, run, x.astype(mx.bfloat16))
    cases["rnn_relu"] = layer_case(nn.RNN(3, 4, nonlinearity=nn.relu), run, x, hidden)
    cases["lstm_from_both"] = layer_case(nn.LSTM(3, 4), run, x, hidden, cell)
    cases["lstm_from_cell"] = layer_case(nn.LSTM(3, 4), from_cell, x, cell)
    return inputs | cases
