"""What continuous time cannot simulate is known beforehand, and done in time steps."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import Parameters, SpikingNetwork

NOT_FOR_EVENTS = {
    "lowest_potential must be within 80 of 0 in continuous time, got -81": {
        "lowest_potential": -81.0
    },
    "resting_potential must be lower in continuous time, got 5.82e.09 spikes per tau at rest": {
        "resting_potential": 20.0,
        "highest_potential": 20.0,
    },
}


@pytest.mark.parametrize("words", NOT_FOR_EVENTS)
def test_what_continuous_time_cannot_do_is_done_in_steps(words):
    parameters = make_parameters(**NOT_FOR_EVENTS[words])
    with pytest.warns(UserWarning, match=f"in time steps, with engine 'numba': {words}"):
        network = SpikingNetwork(parameters, n_copies=2, dt=1 * ms)
    assert network.engine == "numba"
    with pytest.raises(ValueError, match=rf"{words} \(engine 'events'\)"):
        SpikingNetwork(parameters, n_copies=2, dt=1 * ms, engine="events")


def test_rates_at_rest_that_are_just_possible():
    """A quarter of what a step may hold is simulated, and no runaway."""
    rate = 20 * 10_000 / 4
    parameters = Parameters(
        dictionary=1e-9 * np.eye(2), resting_potential=np.log(rate / 2), highest_potential=12
    )
    network = SpikingNetwork(parameters, n_copies=2, dt=1 * ms)
    assert network.engine == "events"
    counts = network.present(np.zeros((2, 2)), 20 * ms, seed=1).counts
    np.testing.assert_allclose(counts, rate / 2, rtol=0.05)
