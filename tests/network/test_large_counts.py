"""The highest rates that a model may have are counted, in every engine, without overflow."""

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import Parameters, SpikingNetwork

CIRCUITS = {
    "synapses": {},
    "error_units": {"pathway": "error_units"},
    "brian2": {"engine": "brian2", "n_copies": 2},
    "numpy": {"engine": "numpy", "n_copies": 2},
    "numba": {"engine": "numba", "n_copies": 2},
}


@pytest.mark.parametrize("steps_per_tau", [1, 20])
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_counts_at_the_highest_potential(circuit, steps_per_tau):
    """exp(20) spikes per tau of each neuron; the sums over neurons and windows are beyond int32."""
    parameters = Parameters(
        dictionary=1e-12 * np.eye(6), resting_potential=20.0, highest_potential=20.0
    )
    network = SpikingNetwork(parameters, dt=parameters.tau / steps_per_tau, **CIRCUITS[circuit])
    response = network.present(np.zeros((2, 6)), 60 * ms, seed=1)
    wanted = np.exp(20.0)
    # Poisson numbers of this size differ by about 2e-5 of them.
    np.testing.assert_allclose(response.counts, wanted, rtol=1e-3)
    np.testing.assert_allclose(response.spikes_per_window(), 6 * wanted, rtol=1e-3)
    np.testing.assert_allclose(response.counts_in_windows(60 * ms), 3 * wanted, rtol=1e-3)
    np.testing.assert_allclose(response.settled_counts(), wanted, rtol=1e-3)
    assert np.isfinite(response.population_sparseness()).all()


def test_more_copies_than_a_group_can_hold(parameters):
    with pytest.raises(ValueError, match="n_copies must be at most 178956970 for 12 neurons"):
        SpikingNetwork(parameters, n_copies=2**28)
