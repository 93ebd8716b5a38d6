"""When a trace has settled."""

import pytest

from benchmarks.common import Setup
from benchmarks.measurements import convergence


def test_settled_after_the_first_value_near_the_last_ones():
    assert convergence.settled_after([0.1, 0.5, 0.795, 0.8, 0.8]) == (3, pytest.approx(0.8))


def test_cpu_of_a_run_is_kept_and_its_seconds_returned():
    timed = convergence.Timed(lambda: sum(range(10**6)) and 7.0)
    assert timed() == timed() == 7.0
    assert len(timed.cpu) == 2 and min(timed.cpu) > 0


def test_per_tau_compares_the_same_code():
    setup = Setup(data=None, quick=True)
    found = convergence.per_tau(setup.stimuli(20), setup.model, 3, 1)
    assert found["ratio"] == found["cpu"]["numba"] / found["cpu"]["events"]
    assert found["distance"]["events"] == pytest.approx(found["distance"]["numba"], abs=0.03)
    assert found["steps_per_tau"]["events"] < found["steps_per_tau"]["numba"]
