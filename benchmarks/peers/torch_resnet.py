#!/usr/bin/env python3
"""The ResNet of examples/resnet in torch, and the pictures a second that it trains on.

    python benchmarks/peers/torch_resnet.py [--batch-size 128] [--steps 12] [--compile]
    build/release/bin/resnet --pictures 2560 --epochs 3   prints mica's, with the pictures made
"""

import argparse
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.stride, self.missing = stride, outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.missing:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.missing // 2, self.missing - self.missing // 2))
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + shortcut)


class ResNet(nn.Module):
    def __init__(self, blocks_a_stage=3, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        blocks, inputs = [], width
        for stage in range(3):
            for i in range(blocks_a_stage):
                blocks.append(Block(inputs, width << stage, 2 if stage and i == 0 else 1))
                inputs = width << stage
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        return self.output(self.blocks(x).mean((2, 3)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = ResNet().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    x = torch.randn(arguments.batch_size, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (arguments.batch_size,))
    forward = torch.compile(model) if arguments.compile else model
    times = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(forward(x), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    median = statistics.median(times[3:])
    print(f"torch {torch.__version__}: {median * 1e3:.0f} ms a step, "
          f"{arguments.batch_size / median:.0f} pictures/s")


if __name__ == "__main__":
    main()
