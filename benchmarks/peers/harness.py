"""How every peer times its rows. A row is a function that sets a workload up and returns the step
to time. A peer's script prints one JSON line a row, {"peer": ..., "row": ..., "ms": ...}: for the
rows named on the command line, for all without names, and with --serve for each name that arrives
on standard input, keeping the last row set up so that rounds of several peers can alternate."""

import argparse
import json
import statistics
import sys
import time

WARM_SECONDS = 0.2
TIMED_SECONDS = 0.8
MOST_STEPS = 50


class Peer:
    def __init__(self, name):
        self.name = name
        self._rows = {}
        self._current = None
        self._step = None

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
        parser.add_argument("--serve", action="store_true", help="read rows' names from stdin")
        options = parser.parse_args(arguments)
        unknown = [row for row in options.rows if row not in self._rows]
        if unknown:
            parser.error(f"unknown row {unknown[0]!r}; --list names them")
        if options.list:
            print("\n".join(self._rows))
            return
        rows = (line.rstrip("\n") for line in sys.stdin) if options.serve else options.rows
        for row in rows or self._rows:
            self._report(row)

    def _report(self, row):
        ms = self._measure(row) if row in self._rows else None
        print(json.dumps({"peer": self.name, "row": row, "ms": ms}), flush=True)

    def _measure(self, row):
        """The median of one round of steps in milliseconds, after warming up. A step longer than
        a round is timed once."""
        if row != self._current:
            self._step = None  # frees the last row's memory first
            self._step = self._rows[row]()
            self._current = row
            self._step()  # compiles
        start = time.perf_counter()
        seconds = [_timed(self._step)]
        while time.perf_counter() - start < WARM_SECONDS:
            seconds = [_timed(self._step)]
        if seconds[0] > TIMED_SECONDS:
            return seconds[0] * 1e3
        start = time.perf_counter()
        seconds = []
        while len(seconds) < MOST_STEPS and time.perf_counter() - start < TIMED_SECONDS:
            seconds.append(_timed(self._step))
        return statistics.median(seconds) * 1e3


def _timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
