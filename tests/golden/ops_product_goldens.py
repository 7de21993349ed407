"""Products of ops.h, convolutions and the norms of fast.h.

The inputs are small multiples of 1/4, so that sums of products are exact in any order.
"""

import mlx.core as mx
import numpy as np

from cases import Cases
from common import golden


def steps(*shape):
    """Multiples of 1/4 in [-1.25, 1.5] that look drawn."""
    i = np.arange(np.prod(shape))
    return mx.array((((i * i * 3 + 5 * i) % 12 - 5) / 4).astype(np.float32).reshape(shape))


@golden("ops/products")
def products():
    a, b = steps(3, 4), steps(4, 2)
    cases = Cases(
        a=a,
        b=b,
        f16=a.astype(mx.float16),
        f16b=b.astype(mx.float16),
        bf16=a.astype(mx.bfloat16),
        bf16b=b.astype(mx.bfloat16),
        f64=a.astype(mx.float64),
        f64b=b.astype(mx.float64),
        c64=a + 1j * a[::-1],
        c64b=b - 1j * b[:, ::-1],
        i32=(4 * a).astype(mx.int32),
        i32b=(4 * b).astype(mx.int32),
        u8=mx.arange(12).reshape(3, 4).astype(mx.uint8),
        bool=a > 0,
        four=steps(4),
        f16four=steps(4).astype(mx.float16),
        three=steps(3),
        one=mx.ones((1,)),
        scalar=mx.array(1.5),
        batch=steps(2, 3, 4),
        batchb=steps(2, 4, 2),
        deep=steps(2, 1, 3, 4),
        column=steps(3, 1),
        none=mx.zeros((3, 0)),
        noneb=mx.zeros((0, 2)),
        hollow=mx.zeros((0, 4)),
        c=steps(3, 2),
        pair=steps(2),
        cube=steps(2, 3, 4),
        cube2=steps(3, 4, 2),
    )
    pairs = "a,b f16,f16b bf16,bf16b c64,c64b a,f16b f16,bf16b i32,i32b u8,i32b a,i32b c64,b "
    pairs += "a,four four,b four,four batch,b a,batchb batch,batchb deep,batchb batch,four "
    pairs += "four,batchb none,noneb hollow,b a,none a,a scalar,b a,scalar four,three f64,f64b"
    smooth = "a,b c64,c64b c64,b f16,f16b a,four four,b four,four batch,b a,batchb deep,batchb "
    smooth += "none,noneb"
    cases.add("matmul", mx.matmul, pairs, smooth)
    triples = "c,a,b pair,a,b scalar,a,b c,f16,f16b c64b2,c64,c64b three2,a,four c,a,batchb "
    triples += "c,i32,i32b three,a,b column,a,b four,four,four c,none,noneb"
    cases.inputs["c64b2"] = steps(3, 2) * (1 - 2j)
    cases.inputs["three2"] = steps(3)
    cases.add("addmm", mx.addmm, triples, "c,a,b pair,a,b column,a,b three2,a,four")
    scaled = lambda c, a, b: mx.addmm(c, a, b, alpha=0.5, beta=-2.0)  # noqa: E731
    # mlx's forward derivative leaves beta out.
    cases.add("addmm_scaled", scaled, triples, "c,a,b pair,a,b c,a,batchb", jvp=False)
    pairs = "a,a four,four a,four batch,a f16,f16four scalar,a scalar,scalar i32,i32 c64,c64 a,b"
    cases.add("inner", mx.inner, pairs + " hollow,a", "a,a four,a scalar,a")
    pairs = "four,three a,pair scalar,three f16four,three i32,i32b c64,three bool,u8 none,pair"
    cases.add("outer", mx.outer, pairs, "four,three a,pair")
    pairs = "cube,cube2 f16cube,cube2 c64,c64 i32,i32 a,a"
    cases.inputs["f16cube"] = steps(2, 3, 4).astype(mx.float16)
    cases.add("tensordot", mx.tensordot, pairs, "cube,cube2")
    cases.add("tensordot_none", lambda a, b: mx.tensordot(a, b, 0), "pair,three c,pair", "c,pair")
    cases.add("tensordot_one", lambda a, b: mx.tensordot(a, b, 1), "a,b cube,b four,four", "a,b")
    axes = lambda a, b: mx.tensordot(a, b, [[1, -1], [0, 1]])  # noqa: E731
    cases.add("tensordot_axes", axes, "cube,cube2", "cube,cube2")
    pairs = "a,a a,four four,a f16,f16four c64,c64 c64,four i32,i32 batch,a scalar,a a,three a,b"
    cases.add("vecdot", mx.vecdot, pairs + " hollow,hollow", "a,four")
    cases.add("vecdot_axis", lambda a, b: mx.vecdot(a, b, axis=-2), "a,a batch,a c64,c64", "a,a")
    pairs = "c,b pair,c scalar,c pair,scalar f16,pair i32,i32b c64,pair cube,pair none,pair bool,u8"
    cases.add("kron", mx.kron, pairs, "c,b pair,c")
    cases.add("depends", lambda a, b: mx.depends([a], [b]), "a,b i32,four", "a,b")
    return cases.file()


@golden("ops/convolutions")
def convolutions():
    cases = Cases(
        line=steps(2, 7, 4),
        taps=steps(6, 3, 4),
        grouped=steps(6, 3, 2),
        deep=steps(4, 3, 1),
        plane=steps(2, 6, 5, 2),
        kernel=steps(3, 3, 2, 2),
        wide=steps(2, 2, 2, 1),
        box=steps(1, 4, 3, 4, 2),
        cube=steps(2, 2, 2, 3, 2),
        taps_t=steps(4, 3, 3),
        empty=mx.zeros((0, 7, 4)),
    )
    for name in ("line", "taps", "plane", "kernel", "box", "cube"):
        cases.inputs[name + "16"] = cases.inputs[name].astype(mx.float16)
        cases.inputs[name + "b"] = cases.inputs[name].astype(mx.bfloat16)
        cases.inputs[name + "i"] = (4 * cases.inputs[name]).astype(mx.int32)

    def case(name, function, calls):
        cases.add(name, function, vjp=calls)

    one = "line,taps line16,taps16"
    case("conv1d", mx.conv1d, one)
    calls = "empty,taps lineb,tapsb line,taps16 linei,tapsi linei,taps line,grouped"
    cases.add("conv1d", mx.conv1d, calls)
    case("conv1d_stride", lambda x, w: mx.conv1d(x, w, 2, 1), one)
    case("conv1d_dilation", lambda x, w: mx.conv1d(x, w, padding=2, dilation=2), one)
    case("conv1d_groups", lambda x, w: mx.conv1d(x, w, 1, 1, 1, 2), "line,grouped")
    case("conv1d_depthwise", lambda x, w: mx.conv1d(x, w, 1, 1, 1, 4), "line,deep")
    cases.add("conv1d_groups", lambda x, w: mx.conv1d(x, w, 1, 1, 1, 2), "line,taps")
    two = "plane,kernel plane16,kernel16"
    case("conv2d", mx.conv2d, two)
    cases.add("conv2d", mx.conv2d, "planeb,kernelb plane,taps planei,kerneli")
    case("conv2d_pairs", lambda x, w: mx.conv2d(x, w, (2, 1), (1, 2), (1, 2)), two)
    case("conv2d_groups", lambda x, w: mx.conv2d(x, w, 1, 1, 1, 2), "plane,wide")
    three = "box,cube box16,cube16"
    case("conv3d", mx.conv3d, three)
    case("conv3d_triples", lambda x, w: mx.conv3d(x, w, (2, 1, 1), (1, 0, 2), (1, 1, 2)), three)
    general = mx.conv_general
    case("conv_general", general, one + " plane,kernel box,cube")
    f = lambda x, w: general(x, w, [2, 1], [1, 0], [1, 2], [1, 2], 1, True)  # noqa: E731
    case("conv_general_symmetric", f, two)
    f = lambda x, w: general(x, w, 1, ([0, 2], [3, 1]), 1, 2, 1, False)  # noqa: E731
    cases.add("conv_general_sides", f, two)  # mlx's gradient has another shape than the input
    f = lambda x, w: general(x, w, [2], ([1], [0]), [2], [1], 2, True)  # noqa: E731
    case("conv_general_groups", f, "line,grouped")
    f = lambda x, w: general(x, w, 1, ([-1, 0], [0, -2]))  # noqa: E731
    case("conv_general_crop", f, two)
    one = "line,taps line16,taps16"
    case("conv_transpose1d", mx.conv_transpose1d, one)
    case("conv_transpose1d_all", lambda x, w: mx.conv_transpose1d(x, w, 2, 1, 2, 1), one)
    f = lambda x, w: mx.conv_transpose1d(x, w, 2, 0, 1, 0, 2)  # noqa: E731
    cases.add("conv_transpose1d_groups", f, "line,grouped")
    case("conv_transpose2d", mx.conv_transpose2d, two)
    f = lambda x, w: mx.conv_transpose2d(x, w, (2, 1), (1, 2), (1, 2), (1, 0))  # noqa: E731
    case("conv_transpose2d_all", f, two)
    case("conv_transpose3d", mx.conv_transpose3d, three)
    f = lambda x, w: mx.conv_transpose3d(x, w, (2, 1, 2), (1, 0, 1), 1, (0, 0, 1))  # noqa: E731
    case("conv_transpose3d_all", f, three)
    return cases.file()


@golden("ops/norms")
def norms():
    x = mx.array(np.cos(np.arange(30) * 1.7).reshape(2, 3, 5).astype(np.float32)) * 3 + 0.5
    weight, bias = x[0, 0] + 1, x[1, 2] / 2
    cases = Cases(
        x=x,
        w=weight,
        b=bias,
        x16=x.astype(mx.float16),
        w16=weight.astype(mx.float16),
        b16=bias.astype(mx.float16),
        xb=x.astype(mx.bfloat16),
        wb=weight.astype(mx.bfloat16),
        bb=bias.astype(mx.bfloat16),
        row=x[0, 1],
        large=x * 1e4 + 1e5,
        empty=mx.zeros((0, 5)),
        scalar=mx.array(1.0),
        four=weight[:4],
        ints=(x * 4).astype(mx.int32),
    )
    calls = "x,w x16,w16 xb,wb x16,w row,w large,w empty,w scalar,w x,four x,x ints,w"
    rms, layer = mx.fast.rms_norm, mx.fast.layer_norm
    cases.add("rms_norm", lambda x, w: rms(x, w, 1e-5), calls, "x,w row,w")
    plain = "x x16 xb row large empty scalar"
    cases.add("rms_norm_plain", lambda x: rms(x, None, 1e-5), plain, "x row")
    cases.add("rms_norm_eps", lambda x, w: rms(x, w, 0.5), "x,w", "x,w")
    calls = "x,w,b x16,w,b row,w,b empty,w,b scalar,w,b x,four,b x,w,four"
    half = "x16,w16,b16 xb,wb,bb"  # mlx rounds in between
    cases.add("layer_norm_half", lambda x, w, b: layer(x, w, b, 1e-5), half)
    cases.add("layer_norm", lambda x, w, b: layer(x, w, b, 1e-5), calls, "x,w,b row,w,b")
    cases.add("layer_norm_plain", lambda x: layer(x, None, None, 1e-5), plain, "x row")
    cases.add("layer_norm_weight", lambda x, w: layer(x, w, None, 1e-5), "x,w x16,w16", "x,w")
    cases.add("layer_norm_bias", lambda x, b: layer(x, None, b, 1e-5), "x,b", "x,b")
    cases.add("layer_norm_eps", lambda x, w, b: layer(x, w, b, 0.5), "x,w,b", "x,w,b")
    return cases.file()
