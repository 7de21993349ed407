"""How mlx prints, promotes and broadcasts."""

import math

import mlx.core as mx
import numpy as np

from cases import Cases
from common import golden

DTYPES = "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 bfloat16"
DTYPES = [getattr(mx, name) for name in (DTYPES + " complex64").split()]
CATEGORIES = "complexfloating floating inexact signedinteger unsignedinteger integer number generic"
CATEGORIES = [getattr(mx, name) for name in CATEGORIES.split()]


def text(a, precision=None):
    """The bytes of what is printed."""
    if precision is None:
        return mx.array(list(str(a).encode()), dtype=mx.uint8)
    with mx.printoptions(precision=precision):
        return mx.array(list(str(a).encode()), dtype=mx.uint8)


@golden("ops/printing")
def printing():
    inf, nan = math.inf, math.nan
    numbers = [0, 1, -1, 0.1, -2.5, 1e-10, 1e10, 123456.0, 1234567.0, 3.14159274, inf, -inf, nan]
    f32 = mx.array(numbers)
    c64 = mx.array([0j, 1 + 2j, -1.5 - 0.25j, 3 - 0j, 1e10 + 1e-10j, complex(inf, nan)])
    inputs = {
        "f32": f32,
        "f64": f32.astype(mx.float64),
        "f16": mx.array([0.1, -2.5, 65504.0, 1e-5, inf, nan, 2048.0], dtype=mx.float16),
        "bf16": mx.array([0.1, -2.5, 1e10, 1e-10, -inf, nan], dtype=mx.bfloat16),
        "c64": c64,
        "bool": mx.array([[True, False], [False, True]]),
        "scalar": mx.array(2.5),
        "truth": mx.array(True),
        "integer": mx.array(-3),
        "complex": mx.array(1.5 - 2j),
        "empty": mx.zeros((0,)),
        "empty2": mx.zeros((2, 0), dtype=mx.int32),
        "empty3": mx.zeros((0, 3)),
        "units": mx.zeros((1, 1, 1)),
        "six": mx.arange(6),
        "seven": mx.arange(7),
        "grid": mx.arange(12).reshape(3, 4) - 6,
        "cube": mx.arange(24).reshape(2, 3, 4),
        "tall": mx.arange(14).reshape(7, 2),
        "large": mx.arange(64).reshape(8, 8) * 0.5,
        "deep": mx.arange(7 * 7 * 7).reshape(7, 7, 7),
        "hyper": mx.arange(16).reshape(2, 2, 2, 2).astype(mx.float16),
        "hollow": mx.zeros((7, 0)),
    }
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        limits = np.iinfo(name)
        inputs[name] = mx.array(np.array([limits.min, 0, 65, limits.max], dtype=name))
    cases = Cases(**inputs)
    cases.add("print", text, " ".join(inputs))
    precise = "f32 f64 f16 bf16 c64 scalar int32 large empty"
    for digits in (0, 3, 8):
        cases.add(f"print_{digits}", lambda a: text(a, digits), precise)
    return cases.file()


@golden("ops/types")
def types():
    shapes = [(), (1,), (3,), (2, 1), (2, 3), (4, 1, 3), (0, 3), (1, 0), (5,)]
    grids = {f"s{i}": mx.zeros(shape) for i, shape in enumerate(shapes)}
    kinds = {str(d).removeprefix("mlx.core."): mx.zeros((1,), dtype=d) for d in DTYPES}
    cases = Cases(**grids, **kinds)
    pairs = " ".join(f"{a},{b}" for a in grids for b in grids)

    def shape(*arrays):
        return mx.array(mx.broadcast_shapes(*(a.shape for a in arrays)), dtype=mx.int32)

    cases.add("broadcast_shapes", shape, pairs)
    number = DTYPES.index

    def table(rows, columns, f):
        return mx.array([[f(a, b) for b in columns] for a in rows])

    dummy = {d: mx.zeros((), dtype=d) for d in DTYPES}
    both = lambda a, b: number(mx.result_type(dummy[a], dummy[b]))  # noqa: E731
    cases.add("promote_types", lambda: table(DTYPES, DTYPES, both))
    cases.add("result_type", lambda *a: mx.zeros((), mx.result_type(*a)), "int32,uint8,float16")
    calls = "bool uint8,int8 uint64,int8 uint32,int32,bool float16,bfloat16,int64 complex64,float64"
    cases.add("result_type", lambda *a: mx.zeros((), mx.result_type(*a)), calls)
    everything = DTYPES + CATEGORIES
    cases.add("issubdtype", lambda: table(everything, everything, mx.issubdtype))
    cases.add("size_of", lambda: mx.array([d.size for d in DTYPES]))
    floats = (mx.float16, mx.bfloat16, mx.float32, mx.complex64)

    def limits(d):
        f = mx.finfo(d)
        return [f.min, f.max, f.eps, f.smallest_normal, f.bits]

    cases.add("finfo", lambda: mx.array([limits(d) for d in floats]))
    integers = [d for d in DTYPES[1:9] if d not in (mx.uint64, mx.int64)]
    span = lambda d: [mx.iinfo(d).min, mx.iinfo(d).max]  # noqa: E731
    cases.add("iinfo", lambda: mx.array([span(d) for d in integers], dtype=mx.int64))
    return cases.file()
