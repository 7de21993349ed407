#!/usr/bin/env bash
# Prints how long a program that includes <mica/mica.h> compiles, in seconds: the median of five.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
printf '#include <mica/mica.h>\nint main() { mica::eval(mica::ones({2})); }\n' >"$work/program.cpp"
for compiler in "${CXX:-g++}" clang++; do
  command -v "$compiler" >/dev/null || continue
  for _ in 1 2 3 4 5; do
    begin=$(date +%s%N)
    "$compiler" -std=c++20 -I. -c "$work/program.cpp" -o "$work/program.o"
    echo $((($(date +%s%N) - begin) / 1000000))
  done | sort -n | sed -n 3p | awk -v c="$compiler" '{ printf "%s: %.2f s\n", c, $1 / 1000 }'
done
