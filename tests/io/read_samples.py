#!/usr/bin/env python3
"""Reads what io_samples writes with the packages of each format, and compares the values.

    python tests/io/read_samples.py build/release/tests/io_samples

Exits with 77 where mlx, numpy, safetensors or gguf is not installed.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import gguf
    import mlx.core as mx
    import numpy as np
    import safetensors
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SPECIAL = {
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "empty": np.zeros((0, 3), np.float32),
    "scalar": np.array(2.5, np.float32),
}
checked = 0


def check(where, name, actual):
    """Of numpy's arrays; bfloat16 is two bytes of no kind there."""
    global checked
    expected = SPECIAL.get(name)
    if expected is None:
        values = np.array([[0, 1, 2], [3, 100, 5]])
        if name == "bfloat16":
            actual = actual.view(np.uint16)
            expected = (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        else:
            expected = values.astype(name)
    assert actual.dtype == expected.dtype, (where, name, actual.dtype, expected.dtype)
    assert actual.shape == expected.shape, (where, name, actual.shape, expected.shape)
    assert np.array_equal(actual, expected), (where, name, actual)
    checked += 1


def check_mlx(where, name, actual):
    if name == "bfloat16":
        actual = actual.view(mx.uint16)
    check(where, name, np.array(actual))


def main():
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        subprocess.run([sys.argv[1], text], check=True)

        with safetensors.safe_open(folder / "a.safetensors", "numpy") as file:
            assert file.metadata() == {"name": "caf\u00e9"}, file.metadata()
            assert len(file.keys()) == 17, file.keys()
            for name in file.keys():
                if name != "bfloat16":  # NumPy has none
                    check("safetensors", name, file.get_tensor(name))

        for archive in ["stored.npz", "deflated.npz"]:
            with np.load(folder / archive) as arrays:
                assert len(arrays.files) == 17, arrays.files
                for name in arrays.files:
                    check(archive, name, arrays[name])
        for path in folder.glob("*.npy"):
            check(path.name, path.stem, np.load(path))

        for name in ["mlx.safetensors", "mlx.npz", "mlx.gguf"]:
            arrays = mx.load(str(folder / name))
            assert len(arrays) == {"mlx.gguf": 7}.get(name, 15), (name, arrays.keys())
            for key, values in arrays.items():
                check_mlx(name, key, values)

        reader = gguf.GGUFReader(folder / "a.gguf")
        for tensor in reader.tensors:
            check("gguf", tensor.name, np.asarray(tensor.data))
        fields = {name: field.contents() for name, field in reader.fields.items()}
        expected = {"name": "caf\u00e9", "list": ["a", "", "bc"], "layers": 3, "sizes": [1, 2, 3]}
        expected |= {"rate": 0.1, "flag": True, "general.architecture": "mica"}
        for name, value in expected.items():
            assert fields[name] == value, (name, fields[name])
    print(f"{checked} arrays are as they were written")


if __name__ == "__main__":
    main()
