"""The rows in JAX, jitted, with optax's optimizers."""

from functools import partial

import jax
import jax.numpy as jnp
import optax

import inputs
from harness import Peer

peer = Peer("jax")


def values(*shape):
    return jnp.asarray(inputs.values(0, *shape))


def labels(classes, *shape):
    return jnp.asarray(inputs.labels(1, classes, *shape))


def jitted(function, *arguments):
    function = jax.jit(function)
    return lambda: jax.block_until_ready(function(*arguments))


def layer_norm(x, weight, bias):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * weight + bias


def convolve(x, kernel):
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


@peer.row("copy 4096x4096")
def copy():
    return jitted(lambda x: x + 0, values(4096, 4096))


@peer.row("exp 4096x4096")
def exp():
    return jitted(jnp.exp, values(4096, 4096))


@peer.row("gelu 4096x4096")
def gelu():
    return jitted(lambda x: jax.nn.gelu(x, approximate=False), values(4096, 4096))


@peer.row("tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096")
def fused():
    chain = lambda x, w, b: jnp.tanh(x * w + b) * jax.nn.sigmoid(x) + x * 0.5
    return jitted(chain, values(4096, 4096), values(4096), values(4096))


@peer.row("layer_norm 4096x4096")
def norm():
    return jitted(layer_norm, values(4096, 4096), values(4096), values(4096))


@peer.row("softmax 4096x4096")
def softmax():
    return jitted(lambda x: jax.nn.softmax(x, -1), values(4096, 4096))


@peer.row("sum axis0 4096x4096")
def sum_axis0():
    return jitted(lambda x: x.sum(0), values(4096, 4096))


@peer.row("matmul 2048 f32")
def matmul_f32():
    return jitted(lambda a: a @ a, values(2048, 2048))


@peer.row("matmul 2048 bf16")
def matmul_bf16():
    return jitted(lambda a: a @ a, values(2048, 2048).astype(jnp.bfloat16))


@peer.row("conv2d 3x3 64->64 56x56 B16")
def conv2d():
    return jitted(convolve, values(16, 56, 56, 64), values(3, 3, 64, 64))


@peer.row("sdpa B4 H8 T1024 D64")
def sdpa():
    return jitted(lambda q: jax.nn.dot_product_attention(q, q, q), values(4, 1024, 8, 64))


def linear(fan_in, outputs):
    weight = values(fan_in, outputs) * fan_in**-0.5
    return {"weight": weight, "bias": jnp.zeros(outputs)}


def apply(layer, x):
    return x @ layer["weight"] + layer["bias"]


def cross_entropy(logits, targets):
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def training(loss, parameters, optimizer):
    state = optimizer.init(parameters)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(parameters, state):
        value, gradients = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, value

    def step():
        nonlocal parameters, state
        parameters, state, value = update(parameters, state)
        jax.block_until_ready((parameters, value))

    return step


@peer.row("mlp 784-128-128-10 train B256")
def mlp():
    x, y = values(256, 784), labels(10, 256)

    def loss(layers):
        h = apply(layers[0], x)
        for layer in layers[1:]:
            h = apply(layer, jax.nn.relu(h))
        return cross_entropy(h, y)

    return training(loss, [linear(784, 128), linear(128, 128), linear(128, 10)], optax.adamw(1e-3))


@peer.row("cnn 3conv bn relu pool 32x32 train B64")
def cnn():
    x, y = values(64, 32, 32, 3), labels(10, 64)
    channels = ((3, 32), (32, 64), (64, 128))
    blocks = [
        {"kernel": values(3, 3, i, o) * 0.05, "scale": jnp.ones(o), "offset": jnp.zeros(o)}
        for i, o in channels
    ]

    def loss(parameters):
        h = x
        for block in parameters["blocks"]:
            h = convolve(h, block["kernel"])
            mean, variance = h.mean((0, 1, 2)), h.var((0, 1, 2))
            h = (h - mean) * jax.lax.rsqrt(variance + 1e-5) * block["scale"] + block["offset"]
            window = (1, 2, 2, 1)
            h = jax.lax.reduce_window(
                jax.nn.relu(h), -jnp.inf, jax.lax.max, window, window, "VALID"
            )
        return cross_entropy(apply(parameters["head"], h.reshape(64, -1)), y)

    return training(loss, {"blocks": blocks, "head": linear(2048, 10)}, optax.sgd(0.1, 0.9))


@peer.row("lstm 128->256 T64 B32 fwd+bwd")
def lstm():
    x = values(32, 64, 128)
    parameters = {
        "input": values(128, 1024) * 0.05,
        "hidden": values(256, 1024) * 0.05,
        "bias": jnp.zeros(1024),
    }

    def loss(p):
        def cell(carry, projected):
            h, c = carry
            i, f, g, o = jnp.split(projected + h @ p["hidden"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        projected = (x @ p["input"] + p["bias"]).transpose(1, 0, 2)
        zeros = jnp.zeros((32, 256))
        return jax.lax.scan(cell, (zeros, zeros), projected)[1].sum()

    return jitted(jax.value_and_grad(loss), parameters)


@peer.row("gpt 4x256 T256 B8 V512 train")
def gpt():
    dims, heads, layers, vocabulary, length, batch = 256, 8, 4, 512, 256, 8
    affine = lambda: (jnp.ones(dims), jnp.zeros(dims))
    block = lambda: {
        "norm1": affine(),
        "norm2": affine(),
        "qkv": linear(dims, 3 * dims),
        "project": linear(dims, dims),
        "up": linear(dims, 4 * dims),
        "down": linear(4 * dims, dims),
    }
    parameters = {
        "embedding": values(vocabulary, dims),
        "blocks": [block() for _ in range(layers)],
        "norm": affine(),
        "head": linear(dims, vocabulary),
    }
    tokens = labels(vocabulary, batch, length)
    targets = labels(vocabulary, batch, length)

    def loss(p):
        x = p["embedding"][tokens]
        for b in p["blocks"]:
            qkv = apply(b["qkv"], layer_norm(x, *b["norm1"]))
            q, k, v = jnp.moveaxis(qkv.reshape(batch, length, 3, heads, dims // heads), 2, 0)
            attended = jax.nn.dot_product_attention(q, k, v, is_causal=True)
            x = x + apply(b["project"], attended.reshape(batch, length, dims))
            hidden = jax.nn.gelu(apply(b["up"], layer_norm(x, *b["norm2"])), approximate=False)
            x = x + apply(b["down"], hidden)
        return cross_entropy(apply(p["head"], layer_norm(x, *p["norm"])), targets)

    return training(loss, parameters, optax.adamw(3e-4))


if __name__ == "__main__":
    peer.main()
