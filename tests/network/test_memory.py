"""What `memory_needed` says is what a presentation takes, within a factor of two."""

import tracemalloc

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import Parameters, SpikingNetwork

MANY = {"n_copies": 100}
ONE = {"record_spikes": False}
CASES = {
    "counts": ((200, 1), 400 * ms, MANY),
    "counts of numpy": ((200, 1), 400 * ms, MANY | {"engine": "numpy"}),
    "counts of equations": ((200, 1), 400 * ms, MANY | {"engine": "brian2"}),
    "spikes": ((30, 1), 200 * ms, {}),
    "spikes of copies": ((100, 1), 100 * ms, MANY | {"record_spikes": True}),
    "potentials": ((20, 1), 200 * ms, ONE | {"record_potentials": True}),
    "potentials of copies": ((100, 1), 200 * ms, MANY | {"record_potentials": range(20)}),
    "a movie": ((1, 600), 33 * ms, ONE),
    "movies": ((20, 200), 20 * ms, {"n_copies": 10}),
}


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    return Parameters(dictionary=0.1 * rng.normal(size=(64, 100)), resting_potential=0.5)


def taken(network, x, duration):
    """Return the response, and the most memory that was taken on the way to it."""
    network.present(x[0, :1], 20 * ms, seed=0)  # what is imported and compiled once
    tracemalloc.start()
    try:
        response = network.present_movie(x, duration, seed=0)
        return response, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("case", CASES)
def test_memory_is_what_was_said(model, case):
    shape, duration, options = CASES[case]
    x = np.random.default_rng(1).normal(size=(*shape, 64))
    network = SpikingNetwork(model, dt=1 * ms, **options)
    response, most = taken(network, x, duration)
    n_windows = duration * shape[1] / model.tau
    needed = network.memory_needed(
        shape[0],
        duration * shape[1],
        n_frames=shape[1],
        spikes_per_tau=response.counts.sum() / shape[0] / n_windows,
    )
    assert 0.5 < most / sum(needed.values()) < 2, needed
    kept = needed["counts in windows"], needed["expected counts in windows"]
    assert kept == (response.counts.nbytes, response.expected_counts.nbytes)


def test_memory_of_movies_is_linear(model):
    """Four times as many frames take four times as much."""
    network = SpikingNetwork(model, dt=4 * ms, record_spikes=False)
    frames = np.random.default_rng(1).normal(size=(1, 3200, 64))
    short, long = (taken(network, frames[:, :n], 20 * ms)[1] for n in (800, 3200))
    assert 3 < long / short < 5


def test_spikes_are_guessed(model):
    network = SpikingNetwork(model, dt=1 * ms)
    needed = network.memory_needed(3, 100 * ms)
    assert needed == network.memory_needed(3, 100 * ms, spikes_per_tau=50)
    assert needed["spike times"] == 3 * 5 * 50 * 100
    assert network.memory_needed(3, 100 * ms, spikes_per_tau=0)["spike times"] == 0
    quiet = SpikingNetwork(model, dt=1 * ms, record_spikes=False)
    assert quiet.memory_needed(3, 100 * ms)["spike times"] == 0


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"n_stimuli": 0}, ValueError),
        ({"duration": 3}, TypeError),
        ({"n_frames": 1.5}, TypeError),
        ({"spikes_per_tau": -1}, ValueError),
    ],
    ids=str,
)
def test_what_cannot_be_told(model, wrong, error):
    network = SpikingNetwork(model, dt=1 * ms)
    with pytest.raises(error, match=next(iter(wrong))):
        network.memory_needed(**({"n_stimuli": 1, "duration": 20 * ms} | wrong))


def test_dt_has_to_be_known(model):
    with pytest.raises(ValueError, match="dt is not chosen yet"):
        SpikingNetwork(model).memory_needed(1, 100 * ms)
