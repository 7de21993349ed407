"""Fourier transforms, einsum, and ops about sorted sequences, windows and bits."""

import itertools

import mlx.core as mx

from common import differentiated, golden, normal

NORMS = ("backward", "ortho", "forward")


def complex_normal(*shape):
    return normal(*shape) + 1j * normal(*shape)


@golden("fft/fft")
def fft():
    f = mx.fft
    x, z, line = normal(2, 6, 5), complex_normal(2, 6, 5), complex_normal(1009)
    results = {"x": x, "z": z, "line": line}
    for n in (1, 2, 3, 4, 7, 31, 37, 64, 97, 100, 148, 1009):
        part = line[:n]
        results[f"length_{n}"] = {
            "fft": f.fft(part),
            "ifft": f.ifft(part),
            "rfft": f.rfft(part.real),
            "irfft": f.irfft(part, n),
        }
    functions = {"fft": (f.fft, x), "ifft": (f.ifft, z), "rfft": (f.rfft, x), "irfft": (f.irfft, z)}
    for name, (function, a) in functions.items():
        for norm in NORMS:
            results[f"{name}_{norm}"] = function(a, norm=norm)
        results |= {
            f"{name}_axis": function(a, axis=0),
            f"{name}_cropped": function(a, 4, 1),
            f"{name}_filled": function(a, 9, -2),
            f"{name}_norm_n": function(a, 7, -1, "ortho"),
        }
    functions = {"fft": (f.fft2, f.fftn, x), "ifft": (f.ifft2, f.ifftn, z)}
    functions |= {"rfft": (f.rfft2, f.rfftn, x), "irfft": (f.irfft2, f.irfftn, z)}
    for name, (two, all_axes, a) in functions.items():
        results |= {
            f"{name}2": two(a),
            f"{name}2_axes": two(a, axes=[2, 0]),
            f"{name}2_sizes": two(a, [4, 7], [0, -1], "forward"),
            f"{name}n": all_axes(a),
            f"{name}n_ortho": all_axes(a, norm="ortho"),
            f"{name}n_axes": all_axes(a, axes=[1, 0]),
            f"{name}n_sizes": all_axes(a, [3, 8, 2], [1, 2, 0]),
        }
    halves = {"int32": mx.arange(6), "bool_": mx.arange(6) > 2, "float16": x[0, 0].astype(mx.float16)}
    results["dtypes"] = {name: {"a": a, "fft": f.fft(a), "rfft": f.rfft(a), "irfft": f.irfft(a)}
                         for name, a in halves.items()}
    results["transposed"] = f.fft(x.transpose(2, 0, 1)[::2], axis=1)
    for n in (1, 2, 5, 8):
        results[f"freq_{n}"] = {
            "fftfreq": f.fftfreq(n),
            "fftfreq_d": f.fftfreq(n, 0.25),
            "rfftfreq": f.rfftfreq(n),
            "rfftfreq_d": f.rfftfreq(n, 0.25),
        }
    results["shift"] = {
        "fftshift": f.fftshift(x),
        "fftshift_axes": f.fftshift(x, axes=[-1, 1]),
        "ifftshift": f.ifftshift(x),
        "ifftshift_axes": f.ifftshift(x, axes=[2]),
    }
    return results


STFT = {
    "default": {},
    "hop": {"hop_length": 3},
    "win_length": {"win_length": 5},
    "window": {"window": "hann"},
    "short_window": {"window": "short", "hop_length": 2},
    "no_center": {"center": False},
    "constant": {"pad_mode": "constant"},
    "edge": {"pad_mode": "edge"},
    "ortho": {"norm": "ortho"},
    "forward": {"norm": "forward"},
    "two_sided": {"onesided": False},
}


@golden("fft/stft")
def stft():
    """Each case's transform and what istft makes of it, with the options that both have."""
    x, z = normal(2, 20), complex_normal(20)
    windows = {"hann": mx.hanning(8) + 0.1, "short": mx.hamming(5)}
    results = {"x": x, "z": z} | windows
    for name, options in STFT.items():
        options = {k: windows.get(v, v) if k == "window" else v for k, v in options.items()}
        spectrum = mx.fft.stft(x, 8, **options)
        options.pop("pad_mode", None)
        results[name] = {"stft": spectrum, "istft": mx.fft.istft(spectrum, 8, **options)}
    results["odd"] = mx.fft.stft(x, 7, 2)
    results["odd_inverse"] = mx.fft.istft(results["odd"], 7, 2)
    results["complex"] = mx.fft.stft(z, 8)
    results["complex_one_sided"] = mx.fft.stft(z, 8, onesided=True)
    results["complex_inverse"] = mx.fft.istft(results["complex"], onesided=False)
    results["mirrored_twice"] = mx.fft.stft(x, 60, 30)
    spectrum = mx.fft.stft(x, 8)
    results |= {
        "inferred": mx.fft.istft(spectrum),
        "length": mx.fft.istft(spectrum, length=7),
        "long_length": mx.fft.istft(spectrum, length=26),
        "no_center_length": mx.fft.istft(spectrum, length=31, center=False),
        "other_n_fft": mx.fft.istft(spectrum, 12),
    }
    tiny = mx.array([1e-6, 1.0, 1.0, 1e-3])
    results["tiny"] = mx.fft.istft(mx.fft.stft(x, 4, 4, center=False), 4, 4, None, tiny, False)
    results["gradients"] = differentiated(
        lambda x: mx.abs(mx.fft.stft(x, 8, window=windows["hann"])), x
    )
    results["inverse_gradients"] = differentiated(
        lambda x: mx.fft.istft(mx.square(mx.fft.stft(x, 8, window=windows["hann"]))), x
    )
    return results


EINSUM = [
    ("i j , j k -> i k", "ab"),
    ("ij,jk", "ab"),
    ("ba", "a"),
    ("ij->", "a"),
    ("ij->i", "a"),
    ("ii->i", "s"),
    ("ii", "s"),
    ("iij->ji", "d"),
    ("iijj->j", "dd"),
    ("aab,bc->ac", "d,p"),
    ("ij,kl->ilkj", "ab"),
    ("ij,ij->ij", "ac"),
    ("ij,ij->j", "ac"),
    ("i,i,i->i", "vvv"),
    ("i,i,i", "vvv"),
    ("i,j,k->", "vvv"),
    ("...", "a"),
    ("...j->...", "t"),
    ("j...->...", "t"),
    ("...ij,...jk", "tu"),
    ("...ij,...jk->ik", "tu"),
    ("ij,...jk->i...k", "au"),
    ("...ij,jk...->k...i", "tb"),
    ("bij,bjk->bik", "tu"),
    ("bij,bjk->kib", "tu"),
    ("bij,bij->b", "tt"),
    ("ij,jk,kl->il", "abm"),
    ("ij,jk,kl,lm", "abmn"),
    ("ijk,ilm,njm,nlk,abc->", "ttttt"),
    ("ea,fb,abcd,gc,hd->efgh", "wwxww"),
    ("Ij,jK->KI", "ab"),
    ("", "o"),
    (",ij->ji", "oa"),
    ("ij,ij->i", "ar"),
    ("ij,ij->ij", "ra"),
    ("ij,j->", "rv"),
]


@golden("ops/einsum")
def einsum():
    """Of each case the result, the path (-1 ends a step) and the text about it, as bytes."""
    operands = {
        "a": normal(2, 3), "b": normal(3, 4), "c": normal(2, 3), "m": normal(4, 5),
        "n": normal(5, 2), "s": normal(3, 3), "d": normal(3, 3, 2), "v": normal(3),
        "t": normal(3, 2, 3), "u": normal(3, 3, 4), "w": normal(2, 3), "x": normal(3, 3, 3, 3),
        "o": mx.array(2.5), "r": normal(1, 3), "p": normal(2, 4), "q": normal(3, 3, 2, 2),
    }  # fmt: skip
    results = {"operands": operands}
    for i, (subscripts, names) in enumerate(EINSUM):
        names = {"dd": "q", "d,p": "dp"}.get(names, names)
        if subscripts == "ijk,ilm,njm,nlk,abc->":
            given = [normal(2, 3, 4), normal(2, 4, 3), normal(3, 3, 3), normal(3, 4, 4), normal(2, 1, 3)]
        else:
            given = [operands[name] for name in names]
        path, text = mx.einsum_path(subscripts, *given)
        results[str(i)] = {
            "operands": given,
            "result": mx.einsum(subscripts, *given),
            "path": mx.array([p for step in path for p in (*step, -1)]),
            "text": mx.array(list(text.encode()), dtype=mx.uint8),
            "subscripts": mx.array(list(subscripts.encode()) or [32], dtype=mx.uint8),
        }
    # Costs alone, for operands of zeros: (subscripts, sizes of the letters).
    paths = []
    state = [12345]

    def draw(n):
        state[0] = (state[0] * 1103515245 + 12345) % 2**31
        return (state[0] >> 8) % n

    for _ in range(60):
        letters = "abcdefg"[: 3 + draw(5)]
        sizes = {letter: 1 + draw(5) for letter in letters}
        inputs = []
        for _ in range(3 + draw(4)):
            term = "".join(letter for letter in letters if draw(5) < 2)
            inputs.append(term)
        used = sorted(set("".join(inputs)))
        output = "".join(letter for letter in used if draw(4) == 0)
        subscripts = ",".join(inputs) + "->" + output
        arrays = [mx.zeros([sizes[letter] for letter in term]) for term in inputs]
        path, text = mx.einsum_path(subscripts, *arrays)
        paths.append({
            "subscripts": mx.array(list(subscripts.encode()), dtype=mx.uint8),
            "sizes": mx.array([sizes.get(letter, 1) for letter in "abcdefg"]),
            "path": mx.array([p for step in path for p in (*step, -1)]),
            "text": mx.array(list(text.encode()), dtype=mx.uint8),
        })
    results["paths"] = paths
    return results


@golden("ops/searching")
def searching():
    nan, inf = float("nan"), float("inf")
    sequence, values = mx.array([1.0, 2, 2, 4, nan]), mx.array([[nan, -inf, inf], [2, 0, 5]])
    small, mixed = mx.array([1, 2, 3], dtype=mx.uint8), mx.array([[-1, 300], [2, 3]])
    table = mx.array([[2, 1], [2, 3], [1, 1]])
    floats = mx.array([nan, 1, nan, 0.0, -0.0])
    results = {"sequence": sequence, "values": values, "small": small, "mixed": mixed}
    results |= {"table": table, "floats": floats}
    for side in ("left", "right"):
        results[side] = mx.searchsorted(sequence, values, side)
        results[side + "_mixed"] = mx.searchsorted(small, mixed, side)
        results[side + "_complex"] = mx.searchsorted(mx.array([1 + 1j, 1 + 2j, 2]), mx.array([1 + 2j]), side)
    cases = {"exact": (table, 3), "short": (table, 2), "long": (table, 5), "none": (table, 0)}
    cases |= {"nan": (floats, 5), "scalar": (mx.array(5), 2)}
    for name, (a, size) in cases.items():
        results["unique_" + name] = list(mx.unique(a, size, True, True, True))
    results["unique_filled"] = list(mx.unique(table, 5, True, True, True, fill_value=9))
    a = mx.array([[1, 4, 9, 3], [2, 3, 7, 7]])
    results["diff"] = {
        "a": a,
        "default": mx.diff(a),
        "n": mx.diff(a, n=2),
        "zero": mx.diff(a, n=0),
        "axis": mx.diff(a, axis=0),
        "empty": mx.diff(a, n=9),
        "bool": mx.diff(a > 3),
        "unsigned": mx.diff(a.astype(mx.uint8)),
    }
    mask = mx.array([[True, False, True], [False, True, False]])
    target, source = normal(2, 3), normal(2, 3)
    masked = mx.array(target)
    masked[mask] = source.reshape(-1)[:3]
    rows = mx.array(target)
    rows[mask[0, :2]] = source[1]
    results["masked"] = {"target": target, "source": source, "all": masked, "rows": rows}
    for n, window in itertools.product((0, 1, 2, 5, 8), ("hanning", "hamming", "bartlett", "blackman")):
        results[f"{window}_{n}"] = getattr(mx, window)(n)
    hadamard = {}
    for n in (1, 2, 8, 12, 24, 20, 28, 56, 128, 512):
        a = normal(2, n)
        hadamard[str(n)] = {"a": a, "result": mx.hadamard_transform(a)}
    hadamard["scale"] = mx.hadamard_transform(hadamard["8"]["a"], 0.5)
    hadamard["half"] = mx.hadamard_transform(hadamard["8"]["a"].astype(mx.float16))
    hadamard["int"] = mx.hadamard_transform(mx.arange(4))
    results["hadamard"] = hadamard
    bits = mx.array([[1.0, -2.5], [3.0, nan]])
    results["view"] = {"a": bits, "transposed": bits.T.view(mx.uint8)}
    for name in ("int32", "uint16", "int64", "uint8", "complex64", "bfloat16"):
        results["view"][name] = bits.view(getattr(mx, name))
    results["view"]["float32"] = mx.array([1 + 2j, 3]).view(mx.float32)
    return results
