"""The fused functions of mx.fast, on the CPU."""

import mlx.core as mx
import numpy as np

from common import differentiated, golden, normal


@golden("fast/rope")
def rope():
    x, line, block = normal(2, 3, 5, 8), normal(2, 5, 8), normal(2, 3, 2, 5, 8)
    freqs, offsets = mx.exp(normal(4)), mx.array([7, 2])
    half, brain = x.astype(mx.float16), x.astype(mx.bfloat16)

    def case(x, dims=8, traditional=False, base=100.0, scale=1.0, offset=0):
        options = dict(traditional=traditional, base=base, scale=scale, offset=offset)
        return differentiated(lambda x: mx.fast.rope(x, dims, **options), x)

    def with_freqs(x, freqs):
        return mx.fast.rope(x, 8, traditional=False, base=None, scale=1.0, offset=3, freqs=freqs)

    return {
        "x": x,
        "line": line,
        "block": block,
        "freqs": freqs,
        "offsets": offsets,
        "half": half,
        "brain": brain,
        "plain": case(x),
        "traditional": case(x, traditional=True),
        "base": case(x, base=10000.0),
        "scale": case(x, scale=0.25, offset=3),
        "offset": case(x, offset=3),
        "negative_offset": case(x, offset=-2),
        "offset_array": case(x, offset=mx.array(11)),
        "offsets_of_batch": case(x, offset=offsets),
        "fewer_dims": case(x, dims=4, offset=3),
        "fewer_dims_traditional": case(x, dims=4, traditional=True, offset=3),
        "three_axes": case(line, offset=3),
        "five_axes": case(block, offset=offsets),
        "freqs_given": differentiated(with_freqs, x, freqs),
        "float16": case(half, offset=3),
        "bfloat16": case(brain, offset=3),
    }


@golden("fast/attention")
def attention():
    q, k, v = normal(2, 4, 3, 8), normal(2, 2, 5, 8), normal(2, 2, 5, 6)
    all_k, all_v = normal(2, 4, 5, 8), normal(2, 4, 5, 6)
    long_q, long_k, long_v = normal(1, 2, 140, 4), normal(1, 1, 600, 4), normal(1, 1, 600, 3)
    many_q = normal(2, 4, 7, 8)
    seen = normal(3, 5) > 0
    hidden_row = mx.array([[True] * 5, [False] * 5, [False, True, False, True, True]])
    batch_mask, head_mask = normal(2, 1, 3, 5) > -0.5, normal(4, 3, 5)
    infinite = mx.where(normal(2, 4, 1, 5) > 0.5, mx.array(-mx.inf), normal(2, 4, 1, 5))
    infinite = mx.concatenate([mx.zeros((2, 4, 1, 1)), infinite[..., 1:]], -1)
    sinks, long_mask = normal(4), normal(600)
    inputs = dict(q=q, k=k, v=v, all_k=all_k, all_v=all_v, long_q=long_q, long_k=long_k)
    inputs |= dict(long_v=long_v, many_q=many_q, seen=seen, hidden_row=hidden_row)
    inputs |= dict(batch_mask=batch_mask, head_mask=head_mask, infinite=infinite, sinks=sinks)
    inputs |= dict(long_mask=long_mask)

    def case(q, k, v, scale=0.35, **options):
        def function(q, k, v):
            return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, **options)

        return differentiated(function, q, k, v)

    def masked(q, k, v, mask):
        return mx.fast.scaled_dot_product_attention(q, k, v, scale=0.35, mask=mask)

    def with_sinks(**options):
        def function(q, k, v, sinks):
            return mx.fast.scaled_dot_product_attention(
                q, k, v, scale=0.35, sinks=sinks, **options
            )

        return differentiated(function, q, k, v, sinks)

    cases = {
        "grouped": case(q, k, v),
        "every_head": case(q, all_k, all_v),
        "scale": case(q, k, v, scale=1.0),
        "causal": case(q, k, v, mask="causal"),
        "causal_more_queries": case(many_q, k, v, mask="causal"),
        "boolean": case(q, k, v, mask=seen),
        "row_of_hidden": case(q, k, v, mask=hidden_row),
        "mask_of_batch": case(q, k, v, mask=batch_mask),
        "with_infinities": case(q, k, v, mask=infinite),
        "additive": differentiated(masked, q, k, v, head_mask),
        "sinks_alone": with_sinks(),
        "sinks_causal": with_sinks(mask="causal"),
        "sinks_row_of_hidden": with_sinks(mask=hidden_row),
        "long": case(long_q, long_k, long_v),
        "long_causal": case(long_q, long_k, long_v, mask="causal"),
        "long_additive": case(long_q, long_k, long_v, mask=long_mask),
        "long_boolean": case(long_q, long_k, long_v, mask=long_mask > 0),
        "one_query": case(q[:, :, :1], k, v),
    }
    for name, dtype in [("float16", mx.float16), ("bfloat16", mx.bfloat16)]:
        cases[name] = case(*(x.astype(dtype) for x in (q, k, v)))
        cases[name + "_causal"] = case(*(x.astype(dtype) for x in (q, k, v)), mask="causal")
    return inputs | cases


@golden("fast/cross_entropy")
def cross_entropy():
    logits, targets = 3 * normal(2, 3, 7), mx.array([[0, 6, 2], [-1, 3, 3]])
    line = normal(5)
    return {
        "logits": logits,
        "targets": targets,
        "line": line,
        "float32": differentiated(lambda x: mx.fast.cross_entropy(x, targets), logits),
        "float16": differentiated(
            lambda x: mx.fast.cross_entropy(x, targets), logits.astype(mx.float16)
        ),
        "uint8": differentiated(lambda x: mx.fast.cross_entropy(x, mx.array(4, mx.uint8)), line),
    }


@golden("fast/gated_delta")
def gated_delta():
    batch, length, key_heads, heads, size, value_size = 2, 4, 2, 4, 3, 5
    q, k = normal(batch, length, key_heads, size), normal(batch, length, key_heads, size)
    v = normal(batch, length, heads, value_size)
    gates, beta = mx.sigmoid(normal(batch, length, heads)), mx.sigmoid(normal(batch, length, heads))
    row_gates = mx.sigmoid(normal(batch, length, heads, size))
    state = normal(batch, heads, value_size, size)
    mask = mx.array(np.array([[1, 1, 0, 1], [0, 1, 1, 0]], dtype=bool))
    inputs = dict(q=q, k=k, v=v, gates=gates, beta=beta, row_gates=row_gates, state=state)

    def case(*arguments, **options):
        outputs, last = mx.fast.gated_delta_update(*arguments, **options)

        def joined(*arguments):
            return mx.concatenate(
                [x.flatten() for x in mx.fast.gated_delta_update(*arguments, **options)]
            )

        gradients = differentiated(joined, *arguments)
        return {"outputs": outputs, "last": last} | gradients

    half = [x.astype(mx.bfloat16) for x in (q, k, v, gates, beta)]
    results = dict(zip(["outputs", "last"], mx.fast.gated_delta_update(*half)))
    return inputs | {
        "mask": mask,
        "plain": case(q, k, v, gates, beta),
        "row_gated": case(q, k, v, row_gates, beta),
        "from_state": case(q, k, v, gates, beta, state),
        "masked": case(q, k, v, gates, beta, state, mask=mask),
        "bfloat16": results,
    }
