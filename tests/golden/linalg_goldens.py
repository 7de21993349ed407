"""Linear algebra, as mlx.core.linalg computes it."""

import mlx.core as mx
from mlx.core import linalg
from mlx.nn import init

from common import golden, normal

INFINITY = float("inf")


def definite(x):
    return x @ x.swapaxes(-1, -2) + mx.eye(x.shape[-1], dtype=x.dtype)


def named(names, outputs):
    return dict(zip(names, outputs))


@golden("linalg/decompositions")
def decompositions():
    """Of matrices (m, n), a batch of them, and square ones."""
    results = {}
    for dtype in (mx.float32, mx.float64):
        square, batch = normal(4, 4, dtype=dtype), normal(2, 3, 3, dtype=dtype)
        tall, wide = normal(2, 5, 3, dtype=dtype), normal(3, 5, dtype=dtype)
        for name, x in {"square": square, "batch": batch, "tall": tall, "wide": wide}.items():
            results[f"{name}.{x.dtype}".replace("mlx.core.", "")] = {
                "input": x,
                "qr": named("qr", linalg.qr(x)),
                "svd": named(("u", "s", "vt"), linalg.svd(x)),
                "svd_values": linalg.svd(x, False),
                "pinv": linalg.pinv(x),
                "lu": named("plu", linalg.lu(x)),
                "lu_factor": named(("factors", "pivots"), linalg.lu_factor(x)),
            }
        for name, x in {"square": square, "batch": batch}.items():
            p = definite(x)
            results[f"{name}.{x.dtype}".replace("mlx.core.", "")] |= {
                "inv": linalg.inv(x),
                "tri_inv": linalg.tri_inv(x),
                "tri_inv_upper": linalg.tri_inv(x, True),
                "definite": p,
                "cholesky": linalg.cholesky(p),
                "cholesky_upper": linalg.cholesky(p, True),
                "cholesky_inv": linalg.cholesky_inv(linalg.cholesky(p)),
                "cholesky_inv_upper": linalg.cholesky_inv(linalg.cholesky(p, True), True),
                "eigh": named(("values", "vectors"), linalg.eigh(x)),
                "eigh_upper": named(("values", "vectors"), linalg.eigh(x, "U")),
                "eigvalsh": linalg.eigvalsh(x),
                "eigvalsh_upper": linalg.eigvalsh(x, "U"),
                "eig": named(("values", "vectors"), linalg.eig(x)),
                "eigvals": linalg.eigvals(x),
                "det": linalg.det(x),
                "slogdet": named(("sign", "logarithm"), linalg.slogdet(x)),
            }
    # Their real and imaginary parts: the second half of a complex case.
    z = normal(2, 3, 3) + 1j * normal(2, 3, 3)
    h = z + z.swapaxes(-1, -2).conj()
    results["complex"] = {
        "input": z,
        "svd_values": linalg.svd(z, False),
        "hermitian": h,
        "eigvalsh": linalg.eigvalsh(h),
        "eigvals": linalg.eigvals(z),
    }
    integers = mx.array([[2, 1], [4, 5]])
    halves = {"int32": integers, "float16": integers.astype(mx.float16)}
    halves["bfloat16"] = integers.astype(mx.bfloat16)
    results["det"] = {name: linalg.det(x) for name, x in halves.items()}
    results["slogdet"] = {name: linalg.slogdet(x)[1] for name, x in halves.items()}
    # A rank of 2, to rounding, and values on both sides of what counts as 0.
    low = normal(4, 2) @ normal(2, 3)
    u, vt = linalg.qr(normal(3, 3))[0], linalg.qr(normal(3, 3))[0]
    steep = (u * mx.array([1.0, 5e-6, 3e-6])) @ vt
    results["pinv"] = {"low": low, "low_pinv": linalg.pinv(low)}
    results["pinv"] |= {"steep": steep, "steep_pinv": linalg.pinv(steep)}
    return results


@golden("linalg/systems")
def systems():
    """Solutions for right sides of several shapes."""
    a, batch = normal(3, 3) + 3 * mx.eye(3), normal(2, 3, 3) + 3 * mx.eye(3)
    cases = {
        "vector": (a, normal(3)),
        "matrix": (a, normal(3, 2)),
        "batches": (batch, normal(2, 3, 4)),
        "float64": (a, normal(3, 2, dtype=mx.float64)),
    }
    triangular = {"vectors": (batch, normal(3)), "broadcast": (batch, normal(4, 1, 3, 2))}
    results = {}
    for name, (left, right) in (cases | triangular).items():
        results[name] = {
            "a": left,
            "b": right,
            "lower": linalg.solve_triangular(left, right),
            "upper": linalg.solve_triangular(left, right, upper=True),
        }
        if name in cases:
            results[name]["solve"] = linalg.solve(left, right)
    return results


@golden("linalg/norms")
def norms():
    """Norms of every order, and cross products."""
    vector, matrix, cube = normal(5), normal(3, 4), normal(2, 3, 4)
    z = matrix + 1j * normal(3, 4)
    integers = mx.array([[1, -2, 0], [3, 0, -4]])
    orders = {"0": 0, "1": 1, "2": 2, "3": 3, "half": 0.5, "inf": INFINITY}
    orders |= {"minus_1": -1, "minus_2": -2, "minus_half": -0.5, "minus_inf": -INFINITY}
    results = {"vector": vector, "matrix": matrix, "cube": cube, "complex": z}
    results["integers"] = integers
    for name, order in orders.items():
        results[f"vector_{name}"] = linalg.norm(vector, order)
        results[f"axis_{name}"] = linalg.norm(cube, order, axis=1)
        results[f"axis_kept_{name}"] = linalg.norm(cube, order, axis=-1, keepdims=True)
        results[f"complex_{name}"] = linalg.norm(z, order, axis=1)
        results[f"integers_{name}"] = linalg.norm(integers, order, axis=1)
    for name in ("1", "2", "inf", "minus_1", "minus_2", "minus_inf"):
        results[f"matrix_{name}"] = linalg.norm(matrix, orders[name])
        results[f"axes_{name}"] = linalg.norm(cube, orders[name], axis=[0, 2])
        results[f"swapped_{name}"] = linalg.norm(cube, orders[name], axis=[2, 0], keepdims=True)
        results[f"complex_matrix_{name}"] = linalg.norm(z, orders[name])
    for name in ("fro", "f", "nuc"):
        results[f"matrix_{name}"] = linalg.norm(matrix, name)
        results[f"axes_{name}"] = linalg.norm(cube, name, axis=[0, 2])
        results[f"swapped_{name}"] = linalg.norm(cube, name, axis=[-1, 0], keepdims=True)
        results[f"complex_matrix_{name}"] = linalg.norm(z, name)
    results |= {
        "all": linalg.norm(cube),
        "all_kept": linalg.norm(cube, keepdims=True),
        "one_axis": linalg.norm(cube, axis=1),
        "two_axes": linalg.norm(cube, axis=[0, 2]),
        "no_axes": linalg.norm(cube, axis=[]),
        "scalar": linalg.norm(mx.array(-3.0)),
        "integers_all": linalg.norm(integers),
        "half": linalg.norm(matrix.astype(mx.float16)),
        "bfloat16": linalg.norm(matrix.astype(mx.bfloat16), 3, axis=0),
        "float64": linalg.norm(matrix.astype(mx.float64), 3, axis=0),
        "complex_all": linalg.norm(z),
    }
    a, b, flat = normal(4, 3), normal(2, 1, 3), normal(4, 2)
    ints = mx.array([1, 2, 3]), mx.array([-4, 5, 6])
    results["cross"] = {
        "a": a,
        "b": b,
        "flat": flat,
        "three": linalg.cross(a, b),
        "two_and_three": linalg.cross(flat, a),
        "two": linalg.cross(flat, flat[::-1]),
        "axis": linalg.cross(a.T, b[0, 0][:, None], axis=0),
        "integers": linalg.cross(*ints),
    }
    return results


@golden("linalg/random")
def multivariate():
    """Samples, for which mlx takes the symmetric root of the covariance."""
    cov = definite(normal(2, 1, 3, 3))
    mean = normal(4, 3)
    key = mx.random.key(7)
    return {
        "mean": mean,
        "cov": cov,
        "one": mx.random.multivariate_normal(mean[0], cov[0, 0], [], key=key),
        "batch": mx.random.multivariate_normal(mean, cov, [5, 2, 4], key=key),
    }


@golden("nn/orthogonal")
def orthogonal():
    """The initialiser behind seed(3)."""
    cases = {
        "square": (init.orthogonal(), (4, 4)),
        "tall": (init.orthogonal(2.5), (5, 2)),
        "wide": (init.orthogonal(0.5, mx.float16), (2, 4)),
    }
    results = {}
    for name, (initializer, shape) in cases.items():
        mx.random.seed(3)
        results[name] = initializer(mx.zeros(shape))
    return results
