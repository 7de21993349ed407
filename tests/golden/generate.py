#!/usr/bin/env python3
"""Writes the safetensors files beside this script: what mlx (and for indexing, NumPy) computes.

    python tests/golden/generate.py                     all of them
    python tests/golden/generate.py --only nn/linear    those whose name contains "nn/linear"

Needs mlx, numpy and safetensors; for nn/torch_* torch, for data pillow, for logging tensorboard,
for examples torch and transformers. A file is made by one function, here or
in a *_goldens.py: it is named by @golden (with an extension where it is no safetensors file),
starts from mx.random.seed(0) and returns a dictionary (nested ones get dotted names) of arrays,
which may be lists of numbers; or the bytes of the file.
The same packages write the same bytes, so that `git diff` shows what changed.
"""

import argparse
import gzip
import json
import pathlib

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import safetensors.numpy

import data_goldens  # noqa: F401, registers its files
import example_goldens  # noqa: F401
import fast_goldens  # noqa: F401
import io_goldens  # noqa: F401
import layer_goldens  # noqa: F401
import linalg_goldens  # noqa: F401
import nn_goldens  # noqa: F401
import ops_goldens  # noqa: F401
import sequence_goldens  # noqa: F401
import optimizer_goldens  # noqa: F401
import printed_goldens  # noqa: F401
import quantized_goldens  # noqa: F401
import signal_goldens  # noqa: F401
import trajectory_goldens  # noqa: F401
from common import GOLDENS, golden

HERE = pathlib.Path(__file__).resolve().parent
DIGITS = HERE.parent.parent / "examples" / "digits" / "digits.csv.gz"
WIDTHS = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4}
WIDTHS |= {"F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8}


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
        path = HERE / (name if "." in name else f"{name}.safetensors")
        path.parent.mkdir(parents=True, exist_ok=True)
        result = function()
        path.write_bytes(result if isinstance(result, bytes) else safetensors_file(result))
        print(f"{path.relative_to(HERE)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
