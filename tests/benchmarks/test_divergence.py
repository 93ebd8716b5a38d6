"""The search for runs that diverge in silence: it would find one, and counts the others."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import divergence
from benchmarks.divergence import Attempt, attempt, draw, table

FINE = Attempt(
    *(0, "returned", 0.05, [10.0, 2.0], [30.0, 20.0]),
    *("returned", [11.0, 2.1], [28.0, 21.0]),
    energy=10.0,
)


def test_settings_are_those_of_their_number():
    for number in range(5):
        (p, x), (q, y) = draw(number), draw(number)
        np.testing.assert_array_equal(p.dictionary, q.dictionary)
        np.testing.assert_array_equal(x, y)
        assert x.shape == (divergence.N_COPIES, p.n_pixels)
    assert draw(0)[0].dictionary.shape != draw(1)[0].dictionary.shape


def test_runs_that_agree_are_alike():
    assert FINE.alike and not FINE.silently_wrong


@pytest.mark.parametrize(
    "changes", [{"error": [10.0, 400.0]}, {"spikes": [30.0, 900.0]}, {"fine_error": None}]
)
def test_a_run_that_the_finer_step_does_not_confirm_is_wrong(changes):
    wrong = replace(FINE, **changes)
    assert wrong.silently_wrong
    assert not replace(wrong, outcome="warned").silently_wrong
    assert not replace(wrong, outcome="diverged").silently_wrong


def test_table_counts_outcomes():
    attempts = [FINE, FINE, replace(FINE, error=[10.0, 400.0]), Attempt(3, "refused")]
    lines = [line.split() for line in table(attempts).splitlines()]
    assert lines[1:] == [
        ["refused", "not", "run", "1"],
        ["returned", "alike", "2"],
        ["returned", "different", "1"],
    ]


def test_an_attempt_runs_at_the_chosen_step_and_at_a_tenth(monkeypatch):
    """A setting whose step is coarse, so that this is quick."""
    p, x = draw(0)
    p = p.replace(natural_gradient_step=0.05 * p.natural_gradient_step)
    monkeypatch.setattr(divergence, "draw", lambda number: (p, x))
    tried = attempt(0)
    assert (tried.outcome, tried.fine_outcome) == ("returned", "returned")
    assert tried.dt == pytest.approx(0.05)
    assert len(tried.error) == len(tried.fine_spikes) == 2
    assert json.loads(json.dumps(vars(tried)))["number"] == 0
