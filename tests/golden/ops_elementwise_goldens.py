"""Functions of ops.h that work element by element."""

import math

import mlx.core as mx

from cases import Cases
from common import golden

INF, NAN = math.inf, math.nan
ONE = "f32 f16 bf16 f64 i32 u8 i64 bool c64 scalar empty"
FEW = "f32 f16 bf16 i32 u8 i64 bool c64 scalar empty"  # mlx computes float64 in float32
REAL = "f32 f16 bf16 i32 u8 bool scalar empty"


def ones():
    """Inputs of functions of one array; the grids have shape (3, 4)."""
    floats = [-INF, -3.5, -1.0, -0.5, -0.0, 0.25, 0.5, 1.0, 1.5, 20.0, INF, NAN]
    f32 = mx.array(floats).reshape(3, 4)
    return Cases(
        f32=f32,
        f16=f32.astype(mx.float16),
        bf16=f32.astype(mx.bfloat16),
        f64=f32.astype(mx.float64),
        i32=mx.array([-80, -7, -3, -2, -1, 0, 1, 2, 3, 5, 8, 100]).reshape(3, 4),
        u8=mx.array([0, 1, 2, 3, 5, 7, 8, 100, 127, 128, 200, 255], dtype=mx.uint8).reshape(3, 4),
        i64=mx.array([-(2**40), -1, 0, 1, 2, 2**40], dtype=mx.int64).reshape(2, 3),
        bool=mx.array([[True, False], [False, True]]),
        c64=mx.array([[1 + 2j, -1.5 + 0.5j, 0j], [3 - 4j, -2 + 0j, 0.5j]]),
        scalar=mx.array(0.5),
        empty=mx.zeros((0, 3)),
        line=mx.array([[-2.5, -1.0, -0.5, 0.0], [0.25, 1.0, 1.5, 3.0]]),
        unit=mx.array([[-0.9, -0.5, 0.0], [0.25, 0.5, 0.75]]),
        positive=mx.array([[0.1, 0.5, 1.0], [1.5, 2.0, 30.0]]),
        above=mx.array([[1.25, 1.5, 2.0], [3.0, 10.0, 100.0]]),
        halves=mx.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
        f16line=mx.array([-2.5, -0.5, 0.0, 0.75], dtype=mx.float16),
        bf16line=mx.array([-2.5, -0.5, 0.0, 0.75], dtype=mx.bfloat16),
        c64line=mx.array([1 + 2j, -1.5 + 0.5j, 0.25 - 1j, -0.5 - 0.75j]),
        tiny=mx.array([1e-45, -1e-40, 1.2e-38, 1e-20, 1e-7]),
        huge=mx.array([1e10, -1e20, 3.4e38, 80.0, -80.0]),
    )


@golden("ops/unary")
def unary():
    cases = ones()
    line = "line f16line bf16line scalar empty"
    for name in "abs negative square expm1 sinh cosh arctan arcsinh degrees radians".split():
        cases.add(name, getattr(mx, name), ONE + " tiny", vjp=line)
    for name in "exp sin cos sigmoid".split():
        cases.add(name, getattr(mx, name), FEW + " tiny", vjp=line)
    cases.add("erf", mx.erf, FEW, vjp=line)  # of tiny numbers mlx's is 0
    for name in "positive stop_gradient".split():
        cases.add(name, getattr(mx, name), ONE, vjp=line)
    # The derivative of tanh is computed from its result, which is coarse in half precision.
    cases.add("tanh", mx.tanh, ONE + " tiny", vjp="line scalar empty")
    for name in "ceil floor trunc sign".split():
        cases.add(name, getattr(mx, name), ONE + " halves tiny huge", vjp=line)
    for name in "sqrt rsqrt log log2 log10 reciprocal".split():
        cases.add(name, getattr(mx, name), ONE + " tiny", vjp="positive scalar")
    cases.add("log1p", mx.log1p, ONE + " tiny", vjp="unit")
    for name in "arcsin arccos arctanh".split():
        cases.add(name, getattr(mx, name), ONE + " unit", vjp="unit")
    cases.add("erfinv", mx.erfinv, FEW + " unit", vjp="unit")
    cases.add("arccosh", mx.arccosh, ONE, vjp="above")
    cases.add("tan", mx.tan, ONE, vjp="unit")
    for name in "exp tanh sigmoid square sqrt log".split():
        cases.add(name, getattr(mx, name), "huge")
    for name in "conjugate real imag".split():
        cases.add(name, getattr(mx, name), ONE, vjp="line c64line")
    smooth = "abs negative square exp sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh "
    smooth += "arccosh arctanh log log2 log10 log1p sqrt rsqrt reciprocal"
    for name in smooth.split():
        cases.add(name, getattr(mx, name), vjp="c64line")
    for name in "logical_not bitwise_invert isnan isinf isfinite isposinf isneginf".split():
        cases.add(name, getattr(mx, name), ONE)
    cases.add("round", mx.round, ONE + " halves huge", vjp="line")
    cases.add("round_decimals", lambda a: mx.round(a, 1), FEW + " positive", vjp="line")
    cases.add("round_tens", lambda a: mx.round(a, -1), FEW.replace("bool", ""))
    cases.add("nan_to_num", mx.nan_to_num, FEW, vjp="line")
    cases.add("nan_to_num_values", lambda a: mx.nan_to_num(a, 2.5, 7.0, -3.0), REAL)
    # A number of C++ is an array of its own dtype; Python's would take that of the other operand.
    half, one, hundred = mx.array(0.5), mx.array(1), mx.array(100)
    low, high = mx.array(-1.0), mx.array(1.0)
    cases.add("clip_both", lambda a: mx.clip(a, low, high), REAL + " c64", vjp="line f16line")
    cases.add("clip_ints", lambda a: mx.clip(a, one, hundred), REAL + " i64")
    cases.add("clip_min", lambda a: mx.clip(a, half, None), REAL, vjp="line")
    cases.add("clip_max", lambda a: mx.clip(a, None, one), REAL, vjp="line")
    cases.add("operator-", lambda a: -a, ONE)
    cases.add("operator~", lambda a: ~a, "i32 u8 bool i64 f32")
    cases.add("1/x", lambda a: mx.divide(mx.array(1.0), a), ONE)
    cases.add("x/2", lambda a: mx.divide(a, mx.array(2.0)), ONE)
    cases.add("x+1", lambda a: a + mx.array(1), ONE)
    for name in "bool_ uint8 int32 int64 float16 bfloat16 float32 float64 complex64".split():
        calls = "scalar empty bool u8 positive c64"  # what every dtype holds but for the fraction
        calls += "" if name == "uint8" else " i32 halves f16line bf16line"
        smooth = "line f16line" if name in ("float16", "bfloat16", "float32") else ""
        dtype = getattr(mx, name)
        cases.add(f"astype_{name}", lambda a, dtype=dtype: a.astype(dtype), calls, vjp=smooth)
    return cases.file()


def twos():
    """Inputs of functions of two arrays; integer divisors are not zero."""
    a = mx.array([[1.0, -2.5, 0.0, 3.0], [-INF, INF, NAN, 4.0], [5.5, -7.0, 1e-3, 2.0]])
    b = mx.array([[1.0, 2.0, -1.0, 3.0], [INF, 1.0, 2.0, NAN], [-2.0, -3.0, 1e3, 0.5]])
    i, j = [[7, -7, 0, 2**30], [-5, 5, 3, 1]], [[2, 2, -3, 4], [-5, -2, 3, 1]]
    u, v = [[7, 200, 0, 255], [5, 9, 3, 1]], [[2, 100, 3, 1], [5, 2, 7, 1]]
    return Cases(
        f32=a,
        f32b=b,
        f16=a.astype(mx.float16),
        f16b=b.astype(mx.float16),
        bf16=a.astype(mx.bfloat16),
        bf16b=b.astype(mx.bfloat16),
        f64=a.astype(mx.float64),
        f64b=b.astype(mx.float64),
        i32=mx.array(i),
        i32b=mx.array(j),
        i64=mx.array(i, dtype=mx.int64) * 2**20,
        i64b=mx.array(j, dtype=mx.int64),
        u8=mx.array(u, dtype=mx.uint8),
        u8b=mx.array(v, dtype=mx.uint8),
        bool=mx.array([True, True, False, False]),
        boolb=mx.array([True, False, True, False]),
        c64=mx.array([1 + 2j, -1.5 + 0.5j, 0j, 3 - 4j]),
        c64b=mx.array([1 + 2j, 2 - 1j, 1 + 0j, 0.5j]),
        row=mx.array([1.0, -2.0, 0.5, 3.0]),
        column=mx.array([[2.0], [-1.0], [4.0]]),
        scalar=mx.array(2.0),
        empty=mx.zeros((0, 4)),
        x=mx.array([[0.5, -1.5, 2.0, 3.0], [1.0, -0.25, 0.75, -2.0]]),
        y=mx.array([[2.0, -1.5, 0.5, 3.0], [1.0, 1.25, -0.75, 0.5]]),
        p=mx.array([[0.5, 1.5, 2.0, 3.0], [1.0, 0.25, 0.75, 2.0]]),
        shift=mx.array([[0, 1, 2, 3], [4, 5, 6, 7]]),
        u8shift=mx.array([[0, 1, 2, 3], [4, 5, 6, 7]], dtype=mx.uint8),
        exponent=mx.array([[0, 1, 2, 3], [4, 5, 0, 7]]),
        true=mx.array([[True, False, True, False], [False, False, True, True]]),
    )


PAIRS = (
    "f32,f32b f16,f16b bf16,bf16b f64,f64b i32,i32b i64,i64b u8,u8b bool,boolb c64,c64b "
    "f32,row column,row row,column scalar,f32 f32,scalar empty,row x,i32b i32,row u8,i32b "
    "bool,f16b f16,bf16b c64,row u8,i64b"
)


@golden("ops/binary")
def binary():
    cases = twos()
    smooth = "x,y row,column scalar,x empty,row"
    for name in "add subtract multiply divide".split():
        cases.add(name, getattr(mx, name), PAIRS, vjp=smooth + " c64,c64b c64,row")
    for name in "maximum minimum arctan2".split():
        cases.add(name, getattr(mx, name), PAIRS, vjp=smooth)
    cases.add("logaddexp", mx.logaddexp, PAIRS.replace("f64,f64b", ""), vjp=smooth)
    cases.add("remainder", mx.remainder, PAIRS.replace("bool,boolb", ""), vjp="x,y p,y")
    cases.add("floor_divide", mx.floor_divide, PAIRS.replace("bool,boolb", ""), vjp="x,y")
    cases.add("divmod", lambda a, b: mx.divmod(a, b), PAIRS.replace("bool,boolb", ""))
    floats = "f32,f32b f16,f16b bf16,bf16b f64,f64b c64,c64b column,row u8,u8shift bool,boolb "
    calls = floats + "i32,exponent i64,exponent x,exponent p,scalar empty,row"
    cases.add("power", mx.power, calls, vjp="p,y p,scalar scalar,x")
    for name in "equal not_equal greater greater_equal less less_equal".split():
        cases.add(name, getattr(mx, name), PAIRS)
    for name in "logical_and logical_or".split():
        cases.add(name, getattr(mx, name), PAIRS)
    cases.add("logical_xor", mx.logical_xor, "bool,boolb true,boolb i32,i32b f32,row")
    integers = "i32,i32b i64,i64b u8,u8b bool,boolb u8,i32b i32,shift x,y"
    for name in "bitwise_and bitwise_or bitwise_xor".split():
        cases.add(name, getattr(mx, name), integers)
    for name in "left_shift right_shift".split():
        cases.add(name, getattr(mx, name), "i32,shift u8,u8shift i64,shift u8,shift x,y")
    operators = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "%": lambda a, b: a % b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    for symbol, function in operators.items():
        cases.add(f"operator{symbol}", function, "x,y i32,i32b u8,row column,row")
    cases.add("operator&", lambda a, b: a & b, "i32,i32b bool,boolb")
    cases.add("operator|", lambda a, b: a | b, "i32,i32b bool,boolb")
    cases.add("operator^", lambda a, b: a ^ b, "i32,i32b bool,boolb")
    cases.add("operator<<", lambda a, b: a << b, "i32,shift u8,u8shift")
    cases.add("operator>>", lambda a, b: a >> b, "i32,shift u8,u8shift")
    cases.add("operator&&", mx.logical_and, "f32,f32b bool,boolb")
    cases.add("operator||", mx.logical_or, "f32,f32b bool,boolb")
    cases.add("isclose", mx.isclose, PAIRS)
    cases.add("isclose_tolerance", lambda a, b: mx.isclose(a, b, 0.5, 0.25), "f32,f32b x,y")
    cases.add("isclose_nan", lambda a, b: mx.isclose(a, b, equal_nan=True), "f32,f32 c64,c64")
    cases.add("allclose", mx.allclose, "f32,f32 x,x x,y x,scalar empty,row c64,c64 i32,i32")
    cases.add("allclose_nan", lambda a, b: mx.allclose(a, b, equal_nan=True), "f32,f32 f32,f32b")
    cases.add("allclose_tolerance", lambda a, b: mx.allclose(a, b, 1.0, 2.0), "x,y x,p")
    calls = "f32,f32 x,x x,y x,row i32,i32 i32,x c64,c64 empty,empty scalar,row bool,bool"
    cases.add("array_equal", mx.array_equal, calls)
    f = lambda a, b: mx.array_equal(a, b, equal_nan=True)  # noqa: E731
    cases.add("array_equal_nan", f, "f32,f32 f32,f32b f16,f16 f64,f64 x,x")
    choices = "true,x,y true,row,scalar boolb,column,row boolb,i32,x shift,x,y boolb,u8,i32 "
    choices += "boolb,c64,row boolb,bool,boolb boolb,f16,bf16 x,i32,i64"
    cases.add("where", mx.where, choices, vjp="true,x,y boolb,column,row true,row,scalar")
    limits = "x,column2,row x,y,p"
    cases.inputs["column2"] = mx.array([[-1.0], [0.5]])
    cases.add("clip", mx.clip, limits + " i32,i32b,shift f16,scalar,row", vjp=limits)
    return cases.file()
