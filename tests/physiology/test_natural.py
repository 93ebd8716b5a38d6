import numpy as np
import pytest
from brian2 import Hz

from ipvae_brian import Recording, SpikingNetwork, Timing
from ipvae_brian.physiology import (
    cross_validated_spectrum,
    natural_responses,
    psth,
    rate_distribution,
    spectrum,
    spike_triggered_average,
)


def power_law(rng, exponent, n_stimuli=800, n_neurons=300):
    """Responses whose principal components have variances n^-exponent, in any basis."""
    variances = np.arange(1, n_neurons + 1.0) ** -exponent
    basis, _ = np.linalg.qr(rng.normal(size=(n_neurons, n_neurons)))
    return rng.normal(size=(n_stimuli, n_neurons)) * np.sqrt(variances) @ basis


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.5])
def test_exponent_of_a_power_law(rng, exponent):
    """To .1: sample components of 800 stimuli are a little steeper than those of all."""
    signal = power_law(rng, exponent)
    found = cross_validated_spectrum(signal, signal, fit_from=5, fit_to=60)
    assert found.exponent == pytest.approx(exponent, abs=0.1)
    assert found.r_squared > 0.98 and found.fitted == (5, 60)


def test_noise_of_single_repeats_does_not_flatten_the_spectrum(rng):
    """That of one repeat alone is flatter by more than .1."""
    signal = power_law(rng, 1.0)
    first, second = (signal + 0.1 * rng.normal(size=signal.shape) for _ in range(2))
    both = cross_validated_spectrum(first, second, fit_from=5, fit_to=60)
    alone = cross_validated_spectrum(first, first, fit_from=5, fit_to=60)
    assert both.exponent == pytest.approx(1, abs=0.15)
    assert alone.exponent < both.exponent - 0.1


def test_spectrum_of_a_recording(rng, make_recording):
    """Poisson counts, 8 repeats: equal to the function on the halves, for any order of trials."""
    rates = np.exp(2 + power_law(rng, 1.0, 120, 30))
    image = np.repeat(np.arange(120), 8)
    recording = make_recording(rng.poisson(rates[image]), image=image)
    found = spectrum(recording, fit_from=1, fit_to=10)
    assert found.variances[0] > 0 and found.fitted[0] == 1
    true = np.linalg.svd((rates - rates.mean(axis=0)) / 0.5, compute_uv=False) ** 2 / 119
    np.testing.assert_allclose(found.variances[:5], true[:5], rtol=0.2)
    assert spectrum(recording, fit_from=1, fit_to=10).exponent == found.exponent
    assert spectrum(recording, fit_from=1, fit_to=10, seed=1).exponent != found.exponent


def test_wrong_spectra(rng, make_recording):
    noise = rng.normal(size=(40, 20))
    with pytest.raises(ValueError, match="fewer than 5 to fit"):
        cross_validated_spectrum(noise, -noise)
    with pytest.raises(ValueError, match="second must have shape"):
        cross_validated_spectrum(noise, noise[:, 1:])
    with pytest.raises(ValueError, match="at least 2 trials, got 1"):
        spectrum(make_recording(np.ones((3, 2), int), image=[0, 1, 2]))


def test_sparseness_is_of_rates_over_images(make_recording):
    counts = np.array([[4, 1, 0], [0, 1, 0], [0, 1, 0], [4, 1, 0]])
    found = natural_responses(make_recording(counts, image=[0, 1, 1, 0]))
    np.testing.assert_array_equal(found.rates, [[8, 2, 0], [0, 2, 0]])
    np.testing.assert_array_equal(found.lifetime_sparseness, [1, 0, np.nan])
    square = (10 / 3) ** 2 / (68 / 3)
    np.testing.assert_allclose(found.population_sparseness, [(1 - square) * 1.5, 1])
    assert found.rate_distribution.n_silent == 1
    with pytest.raises(ValueError, match="at least 2 images, got 1"):
        natural_responses(make_recording(counts, image=[0] * 4))


def test_images_may_be_told_by_the_stimulus():
    timing = Timing(dt=0.001, n_steps=100, steps_per_window=100)
    counts = np.array([1, 2, 3])[:, None, None]
    frames = np.zeros((2, 1, 4))
    recording = Recording(counts, timing, frames=frames, stimulus_numbers=[0, 1, 1])
    assert natural_responses(recording).rates.ravel().tolist() == [10, 25]
    assert natural_responses(recording).n_trials.tolist() == [1, 2]


def test_rates_that_are_log_normal(rng):
    found = rate_distribution(10 ** rng.normal(0.3, 0.6, 4000))
    assert found.mean == pytest.approx(0.3, abs=0.03)
    assert found.sd == pytest.approx(0.6, abs=0.03)
    with pytest.raises(ValueError, match="at least 2 neurons that fire, got 1"):
        rate_distribution([0, 1, 0])
    with pytest.raises(ValueError, match="must not be negative"):
        rate_distribution([-1, 1, 2])


def test_a_response_of_a_network_is_a_recording(parameters, stimuli):
    response = SpikingNetwork(parameters, n_copies=5, engine="numpy").present(
        stimuli, 5 * parameters.tau, seed=0
    )
    found = natural_responses(response)
    np.testing.assert_allclose(found.rates, response.firing_rates() / Hz)
    assert psth(response, width=parameters.tau).rates.shape == (5, response.n_neurons)
    assert spike_triggered_average(response, 1, minimum_spikes=1).averages.shape[2] == 16
