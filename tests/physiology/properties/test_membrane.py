"""Membrane potentials as properties: known potentials go in, their statistics come out."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Noise, Parameters, Recording, Response, Timing
from ipvae_brian.physiology import membrane_statistics
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.properties import membrane

N_NEURONS, N_IMAGES, N_REPEATS = 12, 5, 40
BY_NAME = {one.name: one for one in membrane.PROPERTIES}


def potentials_of(before, after, seed=0, grey=200):
    """Repeats of images: sd `before` the onset and `after` it, in units of u, around -3."""
    rng = np.random.default_rng(seed)
    n = N_IMAGES * N_REPEATS
    sds = np.r_[np.full(grey, before), np.full(200, after)]
    u = -3 + sds * rng.normal(size=(n, N_NEURONS, 1))
    timing = Timing(dt=0.001, n_steps=grey + 200, steps_per_window=20, tau=0.02, before=grey / 1e3)
    n_windows = (grey + 200) // 20
    return Response(
        Parameters(dictionary=np.eye(4, N_NEURONS)),
        np.zeros((N_IMAGES, 1, 4)),
        timing,
        np.zeros((n, n_windows, N_NEURONS), int),
        np.ones((n, n_windows, N_NEURONS)),
        recorded_neurons=range(N_NEURONS),
        potentials=u,
        step_counts=np.zeros((n, N_NEURONS, grey + 200), int),
        conditions={"image": np.tile(np.arange(N_IMAGES), N_REPEATS)},
        stimulus_numbers=np.tile(np.arange(N_IMAGES), N_REPEATS),
    )


def test_values_are_those_of_the_statistics_in_millivolts():
    response = potentials_of(1.0, 0.5)
    found = {name: one.measure(response).distribution for name, one in BY_NAME.items()}
    wanted = membrane_statistics(response)
    np.testing.assert_allclose(found["membrane_potential"].values, wanted.mean)
    # u = -3 is 12 mV below a rate of one spike per tau, and a standard deviation of .5 is 2 mV.
    assert found["membrane_potential"].median == pytest.approx(-62, abs=0.5)
    assert found["membrane_variability"].median == pytest.approx(2, abs=0.1)
    assert found["membrane_skewness"].median == pytest.approx(0, abs=0.2)
    assert found["membrane_onset_ratio"].median == pytest.approx(0.5, abs=0.03)
    assert "4 mV before and 2 mV during" in found["membrane_onset_ratio"].note
    assert "-50 mV is one spike per tau, 4 mV an e-fold" in found["membrane_potential"].note


def test_time_at_the_bound_is_a_gate():
    response = potentials_of(0.0, 1.0)
    # All neurons at the lowest potential during grey, as shipped models are.
    low = np.array(response.potentials)
    low[:, :, :200] = response.parameters.lowest_potential
    low[:, :3, :150] += np.random.default_rng(1).normal(size=(len(low), 3, 1)) ** 2
    stuck = Response(
        response.parameters, response.frames, response.timing, response.counts,
        response.expected_counts, recorded_neurons=range(N_NEURONS), potentials=low,
        step_counts=response.step_counts, conditions=response.conditions,
        stimulus_numbers=response.stimulus_numbers,
    )  # fmt: skip
    found = membrane.onset_ratio(stuck)
    failed = {check.name for check in found.checks if not check.passed}
    # Where repeats do not differ before, there is no ratio.
    assert failed == {"bound before images", "units"} and found.distribution.n == 3
    assert all(check.passed for check in BY_NAME["membrane_potential"].measure(stuck).checks)


def test_recordings_of_spikes_have_none():
    timing = Timing(dt=0.001, n_steps=400, steps_per_window=20, before=0.2)
    spikes = Recording(np.zeros((4, 20, 3), int), timing, conditions={"image": [0, 0, 1, 1]})
    for one in membrane.PROPERTIES:
        with pytest.raises(ValueError, match="needs membrane potentials, and this is a recording"):
            one.measure(spikes)
    with pytest.raises(ValueError, match="needs 100 ms before the onset"):
        membrane.onset_ratio(potentials_of(1.0, 1.0, grey=60))


def test_noise_moves_potentials_before_the_onset(gabor_model):
    """Of a model that is put through the experiment: noise on the drive is there before images."""
    noisy = Subject(
        gabor_model.replace(leak=1.0, resting_potential=-3.0),
        noise=Noise(drive=0.5, time_constant=20 * ms),
        quick=True,
    )
    response = noisy.recording("membrane_potentials")
    assert response.potentials.shape[:2] == (78, 32)
    found = membrane.onset_ratio(response)
    assert all(check.passed for check in found.checks)
    quiet = Subject(gabor_model, quick=True)
    bound = membrane.onset_ratio(quiet.recording("membrane_potentials")).checks[0]
    assert not bound.passed and bound.value > 0.9
    assert "potentials of 32 neurons" in noisy.shown["membrane_potentials"]["text"]
