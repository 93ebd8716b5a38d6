"""Responses to draw, and figures that are closed after each test."""

import matplotlib
import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Parameters, SpikingNetwork

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


@pytest.fixture(scope="session", autouse=True)
def plt():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


@pytest.fixture(autouse=True)
def closed_figures(plt):
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def parameters():
    dictionary = np.random.default_rng(0).normal(size=(16, N_NEURONS))
    return Parameters.from_unit_dictionary(
        dictionary, spike_size=0.4, gain=2.0, sparsity=0.1, stimulus_shape=SHAPE
    )


@pytest.fixture(scope="session")
def stimuli():
    return np.random.default_rng(1).normal(size=(3, 16))


@pytest.fixture(scope="session")
def response(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=RECORDED)
    return network.present(stimuli, 170 * ms, seed=0)


@pytest.fixture(scope="session")
def bare(parameters, stimuli):
    """A response without recordings."""
    network = SpikingNetwork(parameters, dt=1 * ms, record_spikes=False)
    return network.present(stimuli, 60 * ms, seed=0)


@pytest.fixture(scope="session")
def movie(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=RECORDED)
    return network.present_movie(stimuli, 40 * ms, seed=0)
