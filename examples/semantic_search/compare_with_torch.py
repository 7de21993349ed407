#!/usr/bin/env python3
"""Compares the program's vectors, and sentences per second, with those of torch (transformers' BertModel).

    python3 compare_with_torch.py build/release/bin/semantic_search all-MiniLM-L6-v2
"""
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy
import torch
from transformers import AutoTokenizer, BertModel

SENTENCES = pathlib.Path(__file__).with_name("sentences.txt")


def main():
    program, folder = sys.argv[1:]
    torch.set_num_threads(os.cpu_count())
    lines = SENTENCES.read_text().splitlines()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder).eval()

    @torch.inference_mode()
    def embed(texts):
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
        mask = inputs["attention_mask"].unsqueeze(-1)
        mean = (model(**inputs).last_hidden_state * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(mean, dim=-1)

    command = [program, "--model", folder]
    output = subprocess.run(command + ["embed", SENTENCES], check=True, capture_output=True, text=True).stdout
    own = numpy.array([[float(value) for value in line.split()] for line in output.splitlines()])
    # One by one: padding changes nothing but rounding.
    theirs = numpy.concatenate([embed([line]).numpy() for line in lines])
    print(f"{len(lines)} sentences, largest difference {abs(own - theirs).max():.2e}")

    for size in (1, 32):
        rates = []
        for _ in range(7):
            start = time.perf_counter()
            for begin in range(0, len(lines), size):
                embed(lines[begin:begin + size])
            rates.append(len(lines) / (time.perf_counter() - start))
        print(f"torch, batch {size}: {statistics.median(rates):.1f} sentences a second")
        print("mica, " + subprocess.run(command + ["benchmark", SENTENCES, "--batch", str(size)], check=True,
                                        capture_output=True, text=True).stdout.strip())


if __name__ == "__main__":
    main()
