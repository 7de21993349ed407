#!/usr/bin/env bash
# Makes the virtual environment that `make bench` compares mica with: torch, jax, mlx and llama.cpp
# from PyPI, in .venv or $MICA_VENV. Running it again only checks what is there. llama.cpp is
# compiled for this processor, which takes some minutes; where that fails, the rest is still used.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${MICA_VENV:-$PWD/.venv}
torch='torch==2.15.0'
torch_needs=(filelock typing-extensions 'setuptools>=77.0.3' sympy networkx jinja2 fsspec)
peers=('numpy' 'safetensors' 'jax==0.10.2' 'optax==0.2.8' 'mlx[cpu]==0.32.4')

install() {  # pip's complaints about the requirements left out are shown only when it fails
  local log
  log=$("$venv/bin/pip" install --quiet --disable-pip-version-check "$@" 2>&1) && return
  echo "$log" >&2
  echo "peers.sh: pip could not install $*" >&2
  return 1
}

# PyPI's torch is built for CUDA and links CUDA's libraries even where there is no GPU. Of what it
# requires this prints just those libraries, without Triton and what is loaded for a GPU only.
linked_libraries() {
  "$venv/bin/python" - <<'PYTHON'
from importlib.metadata import requires
for requirement in (r.split(";")[0].strip() for r in requires("torch")):
    if requirement.startswith("cuda-toolkit"):
        parts, version = requirement.split("[")[1].split("]")
        linked = [part for part in parts.split(",") if part not in ("cusolver", "nvtx")]
        print(f"cuda-toolkit[{','.join(linked)}]{version}")
    elif requirement.startswith("nvidia-"):
        print(requirement)
PYTHON
}

scripts/deps.sh python3-dev  # torch.compile compiles against Python.h
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
install --no-deps "$torch"
install "${torch_needs[@]}" "${peers[@]}"
mapfile -t libraries < <(linked_libraries)
install "${libraries[@]}"
install 'llama-cpp-python==0.3.36' 'gguf==0.19.0' ||
  echo "peers.sh: without llama.cpp, which counts as a peer of the rows that decode" >&2
"$venv/bin/python" -c 'import torch, jax, optax, mlx.core'

echo "peers in $venv:"
"$venv/bin/python" - <<'PYTHON'
from importlib.metadata import distributions

packages = ("torch", "jax", "optax", "mlx", "llama-cpp-python", "gguf", "numpy", "safetensors")
found = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
for name in packages:
    print(f"  {name} {found.get(name, 'is missing')}")
PYTHON
