#!/usr/bin/env python3
"""Checks C++ sources with clang: its warnings and the checks of .clang-tidy, as errors.

usage: scripts/lint.py [--all] [--quick] [FILE...]

Files are those that differ from the branch main (committed or not), --all for every source, or the
FILEs. --quick is clang's warnings alone, in a third of the time. Reads
build/release/compile_commands.json, which `make configure` writes.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
# Flags of g++ that clang 14 does not know.
NOT_FOR_CLANG = ("-Wno-restrict",)


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def changed():
    base = (git("merge-base", "HEAD", "origin/main") or git("merge-base", "HEAD", "main")
            or ["HEAD"])[0]
    names = git("diff", "--name-only", "--diff-filter=d", base) + git(
        "ls-files", "--others", "--exclude-standard")
    return {str(ROOT / name) for name in names if name.endswith(".cpp")}


def clang_words(command):
    """The words of a compile command of g++, as clang's that only checks."""
    words = iter(word for word in shlex.split(command) if not word.startswith(NOT_FOR_CLANG))
    kept = []
    for word in words:
        if word in ("-o", "-MT", "-MF"):
            next(words)
        elif word != "-MD":
            kept.append(word)
    compiler = next(i for i, word in enumerate(kept) if word.startswith("-"))
    return ["clang++", "-fsyntax-only", "-Werror", *kept[compiler:]]


def check_quick(entry):
    done = subprocess.run(
        clang_words(entry["command"]), cwd=entry["directory"], capture_output=True, text=True)
    return done.returncode, done.stderr


def check_all(entry):
    done = subprocess.run(
        ["clang-tidy", "--quiet", "--warnings-as-errors=*", entry["file"], "--",
         *clang_words(entry["command"])[1:]],
        cwd=entry["directory"], capture_output=True, text=True)
    return done.returncode, done.stdout or done.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--all", action="store_true", help="every source, not the changed ones")
    parser.add_argument("--quick", action="store_true", help="clang's warnings alone")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    database = BUILD / "compile_commands.json"
    if not database.exists():
        sys.exit(f"lint.py: {database} is missing: run `make configure` first")
    entries = {entry["file"]: entry for entry in json.loads(database.read_text())
               if entry["file"].startswith(f"{ROOT}/")
               and not entry["file"].startswith(f"{ROOT}/build/")}
    if options.files:
        wanted = {str(pathlib.Path(name).resolve()) for name in options.files}
    else:
        wanted = set(entries) if options.all else changed()
    sources = [entries[name] for name in sorted(wanted & set(entries))]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, text in pool.map(check_quick if options.quick else check_all, sources):
            if code != 0:
                failed += 1
                print(text, end="", flush=True)
    print(f"lint: {len(sources)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
