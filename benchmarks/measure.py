"""Measuring: contestants in turn, ratios within a run, fitted exponents, fresh processes."""

import os
import platform
import re
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import joblib
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

# Before each measurement, in seconds: threads of the contestant before keep cores busy for a while.
PAUSE = 0.2
PACKAGES = ("numpy", "scipy", "brian2", "torch", "numba", "scikit-learn", "joblib", "ipvae-brian")
REPOSITORY = Path(__file__).resolve().parents[1]


def seconds_of(function, *arguments, **keywords):
    """Seconds on the clock that a call takes."""
    start = time.perf_counter()
    function(*arguments, **keywords)
    return time.perf_counter() - start


def alternate(contestants, repeats):
    """Let contestants run in turn, so that what the machine does meanwhile meets all of them.

    Parameters
    ----------
    contestants : dict of str to callable
        Each returns what it cost, in seconds.
    repeats : int
        Rounds that count; one more goes before, to warm up.

    Returns
    -------
    dict of str to list of float
    """
    costs = {name: [] for name in contestants}
    for repeat in range(repeats + 1):
        for name, contestant in contestants.items():
            time.sleep(PAUSE)
            cost = contestant()
            if repeat:
                costs[name].append(cost)
    return costs


def median(values):
    """The median as a plain number."""
    return float(np.median(values))


def median_ratio(numerators, denominators):
    """Median of the ratios of what was measured in the same rounds."""
    return median(np.divide(numerators, denominators))


def fit_exponent(sizes, costs):
    """Slope of log cost over log size by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


class CpuClock:
    """Seconds of CPU, of all threads, spent inside ``with clock.running():``."""

    def __init__(self):
        self.seconds = 0.0

    @contextmanager
    def running(self):
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds += time.process_time() - start


@contextmanager
def one_thread():
    """One thread for BLAS, Numba and PyTorch, here and in processes started inside."""
    torch, numba = sys.modules.get("torch"), sys.modules.get("numba")
    before = torch.get_num_threads() if torch else None
    before_numba = numba.get_num_threads() if numba else None
    variables = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
    )
    saved = {name: os.environ.get(name) for name in variables}
    os.environ.update(dict.fromkeys(variables, "1"))
    try:
        if torch:
            torch.set_num_threads(1)
        if numba:
            numba.set_num_threads(1)
        with threadpool_limits(1):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
        if numba:
            numba.set_num_threads(before_numba)
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def has_torch():
    """Whether PyTorch can be imported; it is in the extra ``bench``."""
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


# The machine


def machine():
    """What the figures depend on: processor, cores, memory, system; no names of hosts."""
    return {
        "processor": _processor(),
        "cores": joblib.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor():
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.MULTILINE))
    name = fields.get("model name", "unknown")
    return f"{name} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


def versions():
    """Versions of Python and of the packages that matter; None where one is missing."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def thread_pools():
    """How many threads BLAS and OpenMP use: a list of "library: threads"."""
    return sorted({f"{pool['internal_api']}: {pool['num_threads']}" for pool in threadpool_info()})


def limits(size=1024, repeats=5):
    """What the machine can do, for comparison with what a step needs.

    Returns
    -------
    dict
        sgemm_gflops: of a float32 product; exp_per_second: float32 exponentials in NumPy (one
        core); exponential_numbers_per_second: random ones, float32, in NumPy (one core);
        add_gb_per_second: bytes moved by an addition in place of float32 arrays of 64 MB (one
        core); new_gb_per_second: bytes of memory written to for the first time (one core).
    """
    rng = np.random.default_rng(0)
    a = rng.standard_normal((size, size), np.float32)
    big = np.ones(16 * 2**20, np.float32)
    small = rng.standard_normal(100_000, np.float32)
    out = np.empty_like(small)
    costs = alternate(
        {
            "product": lambda: seconds_of(np.matmul, a, a),
            "exp": lambda: seconds_of(np.exp, small, out=out),
            "numbers": lambda: seconds_of(rng.standard_exponential, dtype=np.float32, out=out),
            "add": lambda: seconds_of(np.add, big, big, out=big),
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
        "new_gb_per_second": big.nbytes / best["new"] / 1e9,
    }


# Fresh processes


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
    """Resident memory of this process in bytes: now, and the largest so far.

    What the system reports to `resource.getrusage` is inherited from the process that started
    this one, so it serves only where there is no /proc.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        return peak, peak
    fields = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB$", status, re.MULTILINE))
    return int(fields["VmRSS"]) * 1024, int(fields["VmHWM"]) * 1024
