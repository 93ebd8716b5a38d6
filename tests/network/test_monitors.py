"""What is recorded agrees: spikes, windows, potentials and the monitors themselves."""

import numpy as np
import pytest
from brian2 import ms
from helpers import ALL, NAMES

from ipvae_brian import SpikingNetwork


@pytest.fixture(params=ALL, ids=NAMES)
def network(request, parameters):
    return SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **request.param)


def test_spikes_windows_and_monitor_agree(network, stimuli):
    response = network.present(stimuli, 100 * ms)
    assert response.counts.shape == (5, 5, 12)
    assert response.counts.sum() == response.spikes.count.sum() > 50
    for width in (4, 12, 20, 40, 100):
        windows = response.counts_in_windows(width * ms)
        assert windows.shape == (5, 100 // width, 12)
        time = np.round(response.spikes.time / 4e-3).astype(int)
        kept = time < (100 // width) * (width // 4)
        assert windows.sum() == response.spikes.count[kept].sum()
        brute = np.zeros_like(windows)
        for s, n, t, c in zip(
            response.spikes.trial,
            response.spikes.neuron,
            time,
            response.spikes.count,
            strict=True,
        ):
            if t // (width // 4) < windows.shape[1]:
                brute[s, t // (width // 4), n] += c
        np.testing.assert_array_equal(windows, brute)


def test_an_incomplete_window_is_in_the_spike_times_only(network, stimuli):
    response = network.present(stimuli, 72 * ms, seed=2)
    assert response.counts.shape == (5, 3, 12)
    step = np.round(response.spikes.time / 4e-3).astype(int)
    assert step.max() in (15, 16, 17)
    assert response.spikes.count[step < 15].sum() == response.counts.sum()
    # And it does not leak into the first window of what follows.
    following = network.present(stimuli, 20 * ms)
    assert following.spikes.count.sum() == following.counts.sum()


def test_spike_times_are_the_steps_of_the_potentials(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=range(12))
    for _ in range(3):
        response = network.present(stimuli, 60 * ms)
        recorded = np.zeros_like(response.step_counts)
        step = np.round(response.spikes.time / 4e-3).astype(int)
        recorded[response.spikes.trial, response.spikes.neuron, step] = response.spikes.count
        np.testing.assert_array_equal(recorded, response.step_counts)
        assert response.timing.step_times[step].tolist() == response.spikes.time.tolist()


def test_recorded_neurons_keep_their_order(parameters, stimuli):
    some = SpikingNetwork(parameters, dt=4 * ms, n_copies=2, record_potentials=[7, 2])
    every = SpikingNetwork(parameters, dt=4 * ms, n_copies=2, record_potentials=range(12))
    a, b = (n.present(stimuli, 40 * ms, seed=1) for n in (some, every))
    assert a.recorded_neurons == (7, 2)
    np.testing.assert_array_equal(a.potentials, b.potentials[:, [7, 2]])
    np.testing.assert_array_equal(a.step_counts, b.step_counts[:, [7, 2]])
