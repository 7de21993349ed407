"""What Python prints for each layer of mlx.nn, by the names of tests/nn/every_layer.cpp."""

import mlx.core as mx
import mlx.nn as nn

from common import golden


def layers():
    return {
        "ALiBi": nn.ALiBi(),
        "AvgPool1d": nn.AvgPool1d(3, 2, 1),
        "AvgPool2d": nn.AvgPool2d((2, 3), 2, 1),
        "AvgPool3d": nn.AvgPool3d(2),
        "BatchNorm": nn.BatchNorm(4, eps=1e-3, momentum=0.2),
        "BatchNorm plain": nn.BatchNorm(4, affine=False, track_running_stats=False),
        "Bilinear": nn.Bilinear(3, 4, 5, bias=False),
        "CELU": nn.CELU(0.5),
        "Conv1d": nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2),
        "Conv2d": nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=1, dilation=2, bias=False),
        "Conv3d": nn.Conv3d(2, 3, 2, stride=2),
        "ConvTranspose1d": nn.ConvTranspose1d(3, 4, 3, stride=2, output_padding=1),
        "ConvTranspose2d": nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, bias=False),
        "ConvTranspose3d": nn.ConvTranspose3d(2, 3, 2, dilation=2),
        "ELU": nn.ELU(0.5),
        "Embedding": nn.Embedding(10, 4),
        "GELU": nn.GELU("tanh"),
        "GLU": nn.GLU(),
        "GRU": nn.GRU(4, 6, bias=False),
        "GroupNorm": nn.GroupNorm(2, 8, pytorch_compatible=True),
        "HardShrink": nn.HardShrink(0.25),
        "HardTanh": nn.HardTanh(),
        "Hardswish": nn.Hardswish(),
        "Identity": nn.Identity(),
        "InstanceNorm": nn.InstanceNorm(8, affine=True),
        "LSTM": nn.LSTM(4, 6),
        "LayerNorm": nn.LayerNorm(8, eps=1e-6, bias=False),
        "LeakyReLU": nn.LeakyReLU(0.2),
        "Linear": nn.Linear(8, 4, bias=False),
        "LogSigmoid": nn.LogSigmoid(),
        "LogSoftmax": nn.LogSoftmax(),
        "MaxPool1d": nn.MaxPool1d(2),
        "MaxPool2d": nn.MaxPool2d(3, stride=2, padding=1),
        "MaxPool3d": nn.MaxPool3d(2, stride=1),
        "Mish": nn.Mish(),
        "MultiHeadAttention": nn.MultiHeadAttention(8, 2, bias=True),
        "PReLU": nn.PReLU(4, 0.1),
        "QQLinear": nn.QQLinear(64, 32),
        "QuantizedEmbedding": nn.QuantizedEmbedding(10, 64, bits=8),
        "QuantizedLinear": nn.QuantizedLinear(64, 32, group_size=32),
        "RMSNorm": nn.RMSNorm(8),
        "ReLU": nn.ReLU(),
        "ReLU2": nn.ReLU2(),
        "ReLU6": nn.ReLU6(),
        "RoPE": nn.RoPE(8, traditional=True, base=500.0),
        "SELU": nn.SELU(),
        "Sequential": nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 2))),
        "SiLU": nn.SiLU(),
        "Sigmoid": nn.Sigmoid(),
        "SinusoidalPositionalEncoding": nn.SinusoidalPositionalEncoding(8, cos_first=True),
        "Softmax": nn.Softmax(),
        "Softmin": nn.Softmin(),
        "Softplus": nn.Softplus(),
        "Softshrink": nn.Softshrink(0.25),
        "Softsign": nn.Softsign(),
        "Step": nn.Step(0.25),
        "Tanh": nn.Tanh(),
        "TransformerDecoderLayer": nn.TransformerDecoderLayer(8, 2, mlp_dims=16),
        "TransformerEncoder": nn.TransformerEncoder(2, 8, 2, mlp_dims=16),
        "TransformerEncoderLayer": nn.TransformerEncoderLayer(8, 2, mlp_dims=16, norm_first=False),
        "Transformer": nn.Transformer(8, 2, 1, 1, 16),
        "Upsample": nn.Upsample((2.0, 1.5), mode="linear", align_corners=True),
    }


@golden("nn/printed.txt")
def printed():
    """For each layer its name behind "== ", and what it prints."""
    return "".join(f"== {name}\n{layer}\n" for name, layer in layers().items()).encode()
