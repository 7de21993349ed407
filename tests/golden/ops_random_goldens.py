"""Draws of random.h; bits, which Python has not, are in tests/random."""

import mlx.core as mx

from cases import Cases
from common import golden


@golden("ops/random")
def draws():
    random = mx.random
    cases = Cases(
        key=random.key(7),
        low=mx.array([-1.0, 0.0, 2.0]),
        high=mx.array([[1.0], [10.0]]),
        low16=mx.array([-1.0, 0.0], dtype=mx.float16),
        from_=mx.array([0, -5, 3]),
        to=mx.array([[7], [2]]),
        p=mx.array([0.1, 0.5, 0.9, 0.0, 1.0]),
        logits=mx.array([[0.5, -1.0, 3.0, 0.0], [1.0, 1.0, -20.0, 2.0], [0.0, 0.0, 0.0, 9.0]]),
        grid=mx.arange(12).reshape(4, 3),
        narrow=mx.array([0.5, 1.0]),
        wide=mx.array([0.75, 4.0]),
        empty=mx.zeros((0, 3)),
    )

    def draw(name, function, calls="key"):
        cases.add(name, function, calls)

    halves = {"": mx.float32, "_f16": mx.float16, "_bf16": mx.bfloat16}
    draw("split", lambda k: list(random.split(k)))
    draw("split_num", lambda k: random.split(k, 5))
    draw("uniform", lambda k: random.uniform(shape=(3, 5), key=k))
    draw("uniform_empty", lambda k: random.uniform(shape=(2, 0), key=k))
    draw("uniform_scalar", lambda k: random.uniform(shape=(), key=k))
    for name, dtype in halves.items():
        f = lambda k: random.uniform(shape=(7,), dtype=dtype, key=k)  # noqa: E731
        draw(f"uniform_dtype{name}", f)
        f = lambda k: random.uniform(-2, 5.5, (2, 3), dtype, k)  # noqa: E731
        draw(f"uniform_numbers{name}", f)
        draw(f"normal{name}", lambda k: random.normal((9,), dtype, key=k))
        draw(f"normal_loc_scale{name}", lambda k: random.normal((4, 2), dtype, 2.5, 0.5, k))
        draw(f"gumbel{name}", lambda k: random.gumbel((6,), dtype, key=k))
        draw(f"laplace{name}", lambda k: random.laplace((6,), dtype, key=k))
        draw(f"laplace_loc_scale{name}", lambda k: random.laplace((2, 3), dtype, 1.5, 2.0, k))
        f = lambda k, a, b: random.truncated_normal(a, b, dtype=dtype, key=k)  # noqa: E731
        draw(f"truncated_normal{name}", f, "key,narrow,wide")
    f = lambda k, a, b: random.uniform(a, b, (2, 3), key=k)  # noqa: E731
    draw("uniform_arrays", f, "key,low,high key,from_,to key,high,low")
    f = lambda k, a, b: random.uniform(a, b, (4,), key=k)  # noqa: E731
    draw("uniform_unfit", f, "key,low,high")
    f = lambda k, a, b: random.normal((2, 3), mx.float32, a, b, k)  # noqa: E731
    draw("normal_arrays", f, "key,low,high")
    draw("normal_plain", lambda k: random.normal((3,), key=k))
    draw("normal_numbers", lambda k: random.normal((3,), loc=-1.0, scale=3.0, key=k))
    draw("laplace_plain", lambda k: random.laplace((3,), key=k))
    draw("laplace_numbers", lambda k: random.laplace((3,), loc=-1.0, scale=3.0, key=k))
    draw("normal_complex", lambda k: random.normal((4,), mx.complex64, key=k))
    f = lambda k, a, b: random.truncated_normal(a, b, (3, 2), key=k)  # noqa: E731
    draw("truncated_normal_shape", f, "key,narrow,wide")
    for dtype in (mx.int32, mx.uint8, mx.int64, mx.int16, mx.uint32):
        name = str(dtype).removeprefix("mlx.core.")
        draw(f"randint_{name}", lambda k: random.randint(3, 99, (3, 4), dtype, k))
    f = lambda k, a, b: random.randint(a, b, (2, 3), key=k)  # noqa: E731
    draw("randint_arrays", f, "key,from_,to key,to,from_ key,low,high")
    draw("bernoulli", lambda k: random.bernoulli(key=k))
    draw("bernoulli_number", lambda k: random.bernoulli(0.25, key=k))
    draw("bernoulli_number_shape", lambda k: random.bernoulli(0.75, (3, 4), key=k))
    draw("bernoulli_array", lambda k, p: random.bernoulli(p, key=k), "key,p key,empty key,grid")
    draw("bernoulli_array_shape", lambda k, p: random.bernoulli(p, (2, 5), key=k), "key,p key,low")
    draw("categorical", lambda k, x: random.categorical(x, key=k), "key,logits")
    draw("categorical_axis", lambda k, x: random.categorical(x, 0, key=k), "key,logits")
    f = lambda k, x: random.categorical(x, num_samples=5, key=k)  # noqa: E731
    draw("categorical_samples", f, "key,logits")
    f = lambda k, x: random.categorical(x, -1, (2, 3), key=k)  # noqa: E731
    draw("categorical_shape", f, "key,logits")
    f = lambda k, x: random.categorical(x, -1, (2, 4), key=k)  # noqa: E731
    draw("categorical_unfit", f, "key,logits")
    draw("permutation", lambda k: random.permutation(10, key=k))
    draw("permutation_none", lambda k: random.permutation(0, key=k))
    draw("permutation_array", lambda k, x: random.permutation(x, key=k), "key,grid key,low")
    draw("permutation_axis", lambda k, x: random.permutation(x, -1, key=k), "key,grid key,logits")

    def seeded(*functions):
        """The default sequence's draws behind seed(11)."""
        random.seed(11)
        return [function() for function in functions]

    sequence = (
        lambda: random.uniform(shape=(3,)),
        lambda: random.normal((3,)),
        lambda: random.randint(0, 100, (3,)),
        lambda: random.bernoulli(0.5, (5,)),
        lambda: random.permutation(6),
    )
    draw("seed", lambda: seeded(*sequence), "")
    draw("key", lambda: [random.key(0), random.key(2**40 + 3)], "")
    return cases.file()
