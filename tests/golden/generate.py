#!/usr/bin/env python3
"""Writes the safetensors files beside this script: what mlx (and for indexing, NumPy) computes.

    python tests/golden/generate.py                     all of them
    python tests/golden/generate.py --only nn/linear    those whose name contains "nn/linear"

Needs mlx, numpy and safetensors. A file is made by one function: it is named by @golden, starts
from mx.random.seed(0) and returns a dictionary (nested ones get dotted names) of arrays, which may
be lists of numbers; or the bytes of the file.
The same packages write the same bytes, so that `git diff` shows what changed.
"""

import argparse
import gzip
import json
import pathlib

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import mlx.utils
import numpy as np
import safetensors.numpy

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = HERE.parent.parent / "examples" / "digits" / "digits.csv.gz"
GOLDENS = {}
WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4}
WIDTHS |= {"F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8}


def golden(name):
    def register(function):
        GOLDENS[name] = function
        return function

    return register


# Inputs.


def normal(*shape, dtype=mx.float32):
    return mx.random.normal(shape).astype(dtype)


def digits(rows):
    """The first rows of the handwritten digits: pixels 0..16 (rows, 8, 8, 1), labels (rows,)."""
    with gzip.open(DIGITS, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8, max_rows=rows)
    return table[:, :64].reshape(rows, 8, 8, 1), table[:, 64].astype(np.int32)


# array.


@golden("array/indexing")
def indexing():
    """NumPy's x[...] of x = arange(120).reshape(2, 3, 4, 5)."""
    x = np.arange(120, dtype=np.int32).reshape(2, 3, 4, 5)
    rows, columns = np.array([0, 2, 1]), np.array([3, -1, 0])
    grid = np.array([[0, 1], [2, 0]])
    s = np.s_
    cases = {
        "integer": s[1],
        "negative_integer": s[-2],
        "integers": s[1, 2, 3],
        "all_integers": s[1, 2, 3, -1],
        "slice": s[:, 1:3],
        "open_slice": s[1:, :2],
        "step": s[:, ::2, 1::3],
        "negative_ends": s[..., -3:-1],
        "clipped_slice": s[:, 1:100, -100:2],
        "empty_slice": s[:, 2:1],
        "reversed": s[:, :, ::-1],
        "reversed_step": s[..., 4:0:-3],
        "reversed_past_the_start": s[..., 2:-100:-2],
        "reversed_single": s[0:1, ::-5],
        "long_step": s[:, 0:3:5],
        "ellipsis": s[0, ..., 1],
        "ellipsis_last": s[1, 2, ...],
        "ellipsis_of_nothing": s[1, 2, ..., 3, 4],
        "new_axis": s[None, 0, :, None, 2, ..., None],
        "one_array": s[rows[:2] % 2],
        "array_axis_2": s[:, :, rows],
        "two_dimensional": s[:, grid],
        "scalar_array": s[:, np.array(2)],
        "neighbours": s[:, rows, columns],
        "neighbours_broadcast": s[:, grid, columns[:2]],
        "apart": s[:, rows, :, columns],
        "apart_by_ellipsis": s[grid % 2, ..., columns[:2]],
        "apart_by_empty_ellipsis": s[:, rows, ..., columns, :],
        "apart_by_new_axis": s[:, rows, None, columns],
        "array_and_integer": s[:, rows, 1],
        "integer_and_array": s[1, :, rows],
        "integer_beside_array": s[:, 1, rows],
        "slices_and_array": s[1:, ::-1, rows, 1:4],
        "new_axis_before_array": s[:, None, rows],
        "three_arrays": s[grid % 2, grid, columns[:2], 1:3],
        "uint8_array": s[:, rows.astype(np.uint8)],
    }
    results = {name: x[index] for name, index in cases.items()}
    # x.at[index].add(y) for the same indices, repeated elements adding up.
    for name, index in cases.items():
        updated = x.copy()
        values = np.arange(1, x[index].size + 1, dtype=np.int32).reshape(x[index].shape)
        np.add.at(updated, index, values)
        results[name + ".added"] = updated
    return results


# io.


@golden("io/package")
def package_file():
    """What the safetensors package writes, which puts no padding between tensors."""
    dtypes = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
    dtypes += ["float16", "float32", "float64", "complex64"]
    tensors = {name: np.array([0, 1, 2, 100]).astype(name) for name in dtypes}
    tensors["scalar"] = np.array(2.5, dtype=np.float32)
    tensors["empty"] = np.zeros((0, 3), dtype=np.float16)
    tensors["matrix"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensors["odd"] = np.array([1, 2, 3], dtype=np.uint8)
    return safetensors.numpy.save(tensors, metadata={"name": "caf\u00e9"})


# nn.


@golden("nn/mlp_weights")
def mlp_weights():
    """The parameters of three Linear layers made right behind seed(0)."""
    layers = [nn.Linear(2, 128), nn.Linear(128, 128), nn.Linear(128, 10)]
    return {"layers": [layer.parameters() for layer in layers]}


@golden("nn/digits")
def digits_network():
    """Ten steps of training on ten batches of 64, and the model behind them."""
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        lambda x: x.flatten(1),
        nn.Dropout(0),
        nn.Linear(128, 10),
    )
    mx.eval(model.parameters())
    pixels, labels = digits(640)
    optimizer = optim.AdamW(1e-3)

    def loss_of(x, y):
        return nn.losses.cross_entropy(model(x), y, reduction="mean")

    step = nn.value_and_grad(model, loss_of)
    losses = []
    for i in range(0, 640, 64):
        x = mx.array(pixels[i : i + 64].astype(np.float32) / 16)
        loss, gradients = step(x, mx.array(labels[i : i + 64]))
        optimizer.update(model, gradients)
        mx.eval(loss, model.parameters(), optimizer.state)
        losses.append(loss.item())
    return {"pixels": pixels, "labels": labels, "losses": losses, "trained": model.parameters()}


class DigitsNet(nn.Module):
    """The network of examples/digits, without dropout."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.norm1 = nn.BatchNorm(32)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.norm2 = nn.BatchNorm(64)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(1024, 128)
        self.output = nn.Linear(128, 10)

    def __call__(self, x):
        x = nn.relu(self.norm1(self.conv1(x)))
        x = self.pool(nn.relu(self.norm2(self.conv2(x)))).flatten(1)
        return self.output(nn.relu(self.hidden(x)))


@golden("examples/digits")
def digits_example():
    """Its losses in ten steps of training on ten batches of 32."""
    model = DigitsNet()
    pixels, labels = digits(320)
    optimizer = optim.AdamW(1e-3)
    step = nn.value_and_grad(
        model, lambda x, y: nn.losses.cross_entropy(model(x), y, reduction="mean")
    )
    losses = []
    for i in range(0, 320, 32):
        x = mx.array(pixels[i : i + 32].astype(np.float32) / 16)
        loss, gradients = step(x, mx.array(labels[i : i + 32]))
        optimizer.update(model, gradients)
        mx.eval(loss, model.parameters(), optimizer.state)
        losses.append(loss.item())
    return {"losses": losses}


def flat(tree):
    return dict(mlx.utils.tree_flatten(tree))


def layer_case(layer, *inputs, call=None):
    """Inputs, output, the parameters behind that, and the gradients of sum(output * c) in both."""
    call = call or layer
    y = call(*inputs)
    c = mx.random.normal(y.shape)
    case = {"parameters": flat(layer.parameters()), "y": y, "c": c}
    for i, x in enumerate(inputs):
        case[f"x{i}"] = x

    def loss(parameters, *x):
        layer.update(parameters)
        return (call(*x) * c).sum()

    before = layer.parameters()
    argnums = [0] + [i + 1 for i, x in enumerate(inputs) if mx.issubdtype(x.dtype, mx.floating)]
    trainable = layer.trainable_parameters()
    gradients = mx.grad(loss, argnums)(trainable, *inputs)
    gradients = gradients if len(argnums) > 1 else (gradients,)
    layer.update(before)
    case["gradients"] = flat(gradients[0])
    for i, gradient in zip(argnums[1:], gradients[1:]):
        case[f"dx{i - 1}"] = gradient
    return case


@golden("nn/layers")
def layers():
    """Each layer made right behind seed(0), in C++ too; inputs are drawn afterwards."""
    images = lambda c: normal(2, 7, 6, c)
    cases = {
        "linear": (lambda: nn.Linear(5, 4), lambda: [normal(2, 3, 5)]),
        "linear_no_bias": (lambda: nn.Linear(5, 4, bias=False), lambda: [normal(3, 5)]),
        "bilinear": (lambda: nn.Bilinear(3, 4, 5), lambda: [normal(2, 6, 3), normal(2, 6, 4)]),
        "bilinear_no_bias": (
            lambda: nn.Bilinear(3, 4, 5, bias=False),
            lambda: [normal(6, 3), normal(6, 4)],
        ),
        "conv1d": (
            lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2),
            lambda: [normal(2, 9, 4)],
        ),
        "conv2d": (lambda: nn.Conv2d(3, 4, 3), lambda: [images(3)]),
        "conv2d_options": (
            lambda: nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), groups=2, bias=False),
            lambda: [images(4)],
        ),
        "conv3d": (
            lambda: nn.Conv3d(2, 3, (2, 3, 2), stride=2, padding=1),
            lambda: [normal(1, 4, 5, 4, 2)],
        ),
        "max_pool1d": (lambda: nn.MaxPool1d(3, 2), lambda: [normal(2, 9, 3)]),
        "max_pool2d": (lambda: nn.MaxPool2d(2), lambda: [images(3)]),
        "max_pool2d_options": (lambda: nn.MaxPool2d((3, 2), (2, 1), 1), lambda: [images(3)]),
        "avg_pool2d": (lambda: nn.AvgPool2d(2), lambda: [images(3)]),
        "avg_pool2d_options": (lambda: nn.AvgPool2d(3, (1, 2), (1, 0)), lambda: [images(3)]),
        "avg_pool3d": (lambda: nn.AvgPool3d(2), lambda: [normal(1, 4, 5, 4, 2)]),
        "batch_norm": (lambda: nn.BatchNorm(3), lambda: [images(3) * 2 + 1]),
        "batch_norm_options": (
            lambda: nn.BatchNorm(3, eps=0.1, momentum=0.5, affine=False),
            lambda: [normal(9, 3) * 2 + 1],
        ),
        "batch_norm_untracked": (
            lambda: nn.BatchNorm(3, track_running_stats=False),
            lambda: [normal(4, 5, 3) * 2 + 1],
        ),
        "batch_norm_eval": (lambda: nn.BatchNorm(3).eval(), lambda: [images(3) * 2 + 1]),
        "layer_norm": (lambda: nn.LayerNorm(6), lambda: [normal(4, 6) * 2 + 1]),
        "layer_norm_options": (lambda: nn.LayerNorm(6, eps=0.1, bias=False), lambda: [normal(4, 6)]),
        "layer_norm_plain": (lambda: nn.LayerNorm(6, affine=False), lambda: [normal(4, 6)]),
        "rms_norm": (lambda: nn.RMSNorm(6), lambda: [normal(4, 6)]),
        "rms_norm_options": (lambda: nn.RMSNorm(6, eps=0.1), lambda: [normal(4, 6)]),
        "embedding": (lambda: nn.Embedding(7, 4), lambda: [mx.array([[1, 6, 0], [1, 2, 1]])]),
        "prelu": (lambda: nn.PReLU(), lambda: [normal(4, 6)]),
        "prelu_options": (lambda: nn.PReLU(6, 0.1), lambda: [normal(4, 6)]),
        "glu": (lambda: nn.GLU(), lambda: [normal(4, 6)]),
        "glu_axis": (lambda: nn.GLU(0), lambda: [normal(4, 6)]),
    }
    results = {}
    for name, (make, inputs) in cases.items():
        mx.random.seed(0)
        results[name] = layer_case(make(), *inputs())
    mx.random.seed(0)
    embedding = nn.Embedding(7, 4)
    results["as_linear"] = layer_case(embedding, normal(2, 4), call=embedding.as_linear)
    for name, layer, shape in [
        ("dropout", nn.Dropout(), (8, 9)),
        ("dropout_options", nn.Dropout(0.1), (8, 9)),
        ("dropout2d", nn.Dropout2d(0.5), (2, 3, 3, 8)),
        ("dropout3d", nn.Dropout3d(0.5), (2, 2, 3, 3, 8)),
    ]:
        mx.random.seed(0)
        results[name] = {"y": layer(mx.ones(shape))}
    return results


@golden("nn/activations")
def activations():
    """y, and the gradient of sum(y), in float32 and for the float16 x beside it."""
    x = mx.linspace(-7, 7, 57) + 0.01
    functions = {
        "sigmoid": nn.sigmoid,
        "relu": nn.relu,
        "relu2": nn.relu2,
        "relu6": nn.relu6,
        "leaky_relu": nn.leaky_relu,
        "leaky_relu_options": lambda x: nn.leaky_relu(x, 0.2),
        "log_softmax": nn.log_softmax,
        "elu": nn.elu,
        "elu_options": lambda x: nn.elu(x, 0.5),
        "softmax": nn.softmax,
        "softmin": nn.softmin,
        "softplus": nn.softplus,
        "softsign": nn.softsign,
        "softshrink": nn.softshrink,
        "softshrink_options": lambda x: nn.softshrink(x, 2.0),
        "celu": nn.celu,
        "celu_options": lambda x: nn.celu(x, 2.0),
        "silu": nn.silu,
        "log_sigmoid": nn.log_sigmoid,
        "gelu": nn.gelu,
        "gelu_approx": nn.gelu_approx,
        "gelu_fast_approx": nn.gelu_fast_approx,
        "step": nn.step,
        "step_options": lambda x: nn.step(x, 2.0),
        "selu": nn.selu,
        "mish": nn.mish,
        "hardswish": nn.hardswish,
        "hard_tanh": nn.hard_tanh,
        "hard_tanh_options": lambda x: nn.hard_tanh(x, -2.0, 3.0),
        "hard_shrink": nn.hard_shrink,
        "hard_shrink_options": lambda x: nn.hard_shrink(x, 2.0),
        "tanh": nn.tanh,
    }
    results = {"x": x}
    for name, f in functions.items():
        results[name] = {"y": f(x), "half": f(x.astype(mx.float16))}
        if not name.startswith("step"):
            results[name]["dx"] = mx.grad(lambda x: f(x).sum())(x)
    return results


@golden("nn/losses")
def losses():
    """Values and gradients in the first argument."""
    logits, labels = normal(4, 5), mx.array([1, 0, 4, 2])
    probabilities = mx.softmax(normal(4, 5), axis=-1)
    weights, targets, other = mx.abs(normal(4)), normal(4, 5), normal(4, 5)
    bits, p = (other > 0).astype(mx.float32), mx.sigmoid(normal(4, 5))
    ce, bce = nn.losses.cross_entropy, nn.losses.binary_cross_entropy
    cases = {
        "cross_entropy": (lambda x: ce(x, labels), logits),
        "cross_entropy_probabilities": (lambda x: ce(x, probabilities), logits),
        "cross_entropy_smoothed": (lambda x: ce(x, labels, label_smoothing=0.1), logits),
        "cross_entropy_smoothed_probabilities": (
            lambda x: ce(x, probabilities, label_smoothing=0.1),
            logits,
        ),
        "cross_entropy_weights": (lambda x: ce(x, labels, weights=weights), logits),
        "cross_entropy_mean": (lambda x: ce(x, labels, reduction="mean"), logits),
        "cross_entropy_sum": (lambda x: ce(x, labels, reduction="sum"), logits),
        "cross_entropy_axis": (lambda x: ce(x, labels, axis=0), logits.T),
        "binary_cross_entropy": (lambda x: bce(x, bits), logits),
        "binary_cross_entropy_none": (lambda x: bce(x, bits, reduction="none"), logits),
        "binary_cross_entropy_weights": (lambda x: bce(x, bits, weights=p), logits),
        "binary_cross_entropy_probabilities": (lambda x: bce(x, bits, with_logits=False), p),
        "l1_loss": (lambda x: nn.losses.l1_loss(x, targets), logits),
        "l1_loss_none": (lambda x: nn.losses.l1_loss(x, targets, reduction="none"), logits),
        "mse_loss": (lambda x: nn.losses.mse_loss(x, targets), logits),
        "mse_loss_sum": (lambda x: nn.losses.mse_loss(x, targets, reduction="sum"), logits),
    }
    results = {"logits": logits, "labels": labels, "probabilities": probabilities, "bits": bits}
    results |= {"weights": weights, "targets": targets, "p": p}
    for name, (f, x) in cases.items():
        results[name] = {"y": f(x), "dx": mx.grad(lambda x: f(x).sum())(x)}
    return results


@golden("nn/init")
def initialisers():
    """Of an array (4, 4), and of (6, 3, 2, 4) where the shape of the kernel counts."""
    square, kernel = mx.zeros((4, 4)), mx.zeros((6, 3, 2, 4))
    cases = {
        "constant": lambda: nn.init.constant(2.5)(square),
        "normal": lambda: nn.init.normal()(square),
        "normal_options": lambda: nn.init.normal(1.0, 0.5)(square),
        "uniform": lambda: nn.init.uniform()(square),
        "uniform_options": lambda: nn.init.uniform(-2.0, 3.0)(square),
        "uniform_half": lambda: nn.init.uniform(-2.0, 3.0, mx.float16)(square),
        "identity": lambda: nn.init.identity()(square),
        "glorot_normal": lambda: nn.init.glorot_normal()(kernel),
        "glorot_normal_options": lambda: nn.init.glorot_normal()(kernel, 2.0),
        "glorot_uniform": lambda: nn.init.glorot_uniform()(kernel),
        "glorot_uniform_options": lambda: nn.init.glorot_uniform()(kernel, 2.0),
        "he_normal": lambda: nn.init.he_normal()(kernel),
        "he_normal_options": lambda: nn.init.he_normal()(kernel, "fan_out", 2.0),
        "he_uniform": lambda: nn.init.he_uniform()(kernel),
        "he_uniform_options": lambda: nn.init.he_uniform()(kernel, "fan_out", 2.0),
    }
    results = {}
    for name, f in cases.items():
        mx.random.seed(0)
        results[name] = f()
    return results


# optimizers.


@golden("optimizers/steps")
def optimizer_steps():
    """Four steps with the same gradients by each optimizer, the parameters after the last."""
    start = {"layers": [{"w": normal(3, 4)}], "b": normal(4)}
    gradients = [{"layers": [{"w": normal(3, 4)}], "b": normal(4)} for _ in range(4)]
    cosine = optim.cosine_decay(0.1, 3)
    optimizers = {
        "sgd": optim.SGD(0.1),
        "sgd_weight_decay": optim.SGD(0.1, weight_decay=0.1),
        "sgd_momentum": optim.SGD(0.1, momentum=0.9),
        "sgd_dampening": optim.SGD(0.1, momentum=0.9, dampening=0.5),
        "sgd_nesterov": optim.SGD(0.1, momentum=0.9, nesterov=True),
        "sgd_schedule": optim.SGD(cosine),
        "adam": optim.Adam(0.1),
        "adam_options": optim.Adam(0.1, betas=[0.8, 0.9], eps=0.01),
        "adam_bias_correction": optim.Adam(cosine, bias_correction=True),
        "adamw": optim.AdamW(0.1),
        "adamw_options": optim.AdamW(0.1, betas=[0.8, 0.9], eps=0.01, weight_decay=0.2),
        "adamw_bias_correction": optim.AdamW(0.1, bias_correction=True),
    }
    results = {"start": flat(start), "gradients": [flat(g) for g in gradients]}
    for name, optimizer in optimizers.items():
        parameters = start
        for gradient in gradients:
            parameters = optimizer.apply_gradients(gradient, parameters)
        results[name] = {"parameters": flat(parameters), "state": flat(optimizer.state)}
    for max_norm in [0.5, 100.0]:
        clipped, norm = optim.clip_grad_norm(gradients[0], max_norm)
        results[f"clipped_{max_norm:g}"] = flat(clipped) | {"norm": norm}
    return results


@golden("optimizers/schedules")
def schedules():
    """At steps 0 to 12."""
    linear, cosine = optim.linear_schedule(0.0, 0.1, 4), optim.cosine_decay(0.1, 5)
    functions = {
        "exponential_decay": optim.exponential_decay(0.1, 0.9),
        "step_decay": optim.step_decay(0.1, 0.9, 3),
        "cosine_decay": cosine,
        "cosine_decay_end": optim.cosine_decay(0.1, 5, 0.01),
        "linear_schedule": linear,
        "join_schedules": optim.join_schedules([linear, cosine], [4]),
    }
    steps = [mx.array(i, mx.uint64) for i in range(13)]
    return {name: mx.stack([f(step) for step in steps]) for name, f in functions.items()}


# Writing.


def dtype_name(name):
    """The format's name: F32 for float32."""
    if name.startswith("bool"):
        return "BOOL"
    letters = "BF" if name == "bfloat16" else name[0].upper()
    return letters + name.lstrip("abcdefghijklmnopqrstuvwxyz")


def tensor(value):
    """The safetensors dtype, the shape and the bytes of an array or a list of numbers."""
    if isinstance(value, mx.array):
        dtype = dtype_name(str(value.dtype).removeprefix("mlx.core."))
        # NumPy has no bfloat16.
        value = np.array(value.view(mx.uint16) if dtype == "BF16" else value)
    else:
        numpy_made = isinstance(value, (np.ndarray, np.generic))
        value = np.asarray(value, dtype=None if numpy_made else np.float32)
        dtype = dtype_name(str(value.dtype))
    return dtype, value.shape, value.tobytes()


def safetensors_file(tree):
    """The bytes of the file; wide types first, so that every tensor is aligned."""
    tensors = [(name, *tensor(value)) for name, value in leaves(tree)]
    tensors.sort(key=lambda t: (-WIDTHS[t[1]], t[0]))
    header, data = {}, b""
    for name, dtype, shape, content in tensors:
        begin = len(data)
        data += content
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def leaves(tree, prefix=""):
    """(dotted name, array) of a nested dictionary. A list of numbers is an array."""
    for key, value in tree.items():
        if isinstance(value, list) and not isinstance(value[0], (int, float)):
            value = {str(i): item for i, item in enumerate(value)}
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def main():
    global DIGITS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="write the files whose name contains this")
    parser.add_argument("--digits", type=pathlib.Path, default=DIGITS, help="the digits' table")
    arguments = parser.parse_args()
    DIGITS = arguments.digits
    mx.set_default_device(mx.cpu)
    for name, function in GOLDENS.items():
        if arguments.only not in name:
            continue
        mx.random.seed(0)
        path = HERE / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        result = function()
        path.write_bytes(result if isinstance(result, bytes) else safetensors_file(result))
        print(f"{path.relative_to(HERE)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
