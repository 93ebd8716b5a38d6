"""Contestants take turns, exponents are recovered. What time passes is not tested."""

import numpy as np
import pytest

from benchmarks import timing


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
