"""Quantized arrays, and products of matrices chosen by index, in segments and in blocks."""

import mlx.core as mx
import mlx.nn as nn

from common import differentiated, golden, normal

DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
AFFINE = [(group, bits) for group in (32, 64, 128) for bits in (1, 2, 3, 4, 5, 6, 8)]
FLOAT_MODES = ("mxfp4", "mxfp8", "nvfp4")


def formats():
    """The name and the arguments of quantize for every format."""
    for group, bits in AFFINE:
        yield f"affine_{group}_{bits}", {"group_size": group, "bits": bits}
    for mode in FLOAT_MODES:
        yield mode, {"mode": mode}


def weights(rows, columns, dtype=mx.float32):
    """Rows of several magnitudes; the first eight are special."""
    w = normal(rows, columns) * mx.power(10.0, mx.arange(rows) % 5 - 2)[:, None]
    w[0] = 0
    w[1] = 1
    w[2] = mx.abs(w[2])
    w[3] = -mx.abs(w[3])
    w[4] *= 1e-6
    w[5] += 100
    w[6, :64] = -2
    # Halfway between codes: E2M1's where the largest is 6, and E4M3's.
    w[7] = mx.arange(columns) % 49 / 4 - 6
    return w.astype(dtype)


def quantized(w, **arguments):
    return dict(zip(("w", "scales", "biases"), mx.quantize(w, **arguments)))


@golden("ops/quantize")
def quantize():
    results = {}
    for name, dtype in DTYPES.items():
        w = weights(10, 128, dtype)
        results[name] = {"source": w}
        for format_name, arguments in formats():
            if name != "float32" and arguments.get("group_size") in (32, 128):
                continue
            q = quantized(w, **arguments)
            biases = q.get("biases")
            q["dequantized"] = mx.dequantize(q["w"], q["scales"], biases, **arguments)
            results[name][format_name] = q
    return results


@golden("ops/quantize_options")
def quantize_options():
    w = weights(10, 64)
    scale = mx.abs(w).max()
    results = {"source": w, "scale": scale}
    for name, dtype in DTYPES.items():
        q = quantized(w.astype(dtype), mode="nvfp4", global_scale=scale)
        q["dequantized"] = mx.dequantize(*q.values(), mode="nvfp4", global_scale=scale)
        results["global_" + name] = q
        for mode in FLOAT_MODES:
            q = quantized(w, mode=mode)
            results[f"as_{name}.{mode}"] = mx.dequantize(*q.values(), mode=mode, dtype=dtype)
        q = quantized(w, group_size=32)
        results[f"as_{name}.affine"] = mx.dequantize(*q.values(), group_size=32, dtype=dtype)
    batched = normal(2, 3, 4, 64)
    results["batched"] = {"source": batched, **quantized(batched)}
    return results


@golden("ops/fp8")
def fp8():
    x = mx.concatenate([
        mx.power(2.0, mx.arange(-12, 10)),
        mx.arange(-40, 40) / 16 + 1 / 32,
        mx.arange(0, 40) / 1024,
        mx.array([0.0, -0.0, 440, 448, 449, 464, 480, 1e9, -1e9, mx.inf, -mx.inf, mx.nan]),
    ])
    results = {"x": x}
    codes = mx.arange(256).astype(mx.uint8)
    for name, dtype in DTYPES.items():
        results[f"to.{name}"] = mx.to_fp8(x.astype(dtype))
        results[f"from.{name}"] = mx.from_fp8(codes, dtype)
    return results


@golden("ops/quantized_matmul")
def quantized_matmul():
    w = normal(8, 128)
    x, y = normal(3, 128), normal(3, 8)
    results = {"source": w, "x": x, "y": y}
    for name, dtype in DTYPES.items():
        for format_name, arguments in formats():
            if name != "float32" and "affine" in format_name and "_4" not in format_name:
                continue
            q = mx.quantize(w.astype(dtype), **arguments)
            results[f"{name}.{format_name}"] = {
                "transposed": mx.quantized_matmul(x.astype(dtype), *q, **arguments),
                "plain": mx.quantized_matmul(y.astype(dtype), *q, transpose=False, **arguments),
            }
    q = mx.quantize(w)
    results["vector"] = mx.quantized_matmul(x[0], *q)
    results["batch"] = mx.quantized_matmul(mx.stack([x, 2 * x]), *q)
    results["mixed"] = mx.quantized_matmul(x.astype(mx.float16), *q)
    batched = mx.quantize(mx.stack([w, w[::-1]]))
    results["batches"] = mx.quantized_matmul(mx.stack([x, 2 * x]), *batched)
    results["gradients"] = differentiated(
        lambda x, scales, biases: mx.quantized_matmul(x, q[0], scales, biases), x, q[1], q[2]
    )
    results["plain_gradients"] = differentiated(
        lambda y, scales, biases: mx.quantized_matmul(y, q[0], scales, biases, transpose=False),
        y, q[1], q[2],
    )
    return results


@golden("ops/gather_products")
def gather_products():
    a, b = normal(4, 3, 64), normal(5, 6, 64)
    lhs, rhs = mx.array([[0, 3], [1, 1]]), mx.array([4, 2])
    ascending = mx.array([0, 0, 3, 4])
    results = {"a": a, "b": b}
    for mode in ("affine", *FLOAT_MODES):
        q = mx.quantize(b, mode=mode)
        t = mx.swapaxes(mx.dequantize(*q, mode=mode, dtype=mx.float32), -1, -2)
        plain = normal(4, 3, 6)
        results[mode] = {
            "both": mx.gather_qmm(a, *q, lhs_indices=lhs, rhs_indices=rhs, mode=mode),
            "rhs": mx.gather_qmm(a, *q, rhs_indices=ascending, mode=mode, sorted_indices=True),
            "lhs": mx.gather_qmm(a, *q, lhs_indices=mx.array([3, 3, 1, 0, 2]), mode=mode),
            "y": plain,
            "plain": mx.gather_qmm(
                plain, *q, lhs_indices=lhs, rhs_indices=rhs, transpose=False, mode=mode
            ),
            "weights": t,
        }
    q = mx.quantize(b)
    results["quantized_gradients"] = differentiated(
        lambda a, scales, biases: mx.gather_qmm(
            a, q[0], scales, biases, lhs_indices=lhs, rhs_indices=rhs
        ),
        a, q[1], q[2],
    )
    c = mx.swapaxes(b, -1, -2)
    results["gather_mm"] = {
        "both": differentiated(lambda a, c: mx.gather_mm(a, c, lhs, rhs), a, c),
        "rhs": mx.gather_mm(a, c, rhs_indices=ascending, sorted_indices=True),
        "lhs": mx.gather_mm(a, c, lhs_indices=mx.array([3, 3, 1, 0, 2])),
        "none": mx.gather_mm(a, c[:4]),
        "vector": mx.gather_mm(a[0, 0], c, rhs_indices=ascending),
    }
    return results


@golden("ops/block_products")
def block_products():
    a, b = normal(70, 40), normal(40, 36)
    segments = mx.array([[[0, 7], [3, 40]], [[5, 5], [39, 40]]], dtype=mx.uint32)
    masks = {"out": normal(3, 2), "lhs": normal(3, 2), "rhs": normal(2, 2)}
    booleans = {name: mask > 0 for name, mask in masks.items()}

    def product(masks, block=32):
        return mx.block_masked_mm(a, b, block, masks.get("out"), masks.get("lhs"), masks.get("rhs"))

    results = {"a": a, "b": b, "masks": masks, "segments": segments}
    results["segmented"] = mx.segmented_mm(a, b, segments)
    results["batched"] = mx.block_masked_mm(
        mx.stack([a, -a]), b, 32, mx.stack([masks["out"], 2 * masks["out"]])
    )
    results["none"] = product({})
    results["scaled"] = product(masks)
    results["masked"] = product(booleans)
    for name in masks:
        results["masked_" + name] = product({name: booleans[name]})
    results["block_64"] = product({"out": masks["out"][:2, :1]}, 64)
    return results


class QuantizedNet(nn.Module):
    """An embedding, tied to the output, around layers of which one can't be quantized."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 64)
        self.norm = nn.RMSNorm(64)
        self.layers = [nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64, bias=False)]

    def __call__(self, x):
        y = self.norm(self.embedding(x))
        for layer in self.layers:
            y = layer(y)
        return self.embedding.as_linear(y)


NN_FORMATS = {
    "default": {},
    "affine_32_8": {"group_size": 32, "bits": 8},
    "mxfp4": {"mode": "mxfp4"},
    "mxfp8": {"mode": "mxfp8"},
    "nvfp4": {"mode": "nvfp4"},
}


@golden("nn/quantized_layers")
def quantized_layers():
    """Layers made right behind seed(0), and what they compute."""
    x, indices = normal(3, 64), mx.array([[3, 0], [-1, 2]])
    results = {"x": x, "indices": indices}
    for name, arguments in NN_FORMATS.items():
        mx.random.seed(0)
        linear = nn.QuantizedLinear(64, 6, **arguments)
        mx.random.seed(0)
        embedding = nn.QuantizedEmbedding(5, 64, **arguments)
        results[name] = {
            "linear": {"parameters": linear.parameters(), "output": linear(x)},
            "embedding": {
                "parameters": embedding.parameters(),
                "output": embedding(indices),
                "as_linear": embedding.as_linear(x),
            },
        }
    linear = nn.QuantizedLinear(64, 6)
    linear.bias = normal(6)
    case = differentiated(linear, x)
    results["gradient"] = {"parameters": linear.parameters()} | case
    for mode in ("nvfp4", "mxfp8"):
        mx.random.seed(0)
        layer = nn.QQLinear(64, 6, mode=mode)
        results["qq_" + mode] = {"training": dict(layer.parameters())}
        layer.eval()
        results["qq_" + mode]["packed"] = dict(layer.parameters())
    return results


@golden("nn/quantized_model")
def quantized_model():
    """A model's parameters, those of its quantized forms, and what these compute."""
    indices = mx.array([[3, 0, 7], [-1, 2, 11]])
    model = QuantizedNet()
    results = {"indices": indices, "dense": model.parameters(), "output": model(indices)}
    for name, arguments in NN_FORMATS.items():
        copy = QuantizedNet()
        copy.update(model.parameters())
        nn.quantize(copy, **arguments)
        results[name] = {"parameters": copy.parameters(), "output": copy(indices)}
    copy = QuantizedNet()
    copy.update(model.parameters())
    choice = {"embedding": False, "layers.0": True, "layers.2": {"group_size": 128, "bits": 2}}
    nn.quantize(copy, bits=8, class_predicate=lambda path, _: choice.get(path, False))
    results["chosen"] = {"parameters": copy.parameters(), "output": copy(indices)}

    def loss(copy):
        return (copy(indices) ** 2).sum()

    value, gradients = nn.value_and_grad(copy, loss)(copy)
    results["gradients"] = gradients
    return results
