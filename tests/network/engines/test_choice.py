"""Which circuit a user gets, and which cannot be had."""

import warnings

import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork
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
