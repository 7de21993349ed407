#!/usr/bin/env python3
"""Checks that tests/api/*.cpp name every public function of MLX as often as it has overloads.

    python tests/api/array_surface.py

The list is array_surface.txt: headers of MLX, and for each the names with their numbers of
overloads. The C++ files name each overload by its type, has<array(const array&, S)>(mx::exp), or call
it where mica's is a template (TEMPLATES below), so that one that is missing does not compile.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Called by transforms.cpp and runtime.cpp: these take more kinds of arguments than MLX's.
TEMPLATES = {"async_eval", "eval", "jvp", "vjp", "value_and_grad", "safe_cast"}
# Overloads that are called beside the others: name, how many. Templates in MLX too, and the one that
# prints arrays, which takes them by value there.
CALLED_OVERLOADS = {"export_to_dot": 2, "print_graph": 2, "utils.h operator<<": 2}
# "array" is there for the return types of function types in transforms.h.
NOT_FUNCTIONS = {"transforms.h array"}


def checklist():
    header = None
    for line in (HERE / "array_surface.txt").read_text().splitlines():
        if match := re.match(r"## (\S+): \d+", line):
            header = match[1]
        elif header and line:
            for name, count in re.findall(r"(operator[^\s(,]+|\w+)(?: \((\d+)\))?(?:, |$)", line):
                yield header, name, int(count or 1)


def main():
    sources = {path.name: path.read_text() for path in sorted(HERE.glob("*.cpp"))}
    text = re.sub(r"\s+", " ", "\n".join(sources.values()))
    named = {}
    for qualified in re.findall(r"\( ?mx::(operator\S+?|[\w:]+)\);", text):
        name = qualified.split("::")[-1]
        named[name] = named.get(name, 0) + 1
    missing = []
    needed = {}
    for header, name, count in checklist():
        if f"{header} {name}" in NOT_FUNCTIONS:
            continue
        if name in TEMPLATES:
            if not re.search(rf"mx::{name}\(", text):
                missing.append(f"{header}: {name} is not called")
            continue
        called = CALLED_OVERLOADS.get(f"{header} {name}", CALLED_OVERLOADS.get(name, 0))
        needed.setdefault(name, []).append((header, count - called))
    for name, uses in needed.items():
        total = sum(count for _, count in uses)
        if named.get(name, 0) < total:
            headers = ", ".join(header for header, _ in uses)
            missing.append(f"{headers}: {name} named {named.get(name, 0)} times of {total}")
    for line in missing:
        print(line, file=sys.stderr)
    print(f"{len(missing)} of {sum(1 for _ in checklist())} names of the list are missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
