"""The adaptive prior is what it is derived as: a hyperprior, a penalty, and a descent on it."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters
from scipy.integrate import quad
from scipy.optimize import brute, fmin
from scipy.stats import gamma

from ipvae_brian import SpikingNetwork
from ipvae_brian.network import loop_gain

B, HALF = 1.3, 2.1  # a threshold, and the rate that halves it


def penalty(parameters, rates):
    """b rc log(1 + r / rc), summed over neurons."""
    half = parameters.half_threshold_rate
    return (parameters.threshold * half * np.log1p(rates / half)).sum(axis=-1)


def cost(parameters, x, rates):
    """Reconstruction and penalty of mean-field rates (..., n_neurons)."""
    residual = x - rates @ parameters.dictionary.T
    reconstruction = (residual**2).sum(axis=-1) / (2 * parameters.noise_variance)
    return reconstruction + penalty(parameters, rates)


@pytest.mark.parametrize("rate", [0.0, 0.3, 2.1, 40.0])
def test_the_hyperprior_integrates_to_the_penalty(rate):
    """Exponential prior of cost c, Gamma(b rc - 1, rc) hyperprior of c: -log p(r) + log p(0)."""
    hyperprior = gamma(a=B * HALF - 1, scale=1 / HALF).pdf

    def marginal(r):
        return quad(lambda c: c * np.exp(-c * r) * hyperprior(c), 0, np.inf)[0]

    expected = B * HALF * np.log1p(rate / HALF)
    assert -np.log(marginal(rate) / marginal(0.0)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("rate", [0.0, 0.3, 2.1, 40.0])
def test_the_threshold_is_the_mean_cost_once_the_rate_is_known(rate):
    hyperprior = gamma(a=B * HALF - 1, scale=1 / HALF).pdf
    weight = quad(lambda c: c * np.exp(-c * rate) * hyperprior(c), 0, np.inf)[0]
    mean = quad(lambda c: c**2 * np.exp(-c * rate) * hyperprior(c), 0, np.inf)[0] / weight
    assert B / (1 + rate / HALF) == pytest.approx(mean, rel=1e-6)


def test_the_threshold_is_the_slope_of_the_penalty():
    parameters = make_parameters(half_threshold_rate=0.7, threshold=0.8)
    rates = np.linspace(0.1, 5, 12)
    small = 1e-6 * np.eye(12)
    slope = (penalty(parameters, rates + small) - penalty(parameters, rates - small)) / 2e-6
    np.testing.assert_allclose(slope, 0.8 / (1 + rates / 0.7), rtol=1e-6)


@pytest.mark.parametrize("half", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("noise_variance", [1.0, 2.5])
def test_mean_field_rates_minimise_the_penalised_cost(half, noise_variance):
    """Three neurons: against the best of a grid, polished. Local minima count as failures."""
    parameters = make_parameters(
        9, 3, scale=0.5, threshold=0.3, half_threshold_rate=half, noise_variance=noise_variance
    )
    stimuli = np.random.default_rng(1).normal(size=(6, 9))
    found = loop_gain.mean_field_rates(parameters, stimuli, n_iterations=3000)
    assert (found > 0.1).any()
    lowest = np.exp(parameters.lowest_potential)  # no network fires less
    for x, rates in zip(stimuli, found, strict=True):

        def bounded(r, x=x):
            return cost(parameters, x, np.maximum(r, lowest))

        best = brute(bounded, [(0, 4)] * 3, Ns=15, finish=fmin)
        assert cost(parameters, x, rates) <= bounded(best) + 1e-5


def test_the_descent_never_goes_up():
    """Mean-field dynamics in small steps, recent rates being the rates themselves."""
    parameters = make_parameters(half_threshold_rate=0.5, threshold=0.6)
    x = 2 * np.random.default_rng(3).normal(size=16)
    u, costs, step = np.array(parameters.resting_potential), [], 0.01
    for _ in range(20_000):
        rates = np.exp(u)
        costs.append(cost(parameters, x, rates))
        threshold = parameters.threshold / (1 + rates / parameters.half_threshold_rate)
        slope = parameters.drive(x) - threshold - rates @ parameters.lateral_weights
        u += step * parameters.natural_gradient_step * slope
    assert (np.diff(costs) <= 1e-12).all()
    # What is left moves towards rates of zero, or is at a fixed point.
    assert (np.abs(rates * slope) < 0.02).all()


@pytest.mark.parametrize("engine", ["numpy", "numba", "events"])
def test_long_simulations_have_the_mean_field_rates(engine):
    """At small gain and spike size; 7 % of the largest rate, over 60 tau of 50 copies."""
    parameters = make_parameters(
        scale=0.1,
        threshold=0.1,
        natural_gradient_step=2.0,
        resting_potential=0.0,
        half_threshold_rate=5.0,
        threshold_memory=3.0,
    )
    x = np.random.default_rng(4).normal(size=16)
    mean_field = loop_gain.mean_field_rates(parameters, x[None], n_iterations=5000)[0]
    constant = loop_gain.mean_field_rates(
        make_parameters(scale=0.1, threshold=0.1), x[None], n_iterations=5000
    )[0]
    # The threshold that falls makes a difference that can be seen.
    assert np.abs(mean_field - constant).max() > 0.2 * mean_field.max() > 0.6
    network = SpikingNetwork(parameters, engine=engine, n_copies=50, dt=1 * ms)
    response = network.present(np.tile(x, (50, 1)), 4000 * ms, seed=2)
    rates = response.counts[:, -60:].mean(axis=(0, 1))
    assert np.abs(rates - mean_field).max() < 0.07 * mean_field.max()


@pytest.mark.parametrize("engine", ["brian2", "numpy", "numba", "events"])
def test_recent_rates_are_the_mean_of_recent_spikes(engine, independent_neurons):
    """Of 200 copies after 5 tau, with rates of 0.02, 1 and 50; four standard errors."""
    parameters = independent_neurons.replace(half_threshold_rate=1.0, threshold_memory=0.5)
    network = SpikingNetwork(parameters, engine=engine, n_copies=200, dt=1 * ms)
    network.present(np.tile([0, 0, 0, 1.0], (200, 1)), 100 * ms, seed=1)
    recent = network.neurons.recent_rate[:].reshape(200, 3)
    rates = np.array([0.02, 1, 50])
    # A shot noise with exponential decay: variance rate / (2 memory).
    assert (np.abs(recent.mean(axis=0) - rates) < 4 * np.sqrt(rates / 200)).all()
    assert recent[:, 2].var() == pytest.approx(50, rel=0.4)


def test_a_high_half_threshold_rate_is_a_constant_threshold(stimuli):
    options = {"engine": "numba", "n_copies": 5, "dt": 4 * ms, "precision": "double"}
    constant, almost = (
        SpikingNetwork(make_parameters(half_threshold_rate=half), **options).present(
            stimuli, 100 * ms, seed=1
        )
        for half in (None, 1e12)
    )
    np.testing.assert_array_equal(constant.counts, almost.counts)
    np.testing.assert_allclose(constant.expected_counts, almost.expected_counts, rtol=1e-6)
