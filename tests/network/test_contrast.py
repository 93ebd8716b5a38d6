"""A contrast that is inferred: the minimum of the free energy, and the network that finds it."""

import brian2
import numpy as np
import pytest
from brian2 import ms
from helpers import NUMPY, make_parameters

from ipvae_brian import Parameters
from ipvae_brian.network.contrast import ContrastPrior, contrast_network, infer_contrast
from ipvae_brian.network.loop_gain import mean_field_rates

PRIOR = ContrastPrior(mean=-0.3, deviation=0.5, memory=4)


@pytest.fixture(scope="module")
def model():
    return make_parameters(noise_variance=0.5, threshold=0.3)


@pytest.fixture(scope="module")
def shown():
    return np.random.default_rng(4).normal(size=(6, 16))


def free_energy(model, x, rates, log_contrast, prior):
    """What is minimised, up to a constant: reconstruction, cost of spikes, prior of log g."""
    error = x - np.exp(log_contrast) * (model.dictionary @ rates)
    cost = rates @ model.threshold
    away = (log_contrast - prior.mean) ** 2 / (2 * prior.deviation**2)
    return (error @ error) / (2 * model.noise_variance) + cost + away


def test_it_settles_where_the_free_energy_has_no_slope(model, shown):
    """By central differences: in log g, and in every rate that is not 0; others only rise."""
    found = infer_contrast(model, shown, PRIOR, n_iterations=3000)
    assert np.ptp(found.contrasts) > 0.1
    for x, rates, contrast in zip(shown, found.rates.astype(float), found.contrasts, strict=True):

        def energy(r, v, x=x):
            return free_energy(model, x, r, v, PRIOR)

        v, step = np.log(contrast), 1e-4
        slope = (energy(rates, v + step) - energy(rates, v - step)) / (2 * step)
        assert slope == pytest.approx(0, abs=2e-3)
        for j, one in enumerate(np.eye(len(rates))):
            up = (energy(rates + step * one, v) - energy(rates, v)) / step
            assert up > -5e-3
            if rates[j] > 2 * step:
                down = (energy(rates - step * one, v) - energy(rates, v)) / step
                assert down > -5e-3


def test_at_a_given_contrast_rates_are_those_of_the_scaled_stimulus(model, shown):
    """r(x, g) = R(g x) / g^2, with R the rates of the model without contrast."""
    found = infer_contrast(model, shown, PRIOR, n_iterations=3000)
    scaled = mean_field_rates(model, found.contrasts[:, None] * shown, 3000)
    np.testing.assert_allclose(found.rates, scaled / found.contrasts[:, None] ** 2, atol=2e-3)


@pytest.mark.parametrize("lateral", ["all", "self"])
def test_without_deviation_it_is_the_model_itself(model, shown, lateral):
    found = infer_contrast(
        model, shown, ContrastPrior(mean=0, deviation=0), lateral=lateral, n_iterations=2000
    )
    np.testing.assert_array_equal(found.contrasts, 1)
    known = mean_field_rates(model, shown, 2000, lateral=lateral)
    np.testing.assert_allclose(found.rates, known, atol=2e-3)


def test_one_neuron_follows_the_closed_form():
    """r g = (x - b / g) / phi, with log g = mean + s^2 b r: solved by hand."""
    from scipy.optimize import brentq

    model = Parameters(dictionary=[[0.5]], threshold=0.4)
    prior = ContrastPrior(mean=-0.2, deviation=0.8)
    for x in (0.5, 2.0, 8.0):

        def gap(r, x=x):
            g = np.exp(prior.mean + prior.deviation**2 * 0.4 * r)
            return max(0.5 * g * x - 0.4, 0) - 0.25 * g**2 * r

        r = brentq(gap, 0, 200)
        found = infer_contrast(model, [[x]], prior, n_iterations=3000)
        assert found.rates[0, 0] == pytest.approx(r, rel=1e-3, abs=1e-4)


def test_every_step_is_that_of_the_equations(model, shown):
    """In plain NumPy, from the counts that were drawn."""
    network, neurons, unit = contrast_network(model, shown[0], PRIOR, 1 * ms, seed=3)
    options = {"record": True, "when": "start", "order": 1, **NUMPY, "clock": neurons.clock}
    kept = brian2.StateMonitor(neurons, ["u", "z"], **options)
    contrast = brian2.StateMonitor(unit, "log_contrast", **options)
    network.add(kept, contrast)
    network.run(200 * ms)
    h, eta, drive = 1 / 20, model.natural_gradient_step, model.drive(shown[0])
    u, z, v = np.array(kept.u).T, np.array(kept.z).T, np.array(contrast.log_contrast)[0]
    assert z.sum() > 30 and (z > 0).any(axis=0).sum() > 3
    for t in range(len(u) - 1):
        following = u[t] + h * eta * (np.exp(v[t]) * drive - model.threshold)
        leaked = v[t] + h * (PRIOR.mean - v[t]) / PRIOR.memory
        following -= eta * np.exp(2 * v[t]) * (model.lateral_weights @ z[t])
        clipped = np.clip(following, model.lowest_potential, model.highest_potential)
        np.testing.assert_allclose(u[t + 1], clipped, atol=1e-9)
        cost = PRIOR.deviation**2 * (z[t] @ model.threshold) / PRIOR.memory
        assert v[t + 1] == pytest.approx(leaked + cost, abs=1e-12)


def test_the_network_settles_at_the_fixed_point(model, shown):
    """Mean over 4 s: contrast to 5 %, rates to .1 spikes per tau or 15 %."""
    found = infer_contrast(model, shown[:1], PRIOR, n_iterations=3000)
    slow = model.with_gain(0.5)
    network, neurons, unit = contrast_network(slow, shown[0], PRIOR, 1 * ms, seed=1)
    network.run(500 * ms)
    spikes = brian2.SpikeMonitor(neurons, "z", record=True, codeobj_class=NUMPY["codeobj_class"])
    log = brian2.StateMonitor(unit, "log_contrast", record=True, clock=neurons.clock, **NUMPY)
    network.add(spikes, log)
    network.run(4000 * ms)
    rates = np.bincount(spikes.i, weights=spikes.z, minlength=len(neurons)) / 200
    np.testing.assert_allclose(rates, found.rates[0], rtol=0.15, atol=0.1)
    assert np.exp(np.mean(log.log_contrast)) == pytest.approx(found.contrasts[0], rel=0.05)


def test_wrong_arguments(model, shown):
    with pytest.raises(ValueError, match="no leak and constant thresholds"):
        infer_contrast(model.replace(leak=0.1), shown, PRIOR)
    with pytest.raises(ValueError, match="no leak and constant thresholds"):
        contrast_network(model.replace(half_threshold_rate=1), shown[0], PRIOR, 1 * ms, 0)
    with pytest.raises(TypeError, match="parameters must be a Parameters, got dict"):
        infer_contrast({}, shown, PRIOR)
    with pytest.raises(ValueError, match="lateral must be one of 'all', 'self'"):
        infer_contrast(model, shown, PRIOR, lateral="off")
    with pytest.raises(ValueError, match="stimuli must have shape"):
        infer_contrast(model, shown[:, 1:], PRIOR)
    with pytest.raises(ValueError, match="deviation must be >= 0"):
        ContrastPrior(deviation=-1)
    with pytest.raises(ValueError, match="memory must be > 0"):
        ContrastPrior(memory=0)
