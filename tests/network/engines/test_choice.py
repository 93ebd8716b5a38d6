"""Which circuit a user gets, and which cannot be had."""

import warnings

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.network.engines import choice
from ipvae_brian.network.engines.brian2 import Copies
from ipvae_brian.network.engines.events import EventCopies
from ipvae_brian.network.engines.numba import NumbaCopies
from ipvae_brian.network.engines.numpy import NumpyCopies
from ipvae_brian.network.pathways import ErrorUnits, Synapses


@pytest.mark.parametrize(
    ("pathway", "n_copies", "engine", "wanted"),
    [
        (None, 1, "brian2", Synapses),
        ("synapses", 1, "brian2", Synapses),
        ("error_units", 1, "brian2", ErrorUnits),
        (None, 2, "brian2", Copies),
        (None, 1, "numpy", NumpyCopies),
        (None, 200, "numpy", NumpyCopies),
        (None, 1, "numba", NumbaCopies),
        (None, 200, "numba", NumbaCopies),
        (None, 1, "events", EventCopies),
        (None, 200, "events", EventCopies),
    ],
)
def test_circuits(pathway, n_copies, engine, wanted):
    circuit = choice.choose_circuit(pathway, n_copies, engine)
    assert circuit is wanted
    assert circuit.engine == engine


@pytest.mark.parametrize("engine", choice.ENGINES)
def test_copies_have_no_pathway(engine):
    with pytest.raises(ValueError, match=f"pathway 'synapses' needs n_copies 1 .*got 2 .*{engine}"):
        choice.choose_circuit("synapses", 2, engine)


def test_names_that_do_not_exist():
    with pytest.raises(ValueError, match="pathway must be one of .*mean 'error_units'"):
        choice.choose_circuit("error_unit", 1, "brian2")
    with pytest.raises(ValueError, match="engine must be one of .*mean 'numba'"):
        choice.choose_circuit(None, 2, "nunba")


def test_engines_that_are_not_installed(monkeypatch, parameters):
    assert choice.stepping_engine() == "numba"
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert choice.default_engine(parameters) == choice.stepping_engine() == "numpy"
    with pytest.raises(ImportError, match=r"engine 'numba' needs Numba: pip install"):
        choice.choose_circuit(None, 2, "numba")


@pytest.mark.parametrize(
    ("steps_per_tau", "engine"), [(None, "events"), (2, "events"), (1, "numba")]
)
def test_continuous_time_is_the_default_and_discrete_updates_need_no_warning(
    steps_per_tau, engine, parameters
):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*engine")
        assert choice.default_engine(parameters, steps_per_tau) == engine
        dt = None if steps_per_tau is None else 20 * ms / steps_per_tau
        assert SpikingNetwork(parameters, n_copies=2, dt=dt).engine == engine


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
