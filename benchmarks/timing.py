"""Timing: contestants in turn, ratios within a run, fitted exponents, clocks of the CPU."""

import os
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np
from threadpoolctl import threadpool_limits

# Before each measurement, in seconds: threads of the contestant before keep cores busy for a while.
PAUSE = 0.2


# What tells the seconds; see `count_cpu`.
_clock = time.perf_counter


def count_cpu():
    """Count seconds of CPU, of all threads, from now on: for a machine that has other work, too."""
    global _clock
    _clock = time.process_time


def now():
    """Return the seconds on the clock, or of CPU."""
    return _clock()


def seconds_of(function, *arguments, **keywords):
    """Return the seconds on the clock, or of CPU, that a call takes."""
    start = now()
    function(*arguments, **keywords)
    return now() - start


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
    """Leave one thread to BLAS, PyTorch and our compiled engines.

    Processes started inside are for joblib's `inner_max_num_threads` to limit. Numba's own variable
    is left alone: Numba refuses to compile once it differs from what its threads began with.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    before_numba = None
    if find_spec("numba"):
        import numba

        before_numba = numba.get_num_threads()
        numba.set_num_threads(1)
    saved = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        if torch:
            torch.set_num_threads(1)
        with threadpool_limits(1):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
        if before_numba is not None:
            numba.set_num_threads(before_numba)
        if saved is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = saved
