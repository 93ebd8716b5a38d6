"""The sufficient statistics and the M-step against direct computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.learning.dictionary import m_step, random_dictionary, revive, scaled
from ipvae_brian.learning.statistics import BatchStatistics, RunningStatistics


def batch(n_stimuli=20, n_windows=3, n_pixels=6, n_neurons=4, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_stimuli, n_pixels))
    counts = rng.poisson(
        rng.gamma(1, size=(n_stimuli, 1, n_neurons)), (n_stimuli, n_windows, n_neurons)
    )
    return x, counts, rng.normal(size=(n_pixels, n_neurons))


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


# M-step


@given(st.integers(0, 2**32 - 1))
def test_full_step_is_least_squares(seed):
    x, counts, start = batch(n_stimuli=40, seed=seed)
    z = counts.reshape(-1, 4)
    best = np.linalg.lstsq(z.astype(float), np.repeat(x, 3, axis=0), rcond=None)[0].T
    statistics = statistics_of(x, counts, start)
    got = m_step(start, statistics, step=1.0, ridge=0.0, spike_size=None)
    np.testing.assert_allclose(got, best, rtol=1e-6, atol=1e-8)
    # There the gradient of the squared error is zero, and nothing near is better.
    gradient = statistics.stimulus_by_count - got @ statistics.count_by_count
    np.testing.assert_allclose(gradient, 0, atol=1e-10)

    def error(phi):
        return BatchStatistics.of(x, counts, phi).squared_error

    rng = np.random.default_rng(seed)
    assert error(got) < error(got + 0.1 * rng.normal(size=got.shape))
    assert error(got) <= error(start)


@pytest.mark.parametrize("step", [0.1, 0.3, 1.0, 1.5])
def test_part_of_the_way(step):
    x, counts, start = batch()
    statistics = statistics_of(x, counts, start)
    best = m_step(start, statistics, step=1.0, ridge=0.0, spike_size=None)
    got = m_step(start, statistics, step=step, ridge=0.0, spike_size=None)
    np.testing.assert_allclose(got, start + step * (best - start), rtol=1e-9, atol=1e-12)


def test_m_step_with_ridge_and_spike_size():
    x, counts, start = batch()
    statistics = statistics_of(x, counts, start)
    a, c = statistics.stimulus_by_count, statistics.count_by_count
    # In units of the mean diagonal, plus a little that keeps it defined before anything spiked.
    regularised = c + (0.5 * np.diag(c).mean() + 1e-3) * np.eye(4)
    expected = start + 0.3 * (a - start @ c) @ np.linalg.inv(regularised)
    got = m_step(start, statistics, step=0.3, ridge=0.5, spike_size=None)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
    sized = m_step(start, statistics, step=0.3, ridge=0.5, spike_size=0.4)
    np.testing.assert_allclose(sized, expected * 0.4 / np.linalg.norm(expected, axis=0), rtol=1e-10)


def test_m_step_leaves_what_it_was_given():
    x, counts, start = batch()
    statistics = statistics_of(x, counts, start)
    before = start.copy(), statistics.count_by_count.copy()
    m_step(start, statistics, step=0.3, ridge=0.01, spike_size=0.4)
    np.testing.assert_array_equal(start, before[0])
    np.testing.assert_array_equal(statistics.count_by_count, before[1])


def test_m_step_of_silent_neurons_leaves_their_columns():
    x, counts, start = batch()
    counts[:, :, 2] = 0
    got = m_step(start, statistics_of(x, counts, start), step=1.0, ridge=0.01, spike_size=None)
    np.testing.assert_array_equal(got[:, 2], start[:, 2])
    assert (got[:, [0, 1, 3]] != start[:, [0, 1, 3]]).all()
    nothing = statistics_of(x, 0 * counts, start)
    np.testing.assert_array_equal(
        m_step(start, nothing, step=1.0, ridge=0.01, spike_size=None), start
    )


def test_m_step_keeps_single_precision():
    x, counts, start = (a.astype(np.float32) for a in batch())
    statistics = RunningStatistics(6, 4)
    statistics.update(BatchStatistics.of(x, counts.astype(int), start), 0.1)
    got = m_step(start, statistics, step=np.float32(0.3), ridge=0.01, spike_size=np.float32(0.4))
    assert got.dtype == statistics.count_by_count.dtype == np.float32


def test_learning_from_exact_counts_finds_the_dictionary():
    """Stimuli Phi z exactly; then A C^-1 = Phi whatever the start."""
    _, counts, phi = batch(n_stimuli=50)
    counts = counts[:, :1]
    x = counts[:, 0] @ phi.T
    start = np.random.default_rng(9).normal(size=phi.shape)
    got = m_step(start, statistics_of(x, counts, start), step=1.0, ridge=0.0, spike_size=None)
    np.testing.assert_allclose(got, phi, atol=1e-10)


# Dictionaries


def test_scaled():
    phi = np.random.default_rng(0).normal(size=(5, 3)) * [1e-3, 1, 1e3]
    unit = scaled(phi, 0.4)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=0), 0.4)
    np.testing.assert_allclose(unit / phi, np.broadcast_to((unit / phi)[0], (5, 3)))
    assert scaled(phi, None) is phi
    assert np.isfinite(scaled(np.zeros((3, 2), np.float32), np.float32(1))).all()


def test_random_dictionary():
    phi = random_dictionary(100, 50, 0.4, np.random.default_rng(0))
    assert phi.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(phi, axis=0), 0.4, rtol=1e-5)
    np.testing.assert_array_equal(phi, random_dictionary(100, 50, 0.4, np.random.default_rng(0)))
    assert (phi != random_dictionary(100, 50, 0.4, np.random.default_rng(1))).any()
    # Directions are random: cosines have a standard deviation of 0.1, 1225 of them below 5 of it.
    cosines = phi.T @ phi / 0.16 - np.eye(50)
    assert np.abs(cosines).max() < 0.5


def test_revive_takes_the_worst_stimuli():
    x, counts, phi = batch(n_stimuli=10)
    counts, phi = counts[:, 0], phi.astype(np.float32)
    before = phi.copy()
    residual = x - counts @ before.T
    worst = np.argsort((residual**2).sum(axis=1))[::-1]
    neurons = np.array([3, 1])
    revived = revive(phi, neurons, x, counts, np.float32(0.4))
    np.testing.assert_array_equal(revived, neurons)
    for neuron, stimulus in zip(neurons, worst, strict=False):
        expected = 0.4 * residual[stimulus] / np.linalg.norm(residual[stimulus])
        np.testing.assert_allclose(phi[:, neuron], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(phi[:, [0, 2]], before[:, [0, 2]])


def test_revive_no_more_than_there_are_stimuli():
    x, counts, phi = batch(n_stimuli=2)
    before = phi.copy()
    revived = revive(phi, np.array([0, 2, 3]), x, counts[:, 0], 0.4)
    np.testing.assert_array_equal(revived, [0, 2])
    np.testing.assert_array_equal(phi[:, [1, 3]], before[:, [1, 3]])
    np.testing.assert_allclose(np.linalg.norm(phi[:, [0, 2]], axis=0), 0.4)


def test_revive_from_no_perfect_reconstruction():
    """There is no direction in a residual of zero; columns of zeros would be no dictionary."""
    x, counts, phi = batch(n_stimuli=3)
    counts = counts[:, 0]
    x[:2], counts[:2] = 0, 0
    revived = revive(phi, np.array([0, 2, 3]), x, counts, 0.4)
    np.testing.assert_array_equal(revived, [0])
    assert (np.linalg.norm(phi, axis=0) > 0).all()
