"""What the pathways have of their own: delays, and explicit prediction errors."""

import brian2
import numpy as np
import pytest
import reference
from brian2 import ms

from ipvae_brian import SpikingNetwork

TOLERANCE = 1e-10


def make_network(parameters, **options):
    return SpikingNetwork(
        parameters, dt=4 * ms, record_potentials=range(parameters.n_neurons), **options
    )


@pytest.mark.parametrize("delay_steps", [0, 1, 3])
def test_synaptic_delay(delay_steps, stimuli, parameters):
    network = make_network(parameters, delay=delay_steps * 4 * ms)
    response = network.present(stimuli[0], 100 * ms)
    seen = np.repeat(stimuli[:1], 25, axis=0)
    counts = response.step_counts[0].T
    expected, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=delay_steps)
    np.testing.assert_allclose(response.potentials[0].T, expected, atol=TOLERANCE, rtol=0)
    other, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=delay_steps + 1)
    assert np.abs(other - expected).max() > 0.01


def test_delayed_spikes_do_not_reach_the_next_stimulus(stimuli, parameters):
    """With reset, every stimulus starts from nothing: also from no spikes on their way."""
    network = make_network(parameters, delay=12 * ms)
    response = network.present(stimuli[:2], 60 * ms)
    assert response.step_counts[0, :, -3:].sum() > 0
    for s in range(2):
        seen = np.repeat(stimuli[s : s + 1], 15, axis=0)
        counts = response.step_counts[s].T
        expected, _ = reference.simulate(parameters, seen, counts, 0.2, delay_steps=3)
        np.testing.assert_allclose(response.potentials[s].T, expected, atol=TOLERANCE, rtol=0)


def test_error_units_hold_the_prediction_error(stimuli, parameters):
    network = make_network(parameters, pathway="error_units")
    units = network.circuit.units
    seen = []

    @brian2.network_operation(dt=4 * ms, when="synapses", order=10)
    def look():
        seen.append(np.array(units.prediction_error[:]))

    network.add(look)
    response = network.present(stimuli[0], 100 * ms)
    predicted = response.step_counts[0].T @ parameters.dictionary.T
    np.testing.assert_allclose(np.array(seen), stimuli[0] * 0.2 - predicted, atol=TOLERANCE)
    # Neurons of the predictive-coding circuit see the stimulus only through the errors.
    assert (network.neurons.drive[:] == 0).all()
