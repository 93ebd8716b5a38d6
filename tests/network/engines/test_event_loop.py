"""Parts of the loop over spikes against plain NumPy."""

import numpy as np
import pytest
from numba import njit

from ipvae_brian.network.engines import event_loop
from ipvae_brian.network.engines.event_loop import COLUMNS, list_spikes

BOUNDS = (0.0, 1e9)


@njit
def multiply(r, factors, bounds, expected, elapsed, sums, twice):
    event_loop.multiply(r, 0, factors, 0, bounds, expected, elapsed, sums, twice)
    return event_loop.sum_tree(sums, 0)


@njit
def find(r, sums, at):
    return event_loop.find(r, 0, sums, at)


@njit
def leak_factors(r, growth, table, kept, logs, scratch):
    return event_loop.leak_factors(r, 0, growth, table, kept, logs, scratch)


@njit
def adapt(recent, drive, threshold, half_rate, growth, logs, scratch):
    event_loop.adapt(recent, 0, drive, threshold, half_rate, growth, logs, scratch)


@njit
def forget(recent, remembered):
    event_loop.forget(recent, 0, remembered)


@pytest.fixture(params=[1, 2, 63, 64, 65, 200, 512, 777])
def rates(request):
    return np.random.default_rng(0).gamma(0.3, size=request.param)


def summed(rates, factors=None, bounds=BOUNDS, elapsed=0.0, twice=False):
    """Rates after multiplying, their tree of sums, its root, and what was expected."""
    r, sums, expected = rates[None].copy(), np.zeros((1, 2 * COLUMNS)), np.zeros((1, len(rates)))
    factors = np.ones_like(r) if factors is None else factors[None]
    total = multiply(r, factors, bounds, expected, elapsed, sums, twice)
    return r[0], sums, total, expected[0]


def test_rates_are_multiplied_clipped_and_summed(rates, rng):
    factors = rng.uniform(0.2, 3, len(rates))
    r, _, total, expected = summed(rates, factors, (0.1, 2.0), 0.25)
    np.testing.assert_allclose(r, np.clip(rates * factors, 0.1, 2.0))
    np.testing.assert_allclose(expected, 0.25 * rates)  # of the time before the change
    assert total == pytest.approx(r.sum())


def test_twice_is_the_same_as_one_after_the_other(rates, rng):
    """Bit by bit, bounds included, as runs with and without monitors are to agree."""
    factors, bounds = rng.uniform(0.2, 3, len(rates)), (0.1, 2.0)
    once, *_ = summed(rates, factors, bounds, 0.25)
    wanted, sums, total, _ = summed(once, factors, bounds)
    r, own_sums, own_total, expected = summed(rates, factors, bounds, 0.25, twice=True)
    np.testing.assert_array_equal(r, wanted)
    np.testing.assert_array_equal(own_sums, sums)
    assert own_total == total
    np.testing.assert_allclose(expected, 0.25 * rates)


def test_every_neuron_has_a_share_as_large_as_its_rate(rates):
    """Of numbers evenly spread over the sum, each neuron is found by as many as its part."""
    r, sums, total, _ = summed(rates)
    n = 20_000
    at = (np.arange(n) + 0.5) / n * total
    found = np.bincount([find(r[None], sums, one) for one in at], minlength=len(r))
    assert len(found) == len(r)
    np.testing.assert_allclose(found, n * r / total, atol=2)


def test_silent_neurons_are_not_found():
    rates = np.zeros(150)
    rates[[3, 67, 149]] = 1, 2, 3
    r, sums, total, _ = summed(rates)
    found = {find(r[None], sums, at) for at in np.linspace(1e-9, total, 999)}
    assert found == {3, 67, 149}


def test_leak_is_a_power_of_the_rate(rates, rng):
    """Half a step: log r falls by the factor `kept`, then grows."""
    growth, kept = rng.uniform(0.5, 2, len(rates)), 0.8
    table, logs = np.zeros((len(rates) + 2, len(rates))), np.empty_like(rates)
    scratch = np.empty(len(rates), np.int32)
    row = leak_factors(rates[None], growth[None], table, kept, logs, scratch)
    assert row == len(rates) + 1  # behind those of the spikes and of the growth
    np.testing.assert_allclose(rates * table[row], growth * rates**kept, rtol=1e-12)


def test_thresholds_fall_with_recent_rates(rng):
    recent, drive, threshold = rng.gamma(1, size=(3, 20))
    growth, logs = np.empty((1, 20)), np.empty(20)
    adapt(recent[None], drive[None], threshold, 0.7, growth, logs, np.empty(20, np.int32))
    np.testing.assert_allclose(growth[0], np.exp(drive - threshold * 0.7 / (0.7 + recent)))


def test_recent_rates_are_forgotten(rng):
    recent = rng.gamma(1, size=(2, 20))
    before = recent.copy()
    forget(recent, 0.9)
    np.testing.assert_allclose(recent, [0.9 * before[0], before[1]])


def test_spikes_are_listed_as_brian2_has_them(rng):
    z = rng.poisson(0.4, (3, 7)).astype(np.int32)
    spikespace = np.full(22, -1, np.int32)
    list_spikes(z, spikespace)
    (expected,) = np.nonzero(z.ravel())
    assert spikespace[-1] == len(expected) > 0
    np.testing.assert_array_equal(spikespace[: len(expected)], expected)
