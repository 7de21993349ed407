#!/usr/bin/env python3
"""A tiny random BERT and the sentence vectors that transformers' BertModel computes with it.

Writes tests/golden/examples/tiny_bert, the checkpoint, and tests/golden/examples/tiny_bert_vectors.safetensors.

    python3 tests/golden/semantic_search_goldens.py
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "examples" / "tiny_bert"
SENTENCES = HERE.parents[1] / "examples" / "semantic_search" / "sentences.txt"


def main():
    OUT.mkdir(exist_ok=True)
    vocabulary = json.loads((HERE / "text" / "bert.json").read_text())["model"]["vocab"]
    (OUT / "vocab.txt").write_text("".join(token + "\n" for token in sorted(vocabulary, key=vocabulary.get)[:600]))
    (OUT / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer"}))
    torch.manual_seed(5)
    config = BertConfig(vocab_size=600, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                        max_position_embeddings=48, initializer_range=0.5)
    model = BertModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "LayerNorm" in name or name.endswith("bias"):
                parameter.add_(0.3 * torch.randn_like(parameter))
    config.save_pretrained(OUT)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, OUT / "model.safetensors",
              metadata={"format": "pt"})
    tokenizer = BertTokenizerFast.from_pretrained(OUT)
    vectors = []
    for line in SENTENCES.read_text().splitlines():
        inputs = tokenizer([line], truncation=True, max_length=48, return_tensors="pt")
        with torch.inference_mode():
            mean = model(**inputs).last_hidden_state.mean(1)
        vectors.append(torch.nn.functional.normalize(mean, dim=-1)[0])
    save_file({"vectors": torch.stack(vectors)}, HERE / "examples" / "tiny_bert_vectors.safetensors")


if __name__ == "__main__":
    main()
