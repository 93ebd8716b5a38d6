"""Many stimuli: the same as presenting them to copies, with figures worked out on the way."""

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork
from ipvae_brian.network.batch import simulate_and_measure, simulate_many


@pytest.mark.parametrize("engine", ["events", "numba", "numpy", "brian2"])
@pytest.mark.parametrize("n_copies", [2, 3])
def test_it_is_a_presentation_to_copies(engine, n_copies, parameters, stimuli):
    options = {"n_copies": n_copies, "engine": engine, "dt": 1 * ms}
    response = simulate_many(parameters, stimuli, 60 * ms, seed=4, **options)
    wanted = SpikingNetwork(parameters, **options).present(stimuli, 60 * ms, seed=4)
    np.testing.assert_array_equal(response.counts, wanted.counts)
    np.testing.assert_array_equal(response.expected_counts, wanted.expected_counts)
    assert response.spikes is None


def test_one_copy_has_the_engine_of_many(parameters, stimuli):
    """So that the spikes of a stimulus do not depend on how many others there are."""
    for dt, engine in ((1 * ms, "events"), (20 * ms, "numba")):
        alone = simulate_many(parameters, stimuli[:1], 60 * ms, seed=4, n_copies=1, dt=dt)
        network = SpikingNetwork(parameters, n_copies=1, engine=engine, dt=dt)
        wanted = network.present(stimuli[0], 60 * ms, seed=4)
        np.testing.assert_array_equal(alone.counts, wanted.counts)
        assert alone.expected_counts.dtype == np.float32


def test_figures_are_those_of_the_response(parameters, stimuli):
    asked = []

    def measure(response, decode):
        asked.append(response.n_stimuli)
        counts = response.counts[:, -1].copy()
        np.testing.assert_allclose(decode(counts), response.reconstruction(), atol=1e-4)
        return {"spikes": response.spikes_per_window(), "r2": response.r2()}

    response, measured = simulate_and_measure(
        parameters, stimuli, 60 * ms, measure, seed=4, n_copies=2, dt=1 * ms
    )
    assert asked == [2, 2, 1]
    np.testing.assert_array_equal(measured["spikes"], response.spikes_per_window())
    np.testing.assert_allclose(measured["r2"], response.r2(), rtol=1e-12)
