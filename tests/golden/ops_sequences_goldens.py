"""Functions of ops.h about differences, sorted sequences, windows and bits."""

import mlx.core as mx

from cases import Cases
from common import golden
from ops_product_goldens import steps

GRIDS = "f32 f16 bf16 i32 u8 bool"


@golden("ops/sequences")
def sequences():
    f32 = mx.array([[0.5, -1.25, 2.0, 0.5], [1.5, 0.75, -0.5, 1.0], [-2.0, 1.125, 0.25, 2.0]])
    i32 = (f32 * 4).astype(mx.int32)
    cases = Cases(
        f32=f32,
        f16=f32.astype(mx.float16),
        bf16=f32.astype(mx.bfloat16),
        i32=i32,
        u8=i32.astype(mx.uint8),
        bool=f32 > 0.5,
        c64=f32 + 1j * f32[::-1],
        scalar=mx.array(0.75),
        row=f32[0],
        empty=mx.zeros((0, 4)),
        sorted=mx.array([-1.0, 0.0, 0.5, 0.5, 2.0]),
        sorted16=mx.array([-1.0, 0.0, 0.5, 0.5, 2.0], dtype=mx.float16),
        sortedi=mx.array([-3, 0, 2, 2, 8]),
        nothing=mx.zeros((0,)),
        mask=mx.array([[True, False, True, False], [False] * 4, [True, True, False, True]]),
        rows=mx.array([True, False, True]),
        source=mx.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]),
        pair=-f32[:2],
        single=mx.array([[7.0], [8.0]]),
        one=mx.array([9.0]),
        cube=f32[None],
        source16=mx.array([10.0, 20.0, 30.0, 40.0, 50.0], dtype=mx.float16),
        sourcei=mx.array([10, 20, 30, 40, 50]),
        eights=steps(2, 3, 8),
        twelve=steps(2, 12),
        codes=mx.array([0, 1, 8, 57, 120, 126, 128, 200, 254], dtype=mx.uint8),
        wide=mx.array([0.0, 0.1, -1.3, 447.0, 500.0, -1e4, 0.002, 1e-4]),
    )
    calls = GRIDS + " c64 row empty"
    cases.add("diff", lambda a: mx.diff(a), calls, "f32 f16")
    cases.add("diff_axis", lambda a: mx.diff(a, n=2, axis=0), GRIDS + " c64", "f32")
    cases.add("diff_far", lambda a: mx.diff(a, n=9, axis=0), "f32 i32")
    pairs = "sorted,f32 sorted16,f16 sortedi,i32 sorted,scalar sorted,i32 nothing,f32 sorted,empty"
    for side in ("left", "right"):
        search = lambda a, v: mx.searchsorted(a, v, side=side)  # noqa: E731
        cases.add(f"searchsorted_{side}", search, pairs)
    for name in ("uint8", "uint16", "int32", "float16"):
        dtype = getattr(mx, name)
        cases.add(f"view_{name}", lambda a: a.view(dtype), "f32 f16 i32 u8 c64 row empty")
    for name in ("hanning", "hamming", "bartlett", "blackman"):
        cases.add(name, lambda: getattr(mx, name)(7))
        cases.add(f"{name}_1", lambda: getattr(mx, name)(1))
        cases.add(f"{name}_0", lambda: getattr(mx, name)(0))

    def masked(a, mask, source):
        out = mx.array(a)
        out[mask] = source
        return out

    calls = "f32,mask,source f16,mask,source16 i32,mask,sourcei f32,mask,scalar f32,rows,pair "
    calls += "f32,rows,row f32,rows,single f32,rows,one f32,rows,scalar f32,mask,f32 f32,rows,cube"
    cases.add("masked_scatter", masked, calls, "f32,rows,pair f32,mask,source")
    cases.add("hadamard", lambda a: mx.hadamard_transform(a), "eights twelve", "eights")
    cases.add("hadamard_scale", lambda a: mx.hadamard_transform(a, 0.25), "eights twelve f16 i32")
    cases.add("to_fp8", mx.to_fp8, "f32 f16 bf16 wide row empty")
    cases.add("from_fp8", lambda a: mx.from_fp8(a, mx.float32), "codes")
    cases.add("from_fp8_half", lambda a: mx.from_fp8(a, mx.bfloat16), "codes")
    return cases.file()
