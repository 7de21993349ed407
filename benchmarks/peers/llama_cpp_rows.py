"""llama.cpp on the rows that decode: whole tokens of a Llama of 100 million random weights, whose
products are those of the rows, and prompts of 128 tokens. Its 4-bit format is q4_0."""

import os
import tempfile

import gguf
import llama_cpp
import numpy as np
from gguf import GGMLQuantizationType as Type

import inputs
from harness import Peer

peer = Peer("llama.cpp")
DIMS, HIDDEN, LAYERS, HEADS, VOCABULARY = 1024, 2816, 8, 16, 8192
CONTEXT = 512


def write_vocabulary(writer):
    special = [b"<unk>", b"<s>", b"</s>"]
    single_bytes = [f"<0x{byte:02X}>".encode() for byte in range(256)]
    words = [f"t{i}".encode() for i in range(VOCABULARY - len(special) - len(single_bytes))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    kinds += [gguf.TokenType.BYTE] * len(single_bytes) + [gguf.TokenType.NORMAL] * len(words)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(special + single_bytes + words)
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def write_model(path, kind):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(DIMS)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(DIMS // HEADS)
    writer.add_vocab_size(VOCABULARY)
    write_vocabulary(writer)
    seed = 0

    def add(name, *shape):
        nonlocal seed
        seed += 1
        if len(shape) == 1:
            writer.add_tensor(name + ".weight", np.ones(shape, np.float32))
            return
        weight = inputs.values(seed, *shape) * np.float32(0.02)
        if kind != Type.F32:
            weight = gguf.quants.quantize(weight, kind)
        writer.add_tensor(name + ".weight", weight, raw_dtype=kind)

    add("token_embd", VOCABULARY, DIMS)
    add("output_norm", DIMS)
    add("output", VOCABULARY, DIMS)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            add(f"blk.{layer}.{name}", DIMS)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{name}", DIMS, DIMS)
        for name in ("ffn_gate", "ffn_up"):
            add(f"blk.{layer}.{name}", HIDDEN, DIMS)
        add(f"blk.{layer}.ffn_down", DIMS, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def load(kind):
    threads = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.gguf")
        write_model(path, kind)
        return llama_cpp.Llama(
            path,
            n_ctx=CONTEXT,
            n_threads=threads,
            n_threads_batch=threads,
            use_mmap=False,
            verbose=False,
        )


def token(kind):
    """Decodes one token after a prompt of three, the same place of the cache every time."""

    def setup():
        model, prompt = load(kind), [1, 300, 301]
        model.eval(prompt)

        def step():
            model.n_tokens = len(prompt)
            model.eval([302])

        return step

    return setup


def prefill(kind):
    def setup():
        model, prompt = load(kind), list(range(300, 428))

        def step():
            model.reset()
            model.eval(prompt)

        return step

    return setup


for row in ("100M decode matvecs f32 B1", "100M llama decode token f32"):
    peer.row(row)(token(Type.F32))
for row in ("100M decode matvecs 4-bit g64 B1", "100M llama decode token 4-bit"):
    peer.row(row)(token(Type.Q4_0))
peer.row("100M llama prefill 128 f32")(prefill(Type.F32))
peer.row("100M llama prefill 128 4-bit")(prefill(Type.Q4_0))

if __name__ == "__main__":
    peer.main()
