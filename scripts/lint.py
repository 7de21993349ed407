#!/usr/bin/env python3
"""Checks C++ sources with clang: its warnings and the checks of .clang-tidy, as errors.

usage: scripts/lint.py [--all] [FILE...]

Files are those that differ from the branch main (committed or not), --all for every source, or the
FILEs. Reads build/release/compile_commands.json, which `make configure` writes.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
# Flags of g++ that clang does not know, or that would ask for its OpenMP's headers.
NOT_FOR_CLANG = ("-Wno-restrict", "-mprefer-vector-width")


def git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def changed():
    base = (git("merge-base", "HEAD", "origin/main") or git("merge-base", "HEAD", "main")
            or ["HEAD"])[0]
    names = git("diff", "--name-only", "--diff-filter=d", base) + git(
        "ls-files", "--others", "--exclude-standard")
    return {str(ROOT / name) for name in names if name.endswith(".cpp")}


def check(source):
    done = subprocess.run(
        ["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", str(BUILD / "lint"), source],
        capture_output=True, text=True)
    return source, done.returncode, done.stdout + ("" if done.stdout else done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--all", action="store_true", help="every source, not the changed ones")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()

    database = BUILD / "compile_commands.json"
    if not database.exists():
        sys.exit(f"lint.py: {database} is missing: run `make configure` first")
    commands = json.loads(database.read_text())
    for entry in commands:
        words = entry["command"].split(" ")
        entry["command"] = " ".join(
            word for word in words if not word.startswith(NOT_FOR_CLANG))
    (BUILD / "lint").mkdir(exist_ok=True)
    (BUILD / "lint" / "compile_commands.json").write_text(json.dumps(commands))

    known = {entry["file"] for entry in commands if entry["file"].startswith(f"{ROOT}/")
             and not entry["file"].startswith(str(ROOT / "build"))}
    if options.files:
        wanted = {str(pathlib.Path(name).resolve()) for name in options.files}
    else:
        wanted = known if options.all else changed()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, code, text in pool.map(check, sorted(wanted & known)):
            if code != 0:
                failed += 1
                print(text, end="", flush=True)
    print(f"lint: {len(wanted & known)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
