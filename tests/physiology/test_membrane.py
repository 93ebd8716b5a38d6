import numpy as np
import pytest
from brian2.only import ms, mV

from ipvae_brian import Parameters, Response, SpikingNetwork, Timing
from ipvae_brian.physiology import Millivolts, membrane_statistics


@pytest.fixture(scope="module")
def response():
    """Two conditions, three repeats; 4 steps of grey, then 6 of a stimulus."""
    rng = np.random.default_rng(0)
    parameters = Parameters(dictionary=np.eye(4, 3), tau=2 * ms)
    timing = Timing(dt=0.001, n_steps=10, steps_per_window=2, tau=0.002, before=0.004)
    potentials = rng.normal(-3, 1, (6, 2, 10))
    potentials[:, 0, :4] = -8
    return Response(
        parameters,
        np.zeros((2, 1, 4)),
        timing,
        np.zeros((6, 5, 3), int),
        np.ones((6, 5, 3)),
        recorded_neurons=(2, 0),
        potentials=potentials,
        step_counts=np.zeros((6, 2, 10), int),
        conditions={"image": [0, 1] * 3},
        stimulus_numbers=[0, 1] * 3,
    )


def test_statistics_are_those_of_plain_numpy(response):
    found = membrane_statistics(response, scale=Millivolts(-40 * mV, 2 * mV))
    v = -40 + 2 * np.asarray(response.potentials)[:, :, 4:]
    np.testing.assert_array_equal(found.neurons, [2, 0])
    np.testing.assert_allclose(found.mean, v.mean(axis=(0, 2)))
    variance = [v[image::2].var(axis=0, ddof=1).mean(axis=1) for image in (0, 1)]
    np.testing.assert_allclose(found.variance_over_trials, np.mean(variance, axis=0))
    course = np.mean([v[image::2].mean(axis=0).std(axis=1) for image in (0, 1)], axis=0)
    np.testing.assert_allclose(found.sd_over_time, course)
    z = (v - v.mean(axis=(0, 2), keepdims=True)) / v.std(axis=(0, 2), keepdims=True)
    np.testing.assert_allclose(found.skewness, (z**3).mean(axis=(0, 2)))
    np.testing.assert_array_equal(found.at_bound, [0, 0])


def test_time_at_the_bound_is_told(response):
    found = membrane_statistics(response, window=(-4 * ms, 0 * ms))
    np.testing.assert_array_equal(found.at_bound, [1, 0])
    assert found.mean[0] == pytest.approx(-82)
    assert np.isnan(found.skewness[0]) and found.variance_over_trials[0] == 0


def test_one_trial_has_no_variance_over_trials(response):
    assert np.isnan(membrane_statistics(response[0]).variance_over_trials).all()


def test_the_map_is_stated_and_checked():
    np.testing.assert_allclose(Millivolts().of([0, 1]), [-50, -46])
    with pytest.raises(TypeError, match="per_unit must be a voltage"):
        Millivolts(per_unit=4)
    with pytest.raises(ValueError, match="per_unit must be > 0 mV"):
        Millivolts(per_unit=0 * mV)


def test_what_has_no_potentials_is_refused(response):
    plain = SpikingNetwork(response.parameters, dt=1 * ms).present(np.zeros(4), 4 * ms, seed=0)
    with pytest.raises(ValueError, match="no membrane potentials: use SpikingNetwork"):
        membrane_statistics(plain)
    with pytest.raises(TypeError, match="response must be a Response"):
        membrane_statistics(3)
    with pytest.raises(ValueError, match="window must hold a time step"):
        membrane_statistics(response, window=(50 * ms, 60 * ms))
