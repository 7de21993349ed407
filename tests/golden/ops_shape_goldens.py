"""Functions of ops.h that make arrays, or move their elements."""

import mlx.core as mx
import numpy as np

from cases import Cases
from common import golden

GRIDS = "f32 f16 i32 bool c64"
SMOOTH = "f32"


def inputs():
    """Of shape (2, 3, 4) but for those whose names say otherwise."""
    i32 = mx.arange(24).reshape(2, 3, 4)
    f32 = i32.astype(mx.float32) / 2 - 3
    return Cases(
        f32=f32,
        f16=f32.astype(mx.float16),
        i32=i32,
        i64=i32.astype(mx.int64),
        u8=i32.astype(mx.uint8),
        bool=i32 % 3 == 0,
        c64=f32[0] - 1j * f32[1],
        units=f32[:1, :, :1].reshape(1, 3, 1, 1),
        matrix=f32[0],
        square=f32[0, :, :3],
        vector=f32[0, 0],
        pair=mx.array([0.5, -2.5]),
        column=f32[0, :, :1],
        scalar=mx.array(1.5),
        seven=mx.array(7),
        empty=mx.zeros((0, 3)),
        hollow=mx.zeros((2, 0, 4)),
        update=-f32[:, 1:, ::2],
        row_update=mx.array([2.0, -1.0]),
        ints=mx.array([1, 2]),
        one=mx.array([1]),
        zero_one=mx.array([0, 1]),
    )


@golden("ops/creation")
def creation():
    cases = inputs()

    def make(name, function):
        cases.add(name, function)

    make("arange_double_dtype", lambda: mx.arange(1.0, 7.5, 1.5, dtype=mx.float16))
    make("arange_double_int_dtype", lambda: mx.arange(1.0, 9.5, 2.0, dtype=mx.int64))
    make("arange_double_step", lambda: mx.arange(3.0, -1.0, -0.75, dtype=mx.float32))
    make("arange_double_stop_dtype", lambda: mx.arange(-1.5, 3.0, dtype=mx.bfloat16))
    make("arange_double_stop", lambda: mx.arange(-1.5, 3.25))
    make("arange_double_to_dtype", lambda: mx.arange(4.0, dtype=mx.uint8))
    make("arange_double_to", lambda: mx.arange(3.5))
    make("arange_step", lambda: mx.arange(10, -3, -4))
    make("arange_stop", lambda: mx.arange(-2, 5))
    make("arange_to", lambda: mx.arange(6))
    make("arange_empty", lambda: mx.arange(5, 2))
    make("arange_backwards_empty", lambda: mx.arange(2, 5, -1))
    make("linspace", lambda: mx.linspace(-1.5, 4.0))
    make("linspace_num", lambda: mx.linspace(0, 1, 7))
    make("linspace_dtype", lambda: mx.linspace(0, 10, 5, dtype=mx.int32))
    make("linspace_half", lambda: mx.linspace(1, -1, 6, dtype=mx.float16))
    make("linspace_open", lambda: mx.linspace(0, 3, 7, endpoint=False))
    make("linspace_one", lambda: mx.linspace(2, 5, 1))
    make("linspace_none", lambda: mx.linspace(2, 5, 0))
    calls = "scalar pair column seven i32 empty"
    typed = lambda v: mx.full((2, 3, 2), v.astype(mx.int32))  # noqa: E731
    cases.add("full_dtype", typed, "scalar pair seven")
    cases.add("full", lambda v: mx.full((2, 3, 2), v), calls)  # mlx's gradient is wrong
    cases.add("full_scalar_shape", lambda v: mx.full((), v), "scalar seven pair")
    cases.add("full_empty", lambda v: mx.full((0, 2), v), "scalar pair column")
    pairs = "i32,scalar f16,scalar f32,vector empty,seven scalar,seven bool,pair"
    cases.add("full_like", mx.full_like, pairs)
    cases.add("full_like_dtype", lambda a, v: mx.full_like(a, v, dtype=mx.float16), pairs)
    make("zeros_dtype", lambda: mx.zeros((2, 3), dtype=mx.bool_))
    make("zeros", lambda: mx.zeros((3,)))
    make("zeros_empty", lambda: mx.zeros((2, 0), dtype=mx.complex64))
    make("ones_dtype", lambda: mx.ones((2, 3), dtype=mx.complex64))
    make("ones", lambda: mx.ones(()))
    for name, f in {"zeros_like": mx.zeros_like, "ones_like": mx.ones_like}.items():
        cases.add(name, lambda a: f(a), GRIDS + " scalar empty", vjp="f32")
        cases.add(f"{name}_dtype", lambda a: f(a, dtype=mx.uint8), "f32 bool empty")
    make("eye", lambda: mx.eye(3))
    make("eye_dtype", lambda: mx.eye(3, dtype=mx.int32))
    make("eye_wide", lambda: mx.eye(3, 5))
    make("eye_shifted", lambda: mx.eye(4, 3, -2))
    make("eye_all", lambda: mx.eye(2, 4, 1, dtype=mx.float16))
    make("eye_outside", lambda: mx.eye(2, 3, 4))
    make("eye_none", lambda: mx.eye(0))
    make("identity", lambda: mx.identity(2))
    make("identity_dtype", lambda: mx.identity(3, dtype=mx.bool_))
    make("tri", lambda: mx.tri(3, dtype=mx.int32))
    make("tri_all", lambda: mx.tri(3, 5, 1, dtype=mx.float32))
    make("tri_below", lambda: mx.tri(4, 2, -1, dtype=mx.bool_))
    for name, f in {"tril": mx.tril, "triu": mx.triu}.items():
        cases.add(name, lambda a: f(a), GRIDS + " square empty vector", vjp="f32 matrix")
        cases.add(f"{name}_above", lambda a: f(a, 1), "f32 i32 square", vjp="f32")
        cases.add(f"{name}_below", lambda a: f(a, -2), "f32 bool square")
    return cases.file()


@golden("ops/shapes")
def shapes():
    cases = inputs()
    cases.add("reshape", lambda a: mx.reshape(a, (4, 6)), "f32 f16 i32 bool i64", SMOOTH)
    cases.add("reshape_rest", lambda a: mx.reshape(a, (3, -1)), GRIDS + " vector", SMOOTH)
    cases.add("reshape_scalar", lambda a: mx.reshape(a, ()), "scalar f32")
    cases.add("reshape_units", lambda a: mx.reshape(a, (1, 1)), "scalar")
    cases.add("reshape_empty", lambda a: mx.reshape(a, (3, 0, 2)), "empty hollow f32")
    cases.add("reshape_empty_rest", lambda a: mx.reshape(a, (2, -1)), "empty f32")
    cases.add("unflatten", lambda a: mx.unflatten(a, -1, (2, -1)), GRIDS + " square empty", SMOOTH)
    cases.add("unflatten_first", lambda a: mx.unflatten(a, 0, (1, 2, 1)), "f32 i32 hollow")
    calls = GRIDS + " scalar vector empty hollow units"
    cases.add("flatten", mx.flatten, calls, SMOOTH)
    cases.add("flatten_from", lambda a: mx.flatten(a, 1), calls)
    cases.add("flatten_range", lambda a: mx.flatten(a, -3, -2), calls)
    cases.add("squeeze", mx.squeeze, "units f32 scalar column", "units")
    cases.add("squeeze_axis", lambda a: mx.squeeze(a, -1), "units column f32")
    cases.add("squeeze_axes", lambda a: mx.squeeze(a, [0, -2]), "units f32 column", "units")
    cases.add("expand_dims", lambda a: mx.expand_dims(a, 1), "f32 i32 scalar vector", SMOOTH)
    cases.add("expand_dims_last", lambda a: mx.expand_dims(a, -1), "f32 scalar empty")
    cases.add("expand_dims_axes", lambda a: mx.expand_dims(a, [0, -1, 2]), "f32 vector scalar")
    cases.add("transpose", mx.transpose, calls, SMOOTH)
    cases.add("transpose_axes", lambda a: mx.transpose(a, [2, 0, -2]), "f32 i32 bool hollow", "f32")
    cases.add("transpose_vector", lambda a: mx.transpose(a, [1, 2, 0]), "f32 i32")
    cases.add("matrix_transpose", lambda a: a.swapaxes(-1, -2), GRIDS + " matrix hollow", SMOOTH)
    cases.add("swapaxes", lambda a: mx.swapaxes(a, 0, -1), GRIDS + " hollow matrix", SMOOTH)
    cases.add("moveaxis", lambda a: mx.moveaxis(a, 0, -1), GRIDS + " hollow matrix", SMOOTH)
    cases.add("moveaxis_back", lambda a: mx.moveaxis(a, -1, 0), "f32 units")
    cases.add("flip", mx.flip, calls, SMOOTH)
    cases.add("flip_axis", lambda a: mx.flip(a, -1), GRIDS + " empty vector", SMOOTH)
    cases.add("flip_axes", lambda a: mx.flip(a, [0, -1]), GRIDS + " empty")
    to = "f32 vector column scalar seven"
    cases.add("broadcast_to", lambda a: mx.broadcast_to(a, (2, 3, 4)), to, "f32 vector column")
    cases.add("broadcast_to_empty", lambda a: mx.broadcast_to(a, (0, 3, 4)), "vector scalar column")
    triples = "f32,vector,column f32,scalar,i32 empty,scalar,scalar scalar,scalar,seven "
    triples += "f32,pair,f32"
    several = lambda *a: mx.broadcast_arrays(*a)  # noqa: E731
    cases.add("broadcast_arrays", several, triples, "f32,vector,column")
    for n, f in enumerate((mx.atleast_1d, mx.atleast_2d, mx.atleast_3d), 1):
        calls = "scalar vector matrix f32 units empty"
        cases.add(f"atleast_{n}d", lambda a: f(a), calls, vjp="scalar vector")
        cases.add(f"atleast_{n}d_each", lambda *a: f(*a), "scalar,vector,matrix f32,seven,pair")
    overlapping = lambda a: mx.as_strided(a, (3, 4), (2, 1), 1)  # noqa: E731
    cases.add("as_strided", overlapping, GRIDS[:-4] + " u8", SMOOTH)
    cases.add("as_strided_still", lambda a: mx.as_strided(a, (2, 3), (0, 5), 2), "f32 i32")
    cases.add("copy", lambda a: mx.array(a), GRIDS + " scalar empty", SMOOTH)
    cases.add("contiguous", mx.contiguous, GRIDS + " scalar empty", SMOOTH)
    cases.add("contiguous_columns", lambda a: mx.contiguous(a, True), GRIDS, SMOOTH)
    return cases.file()


@golden("ops/slices")
def slices():
    cases = inputs()
    every = GRIDS.replace(" c64", " u8")
    cases.add("slice", lambda a: a[0:2, 1:3, 1:4], every + " hollow", SMOOTH)
    cases.add("slice_strided", lambda a: a[::1, ::2, 1:4:2], every + " hollow", SMOOTH)
    cases.add("slice_backwards", lambda a: a[::-1, 2:0:-1, ::-2], every + " hollow", SMOOTH)
    cases.add("slice_negative", lambda a: a[-1:2, -2:-1, -100:100], every)
    cases.add("slice_empty", lambda a: a[1:1, 2:1, :], every)
    cases.add("slice_list", lambda a: a[0:1, 0:3:2, 3:0:-2], "f32")
    dynamic = lambda a, i: mx.slice(a, i, [0, -1], [1, 3, 2])  # noqa: E731
    cases.add("slice_dynamic", dynamic, "f32,zero_one i32,zero_one", "f32,zero_one")
    one = lambda a, i: mx.slice(a, i, [2], [2, 2, 3])  # noqa: E731
    cases.add("slice_dynamic_one", one, "f32,one bool,one", "f32,one")
    calls = "f32,update f32,scalar i32,update f16,update f32,pair bool,seven u8,update f32,f32"
    smooth = "f32,update f32,pair"
    at = lambda a: a.at[:, 1:, ::2]  # noqa: E731

    def updated(a, u):
        out = mx.array(a)
        out[:, 1:, ::2] = u
        return out

    def whole(a, u):
        out = mx.array(a)
        out[1:2, 0:3, 1:3] = u
        return out

    cases.inputs["update"] = mx.array(np.linspace(-3, 3, 8).reshape(2, 2, 2).astype(np.float32))
    cases.inputs["wide"] = mx.array(np.linspace(-3, 3, 6).reshape(1, 3, 2).astype(np.float32))
    wide = "f32,wide f32,scalar i32,wide f32,pair"
    cases.add("slice_update_strided", updated, calls, smooth)
    cases.add("slice_update", whole, wide, "f32,wide f32,scalar")
    functions = {"add": lambda x, u: x.add(u), "prod": lambda x, u: x.multiply(u)}
    functions |= {"max": lambda x, u: x.maximum(u), "min": lambda x, u: x.minimum(u)}
    for name, f in functions.items():
        calls = "f32,update f32,scalar f16,update f32,pair i32,seven u8,seven"
        smooth = "f32,update" if name == "add" else ""
        cases.add(f"slice_update_{name}_strided", lambda a, u: f(at(a), u), calls, smooth)
        part = lambda a, u: f(a.at[1:2, 0:3, 1:3], u)  # noqa: E731
        cases.add(f"slice_update_{name}", part, "f32,wide f32,scalar f16,wide")
    dynamic = lambda a, u, i: mx.slice_update(a, u, i, [1, -1])  # noqa: E731
    cases.add("slice_update_dynamic", dynamic, "f32,wide,zero_one i32,seven,zero_one")
    cases.add("slice_update_dynamic", dynamic, vjp="f32,wide,zero_one")
    calls = GRIDS.replace("c64", "i64")
    cases.add("split", lambda a: mx.split(a, 2), calls, SMOOTH)
    cases.add("split_axis", lambda a: mx.split(a, 3, 1), calls + " c64", SMOOTH)
    cases.add("split_last", lambda a: mx.split(a, 2, -1), calls)
    cases.add("split_at", lambda a: mx.split(a, [1]), calls + " vector")
    cases.add("split_at_axis", lambda a: mx.split(a, [1, 1, 3], -1), calls + " vector", SMOOTH)
    cases.add("split_beyond", lambda a: mx.split(a, [1, 9], 1), "f32")
    cases.add("unstack", mx.unstack, calls + " vector empty", SMOOTH)
    cases.add("unstack_axis", lambda a: mx.unstack(a, axis=-2), calls + " hollow")
    return cases.file()


@golden("ops/joining")
def joining():
    cases = inputs()
    join = lambda *a: mx.concatenate(a, axis=None)  # noqa: E731
    pairs = "f32,f32 f32,i32 i32,i64 bool,u8 f16,f32 vector,pair empty,square square,empty"
    cases.add("concatenate", join, pairs + " f32 f32,f32,i32 hollow,f32", "f32,f32 vector,pair")
    last = lambda *a: mx.concatenate(a, axis=-1)  # noqa: E731
    calls = "f32,f32 matrix,column f16,i32 matrix,column,square"
    cases.add("concatenate_axis", last, calls, "f32,f32")
    stack = lambda *a: mx.stack(a)  # noqa: E731
    calls = "f32,f32 f32,i32 scalar,seven empty,empty vector bool,u8,i32 vector,pair"
    cases.add("stack", stack, calls, "f32,f32 vector")
    last = lambda *a: mx.stack(a, axis=-1)  # noqa: E731
    cases.add("stack_axis", last, calls, "f32,f32")
    modes = "f32 i32 bool c64 vector f16 empty"
    cases.add("pad_all", lambda a: mx.pad(a, 2), "f32 i32 vector scalar empty", SMOOTH)
    value = lambda a, v: mx.pad(a, 1, constant_values=v)  # noqa: E731
    cases.add("pad_value", value, "f32,scalar i32,seven f16,scalar bool,seven")
    cases.add("pad_pair", lambda a: mx.pad(a, (1, 2)), modes)
    each = lambda a: mx.pad(a, [(0, 1), (2, 0), (1, 1)])  # noqa: E731
    cases.add("pad_each", each, "f32 i32 hollow", SMOOTH)
    for mode in ("edge", "symmetric", "reflect"):
        cases.add(f"pad_{mode}", lambda a: mx.pad(a, 1, mode), "f32 i32 vector matrix", "f32")
        wide = lambda a: mx.pad(a, [(0, 1), (2, 2), (3, 2)], mode)  # noqa: E731
        cases.add(f"pad_{mode}_each", wide, "f32 bool", "f32")
    axes = lambda a, v: mx.pad(a, [(0, 0), (2, 1), (0, 1)], constant_values=v)  # noqa: E731
    cases.add("pad_axes", axes, "f32,scalar i32,seven")
    cases.add("repeat", lambda a: mx.repeat(a, 2), GRIDS + " scalar empty", SMOOTH)
    cases.add("repeat_axis", lambda a: mx.repeat(a, 3, -2), GRIDS, SMOOTH)
    cases.add("repeat_never", lambda a: mx.repeat(a, 0, 0), GRIDS)
    cases.add("tile", lambda a: mx.tile(a, [2, 1, 3]), GRIDS + " scalar empty", SMOOTH)
    cases.add("tile_fewer", lambda a: mx.tile(a, [2]), "f32 vector scalar", SMOOTH)
    cases.add("tile_more", lambda a: mx.tile(a, [2, 1, 1, 2]), "vector f32")
    cases.add("tile_never", lambda a: mx.tile(a, [0, 2]), "vector matrix")
    cases.add("roll", lambda a: mx.roll(a, 5), GRIDS + " scalar empty", SMOOTH)
    cases.add("roll_shifts", lambda a: mx.roll(a, (1, 2)), "f32 i32")
    cases.add("roll_axis", lambda a: mx.roll(a, -1, -1), GRIDS + " vector", SMOOTH)
    cases.add("roll_axes", lambda a: mx.roll(a, 2, (0, -1)), GRIDS)
    cases.add("roll_shifts_axis", lambda a: mx.roll(a, (1, 3), 1), "f32 i32")
    cases.add("roll_shifts_axes", lambda a: mx.roll(a, (1, -7), (1, 2)), GRIDS, SMOOTH)
    calls = "vector,pair pair,ints vector,pair,ints scalar,pair vector"
    cases.add("meshgrid", lambda *a: mx.meshgrid(*a), calls, "vector,pair")
    sparse = lambda *a: mx.meshgrid(*a, sparse=True)  # noqa: E731
    cases.add("meshgrid_sparse", sparse, calls)
    straight = lambda *a: mx.meshgrid(*a, indexing="ij")  # noqa: E731
    cases.add("meshgrid_ij", straight, calls)
    cases.add("diagonal", mx.diagonal, GRIDS + " square empty hollow vector", SMOOTH)
    cases.add("diagonal_axes", lambda a: mx.diagonal(a, 1, -1, 0), "f32 i32 bool", SMOOTH)
    cases.add("diagonal_below", lambda a: mx.diagonal(a, -1, 1, 2), "f32 i32")
    cases.add("diagonal_outside", lambda a: mx.diagonal(a, 9), "f32 matrix")
    cases.add("diag", mx.diag, "vector ints matrix square scalar f32 c64", "vector matrix")
    cases.add("diag_above", lambda a: mx.diag(a, 1), "vector ints matrix", "vector")
    cases.add("diag_below", lambda a: mx.diag(a, -2), "vector ints matrix")
    cases.add("trace", mx.trace, "square matrix f32 i32 bool f16 vector u8", "square f32")
    cases.add("trace_axes", lambda a: mx.trace(a, 1, -1, 0), "f32 i32 bool f16", SMOOTH)
    typed = lambda a: mx.trace(a, 0, 1, 2, dtype=mx.float32)  # noqa: E731
    cases.add("trace_dtype", typed, "f32 i32 bool f16")
    return cases.file()
