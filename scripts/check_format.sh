#!/usr/bin/env bash
# Checks that the C++ sources are formatted as .clang-format says; with --fix, formats them.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
  "") mode=(--dry-run --Werror) ;;
  --fix) mode=(-i) ;;
  *) echo "usage: scripts/check_format.sh [--fix]" >&2; exit 2 ;;
esac

git ls-files -z --cached --others --exclude-standard '*.h' '*.cpp' |
  xargs -0 -r -n 16 -P "$(nproc)" clang-format "${mode[@]}"
