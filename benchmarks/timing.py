"""Timing: contestants in turn, ratios within a run, fitted exponents, clocks of the CPU."""

import os
import sys
import time
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

# Before each measurement, in seconds: threads of the contestant before keep cores busy for a while.
PAUSE = 0.2


def seconds_of(function, *arguments, **keywords):
    """Return the seconds on the clock that a call takes."""
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
    """Return the median as a plain number."""
    return float(np.median(values))


def median_ratio(numerators, denominators):
    """Return the median of the ratios of what was measured in the same rounds."""
    return median(np.divide(numerators, denominators))


def fit_exponent(sizes, costs):
    """Return the slope of log cost over log size by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


class CpuClock:
    """Seconds of CPU, of all threads, spent inside ``with clock.running():``."""

    def __init__(self):
        self.seconds = 0.0

    @contextmanager
    def running(self):
        """Count while the context lasts."""
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds += time.process_time() - start


@contextmanager
def one_thread():
    """Leave one thread to BLAS, Numba and PyTorch, here and in processes started inside."""
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
