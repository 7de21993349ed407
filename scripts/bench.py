#!/usr/bin/env python3
"""Times the benchmark rows in mica and in the peers that this machine has, and tells how mica
compares with the best peer of each row.

Each round of a row asks every participant in turn, so that all of them meet the same state of the
machine; a figure is the median over the rounds. mica's results are compared with a peer's. Writes
cpu.json and cpu.svg and prints a table. docs/performance.md explains them; scripts/peers.sh
installs the peers."""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from driver import chart, report  # noqa: E402
from driver.participants import (  # noqa: E402
    MICA_BINARY,
    PEERS,
    Failed,
    Mica,
    Peer,
    missing_modules,
    peers_python,
    versions,
)

# A row's aim is the largest ratio of mica's time to the best peer's that counts as reached, its
# tolerance how far a result may be off, relative to the largest magnitude in its array.
ROWS = {
    "copy 4096x4096": (0.25, 0),
    "exp 4096x4096": (0.25, 1e-6),
    "gelu 4096x4096": (0.25, 1e-6),
    "tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096": (0.3, 1e-6),
    "layer_norm 4096x4096": (0.35, 1e-6),
    "softmax 4096x4096": (0.35, 2e-6),
    "sum axis0 4096x4096": (0.7, 2e-6),
    "matmul 2048 f32": (1.0, 5e-6),
    "matmul 2048 bf16": (1.0, 8e-3),
    "1000 small adds (16)": (0.3, 0),
    "conv2d 3x3 64->64 56x56 B16": (0.9, 2e-5),
    "sdpa B4 H8 T1024 D64": (0.6, 1e-5),
    "mlp 784-128-128-10 train B256": (0.7, 1e-4),
    "cnn 3conv bn relu pool 32x32 train B64": (0.7, 1e-3),
    "lstm 128->256 T64 B32 fwd+bwd": (0.8, 1e-4),
    "gpt 4x256 T256 B8 V512 train": (0.6, 1e-4),
    "100M decode matvecs f32 B1": (0.85, 5e-6),
    "100M decode matvecs 4-bit g64 B1": (0.9, 1e-5),
    # llama.cpp alone runs these, and shows no results to compare with.
    "100M llama decode token f32": (1.0, 0),
    "100M llama decode token 4-bit": (1.0, 0),
    "100M llama prefill 128 f32": (1.0, 0),
    "100M llama prefill 128 4-bit": (1.0, 0),
}

# The rows whose memory is measured, in mica and in torch: those that train.
MEMORY_ROWS = [row for row in ROWS if "train" in row or "bwd" in row]

# A peer that takes more than this many times the best one's time is timed once.
HOPELESS = 3

REFERENCES = ("torch", "mlx")  # whose results mica's are compared with, the first that has the row


class Progress:
    """A bar on a terminal, a line a row elsewhere."""

    def __init__(self, total):
        self._total = total
        self._start = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def show(self, done, row, what):
        seconds = time.monotonic() - self._start
        if self._terminal:
            bar = ("#" * round(20 * done / self._total)).ljust(20, ".")
            text = f"[{bar}] {done}/{self._total} {seconds:3.0f} s  {row}: {what}"
            print(f"\r\033[K{text[:110]}", end="", file=sys.stderr, flush=True)
        elif what == "outputs":
            print(f"[{done + 1}/{self._total}] {seconds:.0f} s: {row}", file=sys.stderr, flush=True)

    def end(self):
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def compare_outputs(row, mica, peers, folder):
    """How far mica's results are off, and the peer they were compared with; nothing where no peer
    has results for the row."""
    if row not in mica.rows:
        return None, None
    outputs = Path(folder) / "outputs.safetensors"
    candidates = [peer for name in REFERENCES for peer in peers if peer.name == name]
    if candidates:
        mica.write_outputs(row, outputs)
    for peer in candidates:
        error = peer.compare(row, outputs)
        if error is not None:
            return error, peer.name
    return None, None


def measure_row(row, participants, rounds, note):
    """What each participant that has the row measured in its rounds, and the failures."""
    measured = {participant: [] for participant in participants}
    failures = []
    active = list(participants)
    for number in range(rounds):
        for participant in list(active):
            note(f"round {number + 1} of {rounds}, {participant.name}")
            try:
                answer = participant.measure(row)
            except Failed as failure:
                failures.append(str(failure))
                answer = None
            if answer is None:
                active.remove(participant)
                del measured[participant]
            else:
                measured[participant].append(answer)
        peers = [p for p in active if p.name != "mica"]
        best = min((measured[p][0]["ms"] for p in peers), default=0)
        active = [p for p in active if p not in peers or measured[p][0]["ms"] <= HOPELESS * best]
    return {participant.name: answers for participant, answers in measured.items()}, failures


def result_of(row, measured, error, reference, memory):
    """A row of cpu.json."""
    times = {name: [answer["ms"] for answer in answers] for name, answers in measured.items()}
    medians = {name: statistics.median(ms) for name, ms in times.items()}
    mica = medians.pop("mica", None)
    best = min(medians.values(), default=None)
    ratio = None if mica is None or best is None else mica / best
    aim, tolerance = ROWS[row]
    return {
        "name": row,
        "mica_ms": mica,
        "peers": medians,
        "ratio": ratio,
        "aim": aim,
        "reached": None if ratio is None else ratio <= aim,
        # (largest - smallest) / median over the rounds
        "spread": {
            name: (max(ms) - min(ms)) / statistics.median(ms)
            for name, ms in times.items()
            if len(ms) > 1
        },
        "kernels": measured["mica"][-1]["kernels"] if "mica" in measured else None,
        "error": error,
        "tolerance": tolerance,
        "compared_with": reference,
        "memory_mib": memory,
    }


def run_rows(rows, mica, peers, rounds):
    """The results and the failures."""
    participants = [*peers, *([mica] if mica else [])]
    progress = Progress(len(rows))
    results, failures = [], []
    with tempfile.TemporaryDirectory(prefix="mica_bench_") as folder:
        for number, row in enumerate(rows):
            note = lambda what, number=number, row=row: progress.show(number, row, what)
            error = reference = None
            memory = {}
            try:
                note("outputs")
                if mica:
                    error, reference = compare_outputs(row, mica, peers, folder)
                if error is not None and error > ROWS[row][1]:
                    failures.append(
                        f"'{row}': expected {reference}'s results within {ROWS[row][1]:g}, "
                        f"got an error of {error:.2g}"
                    )
                if row in MEMORY_ROWS:
                    note("memory")
                    torch = [peer for peer in peers if peer.name == "torch"]
                    measuring = [*torch, *([mica] if mica and row in mica.rows else [])]
                    memory = {participant.name: participant.memory(row) for participant in measuring}
            except Failed as failure:
                failures.append(str(failure))
            measured, failed = measure_row(row, participants, rounds, note)
            failures += failed
            results.append(result_of(row, measured, error, reference, memory))
    progress.end()
    return results, failures


def processor():
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rows", nargs="*", help="rows, or parts of their names (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each row (default: 3)")
    parser.add_argument("--peers", default=",".join(PEERS), help="peers to compare with, by comma")
    parser.add_argument("--threads", type=int, help="processors that all may use (default: all)")
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "build/bench",
        help="folder of cpu.json and cpu.svg (default: build/bench)",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="also write the chart, the table and the machine's name into this file's section for "
        "them; the chart goes to docs/speed.svg beside it",
    )
    options = parser.parse_args()
    options.peers = [peer for peer in options.peers.split(",") if peer]
    if unknown := [peer for peer in options.peers if peer not in PEERS]:
        parser.error(f"unknown peer {unknown[0]!r}: expected some of {', '.join(PEERS)}")
    wanted = lambda row: not options.rows or any(part in row for part in options.rows)
    rows = [row for row in ROWS if wanted(row)]
    if not rows:
        parser.error(f"no row's name contains any of {options.rows}")
    options.rows = rows
    available = sorted(os.sched_getaffinity(0))
    options.threads = options.threads or len(available)
    if options.rounds < 1:
        parser.error("--rounds: expected at least 1")
    if not 1 <= options.threads <= len(available):
        parser.error(f"--threads: expected 1 to {len(available)}")
    os.sched_setaffinity(0, available[: options.threads])  # the participants inherit it
    return options


def main():
    options = parse_options()
    python = peers_python()
    missing = {peer: missing_modules(python, peer) for peer in options.peers}
    peers = [Peer(peer, python) for peer in options.peers if not missing[peer]]
    mica = Mica() if MICA_BINARY.exists() else None
    try:
        results, failures = run_rows(options.rows, mica, peers, options.rounds)
    finally:
        for peer in peers:
            peer.close()

    names = [peer.name for peer in peers]
    found = versions(python, names)
    run = {
        "processor": processor(),
        "threads": options.threads,
        "system": platform.system(),
        "rounds": options.rounds,
        "versions": found,
        "rows": results,
    }
    packages = ", ".join(f"{package} {version}" for package, version in found.items())
    note = f"{run['processor']}, {options.threads} threads, {run['system']}; {packages}"
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "cpu.json").write_text(json.dumps(run, indent=2) + "\n")
    (options.output / "cpu.svg").write_text(chart.svg(results, note))

    print(report.terminal_table(results))
    print(f"\n{note}\n{options.output / 'cpu.json'}\n{options.output / 'cpu.svg'}")
    if options.markdown:
        picture = options.markdown.parent / "docs/speed.svg"
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(chart.svg(results, note))
        link = "![Bars: mica's time over that of the best of the others](docs/speed.svg)"
        table = report.markdown_table(results, names)
        report.replace_section(options.markdown, f"{link}\n\n{table}\n\nOn {note}.\n")
    for peer, modules in missing.items():
        if modules:
            print(f"missing: {peer}, for {python} has no {modules[0]}; scripts/peers.sh installs it")
    if mica is None:
        print(f"missing: mica's own rows, {MICA_BINARY.relative_to(ROOT)}")
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
