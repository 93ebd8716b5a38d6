"""What a code is worth: closed forms, equal zeros, ranks, classification."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.claims.measures import (
    Point,
    accuracy,
    best_at_zeros,
    largest_kept,
    r2_at_zeros,
    ranks,
    score,
)


def test_score_is_what_its_names_say():
    stimuli = np.array([[0.0, 2.0], [4.0, 0.0]])
    codes = np.array([[3.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    found = score(stimuli, codes, np.array([[0.0, 1.0], [4.0, 0.0]]))
    # Sums of squares about the mean are 2 and 8; the errors 1 and 0.
    assert found["r2"] == pytest.approx((0.5 + 1) / 2)
    assert found["squared_error"] == pytest.approx(1 / 4)
    assert found["zeros"] == pytest.approx(4 / 6)
    assert found["distance"] == pytest.approx(np.hypot(0.25, 1 / 3))
    assert found["spikes"] == 2


def test_the_largest_entries_are_kept_with_their_signs():
    codes = np.array([[0.1, -3.0, 2.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(largest_kept(codes, 0.5), [[0, -3, 2, 0], [1, 0, 0, 0]])
    np.testing.assert_array_equal(largest_kept(codes, 0), codes)
    np.testing.assert_array_equal(largest_kept(codes, 1), [[0, -3, 0, 0], [1, 0, 0, 0]])


@given(st.integers(1, 40), st.floats(0, 1), st.integers(0, 5))
def test_so_many_zeros_are_what_was_asked_for(n_latents, zeros, seed):
    codes = np.random.default_rng(seed).normal(size=(7, n_latents))
    kept = largest_kept(codes, zeros)
    assert (kept == 0).mean() == pytest.approx(zeros, abs=1 / n_latents + 1e-12)
    assert (np.abs(kept).sum(axis=1) > 0).all()


def test_r2_between_two_points_is_on_a_line():
    curve = [Point(0.6, 0.9), Point(0.9, 0.6)]
    assert r2_at_zeros(curve, 0.7) == pytest.approx(0.8)
    assert r2_at_zeros(curve, 0.9) == pytest.approx(0.6)
    assert r2_at_zeros(curve, 0.5) == pytest.approx(0.9)  # it has more zeros than are asked for
    assert r2_at_zeros(curve, 0.95) is None
    assert r2_at_zeros([], 0.5) is None


def test_a_point_below_the_line_of_others_does_not_count():
    curve = [Point(0.6, 0.9), Point(0.75, 0.1), Point(0.9, 0.6)]
    assert r2_at_zeros(curve, 0.75) == pytest.approx(0.75)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), min_size=1, max_size=6))
def test_more_zeros_never_have_a_better_r2(points):
    found = [r2_at_zeros(points, zeros) for zeros in np.linspace(0, 1, 6)]
    known = [r2 for r2 in found if r2 is not None]
    assert found[: len(known)] == known  # none comes back
    assert all(a >= b - 1e-9 for a, b in zip(known, known[1:], strict=False))
    assert known[0] >= max(r2 for _, r2 in points) - 1e-9


def test_cut_codes_stand_in_where_the_curve_ends_or_is_worse():
    curve = [Point(0.3, 0.9)]
    assert best_at_zeros(curve, 0.4, 0.8) == 0.4
    assert best_at_zeros(curve, 0.4, 0.2) == 0.9
    assert best_at_zeros(curve, None, 0.8) is None


def test_ranks_share_the_better_place_and_leave_out_what_is_not_known():
    values = {"a": 0.5, "b": 0.7, "c": 0.7, "d": None, "e": float("nan"), "f": 0.1}
    assert ranks(values) == {"a": 3, "b": 1, "c": 1, "f": 4}
    assert ranks(values, largest_first=False) == {"a": 2, "b": 3, "c": 3, "f": 1}
    assert ranks({"a": None}) == {}


def test_classes_that_can_be_told_apart_are_and_noise_is_not():
    rng = np.random.default_rng(0)
    labels, other = np.arange(300) % 3, np.arange(90) % 3
    codes, test = (
        np.eye(3)[who] + 0.05 * rng.normal(size=(len(who), 3)) for who in (labels, other)
    )
    assert accuracy(codes, labels, test, other)["accuracy"] == 1
    noise = rng.normal(size=(90, 3))
    assert accuracy(codes, labels, noise, other)["accuracy"] < 0.6


def test_regularisation_is_chosen_on_training_codes():
    """Where only the first of many entries tells anything, strong regularisation is better."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 120)
    codes = rng.normal(size=(120, 100))
    codes[:, 0] += 2 * labels
    found = accuracy(codes, labels, codes[:1], labels[:1])
    assert found["regularisation"] < 10


def test_packed_codes_are_classified_like_others(monkeypatch):
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 200)
    codes = rng.poisson(0.1, (200, 30)) + np.eye(3, 30)[labels] * rng.poisson(1, (200, 1))
    found = [accuracy(codes[:150], labels[:150], codes[150:], labels[150:])]
    monkeypatch.setattr("benchmarks.claims.measures.WORTH_PACKING", 1.0)
    found.append(accuracy(codes[:150], labels[:150], codes[150:], labels[150:]))
    assert found[0] == found[1]


def test_classes_of_which_there_is_one_example_are_learned_in_the_end():
    labels = np.arange(40)
    assert accuracy(np.eye(40), labels, np.eye(40), labels)["accuracy"] == 1
