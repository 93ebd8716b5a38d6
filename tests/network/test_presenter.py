"""The presenter: presentations are asked for one at a time inside one run, and errors come out."""

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork
from ipvae_brian.network.presentation import Presentation


@pytest.fixture(scope="module")
def network(parameters):
    return SpikingNetwork(parameters, dt=4 * ms)


def test_presentations_are_asked_for_one_at_a_time_inside_one_run(network, stimuli):
    """The iterator sees each result before it gives the next presentation."""
    log = []

    def presentations():
        for k in range(3):
            log.append(f"give {k}")
            yield Presentation(stimuli[None, k : k + 1], np.array([5 * (k + 1)]))

    def collect(presentation, outcome):
        log.append(f"get {outcome.counts.shape[1]}")

    network.run(presentations(), collect)
    assert log == ["give 0", "get 1", "give 1", "get 2", "give 2", "get 3"]


@pytest.mark.parametrize("where", ["first presentation", "later presentation", "collect"])
def test_errors_in_presentations_come_out_and_leave_brian2_usable(network, stimuli, where):
    def presentations():
        if where == "first presentation":
            raise LookupError("in the iterator")
        yield Presentation(stimuli[None, :1], np.array([5]))
        raise LookupError("in the iterator")

    def collect(presentation, outcome):
        if where == "collect":
            raise LookupError("in collect")

    with pytest.raises(LookupError, match="in collect" if where == "collect" else "iterator"):
        network.run(presentations(), collect)
    assert network.present(stimuli, 40 * ms).counts.sum() > 0


def test_no_presentations_are_no_error(network):
    assert network.run([], None) is None
