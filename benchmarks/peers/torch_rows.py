"""The rows in PyTorch: eager, or with --compile the rows that torch.compile changes."""

import os
import sys

import torch
import torch.nn.functional as F
from torch import nn

from harness import Peer

COMPILED = "--compile" in sys.argv
peer = Peer("torch-compile" if COMPILED else "torch")
torch.manual_seed(0)
torch.set_num_threads(os.cpu_count())


def row(name, compiled=False):
    """Registers a row: in the eager peer always, in the compiled one where `compiled`."""
    return peer.row(name) if compiled or not COMPILED else lambda setup: setup


def maybe_compiled(function):
    return torch.compile(function) if COMPILED else function


def without_grad(step):
    return torch.no_grad()(step)


def large():
    return torch.randn(4096, 4096)


def vectors():
    return torch.randn(4096), torch.randn(4096)


@row("copy 4096x4096")
def copy():
    x = large()
    return lambda: x.clone()


@row("exp 4096x4096")
def exp():
    x = large()
    return lambda: x.exp()


@row("gelu 4096x4096")
def gelu():
    x = large()
    return lambda: F.gelu(x)


@row("tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096", compiled=True)
def fused():
    x, (w, b) = large(), vectors()
    chain = maybe_compiled(lambda x, w, b: torch.tanh(x * w + b) * torch.sigmoid(x) + x * 0.5)
    return without_grad(lambda: chain(x, w, b))


@row("layer_norm 4096x4096")
def layer_norm():
    x, (w, b) = large(), vectors()
    return lambda: F.layer_norm(x, (4096,), w, b)


@row("softmax 4096x4096")
def softmax():
    x = large()
    return lambda: F.softmax(x, -1)


@row("sum axis0 4096x4096")
def sum_axis0():
    x = large()
    return lambda: x.sum(0)


@row("matmul 2048 f32")
def matmul_f32():
    a = torch.randn(2048, 2048)
    return lambda: a @ a


@row("matmul 2048 bf16")
def matmul_bf16():
    a = torch.randn(2048, 2048).bfloat16()
    return lambda: a @ a


@row("1000 small adds (16)")
def small_adds():
    s = torch.randn(16)
    return lambda: [s + s for _ in range(1000)]


@row("conv2d 3x3 64->64 56x56 B16")
def conv2d():
    x = torch.randn(16, 64, 56, 56).to(memory_format=torch.channels_last)
    k = torch.randn(64, 64, 3, 3).to(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, k, padding=1)


@row("sdpa B4 H8 T1024 D64")
def sdpa():
    q = torch.randn(4, 8, 1024, 64)
    return lambda: F.scaled_dot_product_attention(q, q, q)


def training(loss, optimizer):
    loss = maybe_compiled(loss)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def adamw(model, learning_rate):
    return torch.optim.AdamW(model.parameters(), lr=learning_rate, fused=COMPILED)


@row("mlp 784-128-128-10 train B256", compiled=True)
def mlp():
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    x, y = torch.randn(256, 784), torch.randint(0, 10, (256,))
    return training(lambda: F.cross_entropy(model(x), y), adamw(model, 1e-3))


@row("cnn 3conv bn relu pool 32x32 train B64", compiled=True)
def cnn():
    def block(inputs, outputs):
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]

    layers = block(3, 32) + block(32, 64) + block(64, 128) + [nn.Flatten(), nn.Linear(2048, 10)]
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    x = torch.randn(64, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (64,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(lambda: F.cross_entropy(model(x), y), optimizer)


@row("lstm 128->256 T64 B32 fwd+bwd")
def lstm():
    model = nn.LSTM(128, 256, batch_first=True)
    x = torch.randn(32, 64, 128)

    def step():
        model.zero_grad()
        model(x)[0].sum().backward()

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
    tokens, targets = torch.randint(0, 512, (8, 256)), torch.randint(0, 512, (8, 256))
    loss = lambda: F.cross_entropy(model(tokens).view(-1, 512), targets.view(-1))
    return training(loss, adamw(model, 3e-4))


@row("100M decode matvecs f32 B1")
def decode():
    dims, hidden, layers, vocabulary = 1024, 2816, 8, 8192
    layer = 4 * [(dims, dims)] + 2 * [(hidden, dims)] + [(dims, hidden)]
    weights = [torch.randn(*shape) for shape in layers * layer + [(vocabulary, dims)]]
    inputs = {size: torch.randn(1, size) for size in (dims, hidden)}
    return without_grad(lambda: [F.linear(inputs[w.shape[1]], w) for w in weights])


if __name__ == "__main__":
    peer.main([argument for argument in sys.argv[1:] if argument != "--compile"])
