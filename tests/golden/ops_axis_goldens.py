"""Functions of ops.h along axes: reductions, cumulative functions, sorting."""

import math

import mlx.core as mx

from cases import Cases
from common import golden

INF, NAN = math.inf, math.nan
# Of shape (2, 3, 4) but for c64 (2, 3), scalar and empty.
FLOATS = "f32 f16 bf16 f64 scalar"
REAL = FLOATS + " i32 u8 i64 bool"
FEW = "f32 f16 bf16 scalar"  # of the rest mlx returns integers, or computes in float32
SMOOTH = "f32 f16 scalar"
AXES = "f32 bf16 i32 c64 "


def inputs():
    """Values of magnitude around 1, of which a quarter are ties."""
    f32 = mx.array(
        [
            [[0.5, -1.25, 2.0, 0.5], [1.5, 0.75, -0.5, 1.0], [-2.0, 1.125, 0.25, 2.0]],
            [[1.75, -0.75, 0.5, -1.5], [0.5, 1.5, 1.5, -2.5], [0.875, -1.0, 3.0, 0.5]],
        ]
    )
    i32 = (f32 * 4).astype(mx.int32)
    return Cases(
        f32=f32,
        f16=f32.astype(mx.float16),
        bf16=f32.astype(mx.bfloat16),
        f64=f32.astype(mx.float64),
        i32=i32,
        u8=(i32 * 20).astype(mx.uint8),
        i64=i32.astype(mx.int64) * 2**33,
        bool=f32 > 0.5,
        ones=mx.ones((2, 3), dtype=mx.bool_),
        c64=mx.array([[1 + 2j, -1.5 + 0.5j, 0j], [1 - 4j, 1 + 0j, 0.5j]]),
        scalar=mx.array(0.75),
        empty=mx.zeros((0, 3)),
        rows=mx.zeros((3, 0)),
        nans=mx.array([[1.0, NAN, 3.0], [INF, -1.0, 2.0], [-INF, 0.5, 0.25]]),
        infs=mx.array([[-INF, -INF], [INF, 1.0], [INF, -INF], [1000.0, 999.0]]),
        far=mx.array([[1000.5, 1001.0, 1002.0], [-1000.0, -1001.0, -1002.0]]),
        ties=mx.array([[2.0, 2.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0], [-1.0, 3.0, 3.0, -1.0]]),
        zeros=mx.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 4.0, 0.5]]),
        distinct=mx.array([[0.5, -1.0, 2.0, 1.0], [3.0, 0.25, -2.0, 4.0]]),
        even=mx.array([4, 1, 3, 2]),
    )


def forms(cases, name, function, calls, vjp="", edges="", jvp=True, integers="i32 u8 bool"):
    """The overloads that most reductions have."""
    some, axis = "f32" if vjp else "", "f32 f16 bf16 c64 " + edges
    cases.add(name, function, f"{calls} {edges}", vjp, jvp)
    cases.add(f"{name}_keepdims", lambda a: function(a, None, True), "f32 i32 scalar empty")
    cases.add(f"{name}_axis", lambda a: function(a, -2), f"{integers} {axis}", some, jvp)
    cases.add(f"{name}_first", lambda a: function(a, 0), f"f32 {integers} empty")
    cases.add(f"{name}_last_kept", lambda a: function(a, -1, True), f"{calls} {edges}", vjp, jvp)
    cases.add(f"{name}_axes", lambda a: function(a, [0, -1]), AXES + edges, some, jvp)
    cases.add(f"{name}_axes_kept", lambda a: function(a, [1, 0], True), "f32 i32 empty")
    if name != "median":
        cases.add(f"{name}_no_axes", lambda a: function(a, []), "f32 i32 bool")


@golden("ops/reductions")
def reductions():
    cases = inputs()
    edges = "empty rows"
    forms(cases, "all", mx.all, REAL + " c64", edges=edges + " ones nans")
    forms(cases, "any", mx.any, REAL + " c64", edges=edges + " nans")
    forms(cases, "sum", mx.sum, REAL + " c64", SMOOTH + " c64", edges + " nans")
    forms(cases, "mean", mx.mean, REAL + " c64", SMOOTH + " c64", edges + " nans")
    forms(cases, "prod", mx.prod, REAL + " c64", "f32 zeros", edges + " nans")
    # Tied elements share the gradient; mlx's forward derivative is that of the first.
    forms(cases, "max", mx.max, REAL + " c64", SMOOTH + " ties", edges + " nans", jvp=False)
    forms(cases, "min", mx.min, REAL + " c64", SMOOTH + " ties", edges + " nans", jvp=False)
    forms(cases, "minmax", mx.minmax, REAL + " c64", "f32 ties", edges + " nans", jvp=False)
    # Small integers overflow in mlx before they become float32.
    wild = edges + " nans infs far"
    forms(cases, "logsumexp", mx.logsumexp, FEW + " c64", SMOOTH, wild, integers="i32")
    forms(cases, "var", mx.var, REAL, SMOOTH, edges + " nans")
    forms(cases, "std", mx.std, REAL, "f32 f16", edges + " nans")
    forms(cases, "median", mx.median, REAL, "distinct", edges + " nans even")
    for name, function in {"var": mx.var, "std": mx.std}.items():
        cases.add(f"{name}_ddof", lambda a: function(a, ddof=1), "f32 i32 scalar")
        cases.add(f"{name}_axis_ddof", lambda a: function(a, 1, ddof=1), "f32 i32", "f32")
        cases.add(f"{name}_axes_ddof", lambda a: function(a, [0, 2], True, 2), "f32 bf16")
    calls = REAL + " c64 ties nans"
    for name, function in {"argmin": mx.argmin, "argmax": mx.argmax}.items():
        cases.add(name, function, calls + " empty")
        grids = calls.replace(" scalar", "") + " empty"
        cases.add(f"{name}_keepdims", lambda a: function(a, keepdims=True), grids)
        cases.add(f"{name}_axis", lambda a: function(a, -2), calls + " empty")
        cases.add(f"{name}_last_kept", lambda a: function(a, -1, True), calls + " rows")
    for name, axis in {"": None, "_axis": -1, "_axes": [0, 1]}.items():
        function = mx.count_nonzero
        cases.add("count_nonzero" + name, lambda a: function(a, axis=axis), calls + " empty")
        kept = lambda a: function(a, axis=axis, keepdims=True)  # noqa: E731
        cases.add(f"count_nonzero{name}_kept", kept, "f32 bool empty")
    calls = FEW + " c64 empty rows nans infs far"
    cases.add("softmax", mx.softmax, calls, SMOOTH + " bf16")
    cases.add("softmax_axis", lambda a: mx.softmax(a, -2), calls, SMOOTH)
    cases.add("softmax_last", lambda a: mx.softmax(a, -1), calls + " i32 bool", SMOOTH + " far")
    cases.add("softmax_axes", lambda a: mx.softmax(a, [0, 1]), calls, SMOOTH)
    cases.add("softmax_precise", lambda a: mx.softmax(a, precise=True), calls, SMOOTH)
    precise = lambda a: mx.softmax(a, -1, precise=True)  # noqa: E731
    cases.add("softmax_last_precise", precise, calls, SMOOTH)
    return cases.file()


@golden("ops/scans")
def scans():
    cases = inputs()
    functions = {"cumsum": mx.cumsum, "cumprod": mx.cumprod, "cummax": mx.cummax}
    functions |= {"cummin": mx.cummin, "logcumsumexp": mx.logcumsumexp}
    for name, f in functions.items():
        calls = "f32 f16 bf16 i32 u8 i64 bool c64 scalar empty rows nans infs"
        calls += "" if name == "logcumsumexp" else " f64"  # which mlx computes in float32
        smooth = "f32" if name in ("logcumsumexp", "cumprod") else "f32 f16 ties"
        cases.add(name, lambda a: f(a), calls, smooth)
        cases.add(f"{name}_reverse", lambda a: f(a, reverse=True), "f32 i32 u8", "f32")
        exclusive = lambda a: f(a, inclusive=False)  # noqa: E731
        cases.add(f"{name}_exclusive", exclusive, "f32 f16 i32 u8 bool i64", "f32")
        cases.add(f"{name}_axis", lambda a: f(a, 1), "f32 f16 bf16 i32 u8 bool", "f32")
        cases.add(f"{name}_last", lambda a: f(a, -1), calls.replace(" scalar", ""), smooth)
        back = lambda a: f(a, -1, reverse=True, inclusive=False)  # noqa: E731
        cases.add(f"{name}_back", back, "f32 f16 i32 u8 nans infs rows", "f32")
    cases.add("cumsum_stream", lambda a: mx.cumsum(a, reverse=True), "f32 u8")
    cases.add("cumsum_axis_stream", lambda a: mx.cumsum(a, 0, inclusive=False), "f32 u8")
    cases.add("cumprod_stream", lambda a: mx.cumprod(a, reverse=True), "f32 u8")
    cases.add("cumprod_axis_stream", lambda a: mx.cumprod(a, 0, inclusive=False), "f32 u8")
    cases.add("cumprod_zeros", lambda a: mx.cumprod(a, -1), vjp="zeros")
    for name, f in {"cumsum": mx.cumsum, "cumprod": mx.cumprod}.items():
        cases.add(f"{name}_dtype", lambda a: f(a, dtype=mx.float32), "i32 u8 bool f16 bf16")
        cases.add(f"{name}_axis_dtype", lambda a: f(a, 0, dtype=mx.int32), "i32 u8 bool")
    return cases.file()


def partitioned(a, at, axis=-1):
    """What is the same for every partition: the parts, sorted."""
    low, high = mx.split(a, [at], axis=axis)
    middle, high = mx.split(high, [1], axis=axis)
    return mx.sort(low, axis), middle, mx.sort(high, axis)


@golden("ops/sorting")
def sorting():
    cases = inputs()
    calls = "f32 f16 bf16 f64 i32 u8 i64 bool c64 ties nans empty rows"
    smooth = "f32 f16 ties"
    cases.add("sort", lambda a: mx.sort(a, None), calls + " scalar", smooth)
    cases.add("sort_axis", lambda a: mx.sort(a, 1), "f32 f16 bf16 i32 u8 bool ties nans", smooth)
    cases.add("sort_last", lambda a: mx.sort(a, -1), calls, smooth)
    cases.add("argsort", lambda a: mx.argsort(a, None), calls + " scalar")
    cases.add("argsort_axis", lambda a: mx.argsort(a, 0), "f32 f16 bf16 i32 u8 bool ties nans")
    cases.add("argsort_last", lambda a: mx.argsort(a, -1), calls)
    calls = "f32 f16 bf16 f64 i32 u8 i64 ties"
    flat = lambda a: partitioned(mx.partition(a, 5, None), 5)  # noqa: E731
    cases.add("partition", flat, calls)
    cases.add("partition_axis", lambda a: partitioned(mx.partition(a, 1, -2), 1, -2), calls)
    last = lambda a: partitioned(mx.partition(a, -2), -2)  # noqa: E731
    cases.add("partition_last", last, calls + " distinct")

    def by(indices, a, at, axis):
        return partitioned(mx.take_along_axis(a, indices, axis), at, axis)

    flat = lambda a: by(mx.argpartition(a, 5, None), a.flatten(), 5, 0)  # noqa: E731
    cases.add("argpartition", flat, calls)
    cases.add("argpartition_axis", lambda a: by(mx.argpartition(a, 1, -2), a, 1, -2), calls)
    cases.add("argpartition_last", lambda a: by(mx.argpartition(a, -2), a, -2, -1), calls)
    cases.add("topk", lambda a: mx.sort(mx.topk(a, 5, None)), calls, "distinct")
    cases.add("topk_axis", lambda a: mx.sort(mx.topk(a, 2, -2), -2), calls)
    cases.add("topk_last", lambda a: mx.sort(mx.topk(a, 3), -1), calls, "distinct")
    cases.add("topk_all", lambda a: mx.sort(mx.topk(a, 4), -1), "f32 i32")
    return cases.file()
