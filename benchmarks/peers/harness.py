"""How every peer runs its rows. A row is a function that sets a workload up and returns the step
to time; where a peer's results can be compared with mica's, the step returns them as a list. A
peer's script prints one JSON line for each row named on the command line (all without names).
With --serve it answers requests from standard input, a JSON line each:

    {"row": ...}                   {"ms": median of one round of steps, or null without the row}
    {"row": ..., "outputs": FILE}  {"error": ...}, how far mica's results in FILE are off

The last row set up is kept, so that rounds of several peers can alternate. --memory prints by how
many MiB a row's first steps raise the process's peak."""

import argparse
import json
import statistics
import sys
import time

import numpy as np

# As benchmarks/rows.cpp.
WARM_SECONDS = 0.1
TIMED_SECONDS = 0.4
MEMORY_STEPS = 5


class Peer:
    def __init__(self, name, to_numpy=None):
        """`to_numpy` makes a float32 NumPy array of one result; None: there are none to compare."""
        self.name = name
        self._to_numpy = to_numpy
        self._rows = {}
        self._current = None
        self._step = None
        self._compiled = False

    def row(self, name):
        """Registers the decorated function as the row `name`."""

        def register(setup):
            self._rows[name] = setup
            return setup

        return register

    def main(self, arguments=None):
        parser = argparse.ArgumentParser(description=f"Times the benchmark rows in {self.name}.")
        parser.add_argument("rows", nargs="*", help="rows to time (default: all)")
        parser.add_argument("--list", action="store_true", help="print the rows' names")
        parser.add_argument("--serve", action="store_true", help="answer requests from stdin")
        parser.add_argument("--memory", action="store_true", help="measure memory, not time")
        options = parser.parse_args(arguments)
        unknown = [row for row in options.rows if row not in self._rows]
        if unknown:
            parser.error(f"unknown row {unknown[0]!r}; --list names them")
        if options.list:
            print("\n".join(self._rows))
        elif options.serve:
            for line in sys.stdin:
                print(json.dumps(self._answer(json.loads(line))), flush=True)
        else:
            for row in options.rows or self._rows:
                if options.memory:
                    answer = {"peer": self.name, "row": row, "mib": _peak(self._set_up(row))}
                else:
                    answer = {"peer": self.name, "row": row, "ms": self._measure(row)}
                print(json.dumps(answer), flush=True)

    def _answer(self, request):
        row = request["row"]
        if "outputs" in request:
            comparable = row in self._rows and self._to_numpy is not None
            return {"error": self._compare(row, request["outputs"]) if comparable else None}
        return {"ms": self._measure(row) if row in self._rows else None}

    def _set_up(self, row):
        if row != self._current:
            self._step = None  # frees the last row's memory first
            self._current = None
            self._step = self._rows[row]()
            self._current = row
            self._compiled = False
        return self._step

    def _measure(self, row):
        step = self._set_up(row)
        if not self._compiled:
            step()
            self._compiled = True
        return _median_ms(step)

    def _compare(self, row, file):
        """The largest difference of mica's results from this peer's, each relative to the largest
        magnitude in its array."""
        from safetensors.numpy import load_file

        got = load_file(file)
        self._current = None  # steps that train must start at the first one
        step = self._set_up(row)
        expected = []
        while len(expected) < len(got):
            expected += [np.asarray(self._to_numpy(result)) for result in step()]
        self._current = None
        if len(expected) != len(got):
            raise ValueError(f"mica has {len(got)} results, {self.name} {len(expected)}")
        return max(_difference(got[str(i)], array) for i, array in enumerate(expected))


def _difference(got, expected):
    if got.shape != expected.shape:
        raise ValueError(f"mica's result is {got.shape}, the peer's {expected.shape}")
    difference = np.abs(got - expected).max() / np.abs(expected).max()
    return float(difference) if np.isfinite(difference) else float("inf")


def _timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _median_ms(step):
    """The median of one round of steps, after warming up. A step longer than a round is timed
    once."""
    start = time.perf_counter()
    seconds = [_timed(step)]
    while time.perf_counter() - start < WARM_SECONDS:
        seconds.append(_timed(step))
    if seconds[-1] <= TIMED_SECONDS:
        start = time.perf_counter()
        seconds = []
        while time.perf_counter() - start < TIMED_SECONDS:
            seconds.append(_timed(step))
        return statistics.median(seconds) * 1e3
    return seconds[-1] * 1e3


def _status_kib(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key + ":"))


def _peak(step):
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")  # the peak starts again from here
    held = _status_kib("VmRSS")
    for _ in range(MEMORY_STEPS):
        step()
    return (_status_kib("VmHWM") - held) / 1024
