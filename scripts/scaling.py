#!/usr/bin/env python3
"""Times families of ops in mica over many sizes, with 1 and with all threads, and prints tables:
the time, and which part of the machine's roofline it reaches. Needs no peers."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BINARY = ROOT / "build/release/benchmarks/scaling"
sys.path.insert(0, str(ROOT / "benchmarks"))

from driver import report  # noqa: E402


def measure(threads, pattern):
    """The report of one run of the program."""
    environment = {**os.environ, "MICA_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    command = [BINARY, "--benchmark_format=json", f"--benchmark_filter={pattern}"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(f"scaling.py: {run.stderr.strip() or 'the program failed'}")
    return json.loads(run.stdout)


def roofline(context):
    names = ("read_bytes_per_second", "copy_bytes_per_second", "flops_per_second")
    return [float(context[name]) for name in names]


def points(run):
    """{family: {size: (microseconds, part of the roofline)}}"""
    read_rate, copy_rate, flops_rate = roofline(run["context"])
    families = {}
    for benchmark in run["benchmarks"]:
        family, size = benchmark["name"].split("/")[:2]
        rate = copy_rate if benchmark["written"] else read_rate
        moving = (benchmark["read"] + benchmark["written"]) / rate
        least = max(moving, benchmark["flops"] / flops_rate) * 1e6
        time = benchmark["real_time"]
        families.setdefault(family, {})[int(size)] = (time, least / time)
    return families


def size_name(size):
    for unit, name in ((1 << 20, "Mi"), (1 << 10, "Ki")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return str(size)


def time_name(microseconds):
    return f"{microseconds / 1e3:.3g} ms" if microseconds >= 1e3 else f"{microseconds:.3g} us"


def tables(by_threads):
    """Markdown: a table a family, a line a size, two columns a thread count."""
    counts = list(by_threads)
    out = []
    for family in by_threads[counts[0]]:
        head = [family]
        for count in counts:
            head += [f"{count} thread{'s' if count > 1 else ''}", "roofline"]
        lines = [head]
        for size in by_threads[counts[0]][family]:
            line = [size_name(size)]
            for count in counts:
                time, part = by_threads[count][family][size]
                line += [time_name(time), f"{part:.2f}"]
            lines.append(line)
        out.append(report.align(lines))
    return "\n\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("families", nargs="*", help="families, or parts of their names")
    parser.add_argument("--threads", help="thread counts, by comma (default: 1 and all)")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write into this file's section"
    )
    options = parser.parse_args()
    if not BINARY.exists():
        parser.error(f"missing: {BINARY.relative_to(ROOT)}; build the target 'scaling'")
    processors = len(os.sched_getaffinity(0))
    counts = options.threads or ("1" if processors == 1 else f"1,{processors}")
    counts = [int(count) for count in counts.split(",")]

    by_threads, limits = {}, []
    pattern = "|".join(options.families) or "."
    for count in counts:
        print(f"{count} threads", file=sys.stderr, flush=True)
        run = measure(count, pattern)
        if not run["benchmarks"]:
            parser.error(f"no family's name contains any of {options.families}")
        by_threads[count] = points(run)
        read_rate, copy_rate, flops_rate = roofline(run["context"])
        limits.append(
            f"{count} threads: reading {read_rate / 1e9:.0f} GB/s, copying "
            f"{copy_rate / 1e9:.0f} GB/s, {flops_rate / 1e9:.0f} GFLOP/s in float32"
        )
    text = "; ".join(limits) + ".\n\n" + tables(by_threads) + "\n"
    print(text)
    if options.markdown:
        report.replace_section(options.markdown, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
