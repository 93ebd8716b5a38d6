import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from ipvae_brian.physiology import (
    confidence_interval,
    distance_to_counts,
    distance_to_percentiles,
)

PERCENTILES = {p: norm.ppf(p / 100) for p in (5, 10, 25, 50, 75, 90, 95)}


def test_interval_of_a_mean_is_that_of_theory(rng):
    values = rng.normal(5, 2, 900)
    interval = confidence_interval(np.append(values, np.nan), np.mean)
    assert interval.estimate == pytest.approx(values.mean()) and interval.n == 900
    half = 1.96 * 2 / 30
    assert (interval.high - interval.low) / 2 == pytest.approx(half, rel=0.1)


def test_same_seed_same_interval(rng):
    values = rng.normal(size=30)
    mean = confidence_interval(values, np.mean, seed=3)
    assert mean == confidence_interval(values, np.mean, seed=3)
    assert mean != confidence_interval(values, np.mean, seed=4)
    wide = confidence_interval(values, confidence=0.99, seed=3)
    assert wide.low <= confidence_interval(values, seed=3).low


def test_distance_is_small_for_the_same_distribution_and_known_for_a_shift(rng):
    values = rng.normal(size=20_000)
    assert distance_to_percentiles(values, PERCENTILES) < 0.01
    # Of two unit normals one sd apart, at the published value nearest to the middle, .674.
    expected = norm.cdf(PERCENTILES[75]) - norm.cdf(PERCENTILES[75] - 1)
    assert distance_to_percentiles(values + 1, PERCENTILES) == pytest.approx(expected, abs=0.01)


def test_distance_is_at_most_95():
    assert distance_to_percentiles([1e9], PERCENTILES) == pytest.approx(0.95)
    assert distance_to_percentiles([-1e9, np.nan], PERCENTILES) == pytest.approx(0.95)


@given(st.lists(st.floats(-3, 3), min_size=1), st.floats(0.1, 10), st.floats(-5, 5))
def test_distance_knows_no_unit(values, scale, shift):
    """Whole steps keep ties from rounding apart."""
    values = np.round(np.array(values) * 64) / 64
    scale, shift = round(scale) + 1, round(shift)
    percentiles = {p: round(v * 64) / 64 for p, v in PERCENTILES.items()}
    other = {p: scale * v + shift for p, v in percentiles.items()}
    one = distance_to_percentiles(values, percentiles)
    assert one == distance_to_percentiles(scale * values + shift, other)


@pytest.mark.parametrize(
    ("values", "percentiles", "message"),
    [
        ([np.nan], {50: 0}, "no unit for which it is defined"),
        ([1, np.inf], {50: 0}, "must not be infinite"),
        ([[1, 2]], {50: 0}, "must have 1 dimension"),
        ([1], {}, "percentiles is empty"),
        ([1], {50: 0, 25: 1}, "must increase"),
        ([1], {25: 1, 50: 0}, "must increase"),
        ([1], {0: 1, 50: 2}, "between 0 and 100"),
    ],
)
def test_wrong_samples(values, percentiles, message):
    with pytest.raises(ValueError, match=message):
        distance_to_percentiles(values, percentiles)


EDGES, COUNTS = [0, 1, 2, 4], [10, 30, 60]


@given(st.lists(st.floats(-1, 5), min_size=1))
def test_distance_to_counts_is_the_largest_difference_at_the_edges(values):
    levels = zip(EDGES, [0, 0.1, 0.4, 1], strict=True)
    expected = max(abs(np.mean(np.array(values) < edge) - level) for edge, level in levels)
    got = distance_to_counts([*values, np.nan], EDGES, COUNTS)
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "edges", "counts", "message"),
    [
        ([np.nan], EDGES, COUNTS, "no unit for which it is defined"),
        ([1], [0, 2, 1, 4], COUNTS, "bin_edges must increase"),
        ([1], EDGES, [1, 2], r"counts must have shape \(3\)"),
        ([1], EDGES, [1, 2, -1], "counts must be >= 0"),
        ([1], EDGES, [0, 0, 0], "counts must be >= 0, and not all of them 0"),
    ],
)
def test_wrong_counts(values, edges, counts, message):
    with pytest.raises(ValueError, match=message):
        distance_to_counts(values, edges, counts)


def test_wrong_intervals():
    with pytest.raises(ValueError, match="at least 5 units, got 4"):
        confidence_interval([1, 2, 3, 4, np.nan])
    with pytest.raises(ValueError, match="confidence must be > 0 and < 1"):
        confidence_interval(range(9), confidence=1)
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        confidence_interval(range(9), n_resamples=0)


def test_a_sample_that_agrees_has_no_distance_of_rounding():
    """Sums of tenths are not whole tenths in the last digit."""
    assert np.cumsum(np.full(10, 0.1))[2] != 0.3
    assert distance_to_counts(np.arange(10) + 0.5, np.arange(11), np.full(10, 0.1)) == 0
