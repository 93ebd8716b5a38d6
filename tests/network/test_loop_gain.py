"""The loop gain is the right eigenvalue, at the rates that settle and at the start."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters
from scipy.optimize import minimize

from ipvae_brian import SpikingNetwork
from ipvae_brian.network.loop_gain import (
    CARRIED_SHARE,
    Loop,
    gain_at,
    largest_gain,
    loop_gain,
    mean_field_rates,
)


@pytest.mark.parametrize("shape", [(16, 12), (9, 20), (1, 5), (4, 1)])
@pytest.mark.parametrize("noise_variance", [1.0, 2.5])
def test_loop_gain_is_the_largest_eigenvalue(shape, noise_variance, rng):
    parameters = make_parameters(*shape, noise_variance=noise_variance)
    rates = rng.exponential(2, shape[1]) * (rng.random(shape[1]) < 0.7)
    rates[0] = 1.0
    weights = parameters.dictionary.T @ parameters.dictionary / noise_variance
    matrix = np.diag(parameters.natural_gradient_step) @ weights @ np.diag(rates)
    wanted = np.linalg.eigvals(matrix).real.max()
    assert loop_gain(parameters, rates) == pytest.approx(wanted, rel=1e-3)


def test_silent_neurons_have_no_gain(parameters):
    assert loop_gain(parameters, np.zeros(12)) == 0


@pytest.mark.parametrize("shape", [(16, 12), (9, 20)])
@pytest.mark.parametrize("noise_variance", [1.0, 2.5])
@pytest.mark.parametrize(
    "others",
    [{}, {"leak": 0.7}, {"leak": 5.0, "resting_potential": 1.0}, {"lowest_potential": -0.5}],
    ids=str,
)
def test_mean_field_rates_solve_the_penalised_problem(shape, noise_variance, others, rng):
    """min .5 r W r - r (drive - b) + leak KL(r, rest) / eta, against SciPy's bounded minimiser."""
    others = {"resting_potential": 0.0} | others
    parameters = make_parameters(*shape, noise_variance=noise_variance, **others)
    x = rng.normal(size=(4, shape[0]))
    rates = mean_field_rates(parameters, x, n_iterations=2000)
    weights = parameters.dictionary.T @ parameters.dictionary / noise_variance
    pull = parameters.leak / parameters.natural_gradient_step
    rest = parameters.resting_potential
    lowest, highest = np.exp(parameters.lowest_potential), np.exp(parameters.highest_potential)
    for drive, found in zip(x @ parameters.dictionary / noise_variance, rates, strict=True):
        target = drive - parameters.threshold

        def cost(r, target=target):
            kl = r * (np.log(r) - rest) - r + np.exp(rest)
            return 0.5 * r @ weights @ r - r @ target + pull @ kl

        best = minimize(
            cost,
            np.ones(shape[1]),
            jac=lambda r, target=target: weights @ r - target + pull * (np.log(r) - rest),
            bounds=[(lowest, highest)] * shape[1],
            options={"maxiter": 10_000, "ftol": 1e-14, "gtol": 1e-10},
        )
        assert cost(found.astype(float)) == pytest.approx(best.fun, abs=1e-5 * abs(best.fun))
        if shape == (16, 12) or parameters.leak:  # one solution only
            np.testing.assert_allclose(found, best.x, atol=2e-3 * best.x.max())


def test_long_simulations_have_the_mean_field_rates():
    """At small gain and spike size, 5 % of the largest rate, over 100 tau of 50 copies."""
    parameters = make_parameters(
        scale=0.1, threshold=0.02, natural_gradient_step=2.0, resting_potential=0.0
    )
    x = np.random.default_rng(4).normal(size=16)
    mean_field = mean_field_rates(parameters, x[None], n_iterations=5000)[0]
    assert mean_field.max() > 3
    network = SpikingNetwork(parameters, n_copies=50, dt=1 * ms)
    rates = network.present(np.tile(x, (50, 1)), 8000 * ms, seed=2).settled_counts().mean(axis=0)
    assert np.abs(rates - mean_field).max() < 0.05 * mean_field.max()


@pytest.mark.parametrize("leak", [0.0, 8.0])
def test_largest_gain_knows_the_start(leak, stimuli):
    """At rest, at potentials that are carried over, and where the fixed point is with a leak."""
    calm = make_parameters(resting_potential=-3.0, leak=leak)
    wild = calm.replace(resting_potential=4.0)
    at_rest = loop_gain(wild, np.full(12, np.exp(4.0)))
    calm, wild = Loop(calm), Loop(wild)
    assert gain_at(wild) == pytest.approx(at_rest)
    assert largest_gain(wild, stimuli) >= at_rest > 5 * largest_gain(calm, stimuli)
    carried = np.full((3, 12), -3.0)
    carried[1] = 4.0
    assert largest_gain(calm, stimuli, carried) == pytest.approx(CARRIED_SHARE * at_rest)
    # Not beyond the bounds, where nothing can be.
    highest = CARRIED_SHARE * at_rest * np.exp(2.0)
    assert gain_at(calm, carried + 100) == pytest.approx(highest)
