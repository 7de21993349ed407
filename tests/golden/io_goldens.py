"""Files as the packages of each format and mlx write them."""

import io
import pathlib
import tempfile
import zipfile

import gguf
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


def gguf_file(add):
    """What the gguf package writes after add(writer)."""

    def write(path):
        writer = gguf.GGUFWriter(path, "mica")
        add(writer)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    return written("a.gguf", write)


def gguf_quantized(writer):
    """Types that the package can't quantize to get any bytes, with small scales."""
    random = np.random.default_rng(0)
    values = random.standard_normal((2, 256)).astype(np.float32)
    for kind in ["Q4_0", "Q4_1", "Q8_0"]:
        kind = gguf.GGMLQuantizationType[kind]
        name = kind.name.lower() + ".weight"
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    for name, scales in {"Q2_K": [80, 82], "Q4_K": [0, 2], "Q6_K": [208]}.items():
        kind = gguf.GGMLQuantizationType[name]
        blocks = random.integers(0, 256, (2, gguf.GGML_QUANT_SIZES[kind][1])).astype(np.uint8)
        for at in scales:
            blocks[:, at : at + 2] = np.array([[0.01], [0.02]], np.float16).view(np.uint8)
        writer.add_tensor(name.lower(), blocks, raw_dtype=kind)
    halves = mx.array(values[:, :4]).astype(mx.bfloat16).view(mx.uint16)
    kind = gguf.GGMLQuantizationType.BF16
    writer.add_tensor("bf16", np.array(halves).view(np.uint8), raw_dtype=kind)


@golden("io/quantized.gguf")
def gguf_quantized_file():
    return gguf_file(gguf_quantized)


@golden("io/quantized")
def gguf_quantized_as_mlx_reads_it():
    """But Q4_K as the gguf package expands it; mlx's reader gives other values."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "a.gguf"
        path.write_bytes(gguf_file(gguf_quantized))
        arrays = mx.load(str(path))
        kind = gguf.GGMLQuantizationType.Q4_K
        blocks = next(t.data for t in gguf.GGUFReader(path).tensors if t.name == "q4_k")
        arrays["q4_k"] = mx.array(gguf.quants.dequantize(blocks, kind)).astype(mx.float16)
        mx.eval(arrays)
        return arrays


MORE_KINDS = {"Q5_0": [0], "Q5_1": [0, 2], "Q3_K": [108], "Q5_K": [0, 2]}
MORE_KINDS |= {"IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": []}


def gguf_more_blocks():
    """Random blocks with small scales, of the types that mlx does not read."""
    random = np.random.default_rng(1)
    made = {}
    for name, scales in MORE_KINDS.items():
        elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
        blocks = random.integers(0, 256, (2, 256 // elements, size)).astype(np.uint8)
        for at in scales:
            blocks[:, :, at : at + 2] = np.array([[[0.01]], [[0.02]]], np.float16).view(np.uint8)
        if name == "MXFP4":
            blocks[:, :, 0] = random.integers(110, 140, blocks.shape[:2])
        made[name] = blocks.reshape(2, -1)
    return made


@golden("io/more_quantized.gguf")
def gguf_more_quantized_file():
    def add(writer):
        for name, blocks in gguf_more_blocks().items():
            kind = gguf.GGMLQuantizationType[name]
            writer.add_tensor(name.lower() + ".weight", blocks, raw_dtype=kind)

    return gguf_file(add)


@golden("io/more_quantized")
def gguf_more_quantized_as_the_package_expands_it():
    return {
        name.lower(): mx.array(gguf.quants.dequantize(blocks, gguf.GGMLQuantizationType[name]))
        for name, blocks in gguf_more_blocks().items()
    }


@golden("io/package.gguf")
def gguf_package_file():
    """Metadata of every type but float64 scalars, which mlx does not read, and plain tensors."""

    def add(writer):
        writer.add_uint8("uint8", 200)
        writer.add_int8("int8", -3)
        writer.add_uint16("uint16", 60000)
        writer.add_int16("int16", -300)
        writer.add_uint32("uint32", 4000000000)
        writer.add_int32("int32", -5)
        writer.add_uint64("uint64", 2**60)
        writer.add_int64("int64", -(2**50))
        writer.add_float32("float32", 1.5)
        writer.add_float64("float64", 0.1)
        writer.add_bool("bool", True)
        writer.add_string("string", "caf\u00e9")
        writer.add_array("strings", ["a", "bc", ""])
        writer.add_array("int32s", [1, -2, 3])
        writer.add_array("float32s", [1.5, 2.5])
        writer.add_array("bools", [True, False])
        matrix = np.arange(6).reshape(2, 3)
        for name in ["float32", "float16", "float64", "int8", "int16", "int32", "int64"]:
            writer.add_tensor(name, matrix.astype(name))

    return gguf_file(add)


@golden("io/mlx.gguf")
def mlx_gguf():
    metadata = {"name": "caf\u00e9", "list": ["a", "b"], "layers": mx.array(3)}
    metadata |= {"sizes": mx.array([1, 2, 3], mx.int16), "flag": mx.array(True)}
    arrays = {"weight": mx.arange(6.0).reshape(2, 3).T, "scalar": mx.array(1.5, mx.float16)}
    return written("a.gguf", lambda path: mx.save_gguf(path, arrays, metadata))
