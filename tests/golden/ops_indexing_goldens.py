"""Functions of ops.h that gather, scatter and take; x[...] and x.at[...]."""

import mlx.core as mx
import numpy as np

from cases import Cases
from common import golden

GRIDS = "f32 f16 i32 u8 bool"


def inputs():
    """Grids of shape (3, 4, 2); updates are named after their rows; indices are in bounds."""
    i32 = mx.arange(24).reshape(3, 4, 2)
    f32 = (i32 * 7 % 24).astype(mx.float32) / 4 - 2
    updates = mx.array(np.linspace(-3, 3, 24).reshape(3, 4, 2).astype(np.float32))
    return Cases(
        f32=f32,
        f16=f32.astype(mx.float16),
        i32=i32,
        u8=i32.astype(mx.uint8),
        bool=i32 % 3 == 0,
        c64=f32 - 1j * f32,
        matrix=f32[:, :, 0],
        index=mx.array([2, 0, 2]),
        distinct=mx.array([2, 0]),
        bytes=mx.array([1, 2, 0], dtype=mx.uint8),
        wide=mx.array([0, -1, 1], dtype=mx.int64),
        negative=mx.array([-1, 0, -3]),
        grid=mx.array([[0, 2, 1], [1, 0, 1]]),
        grid2=mx.array([[3, 0, 1], [1, 2, -1]]),
        tower=mx.array([[1], [0]]),
        number=mx.array(1),
        none=mx.zeros((0,), dtype=mx.int32),
        mask=mx.array([True, False, True]),
        mask2=mx.array([[True, False, True, True], [False] * 4, [True, False, False, False]]),
        rows0=mx.array([[0, 2, 1, -1], [1, 1, 0, -3]]),
        last=mx.array([[0, 3, 3], [1, -1, 0], [2, 2, 2]]),
        once=mx.array([[0, 3], [1, -1], [2, 0]]),
        u3=updates,
        u2=updates[:2],
        u33=updates.flatten()[:9].reshape(3, 3),
        u32=updates.flatten()[:6].reshape(3, 2),
        u322=updates[:, :2],
        u332=updates[:, 1:],
        int332=(updates[:, 1:] * 2).astype(mx.int32),
        none3=mx.zeros((0, 4, 2)),
        one=updates[0],
        bit=mx.array([1, 0, 1]),
        half3=updates.astype(mx.float16),
        int3=(updates * 2).astype(mx.int32),
        row=mx.array([1.5, -0.5]),
        scalar=mx.array(2.0),
        seven=mx.array(7),
    )


def set_at(a, index, u):
    out = mx.array(a)
    out[index] = u
    return out


UPDATES = {
    "set": set_at,
    "add": lambda a, index, u: a.at[index].add(u),
    "subtract": lambda a, index, u: a.at[index].subtract(u),
    "multiply": lambda a, index, u: a.at[index].multiply(u),
    "divide": lambda a, index, u: a.at[index].divide(u),
    "maximum": lambda a, index, u: a.at[index].maximum(u),
    "minimum": lambda a, index, u: a.at[index].minimum(u),
}


@golden("ops/gathers")
def gathers():
    """gather and scatter, which Python has not, as the x[...] and x.at[...] they stand for."""
    cases = inputs()
    every = "f32,index f16,index i32,index u8,index bool,index c64,index f32,bytes f32,wide "
    every += "f32,negative f32,grid f32,number f32,none"
    smooth = "f32,index f32,grid f32,negative"
    cases.add("gather", lambda a, i: mx.expand_dims(a[i], i.ndim), every, smooth)

    def part(a, i):
        return mx.expand_dims(a[:2][:, i][..., :1].moveaxis(0, -2), i.ndim + 1)

    cases.add("gather_axis", part, "f32,index i32,grid", "f32,grid")
    pairs = "f32,grid,grid2 f32,number,index i32,tower,index u8,index,index"
    two = lambda a, i, j: mx.expand_dims(a[i, j], (-3, -2))  # noqa: E731
    cases.add("gather_two", two, pairs, "f32,grid,grid2")
    cases.add("take", mx.take, "matrix,index i32,grid f16,number f32,none f32,bytes", "matrix,grid")
    cases.add("take_number", lambda a: mx.take(a, 5), GRIDS, "f32")
    cases.add("take_back", lambda a: mx.take(a, -2), GRIDS)
    cases.add("take_axis", lambda a, i: mx.take(a, i, axis=0), every, smooth)
    cases.add("take_middle", lambda a, i: mx.take(a, i, axis=-2), every, "f32,grid")
    cases.add("take_number_axis", lambda a: mx.take(a, -2, axis=1), GRIDS, "f32")
    f = lambda a, i: mx.take_along_axis(a, i, axis=0)  # noqa: E731
    cases.add("take_along_axis", f, "matrix,rows0", "matrix,rows0")
    f = lambda a, i: mx.take_along_axis(a, i, axis=-1)  # noqa: E731
    cases.add("take_along_last", f, "matrix,last i32,once", "matrix,last")
    f = lambda a, i, u: mx.put_along_axis(a, i, u, axis=-1)  # noqa: E731
    cases.add("put_along_axis", f, "matrix,once,u32 matrix,once,scalar", "matrix,once,u32")

    def add_along(a, i, u):
        a, i, u = np.array(a), np.array(i), np.array(u)
        np.add.at(a, (np.arange(3)[:, None], i), u)
        return mx.array(a)

    cases.add("scatter_add_axis", add_along, "matrix,last,u33 matrix,last,scalar")
    # The updates' indices in front, then a slice of size 1 along the indexed axis.
    middle = lambda i: (slice(None), i)  # noqa: E731
    cases.add("scatter", UPDATES["set"], "f32,distinct,u2 f32,none,none3", "f32,distinct,u2")
    f = lambda a, i, u: UPDATES["set"](a, middle(i), u)  # noqa: E731
    cases.add("scatter_middle", f, "f32,distinct,u322 u8,distinct,u322", "f32,distinct,u322")
    smooth = {"add": "f32,index,u3", "max": "f32,index,u3", "min": "f32,index,u3"}
    methods = {"add": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
    for name, method in methods.items():
        calls = "f32,index,u3 f16,index,half3 i32,index,int3 f32,none,none3 f32,number,one"
        cases.add(f"scatter_{name}", UPDATES[method], calls, smooth.get(name, ""))
        f = lambda a, i, u: UPDATES[method](a, middle(i), u)  # noqa: E731
        cases.add(f"scatter_{name}_middle", f, "f32,index,u332 i32,index,int332")
    return cases.file()


@golden("ops/indexing")
def indexing():
    cases = inputs()
    every = "f32 i32 bool"
    cases.add("x[1]", lambda a: a[1], GRIDS + " c64", "f32")
    cases.add("x[-1,2]", lambda a: a[-1, 2], every)
    cases.add("x[...,0]", lambda a: a[..., 0], every, "f32")
    cases.add("x[None]", lambda a: a[None], every)
    cases.add("x[1,None,...,None]", lambda a: a[1, None, ..., None], every)
    cases.add("x[1:]", lambda a: a[1:], every)
    cases.add("x[:,::-1]", lambda a: a[:, ::-1], every, "f32")
    cases.add("x[::-2,3:0:-2]", lambda a: a[::-2, 3:0:-2], every)
    cases.add("x[-2:,-100:100,1:0]", lambda a: a[-2:, -100:100, 1:0], every)
    cases.add("x[i]", lambda a, i: a[i], "f32,index i32,grid f16,number f32,none bool,bytes")
    cases.add("x[i]", lambda a, i: a[i], "f32,negative c64,wide", "f32,index")
    cases.add("x[:,i]", lambda a, i: a[:, i], "f32,index i32,grid f32,number", "f32,grid")
    cases.add("x[i,...,None]", lambda a, i: a[i, ..., None], "f32,index f32,grid")
    cases.add("x[i,::-1]", lambda a, i: a[i, ::-1], "f32,index f32,grid")
    cases.add("x[i,1]", lambda a, i: a[i, 1], "f32,index f32,grid")
    pairs = "f32,grid,grid2 f32,index,index i32,tower,index f32,number,grid"
    cases.add("x[i,j]", lambda a, i, j: a[i, j], pairs, "f32,grid,grid2")
    cases.add("x[i,:,j]", lambda a, i, j: a[i, :, j], "f32,index,bit f32,tower,bit i32,grid,bit")
    cases.add("x[None,i,j,0]", lambda a, i, j: a[None, i, j, 0], pairs)
    for name, f in UPDATES.items():
        smooth = name in ("set", "add", "subtract", "maximum", "minimum")
        once = "distinct" if name == "set" else "index"
        # Python casts a float32 to the dtype of a; integers do not divide.
        integers = "" if name == "divide" else " i32,row i32,seven u8,seven"
        calls = "f32,row f32,scalar f16,row" + integers
        cases.add(f"at_1_{name}", lambda a, u: f(a, 1, u), calls, "f32,row" if smooth else "")
        cases.add(f"at_part_{name}", lambda a, u: f(a, np.s_[1:, ::-2], u), calls)
        last = "f32,seven f32,scalar f16,seven" + integers.replace("row", "seven")
        cases.add(f"at_last_{name}", lambda a, u: f(a, np.s_[..., -1], u), last)
        whole = "u2" if name == "set" else "u3"
        typed = "f16" if name == "divide" else "i32"
        calls = f"f32,{once},row f32,{once},scalar {typed},{once},seven f32,{once},{whole}"
        cases.add(f"at_i_{name}", f, calls, f"f32,{once},row" if smooth else "")
        pairs = "f32,grid,grid2,row f32,index,index,u32"
        pairs = "f32,distinct,number,row" if name == "set" else pairs
        both = lambda a, i, j, u: f(a, (i, j), u)  # noqa: E731
        cases.add(f"at_ij_{name}", both, pairs)
        apart = lambda a, i, j, u: f(a, (i, slice(1, None), j), u)  # noqa: E731
        calls = "f32,distinct,number,scalar" if name == "set" else "f32,index,bit,u33"
        cases.add(f"at_i_part_j_{name}", apart, calls)
    masked = "f32,mask,scalar f32,mask,row i32,mask,seven f16,mask,row f32,mask2,row "
    masked += "f32,mask2,scalar"
    cases.add("at_mask_set", UPDATES["set"], masked)
    return cases.file()
