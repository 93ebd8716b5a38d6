"""When a trace has settled."""

import pytest

from benchmarks.measurements import convergence


def test_settled_after_the_first_value_near_the_last_ones():
    assert convergence.settled_after([0.1, 0.5, 0.795, 0.8, 0.8]) == (3, pytest.approx(0.8))
