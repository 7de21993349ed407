"""Files as the packages of each format and mlx write them."""

import io
import pathlib
import tempfile
import zipfile

import mlx.core as mx
import numpy as np

from common import golden

DTYPES = ["bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
DTYPES += ["float16", "float32", "float64", "complex64"]


def written(name, write):
    """The bytes of the file that write(path) makes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        write(str(path))
        return path.read_bytes()


def numpy_arrays():
    arrays = {name: np.array([0, 1, 2, 100]).astype(name) for name in DTYPES}
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    arrays["scalar"] = np.array(2.5, dtype=np.float32)
    arrays["empty"] = np.zeros((0, 3), dtype=np.float16)
    arrays["matrix"] = matrix
    arrays["fortran"] = np.asfortranarray(matrix)
    arrays["fortran_3d"] = np.asfortranarray(np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    for name in ["int16", "uint32", "float32", "float64", "complex64"]:
        arrays[f"big_{name}"] = arrays[name].astype(np.dtype(name).newbyteorder(">"))
    arrays["fortran_big"] = np.asfortranarray(matrix.astype(">f4"))
    return arrays


@golden("io/numpy.npz")
def numpy_archive():
    """savez, and entries in the versions 2 and 3 of the format."""
    file = io.BytesIO()
    np.savez(file, **numpy_arrays())
    with zipfile.ZipFile(file, "a") as archive:
        for version in (2, 3):
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.arange(3), (version, 0))
            archive.writestr(zipfile.ZipInfo(f"version{version}.npy"), entry.getvalue())
    return file.getvalue()


@golden("io/numpy_compressed.npz")
def numpy_compressed_archive():
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(1000) // 100, b=np.array([True, False]))
    return file.getvalue()


def mlx_arrays():
    return {
        "half": mx.array([1.5, -2], dtype=mx.bfloat16),
        "flags": mx.array([True, False]),
        "layers.0.weight": mx.arange(6.0).reshape(2, 3).T,
    }


@golden("io/mlx.npz")
def mlx_archive():
    return written("a.npz", lambda path: mx.savez(path, **mlx_arrays()))


@golden("io/mlx.npy")
def mlx_array():
    return written("a.npy", lambda path: mx.save(path, mlx_arrays()["layers.0.weight"]))


@golden("io/mlx.safetensors")
def mlx_safetensors():
    metadata = {"name": "caf\u00e9"}
    return written("a.safetensors", lambda path: mx.save_safetensors(path, mlx_arrays(), metadata))
