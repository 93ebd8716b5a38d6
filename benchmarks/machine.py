"""The machine: what it is, what it can do, what is installed, fresh processes and their memory."""

import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
from threadpoolctl import threadpool_info

from benchmarks.timing import alternate, seconds_of

PACKAGES = ("numpy", "scipy", "brian2", "torch", "numba", "scikit-learn", "joblib", "ipvae-brian")
REPOSITORY = Path(__file__).resolve().parents[1]


def has_torch():
    """Return whether PyTorch can be imported; it is in the extra ``bench``."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def describe():
    """Return what the figures depend on: processor, cores, memory, system; no names of hosts."""
    return {
        "processor": _processor(),
        "cores": joblib.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _memory_gb():
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    except (AttributeError, ValueError, OSError):
        return None  # Windows does not tell this way


def _processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = fields.get("model name", "unknown")
    return f"{name} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


def versions():
    """Return the versions of Python and of the packages that matter, None where one is missing."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def thread_pools():
    """Return how many threads BLAS and OpenMP use, as a list of "library: threads"."""
    return sorted({f"{pool['internal_api']}: {pool['num_threads']}" for pool in threadpool_info()})


def limits(size=1024, repeats=5):
    """Measure what the machine can do, for comparison with what a step needs.

    Returns
    -------
    dict
        sgemm_gflops: of a float32 product; exp_per_second: float32 exponentials in NumPy (one
        core); exponential_numbers_per_second: random ones, float32, in NumPy (one core);
        add_gb_per_second: bytes moved by an addition in place of float32 arrays of 64 MB (one
        core); cached_gb_per_second: the same of 80 kB; new_gb_per_second: bytes of memory written
        to for the first time (one core).
    """
    rng = np.random.default_rng(0)
    a = rng.standard_normal((size, size), np.float32)
    big = np.ones(16 * 2**20, np.float32)
    small = rng.standard_normal(100_000, np.float32)
    out = np.empty_like(small)
    few, few_out = small[:20_000], np.ones(20_000, np.float32)
    costs = alternate(
        {
            "product": lambda: seconds_of(np.matmul, a, a),
            "exp": lambda: seconds_of(np.exp, small, out=out),
            "numbers": lambda: seconds_of(rng.standard_exponential, dtype=np.float32, out=out),
            "add": lambda: seconds_of(np.add, big, big, out=big),
            "cached": lambda: seconds_of(np.add, few, few_out, out=few_out),
            "new": lambda: seconds_of(np.ones, big.shape, np.float32),
        },
        repeats,
    )
    best = {name: min(values) for name, values in costs.items()}
    return {
        "sgemm_gflops": 2 * size**3 / best["product"] / 1e9,
        "exp_per_second": small.size / best["exp"],
        "exponential_numbers_per_second": out.size / best["numbers"],
        "add_gb_per_second": 2 * big.nbytes / best["add"] / 1e9,
        "cached_gb_per_second": 3 * few.nbytes / best["cached"] / 1e9,
        "new_gb_per_second": big.nbytes / best["new"] / 1e9,
    }


def run_python(code, *arguments, environment=None):
    """Run ``python -c code`` in a process of its own and return what it prints, as text.

    Raises
    ------
    RuntimeError
        With what it wrote, if it fails.
    """
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"a benchmark process failed:\n{result.stderr}")
    return result.stdout


def memory():
    """Return the resident memory of this process in bytes: now, and the largest so far.

    What the system reports to `resource.getrusage` is inherited from the process that started
    this one, so it serves only where there is no /proc.

    Raises
    ------
    ImportError
        On Windows, which has neither.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        return peak, peak
    fields = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
    return int(fields["VmRSS"]) * 1024, int(fields["VmHWM"]) * 1024
