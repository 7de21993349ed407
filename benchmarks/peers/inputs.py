"""Inputs that are the same numbers here and in benchmarks/inputs.cpp, so that outputs can be
compared: each element is a hash of its place and a seed."""

import numpy as np


def _hash(seed, shape):
    with np.errstate(over="ignore"):
        x = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435761)
        x += np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (x ^ (x >> np.uint32(16))).reshape(shape)


def values(seed, *shape):
    """float32, spread evenly over [-2, 2)."""
    return _hash(seed, shape).view(np.int32).astype(np.float32) * np.float32(2.0**-30)


def labels(seed, classes, *shape):
    """int32 in [0, classes)."""
    return (_hash(seed, shape) % np.uint32(classes)).astype(np.int32)


def parameter(place, name, shape):
    """What `initialise` of inputs.cpp gives the parameter at `place` in mica's order."""
    if len(shape) > 1:
        fan_in = np.float32(np.prod(shape) // shape[0])
        return values(place, *shape) * (np.float32(1) / np.sqrt(fan_in))
    return np.zeros(shape, np.float32) if "bias" in name else np.ones(shape, np.float32)
