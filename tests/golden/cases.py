"""Tables of calls: the files that tests/ops/golden/cases.h reads.

A file holds inputs under short names and results under the calls that made them: "add(f32,row)",
with "[0]", "[1]" behind it where the function returns several arrays. "vjp add(f32,row)[i]" is the
gradient in the i-th input of a floating or complex dtype, for the cotangent that `direction` gives,
"jvp ..." the derivative of the outputs along such tangents. "refuse negative(bool)" holds mlx's
message.
"""

import mlx.core as mx

INEXACT = (mx.float16, mx.bfloat16, mx.float32, mx.float64, mx.complex64)


def direction(shape, dtype):
    """(7 i + 3) mod 11 / 4 - 1.25 at the i-th element, which every floating dtype holds exactly;
    1 - 0.5j times that where it is complex."""
    size = 1
    for n in shape:
        size *= n
    numbers = (((7 * mx.arange(size) + 3) % 11) / 4 - 1.25).astype(dtype).reshape(shape)
    return numbers * mx.array(1 - 0.5j) if dtype == mx.complex64 else numbers


def several(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


class Cases:
    def __init__(self, **inputs):
        self.inputs = {name: mx.array(value) for name, value in inputs.items()}
        self.used = set()
        self.results = {}

    def add(self, name, function, calls="", vjp="", jvp=True):
        """The function over each of `calls`, lists of inputs as in "f32,row i32,row" (without any:
        called with none), and its derivatives over each of `vjp`: backwards, and forwards where
        `jvp` and mlx has it."""
        for call in calls.split() if calls or vjp else [""]:
            self.call(name, function, call)
        for call in vjp.split():
            if self.call(name, function, call):
                self.differentiate(name, function, call, jvp)

    def take_inputs(self, call):
        names = [name for name in call.split(",") if name]
        self.used.update(names)
        return [self.inputs[name] for name in names]

    def store(self, key, outputs):
        assert key not in self.results and f"{key}[0]" not in self.results, key
        if isinstance(outputs, (list, tuple)):
            self.results |= {f"{key}[{i}]": output for i, output in enumerate(outputs)}
        else:
            self.results[key] = outputs

    def call(self, name, function, call):
        """Keeps what the function returns; whether it returned."""
        key = f"{name}({call})"
        if key in self.results or f"{key}[0]" in self.results:
            return True
        inputs = self.take_inputs(call)
        try:
            outputs = function(*inputs)
            mx.eval(outputs)
        except (ValueError, RuntimeError, IndexError, OverflowError) as error:
            message = str(error).encode()
            self.results[f"refuse {key}"] = mx.array(list(message), dtype=mx.uint8)
            return False
        self.store(key, outputs)
        return True

    def differentiate(self, name, function, call, jvp):
        inputs = self.take_inputs(call)
        places = [i for i, x in enumerate(inputs) if x.dtype in INEXACT]

        def of_floats(*floats):
            given = list(inputs)
            for i, x in zip(places, floats):
                given[i] = x
            return several(function(*given))

        floats = [inputs[i] for i in places]
        along = [direction(x.shape, x.dtype) for x in floats]
        cotangents = [direction(y.shape, y.dtype) for y in of_floats(*floats)]
        _, gradients = mx.vjp(of_floats, floats, cotangents)
        mx.eval(gradients)
        self.store(f"vjp {name}({call})", list(gradients))
        if not jvp:
            return
        try:
            _, tangents = mx.jvp(of_floats, floats, along)
            mx.eval(tangents)
        except (ValueError, RuntimeError):  # mlx has none
            return
        self.store(f"jvp {name}({call})", list(tangents))

    def file(self):
        return {name: self.inputs[name] for name in sorted(self.used)} | self.results
