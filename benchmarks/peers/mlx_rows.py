"""The rows in MLX on the CPU."""

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optimizers
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

import inputs
from harness import Peer

peer = Peer("mlx", lambda result: np.array(result.astype(mx.float32)))
mx.set_default_device(mx.cpu)


def values(seed, *shape):
    return mx.array(inputs.values(seed, *shape))


def labels(seed, classes, *shape):
    return mx.array(inputs.labels(seed, classes, *shape))


def evaluated(*results):
    mx.eval(results)
    return list(results)


def unary(function):
    """A row with one large input."""

    def setup():
        x = values(0, 4096, 4096)
        return lambda: evaluated(function(x))

    return setup


peer.row("copy 4096x4096")(unary(lambda x: x + 0))
peer.row("exp 4096x4096")(unary(mx.exp))
peer.row("gelu 4096x4096")(unary(nn.gelu))
peer.row("softmax 4096x4096")(unary(lambda x: mx.softmax(x, -1)))
peer.row("sum axis0 4096x4096")(unary(lambda x: x.sum(0)))


@peer.row("tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096")
def fused():
    x, w, b = values(0, 4096, 4096), values(1, 4096), values(2, 4096)
    return lambda: evaluated(mx.tanh(x * w + b) * mx.sigmoid(x) + x * 0.5)


@peer.row("layer_norm 4096x4096")
def layer_norm():
    x, w, b = values(0, 4096, 4096), values(1, 4096), values(2, 4096)
    return lambda: evaluated(mx.fast.layer_norm(x, w, b, 1e-5))


@peer.row("matmul 2048 f32")
def matmul_f32():
    a = values(0, 2048, 2048)
    return lambda: evaluated(a @ a)


@peer.row("matmul 2048 bf16")
def matmul_bf16():
    a = values(0, 2048, 2048).astype(mx.bfloat16)
    return lambda: evaluated(a @ a)


@peer.row("1000 small adds (16)")
def small_adds():
    operands = [values(i, 16) for i in range(1000)]
    return lambda: evaluated(*(s + s for s in operands))


@peer.row("conv2d 3x3 64->64 56x56 B16")
def conv2d():
    x, k = values(0, 16, 56, 56, 64), values(1, 64, 3, 3, 64)
    return lambda: evaluated(mx.conv2d(x, k, padding=1))


@peer.row("sdpa B4 H8 T1024 D64")
def sdpa():
    q = values(0, 4, 8, 1024, 64)
    return lambda: evaluated(mx.fast.scaled_dot_product_attention(q, q, q, scale=0.125))


def initialise(model):
    parameters = tree_flatten(model.trainable_parameters())
    leaves = [
        (name, mx.array(inputs.parameter(place, name, parameter.shape)))
        for place, (name, parameter) in enumerate(parameters)
    ]
    model.update(tree_unflatten(leaves))
    mx.eval(model.parameters())
    return model


def training(model, optimizer, loss):
    initialise(model)
    loss_and_grad = nn.value_and_grad(model, loss)

    def step():
        value, gradients = loss_and_grad()
        optimizer.update(model, gradients)
        mx.eval(value, model.state, optimizer.state)
        return [value]

    return step


def adamw(learning_rate):
    return optimizers.AdamW(learning_rate, bias_correction=True)


def cross_entropy(logits, targets):
    return nn.losses.cross_entropy(logits, targets, reduction="mean")


@peer.row("mlp 784-128-128-10 train B256")
def mlp():
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    x, y = values(0, 256, 784), labels(1, 10, 256)
    return training(model, adamw(1e-3), lambda: cross_entropy(model(x), y))


@peer.row("cnn 3conv bn relu pool 32x32 train B64")
def cnn():
    def block(inputs, outputs):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        return [convolution, nn.BatchNorm(outputs), nn.ReLU(), nn.MaxPool2d(2)]

    flatten = lambda x: x.reshape(x.shape[0], -1)
    layers = block(3, 32) + block(32, 64) + block(64, 128) + [flatten, nn.Linear(2048, 10)]
    model = nn.Sequential(*layers)
    x, y = values(0, 64, 32, 32, 3), labels(1, 10, 64)
    return training(model, optimizers.SGD(0.1, 0.9), lambda: cross_entropy(model(x), y))


@peer.row("lstm 128->256 T64 B32 fwd+bwd")
def lstm():
    model, x = initialise(nn.LSTM(128, 256)), values(0, 32, 64, 128)
    loss_and_grad = nn.value_and_grad(model, lambda: model(x)[0].sum())

    def step():
        value, gradients = loss_and_grad()
        return evaluated(value, *(gradient for _, gradient in tree_flatten(gradients)))

    return step


class Block(nn.Module):
    def __init__(self, dims, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dims), nn.LayerNorm(dims)
        self.qkv, self.project = nn.Linear(dims, 3 * dims), nn.Linear(dims, dims)
        self.up, self.down = nn.Linear(dims, 4 * dims), nn.Linear(4 * dims, dims)

    def __call__(self, x):
        batch, length, dims = x.shape
        size = dims // self.heads
        heads = self.qkv(self.norm1(x)).reshape(batch, length, 3, self.heads, size)
        q, k, v = heads.transpose(2, 0, 3, 1, 4)
        attended = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=size**-0.5, mask="causal"
        )
        x = x + self.project(attended.transpose(0, 2, 1, 3).reshape(batch, length, dims))
        return x + self.down(nn.gelu(self.up(self.norm2(x))))


@peer.row("gpt 4x256 T256 B8 V512 train")
def gpt():
    blocks = [Block(256, 8) for _ in range(4)]
    model = nn.Sequential(
        nn.Embedding(512, 256), *blocks, nn.LayerNorm(256), nn.Linear(256, 512)
    )
    tokens, targets = labels(0, 512, 8, 256), labels(1, 512, 8, 256)
    loss = lambda: cross_entropy(model(tokens), targets)
    return training(model, adamw(3e-4), loss)


def decode_operands():
    dims, hidden, layers, vocabulary = 1024, 2816, 8, 8192
    layer = 4 * [(dims, dims)] + 2 * [(hidden, dims)] + [(dims, hidden)]
    shapes = layers * layer + [(vocabulary, dims)]
    rows = {size: values(size, 1, size) for size in (dims, hidden)}
    return [(rows[shape[1]], values(seed, *shape)) for seed, shape in enumerate(shapes)]


@peer.row("100M decode matvecs f32 B1")
def decode():
    operands = decode_operands()
    return lambda: evaluated(*(x @ w.T for x, w in operands))


@peer.row("100M decode matvecs 4-bit g64 B1")
def decode_4bit():
    operands = [(x, mx.quantize(w, 64, 4)) for x, w in decode_operands()]
    mx.eval(operands)
    product = lambda x, q: mx.quantized_matmul(x, *q, transpose=True, group_size=64, bits=4)
    return lambda: evaluated(*(product(x, q) for x, q in operands))


if __name__ == "__main__":
    peer.main()
