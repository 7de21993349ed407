"""The rows in PyTorch: eager, or with --compile the rows that torch.compile changes."""

import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

import inputs
from harness import Peer

COMPILED = "--compile" in sys.argv
peer = Peer(
    "torch-compile" if COMPILED else "torch", lambda result: result.detach().float().numpy()
)
torch.set_num_threads(len(os.sched_getaffinity(0)))


def row(name, compiled=False):
    """Registers a row: in the eager peer always, in the compiled one where `compiled`."""
    return peer.row(name) if compiled or not COMPILED else lambda setup: setup


def maybe_compiled(function):
    return torch.compile(function) if COMPILED else function


def without_grad(step):
    return torch.no_grad()(step)


def values(seed, *shape):
    return torch.from_numpy(inputs.values(seed, *shape))


def labels(seed, classes, *shape):
    return torch.from_numpy(inputs.labels(seed, classes, *shape)).long()


def unary(function):
    """A row with one large input."""

    def setup():
        x = values(0, 4096, 4096)
        return lambda: [function(x)]

    return setup


row("copy 4096x4096")(unary(torch.clone))
row("exp 4096x4096")(unary(torch.exp))
row("gelu 4096x4096")(unary(F.gelu))
row("softmax 4096x4096")(unary(lambda x: F.softmax(x, -1)))
row("sum axis0 4096x4096")(unary(lambda x: x.sum(0)))


@row("tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096", compiled=True)
def fused():
    x, w, b = values(0, 4096, 4096), values(1, 4096), values(2, 4096)
    chain = maybe_compiled(lambda x, w, b: torch.tanh(x * w + b) * torch.sigmoid(x) + x * 0.5)
    return without_grad(lambda: [chain(x, w, b)])


@row("layer_norm 4096x4096")
def layer_norm():
    x, w, b = values(0, 4096, 4096), values(1, 4096), values(2, 4096)
    return lambda: [F.layer_norm(x, (4096,), w, b)]


@row("matmul 2048 f32")
def matmul_f32():
    a = values(0, 2048, 2048)
    return lambda: [a @ a]


@row("matmul 2048 bf16")
def matmul_bf16():
    a = values(0, 2048, 2048).bfloat16()
    return lambda: [a @ a]


@row("1000 small adds (16)")
def small_adds():
    operands = [values(i, 16) for i in range(1000)]
    return lambda: [s + s for s in operands]


@row("conv2d 3x3 64->64 56x56 B16")
def conv2d():
    x = channels_last(values(0, 16, 56, 56, 64))
    k = channels_last(values(1, 64, 3, 3, 64))
    return lambda: [F.conv2d(x, k, padding=1).permute(0, 2, 3, 1)]


@row("sdpa B4 H8 T1024 D64")
def sdpa():
    q = values(0, 4, 8, 1024, 64)
    return lambda: [F.scaled_dot_product_attention(q, q, q)]


def channels_last(x):
    """(..., height, width, channels) as torch indexes it, with the memory as it is."""
    return x.permute(0, 3, 1, 2)


def initialise(model):
    """The same numbers as mica's model has, whose convolutions keep channels last."""
    state = {}
    for place, (name, parameter) in enumerate(model.named_parameters()):
        shape = list(parameter.shape)
        if len(shape) == 4:
            shape = [shape[0], shape[2], shape[3], shape[1]]
        value = torch.from_numpy(inputs.parameter(place, name, shape))
        state[name] = channels_last(value) if len(shape) == 4 else value
    model.load_state_dict(state, strict=False)
    return model


def training(loss, optimizer):
    loss = maybe_compiled(loss)

    def step():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        return [value]

    return step


def adamw(model, learning_rate):
    return torch.optim.AdamW(model.parameters(), lr=learning_rate, fused=COMPILED)


@row("mlp 784-128-128-10 train B256", compiled=True)
def mlp():
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    initialise(model)
    x, y = values(0, 256, 784), labels(1, 10, 256)
    return training(lambda: F.cross_entropy(model(x), y), adamw(model, 1e-3))


@row("cnn 3conv bn relu pool 32x32 train B64", compiled=True)
def cnn():
    def block(inputs, outputs):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]

    layers = block(3, 32) + block(32, 64) + block(64, 128) + [nn.Flatten(), nn.Linear(2048, 10)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    initialise(model)
    with torch.no_grad():  # torch flattens channels first, mica last
        head = model[-1].weight
        head.copy_(channels_last(head.reshape(10, 4, 4, 128)).reshape(10, 2048).clone())
    x = channels_last(values(0, 64, 32, 32, 3))
    y = labels(1, 10, 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(lambda: F.cross_entropy(model(x), y), optimizer)


@row("lstm 128->256 T64 B32 fwd+bwd")
def lstm():
    model = initialise(nn.LSTM(128, 256, batch_first=True))
    x = values(0, 32, 64, 128)

    def step():
        model.zero_grad()
        value = model(x)[0].sum()
        value.backward()
        # torch has two biases, and their gradients are the same
        weights = (model.weight_ih_l0, model.weight_hh_l0, model.bias_ih_l0)
        return [value, *(weight.grad for weight in weights)]

    return step


class Block(nn.Module):
    def __init__(self, dims, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dims), nn.LayerNorm(dims)
        self.qkv, self.project = nn.Linear(dims, 3 * dims), nn.Linear(dims, dims)
        self.up, self.down = nn.Linear(dims, 4 * dims), nn.Linear(4 * dims, dims)

    def forward(self, x):
        batch, length, dims = x.shape
        heads = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, dims // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(batch, length, dims))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


@row("gpt 4x256 T256 B8 V512 train", compiled=True)
def gpt():
    model = nn.Sequential(
        nn.Embedding(512, 256),
        *(Block(256, 8) for _ in range(4)),
        nn.LayerNorm(256),
        nn.Linear(256, 512),
    )
    initialise(model)
    tokens, targets = labels(0, 512, 8, 256), labels(1, 512, 8, 256)
    loss = lambda: F.cross_entropy(model(tokens).view(-1, 512), targets.view(-1))
    return training(loss, adamw(model, 3e-4))


@row("100M decode matvecs f32 B1")
def decode():
    dims, hidden, layers, vocabulary = 1024, 2816, 8, 8192
    layer = 4 * [(dims, dims)] + 2 * [(hidden, dims)] + [(dims, hidden)]
    shapes = layers * layer + [(vocabulary, dims)]
    weights = [values(seed, *shape) for seed, shape in enumerate(shapes)]
    rows = {size: values(size, 1, size) for size in (dims, hidden)}
    return without_grad(lambda: [F.linear(rows[w.shape[1]], w) for w in weights])


if __name__ == "__main__":
    peer.main([argument for argument in sys.argv[1:] if argument != "--compile"])
