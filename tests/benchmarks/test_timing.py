"""Contestants take turns, exponents are recovered. What time passes is not tested."""

import time

import numpy as np
import pytest

from benchmarks import timing
from benchmarks.machine import run_python


@pytest.mark.parametrize("slope", [0.7, 1, 2])
def test_exponents_are_recovered(slope):
    sizes = np.array([128, 256, 512, 1024])
    assert timing.fit_exponent(sizes, 3e-6 * sizes**slope) == pytest.approx(slope)


def test_contestants_take_turns():
    calls = []

    def contestant(name):
        def run():
            calls.append(name)
            return len(calls)

        return run

    costs = timing.alternate({name: contestant(name) for name in "ab"}, 2)
    assert calls == list("ababab")
    assert costs == {"a": [3, 5], "b": [4, 6]}  # the first round is for warming up


# In a process of its own: how many threads Numba may start is settled once for each.
COMPILED_INSIDE = """
import os
import numpy as np
from numba import njit, prange
import numba
from threadpoolctl import threadpool_info
from benchmarks.timing import one_thread

def total(x):
    s = 0.0
    for i in prange(len(x)):
        s += x[i]
    return s

def blas():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

x, before = np.ones(1000), (numba.get_num_threads(), blas(), dict(os.environ))
with one_thread():
    inside = numba.get_num_threads(), blas(), os.environ["OMP_NUM_THREADS"]
    assert njit(parallel=True)(total)(x) == 1000
again = njit(parallel=True)(total.__class__(total.__code__, globals(), "again"))
assert again(x) == 1000
assert (numba.get_num_threads(), blas(), dict(os.environ)) == before, before
print(inside)
"""


def test_one_thread_inside_and_what_is_compiled_works_there_and_afterwards():
    environment = {"NUMBA_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    assert run_python(COMPILED_INSIDE, environment=environment).strip() == "(1, {1}, '1')"


def test_seconds_of_cpu_leave_out_waiting(monkeypatch):
    monkeypatch.setattr(timing, "_clock", timing._clock)
    assert timing.seconds_of(time.sleep, 0.05) >= 0.05
    timing.count_cpu()
    assert timing.seconds_of(time.sleep, 0.05) < 0.05
