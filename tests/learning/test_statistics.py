"""The sufficient statistics against direct computations."""

import numpy as np
import pytest
from helpers import random_batch as batch
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.learning.statistics import BatchStatistics, RunningStatistics


def statistics_of(x, counts, dictionary):
    statistics = RunningStatistics(*dictionary.shape, dtype=np.float64)
    statistics.update(BatchStatistics.of(x, counts, dictionary), 1.0)
    return statistics


# BatchStatistics


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_sums_are_those_of_loops(dtype, tolerance):
    x, counts, phi = batch()
    sums = BatchStatistics.of(x.astype(dtype), counts, phi.astype(dtype))
    a, c, n, error = np.zeros((6, 4)), np.zeros((4, 4)), np.zeros(4), 0.0
    for s in range(20):
        for w in range(3):
            z = counts[s, w]
            a += np.outer(x[s], z)
            c += np.outer(z, z)
            n += z
            error += ((x[s] - phi @ z) ** 2).sum()
    np.testing.assert_allclose(sums.stimulus_by_count, a, rtol=tolerance, atol=20 * tolerance)
    np.testing.assert_array_equal(sums.count_by_count, c)
    np.testing.assert_array_equal(sums.counts, n)
    assert sums.squared_error == pytest.approx(error, rel=10 * tolerance)
    assert sums.n_counted == 60
    assert sums.stimulus_by_count.dtype == dtype


@given(st.integers(1, 19), st.integers(0, 2**32 - 1))
def test_chunks_add_up(cut, seed):
    """Whole numbers, so that sums are exact in any order."""
    x, counts, phi = (np.round(4 * a).astype(np.float32) for a in batch(seed=seed))
    whole = BatchStatistics.of(x, counts, phi)
    parts = BatchStatistics.of(x[:cut], counts[:cut], phi) + BatchStatistics.of(
        x[cut:], counts[cut:], phi
    )
    np.testing.assert_array_equal(parts.stimulus_by_count, whole.stimulus_by_count)
    np.testing.assert_array_equal(parts.count_by_count, whole.count_by_count)
    np.testing.assert_array_equal(parts.counts, whole.counts)
    assert parts.squared_error == whole.squared_error
    assert parts.n_counted == whole.n_counted


def test_noise_of_poisson_counts_is_in_the_second_moment():
    """E[z z^T] = r r^T + diag(r).

    200,000 draws: the standard error of a mean of z_i z_j is below sqrt(Var) / 447, where
    Var(z^2) = r + 6 r^2 + 4 r^3 = 58 at r = 2, so 0.017; five of these are 0.085.
    """
    rates = np.array([0.1, 0.7, 2.0])
    n = 200_000
    counts = np.random.default_rng(0).poisson(rates, (n, 1, 3))
    sums = BatchStatistics.of(np.zeros((n, 2)), counts, np.zeros((2, 3)))
    expected = np.outer(rates, rates) + np.diag(rates)
    np.testing.assert_allclose(sums.count_by_count / n, expected, atol=0.085)
    # Without the noise term the diagonal would be off by far more.
    assert (np.abs(np.diag(sums.count_by_count / n) - rates**2) > 0.09).all()
    np.testing.assert_allclose(sums.counts / n, rates, atol=0.02)


# Running averages


def test_statistics_are_a_plain_mean_at_first_and_then_exponential():
    statistics = RunningStatistics(6, 4, dtype=np.float64)
    rate = 0.25
    means, errors = [], []
    expected, expected_error = None, None
    for i in range(10):
        x, counts, phi = batch(n_stimuli=5 + i, seed=i)  # batches of different size weigh the same
        sums = BatchStatistics.of(x, counts, phi)
        statistics.update(sums, rate)
        means.append(sums.count_by_count / sums.n_counted)
        errors.append(sums.squared_error / sums.n_counted / 6)
        if i < 4:  # 1 / (i + 1) >= rate
            expected, expected_error = np.mean(means, axis=0), np.mean(errors)
        else:
            expected = 0.75 * expected + 0.25 * means[-1]
            expected_error = 0.75 * expected_error + 0.25 * errors[-1]
        np.testing.assert_allclose(statistics.count_by_count, expected, rtol=1e-12)
        assert statistics.noise_variance == pytest.approx(expected_error)
        assert statistics.n_updates == i + 1


def test_statistics_of_one_batch():
    x, counts, phi = batch()
    statistics = statistics_of(x, counts, phi)
    z = counts.reshape(-1, 4)
    rows = np.repeat(x, 3, axis=0)
    np.testing.assert_allclose(statistics.stimulus_by_count, rows.T @ z / 60, atol=1e-14)
    np.testing.assert_allclose(statistics.count_by_count, z.T @ z / 60)
    np.testing.assert_allclose(statistics.mean_counts, z.mean(axis=0))
    assert statistics.noise_variance == pytest.approx(((rows - z @ phi.T) ** 2).mean())


def test_forget():
    statistics = statistics_of(*batch())
    before = statistics_of(*batch())
    statistics.forget(np.array([1, 3]))
    kept = [0, 2]
    assert not statistics.mean_counts[[1, 3]].any()
    assert not statistics.stimulus_by_count[:, [1, 3]].any()
    assert not statistics.count_by_count[[1, 3]].any()
    assert not statistics.count_by_count[:, [1, 3]].any()
    np.testing.assert_array_equal(
        statistics.count_by_count[np.ix_(kept, kept)], before.count_by_count[np.ix_(kept, kept)]
    )
    np.testing.assert_array_equal(
        statistics.stimulus_by_count[:, kept], before.stimulus_by_count[:, kept]
    )
    np.testing.assert_array_equal(statistics.mean_counts[kept], before.mean_counts[kept])
