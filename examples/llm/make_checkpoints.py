"""Makes the checkpoints of tests/examples/llm: small random models of each family, saved as Hugging Face saves
them, with the scores that its transformers gives for a prompt and the tokens that it continues with.

  pip install torch transformers==5.23.0; python3 make_checkpoints.py FOLDER
"""
import json
import math
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

VOCABULARY = 280
COMMON = dict(vocab_size=VOCABULARY, hidden_size=24, intermediate_size=40, num_hidden_layers=3,
              num_attention_heads=3, num_key_value_heads=1, max_position_embeddings=128, tie_word_embeddings=True,
              bos_token_id=1, eos_token_id=2, pad_token_id=None)
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
T = transformers
CHECKPOINTS = {
    # The weights' rows are whole groups of 32, so that mlx-lm could quantize it as well.
    "llama": T.LlamaConfig(**COMMON | dict(hidden_size=64, intermediate_size=64, num_hidden_layers=2,
                                           num_attention_heads=4, num_key_value_heads=2)),
    "llama3": T.LlamaConfig(**COMMON | dict(tie_word_embeddings=False), rope_parameters=LLAMA3, attention_bias=True,
                            mlp_bias=True),
    "llama-linear": T.LlamaConfig(**COMMON, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}),
    "mistral": T.MistralConfig(**COMMON, head_dim=10, sliding_window=9),
    "qwen2": T.Qwen2Config(**COMMON),
    "qwen2-window": T.Qwen2Config(**COMMON, use_sliding_window=True, sliding_window=7, max_window_layers=1),
    "qwen3": T.Qwen3Config(**COMMON | dict(num_attention_heads=5), head_dim=12),
    "gemma": T.GemmaConfig(**COMMON, head_dim=16),
    "gemma2": T.Gemma2Config(**COMMON, head_dim=8, sliding_window=8, query_pre_attn_scalar=6,
                             attn_logit_softcapping=2.0, final_logit_softcapping=5.0),
    "gemma3": T.Gemma3TextConfig(**COMMON, head_dim=8, sliding_window=8, query_pre_attn_scalar=10,
                                 layer_types=["sliding_attention", "full_attention", "sliding_attention"]),
    "gpt2": T.GPT2Config(vocab_size=VOCABULARY, n_positions=64, n_embd=24, n_layer=3, n_head=3, bos_token_id=1,
                         eos_token_id=2),
}
PROMPT, CONTINUATION, ENOUGH = 20, 30, 1e-3


def randomize(model, seed):
    """Draws weights large enough for each part of a model to matter, norms and biases included."""
    generator = torch.Generator().manual_seed(seed)
    gemma = "gemma" in model.config.model_type  # adds 1 to a norm's weights, scales embeddings
    embedding = 0.1 if gemma or model.config.model_type == "gpt2" else 0.5
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if p.ndim == 1:
                scales = not gemma and name.endswith(".weight")
                p.copy_(float(scales) + 0.3 * noise)
            else:
                p.copy_(noise * (embedding if "embed" in name or "wte" in name else 1.2 / math.sqrt(p.shape[-1])))


def expected(model, seed):
    """The prompt, the scores behind each of its tokens, and the continuation, one token at a time without a cache.
    None where two scores are too close for the continuation to be certain."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(3, VOCABULARY, (PROMPT,), generator=generator)
    prompt, scores = tokens, model(tokens[None]).logits[0]
    for _ in range(CONTINUATION):
        best = torch.topk(model(tokens[None]).logits[0, -1], 2)
        if best.values[0] - best.values[1] < ENOUGH * best.values.abs().max():
            return None
        tokens = torch.cat([tokens, best.indices[:1]])
    continuation = tokens[PROMPT:]
    if len(set(continuation.tolist())) < CONTINUATION // 3:
        return None
    return {"prompt": prompt.int(), "scores": scores.contiguous(), "continuation": continuation.int()}


def tokenizer():
    text = pathlib.Path(__file__).read_text()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>",
               "<|eot_id|>", "<start_of_turn>", "<end_of_turn>"]
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(text.splitlines(), trainer)
    return tokenizer


CHATML = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"


def make(name, config, folder):
    for seed in range(1000):
        model = T.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        randomize(model, seed)
        with torch.no_grad():
            results = expected(model, seed)
        if results:
            break
    assert results, name
    model.save_pretrained(folder)
    save_file(results, folder / "expected.safetensors")
    fields = json.loads((folder / "config.json").read_text())
    # As older versions wrote it, and most folders have it.
    if "rope_parameters" in fields and name in ("llama3", "llama-linear", "mistral", "qwen2", "gemma"):
        rope = fields.pop("rope_parameters")
        fields["rope_theta"] = rope.pop("rope_theta")
        if rope.pop("rope_type") != "default":
            fields["rope_scaling"] = {"rope_type": config.rope_parameters["rope_type"], **rope}
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n")
    print(f"{name}: seed {seed}, {sum(p.numel() for p in model.parameters())} parameters, "
          f"{sum(f.stat().st_size for f in folder.iterdir())} bytes")


def main(folder):
    for name, config in CHECKPOINTS.items():
        make(name, config, folder / name)
    tokens = tokenizer()
    for name in ("llama", "qwen2"):
        tokens.save(str(folder / name / "tokenizer.json"))
        template = {"chat_template": CHATML} if name == "qwen2" else {}
        (folder / name / "tokenizer_config.json").write_text(
            json.dumps({"bos_token": "<s>", "eos_token": "</s>", **template}, indent=2) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
