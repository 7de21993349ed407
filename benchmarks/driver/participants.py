"""mica and its peers as scripts/bench.py sees them: each runs rows in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MICA_BINARY = ROOT / "build/release/benchmarks/rows"
PEER_SCRIPTS = ROOT / "benchmarks/peers"

# A peer's name, the Python modules it needs with their packages, and its script with arguments.
TORCH = {"torch": "torch"}
PEERS = {
    "torch": (TORCH, ("torch_rows.py",)),
    "torch-compile": (TORCH, ("torch_rows.py", "--compile")),
    "jax": ({"jax": "jax", "optax": "optax"}, ("jax_rows.py",)),
    "mlx": ({"mlx": "mlx"}, ("mlx_rows.py",)),
    "llama.cpp": ({"llama_cpp": "llama-cpp-python", "gguf": "gguf"}, ("llama_cpp_rows.py",)),
}


class Failed(Exception):
    pass


class Peer:
    """A peer's script, started when its first row is asked for and kept until the end."""

    def __init__(self, name, python):
        script, *arguments = PEERS[name][1]
        self.name = name
        self._command = [python, str(PEER_SCRIPTS / script), *arguments]
        self._process = None
        self._errors = tempfile.TemporaryFile("w+")

    def measure(self, row):
        """{"ms": median of one round}, or None where the peer does not have the row."""
        answer = self._ask({"row": row})
        return None if answer["ms"] is None else answer

    def compare(self, row, outputs):
        """How far mica's results in the file `outputs` are off, or None where the peer has no
        results for the row."""
        return self._ask({"row": row, "outputs": str(outputs)})["error"]

    def memory(self, row):
        """MiB by which the row's first steps raise the peak of a fresh process."""
        run = subprocess.run(
            [*self._command, "--memory", row], capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            raise Failed(f"{self.name}: the memory of '{row}' could not be measured")
        return json.loads(run.stdout.splitlines()[-1])["mib"]

    def _ask(self, request):
        try:
            if self._process is None:
                self._process = subprocess.Popen(
                    [*self._command, "--serve"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    text=True,
                )
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            reason = self._last_error()
            raise Failed(f"{self.name} failed in '{request['row']}': {reason}") from None

    def _last_error(self):
        self.close()
        self._errors.seek(0)
        lines = [line for line in self._errors.read().splitlines() if "Error" in line]
        return lines[-1] if lines else "it ended early"

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Mica:
    """mica's benchmark program, a fresh process each time."""

    name = "mica"

    def __init__(self):
        listed = subprocess.run([MICA_BINARY, "--list"], capture_output=True, text=True, check=True)
        self.rows = listed.stdout.splitlines()

    def measure(self, row):
        """{"ms": median of one round, "kernels": of a step}, or None without the row."""
        if row not in self.rows:
            return None
        report = json.loads(self._run("--benchmark_format=json", row))["benchmarks"][0]
        if report.get("error_occurred"):
            raise Failed(f"mica failed in '{row}': {report['error_message']}")
        return {"ms": report["median_ms"], "kernels": round(report["kernels"])}

    def write_outputs(self, row, outputs):
        self._run(f"--outputs={outputs}", row)

    def memory(self, row):
        return float(self._run("--memory", row))

    def _run(self, *arguments):
        run = subprocess.run(
            [MICA_BINARY, *arguments], capture_output=True, text=True, check=False
        )
        if run.returncode != 0:
            lines = run.stderr.strip().splitlines()
            reason = lines[-1] if lines else f"exit status {run.returncode}"
            raise Failed(f"mica failed in '{arguments[-1]}': {reason}")
        return run.stdout

    def close(self):
        pass


def peers_python():
    """The Python of the environment that scripts/peers.sh makes, or this one."""
    venv = Path(os.environ.get("MICA_VENV", ROOT / ".venv"))
    python = venv / "bin/python"
    return str(python) if python.exists() else sys.executable


def missing_modules(python, peer):
    """Those of the peer's modules that `python` cannot import."""
    code = "import importlib.util as u, sys; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))"
    run = subprocess.run(
        [python, "-c", code, *PEERS[peer][0]], capture_output=True, text=True, check=False
    )
    return run.stdout.split() if run.returncode == 0 else list(PEERS[peer][0])


def versions(python, peers):
    """The versions of the peers' packages."""
    packages = dict.fromkeys(package for peer in peers for package in PEERS[peer][0].values())
    code = (
        "import importlib.metadata as m, json, sys;"
        "print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    )
    run = subprocess.run(
        [python, "-c", code, *packages], capture_output=True, text=True, check=False
    )
    return json.loads(run.stdout) if run.returncode == 0 else {}
