"""The networks of the examples as torch and transformers compute them."""

import json
import pathlib
import tempfile

import mlx.core as mx
import numpy as np

from common import golden


def gpt():
    """A small GPT-2 with random weights, saved by transformers: its folder's files, and logits."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=256, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=None,
        eos_token_id=None, initializer_range=0.3,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    tokens = torch.randint(0, 256, (2, 16))
    with torch.no_grad():
        logits = model(tokens).logits
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = {p.name: p.read_bytes() for p in pathlib.Path(folder).iterdir()}
    return files, {"tokens": mx.array(tokens.numpy()), "logits": mx.array(logits.numpy())}


@golden("examples/gpt/model.safetensors")
def gpt_weights():
    return gpt()[0]["model.safetensors"]


@golden("examples/gpt/config.json")
def gpt_config():
    return gpt()[0]["config.json"]


@golden("examples/gpt/tokenizer.json")
def gpt_tokenizer():
    """A token a byte."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=256, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([], trainer)
    return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False).encode()


@golden("examples/gpt_logits")
def gpt_logits():
    return gpt()[1]


@golden("examples/resnet")
def resnet():
    """ResNet-14 of width 4: a training step's loss and a gradient, then logits in evaluation."""
    import sys

    import torch

    root = pathlib.Path(__file__).resolve().parent.parent.parent
    sys.path.append(str(root / "benchmarks" / "peers"))
    from torch_resnet import ResNet

    torch.manual_seed(0)
    model = ResNet(2, 4)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(0.2 * torch.randn_like(parameter))
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    x, y = torch.randn(4, 3, 32, 32), torch.tensor([0, 3, 9, 3])
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    gradient = model.conv.weight.grad
    model.eval()
    with torch.no_grad():
        logits = model(x)

    def channels_last(value):
        value = value.detach().numpy()
        return mx.array(np.moveaxis(value, 1, -1) if value.ndim == 4 else value)

    results = {
        f"weights.{name}": channels_last(value)
        for name, value in weights.items()
        if "num_batches" not in name
    }
    results |= {"x": channels_last(x), "y": mx.array(y.numpy().astype(np.int32))}
    results |= {"loss": mx.array(loss.item()), "gradient": channels_last(gradient)}
    return results | {"logits": channels_last(logits)}
