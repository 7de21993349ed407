#!/usr/bin/env python3
"""Times the benchmark rows in mica and in the peers that this machine has, and prints how mica
compares with the best peer of each row.

Each round of a row asks every peer in turn, so that all of them meet the same state of the machine;
a figure is the median over the rounds. scripts/peers.sh installs the peers."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MICA_BINARY = ROOT / "build/release/benchmarks/rows"

# The aim is the largest ratio of mica's time to the best peer's that counts as reached.
AIMS = {
    "copy 4096x4096": 0.25,
    "exp 4096x4096": 0.25,
    "gelu 4096x4096": 0.25,
    "tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096": 0.3,
    "layer_norm 4096x4096": 0.35,
    "softmax 4096x4096": 0.35,
    "sum axis0 4096x4096": 0.7,
    "matmul 2048 f32": 1.0,
    "matmul 2048 bf16": 1.0,
    "1000 small adds (16)": 0.3,
    "conv2d 3x3 64->64 56x56 B16": 0.9,
    "sdpa B4 H8 T1024 D64": 0.6,
    "mlp 784-128-128-10 train B256": 0.7,
    "cnn 3conv bn relu pool 32x32 train B64": 0.7,
    "lstm 128->256 T64 B32 fwd+bwd": 0.8,
    "gpt 4x256 T256 B8 V512 train": 0.6,
    "100M decode matvecs f32 B1": 0.85,
    "100M decode matvecs 4-bit g64 B1": 0.9,
}

# A peer's name, the Python modules it needs and its script with arguments.
PEERS = {
    "torch": (("torch",), ("torch_rows.py",)),
    "torch-compile": (("torch",), ("torch_rows.py", "--compile")),
    "jax": (("jax", "optax"), ("jax_rows.py",)),
    "mlx": (("mlx",), ("mlx_rows.py",)),
}


class PeerFailed(Exception):
    pass


class PeerProcess:
    """A peer's script, started when its first row is asked for and kept until the end."""

    def __init__(self, name, python):
        script, *arguments = PEERS[name][1]
        self.name = name
        self._command = [python, str(ROOT / "benchmarks/peers" / script), *arguments, "--serve"]
        self._process = None
        self._errors = tempfile.TemporaryFile("w+")

    def measure(self, row):
        """Milliseconds of one round, or None where the peer does not have the row."""
        try:
            if self._process is None:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                )
            self._process.stdin.write(row + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())["ms"]
        except (OSError, ValueError):
            raise PeerFailed(f"{self.name} failed in '{row}': {self._last_error()}") from None

    def _last_error(self):
        self.close()
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if "Error" in line]
        return lines[-1] if lines else "it ended early"

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Mica:
    """mica's benchmark program: given names of rows, it prints a JSON line for each that it has."""

    name = "mica"

    def measure(self, row):
        run = subprocess.run([MICA_BINARY, row], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            lines = run.stderr.strip().splitlines()
            reason = lines[-1] if lines else f"exit status {run.returncode}"
            raise PeerFailed(f"mica failed in '{row}': {reason}")
        results = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        return next((result["ms"] for result in results if result["row"] == row), None)

    def close(self):
        pass


def peers_python():
    """The Python of the environment that scripts/peers.sh makes, or this one."""
    venv = Path(os.environ.get("MICA_VENV", ROOT / ".venv"))
    python = venv / "bin/python"
    return str(python) if python.exists() else sys.executable


def importable(python, modules):
    found = [f"importlib.util.find_spec({module!r})" for module in modules]
    check = f"import importlib.util, sys; sys.exit(not all([{', '.join(found)}]))"
    return subprocess.run([python, "-c", check], check=False).returncode == 0


def measure_row(row, participants, rounds):
    """The median over the rounds of each participant that has the row, and the failures."""
    rounds_of = {participant: [] for participant in participants}
    failures = []
    for _ in range(rounds):
        for participant in list(rounds_of):
            try:
                ms = participant.measure(row)
            except PeerFailed as failure:
                failures.append(str(failure))
                ms = None
            if ms is None:
                del rounds_of[participant]
            else:
                rounds_of[participant].append(ms)
    return {p.name: statistics.median(all_ms) for p, all_ms in rounds_of.items()}, failures


def shown(ms):
    return "" if ms is None else f"{ms:.1f}" if ms >= 10 else f"{ms:.3g}"


def table_line(row, peers, result):
    ms = [result.get(peer) for peer in peers]
    best = min((value for value in ms if value is not None), default=None)
    mica = result.get("mica")
    ratio = "" if mica is None or best is None else f"{mica / best:.2f}"
    reached = "" if not ratio else "yes" if mica / best <= AIMS[row] else "no"
    mica_shown = "not yet" if mica is None else shown(mica)
    return [row, *map(shown, ms), mica_shown, ratio, f"{AIMS[row]:.2f}", reached]


def markdown_table(lines):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    rows = []
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        rows.append("| " + " | ".join(cells) + " |")
    rules = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    rows.insert(1, "| " + " | ".join(rules) + " |")
    return "\n".join(rows)


def machine():
    """One line about the processor, and the peers' versions."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    processor = names[0].split(":", 1)[1].strip() if names else platform.machine()
    return f"{processor}, {len(os.sched_getaffinity(0))} logical processors, {platform.system()}"


def versions(python, peers):
    modules = dict.fromkeys(module for peer in peers for module in PEERS[peer][0])
    if not modules:
        return ""
    code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    found = []
    for module in modules:
        run = subprocess.run([python, "-c", code, module], capture_output=True, text=True, check=False)
        found.append(f"{module} {run.stdout.strip()}")
    return ", ".join(found)


def replace_section(path, text):
    """Puts the text between the markers that path holds."""
    begin, end = "<!-- bench: begin -->\n", "<!-- bench: end -->"
    before, _, rest = path.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path}: expected a section from '{begin.strip()}' to '{end}'")
    path.write_text(before + begin + text + end + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rows", nargs="*", help="rows, or parts of their names (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each row (default: 3)")
    parser.add_argument("--peers", default=",".join(PEERS), help="peers to compare with, by comma")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="also write the table and the machine's name into this file's section for them",
    )
    options = parser.parse_args()

    asked = [peer for peer in options.peers.split(",") if peer]
    if unknown := [peer for peer in asked if peer not in PEERS]:
        parser.error(f"unknown peer {unknown[0]!r}: expected some of {', '.join(PEERS)}")
    rows = [row for row in AIMS if not options.rows or any(part in row for part in options.rows)]
    if not rows:
        parser.error(f"no row's name contains any of {options.rows}")
    if options.rounds < 1:
        parser.error("--rounds: expected at least 1")

    python = peers_python()
    peers = [peer for peer in asked if importable(python, PEERS[peer][0])]
    participants = [PeerProcess(peer, python) for peer in peers]
    if MICA_BINARY.exists():
        participants.append(Mica())

    lines = [["row, ms", *peers, "mica", "ratio to best", "aim", "reached"]]
    failures = []
    try:
        for number, row in enumerate(rows, 1):
            print(f"[{number}/{len(rows)}] {row}", file=sys.stderr, flush=True)
            result, failed = measure_row(row, participants, options.rounds)
            lines.append(table_line(row, peers, result))
            failures += failed
    finally:
        for participant in participants:
            participant.close()

    table = markdown_table(lines)
    print(table)
    if options.markdown:
        note = "; ".join(filter(None, [machine(), versions(python, peers)]))
        replace_section(options.markdown, f"{table}\n\nOn {note}.\n")
    for peer in asked:
        if peer not in peers:
            print(f"missing: {peer}, which {python} cannot import; scripts/peers.sh installs it")
    if not MICA_BINARY.exists():
        print(f"missing: mica's own rows, {MICA_BINARY.relative_to(ROOT)}")
    print("not compared: llama.cpp, which counts as a peer of the decode rows")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
