"""Writes tests/golden/pytorch: small files of torch.save, what they hold, and layers' outputs.

    python tests/golden/pytorch_files.py

needs torch, numpy and safetensors; the files are committed. See tests/io/pytorch_test.cpp and
tests/nn/load_pytorch_test.cpp.
"""

import collections
import io
import pathlib
import pickle
import warnings
import zipfile

import numpy
import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "pytorch"


def tensors():
    """Tensors of every dtype and layout that is read, by name."""
    torch.manual_seed(1)
    base = torch.randn(4, 6)
    shared = torch.arange(24, dtype=torch.float32)
    made = {
        "float32": base,
        "float64": torch.randn(3).double(),
        "float16": torch.randn(5).half(),
        "bfloat16": torch.randn(2, 3).bfloat16(),
        "int64": torch.tensor([[-(2**40), 2**40]]),
        "int32": torch.tensor([-5, 2**20], dtype=torch.int32),
        "int16": torch.tensor([-300, 300], dtype=torch.int16),
        "int8": torch.tensor([-7, 7], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "complex64": torch.tensor([1 + 2j, -3.5j], dtype=torch.complex64),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "transposed": base.t(),
        "columns": base[:, 1:5:2],
        "offset": shared[6:18].view(3, 4),
        "shared": shared,
        "repeated": torch.tensor([[1.0], [2.0]]).repeat(1, 4)[:, :1].expand(2, 4),
        "permuted": torch.randn(2, 3, 4).permute(2, 0, 1),
        "conjugate": torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex64).conj(),
        "parameter": nn.Parameter(torch.tensor([1.5, -1.5])),
    }
    return made


def new_tensors():
    """Of dtypes that torch stores as bytes; not in its older format."""
    return {
        "uint16": torch.tensor([0, 65535], dtype=torch.uint16),
        "uint32": torch.tensor([1, 2**32 - 1], dtype=torch.uint32),
        "uint64": torch.tensor([2, 2**63], dtype=torch.uint64),
    }


def save_expected(name, arrays):
    save_file({k: v.detach().resolve_conj().contiguous().clone() for k, v in arrays.items()},
              FOLDER / f"{name}.safetensors")
    (FOLDER / f"{name}.safetensors").chmod(0o644)


def save_formats():
    plain = tensors()
    save_expected("tensors", plain)
    torch.save(plain, FOLDER / "old.pt", _use_new_zipfile_serialization=False)
    everything = plain | new_tensors()
    save_expected("all_tensors", everything)
    torch.save(everything, FOLDER / "zip.pt")
    for protocol in (1, 3, 4, 5):
        torch.save({"x": torch.tensor([1.0, 2.0]), "bytes": b"\x00\xff", "set": {7}, "n": -70000},
                   FOLDER / f"protocol{protocol}.pt", pickle_protocol=protocol)

    deflated = zipfile.ZipFile(FOLDER / "deflated.pt", "w", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(FOLDER / "protocol3.pt") as archive:
        for name in archive.namelist():
            deflated.writestr(zipfile.ZipInfo(name), archive.read(name), zipfile.ZIP_DEFLATED)
    deflated.close()

    # As a big-endian machine writes it.
    big = zipfile.ZipFile(FOLDER / "big_endian.pt", "w")
    values = {"x": torch.tensor([1.0, -2.5]), "n": torch.tensor([1, 2**40]),
              "b": torch.tensor([True, False])}
    file = io.BytesIO()
    torch.save(values, file)
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith("byteorder"):
                data = b"big"
            for key, dtype in (("0", ">f4"), ("1", ">i8")):
                if name.endswith("data/" + key):
                    data = numpy.frombuffer(data, dtype.replace(">", "<")).astype(dtype).tobytes()
            big.writestr(zipfile.ZipInfo(name), data)
    big.close()

    deep = []
    for _ in range(100):
        deep = [deep]
    nested = {
        "model": collections.OrderedDict(weight=torch.ones(2, 2), bias=torch.zeros(2)),
        "optimizer": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.full((2,), 0.5)}},
                      "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0, 1]}]},
        "epoch": 3,
        "big": 2**70,
        "negative": -(2**62),
        "name": "caf\u00e9 \U0001f600",
        "done": False,
        "none": None,
        "bytes": b"a\x00\xff",
        "set": {4},
        "size": torch.Size([3, 4]),
        "dtype": torch.float16,
        "device": torch.device("cuda", 1),
        "storage": torch.tensor([1, 2], dtype=torch.int16).untyped_storage(),
        "deep": deep,
    }
    torch.save(nested, FOLDER / "nested.pt")
    torch.save(nested, FOLDER / "nested_old.pt", _use_new_zipfile_serialization=False)

    module = torch.jit.script(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    save_expected("script", module.state_dict())
    torch.jit.save(module, FOLDER / "script.pt")


class Calls:
    def __reduce__(self):
        import os
        return os.system, ("touch /tmp/never",)


def save_refused():
    torch.save({"x": torch.ones(1), "y": Calls()}, FOLDER / "calls.pt")
    torch.save({"x": Calls()}, FOLDER / "calls_old.pt", _use_new_zipfile_serialization=False)
    torch.save(nn.Linear(1, 1), FOLDER / "module.pt")
    torch.save(torch.eye(2).to_sparse(), FOLDER / "sparse.pt")
    torch.save({"z": torch.ones(1, dtype=torch.complex128)}, FOLDER / "complex128.pt")
    torch.save({"q": torch.ones(1).to(torch.float8_e4m3fn)}, FOLDER / "float8.pt")
    (FOLDER / "pickle.pt").write_bytes(pickle.dumps({"a": 1}))


def randomize(module):
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5) if "var" in name else value.normal_(0, 0.4)
    return module.eval()


def run(module, *inputs):
    module = randomize(module)
    outputs = module(*inputs)
    if not isinstance(outputs, torch.Tensor):
        outputs = outputs[0]
    return {"state": module.state_dict(), "inputs": list(inputs), "output": outputs.detach()}


def image(*shape):
    return torch.randn(*shape)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, x):
        return self.head(self.embed(x))


class Conv1D(nn.Module):
    """GPT-2's, whose weight is (inputs, outputs)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """GPT-2's, of one head."""

    def __init__(self, dims):
        super().__init__()
        self.c_attn = Conv1D(dims, 3 * dims)
        self.c_proj = Conv1D(dims, dims)

    def forward(self, x):
        q, k, v = self.c_attn(x).chunk(3, dim=-1)
        return self.c_proj(nn.functional.scaled_dot_product_attention(q, k, v))


def save_layers():
    torch.manual_seed(2)
    tokens = torch.tensor([[0, 3, 1], [2, 4, 4]])
    sequence = torch.randn(2, 3, 4)
    encoder_layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    pre_norm = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, norm_first=True)
    layers = {
        "linear": run(nn.Linear(4, 3), sequence),
        "linear_no_bias": run(nn.Linear(4, 3, bias=False), sequence),
        "bilinear": run(nn.Bilinear(4, 4, 3), sequence, sequence.flip(0)),
        "embedding": run(nn.Embedding(5, 4), tokens),
        "conv1d": run(nn.Conv1d(4, 6, 3, stride=2, padding=1), image(2, 4, 7)),
        "conv2d": run(nn.Conv2d(4, 6, (3, 2), groups=2), image(2, 4, 5, 6)),
        "conv3d": run(nn.Conv3d(2, 3, 2), image(1, 2, 3, 4, 3)),
        "conv_transpose1d": run(nn.ConvTranspose1d(4, 6, 3, stride=2), image(2, 4, 5)),
        "conv_transpose2d": run(
            nn.ConvTranspose2d(4, 6, (3, 2), stride=2, padding=1, groups=2), image(2, 4, 3, 4)),
        "conv_transpose3d": run(nn.ConvTranspose3d(2, 3, 2), image(1, 2, 3, 2, 2)),
        "batch_norm": run(nn.BatchNorm2d(3), image(2, 3, 2, 2)),
        "instance_norm": run(nn.InstanceNorm2d(3, affine=True), image(2, 3, 2, 3)),
        "group_norm": run(nn.GroupNorm(2, 4), image(2, 4, 3)),
        "layer_norm": run(nn.LayerNorm(4), sequence),
        "rms_norm": run(nn.RMSNorm(4, eps=1e-5), sequence),
        "prelu": run(nn.PReLU(4), torch.randn(2, 4)),
        "rnn": run(nn.RNN(4, 3, batch_first=True), sequence),
        "gru": run(nn.GRU(4, 3, batch_first=True), sequence),
        "lstm": run(nn.LSTM(4, 3, batch_first=True), sequence),
        "lstm_no_bias": run(nn.LSTM(4, 3, bias=False, batch_first=True), sequence),
        "gru_stacked": run(nn.GRU(4, 3, 2, batch_first=True, bidirectional=True), sequence),
        "lstm_stacked": run(nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True), sequence),
        "attention": run(nn.MultiheadAttention(4, 2, batch_first=True), sequence, sequence,
                         sequence),
        "attention_dims": run(
            nn.MultiheadAttention(4, 2, kdim=3, vdim=5, batch_first=True), sequence,
            torch.randn(2, 6, 3), torch.randn(2, 6, 5)),
        "encoder_layer": run(encoder_layer, sequence),
        "encoder": run(nn.TransformerEncoder(pre_norm, 2, norm=nn.LayerNorm(4)), sequence),
        "decoder_layer": run(nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), sequence,
                             torch.randn(2, 5, 4)),
        "transformer": run(nn.Transformer(4, 2, 1, 1, 8, batch_first=True), sequence,
                           torch.randn(2, 5, 4)),
        "sequential": run(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(),
                                        nn.Sequential(nn.Conv2d(3, 2, 1))), image(2, 2, 4, 4)),
        "tied": run(Tied(), tokens),
        "gpt2_attention": run(Attention(4), sequence),
        "quantized_linear": run(nn.Linear(64, 32), torch.randn(2, 64)),
    }
    torch.save(layers, FOLDER / "layers.pt")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(exist_ok=True)
    save_formats()
    save_refused()
    save_layers()
