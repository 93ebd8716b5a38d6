"""The M-step, the scaling of columns and revival against direct computations."""

import numpy as np
import pytest
from helpers import random_batch as batch
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.learning.dictionary import m_step, random_dictionary, revive, scaled, shrunk
from ipvae_brian.learning.statistics import BatchStatistics, RunningStatistics


def statistics_of(x, counts, dictionary):
    statistics = RunningStatistics(*dictionary.shape, dtype=np.float64)
    statistics.update(BatchStatistics.of(x, counts, dictionary), 1.0)
    return statistics


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


@pytest.mark.parametrize("spike_size", [None, 0.4])
def test_m_step_with_a_cost_of_weights(spike_size):
    """Every weight moves towards 0 by step * cost of its column's root mean square, and stops."""
    x, counts, start = batch()
    statistics = statistics_of(x, counts, start)
    free = m_step(start, statistics, step=0.5, ridge=0.1, spike_size=None)
    expected = free.copy()
    for j in range(free.shape[1]):
        amount = 0.5 * 0.3 * np.sqrt((free[:, j] ** 2).mean())
        for i in range(len(free)):
            expected[i, j] = np.sign(free[i, j]) * max(abs(free[i, j]) - amount, 0)
    if spike_size:
        expected *= spike_size / np.linalg.norm(expected, axis=0)
    got = m_step(start, statistics, step=0.5, ridge=0.1, spike_size=spike_size, weight_cost=0.3)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.99))
def test_shrinking_is_the_proximal_step_of_the_sum_of_absolute_weights(seed, amount):
    """Nothing near has less of |new - old|^2 / 2 + amount * rms * sum |new|; no column is lost."""
    rng = np.random.default_rng(seed)
    old = rng.normal(size=(6, 4)) * rng.choice([0.01, 1, 100], size=4)
    threshold = amount * np.sqrt((old**2).mean(axis=0))

    def cost(new):
        return ((new - old) ** 2 / 2 + threshold * np.abs(new)).sum(axis=0)

    new = shrunk(old, amount)
    assert (np.linalg.norm(new, axis=0) > 0).all()
    for size in (1e-3, 0.1):
        other = new + size * threshold.max() * rng.normal(size=new.shape)
        assert (cost(new) <= cost(other) * (1 + 1e-12)).all()
    assert shrunk(old.astype(np.float32), np.float32(amount)).dtype == np.float32


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
    got = m_step(
        start,
        statistics,
        step=np.float32(0.3),
        ridge=0.01,
        spike_size=np.float32(0.4),
        weight_cost=0.1,
    )
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
