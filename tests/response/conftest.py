"""A simulated response."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Parameters, SpikingNetwork


@pytest.fixture(scope="session")
def simulated():
    """Three stimuli; rates of several spikes per step, so that no count above 1 may be lost."""
    rng = np.random.default_rng(0)
    p = Parameters(dictionary=0.02 * rng.normal(size=(6, 4)), resting_potential=2, tau=10 * ms)
    network = SpikingNetwork(p, dt=2 * ms, record_potentials=range(4), name="response_test")
    return network.present(rng.normal(size=(3, 6)), 46 * ms, seed=3)
