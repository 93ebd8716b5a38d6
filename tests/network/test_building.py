"""Brian2 objects exist once the time step is known, and until then say how to get them."""

import warnings

import numpy as np
import pytest
from brian2 import Hz, PoissonGroup, SpikeMonitor, ms
from helpers import NUMPY

from ipvae_brian import DivergenceError, Parameters, SpikingNetwork, StabilityWarning

OBJECTS = [
    *("neurons", "lateral", "circuit", "spike_monitor", "potential_monitor"),
    *("clock", "brian_network", "steps_per_tau"),
]


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_before_dt_is_known_say_how_to_build(name, parameters, stimuli):
    network = SpikingNetwork(parameters)
    with pytest.raises(
        AttributeError, match=rf"^{name}: .* dt is not known.*Give dt to .*build\(stimuli\)"
    ):
        getattr(network, name)
    assert not hasattr(network, name)
    assert getattr(network.build(stimuli), name) is not None or name == "potential_monitor"


def test_objects_exist_with_dt_after_build_and_after_presenting(parameters, stimuli):
    given = SpikingNetwork(parameters, dt=4 * ms, record_potentials=[0])
    built = SpikingNetwork(parameters, record_potentials=[0]).build(stimuli)
    shown = SpikingNetwork(parameters, record_potentials=[0])
    assert shown.dt is None
    shown.present(stimuli[0], 20 * ms)
    for network in (given, built, shown):
        for name in OBJECTS:
            assert getattr(network, name) is not None
        objects = network.brian_network.objects
        for own in (network.neurons, network.lateral, network.spike_monitor):
            assert own in objects
        assert network.neurons.clock is network.clock
        assert float(network.clock.dt) == float(network.dt)


def test_presentations_cannot_be_run_before_dt_is_known(parameters):
    with pytest.raises(AttributeError, match="^run: .*Give dt"):
        SpikingNetwork(parameters).run([], print)


def test_build_keeps_what_there_is(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=4 * ms)
    neurons = network.neurons
    assert network.build(stimuli).neurons is neurons


# A time step that was chosen is chosen again


@pytest.fixture(scope="module")
def strong():
    """Stimuli that need a finer step than grey does, and what is to code them."""
    rng = np.random.default_rng(50)
    stimuli = rng.normal(size=(20, 16))
    parameters = Parameters.from_unit_dictionary(
        rng.normal(size=(16, 24)), spike_size=0.4, gain=3, sparsity=0.25
    )
    return parameters, stimuli


MANY = {"n_copies": 20, "engine": "numba"}
OPTIONS = [MANY, {}, {"n_copies": 20, "engine": "brian2"}, {"pathway": "error_units"}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("first", ["grey", "weak"])
def test_a_stronger_stimulus_later_gets_its_own_step(strong, options, first):
    parameters, x = strong
    network = SpikingNetwork(parameters, **options)
    network.present((0 if first == "grey" else 0.1) * x, 40 * ms, seed=1)
    before = network.dt
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        response = network.present(x, 200 * ms, seed=1)
    direct = SpikingNetwork(parameters, **options).build(x)
    assert network.dt < before
    assert float(network.dt) == float(direct.dt) == response.timing.dt
    np.testing.assert_array_equal(response.counts, direct.present(x, 200 * ms, seed=1).counts)


@pytest.mark.parametrize("options", OPTIONS[:1], ids=str)
def test_more_stimuli_of_the_same_energy_get_their_own_step(strong, options):
    """The gain is largest where energy falls on few neurons; that of the first need not."""
    parameters, x = strong
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    # Of length 6, along no column in particular, and along single columns.
    columns = 6 * parameters.dictionary.T[:20] / 0.4
    network = SpikingNetwork(parameters, **options)
    network.present(6 * x[:1], 20 * ms, seed=1)
    network.present(columns, 20 * ms, seed=1)
    assert network.dt == SpikingNetwork(parameters, **options).build(columns).dt
    network.present(6 * x[:1], 20 * ms, seed=1)
    assert network.dt == SpikingNetwork(parameters, **options).build(columns).dt


@pytest.mark.parametrize("options", OPTIONS[::3], ids=str)
def test_a_stream_does_not_set_off_warnings_or_finer_steps(strong, options):
    """Potentials swing from spike to spike, and so does the loop gain: no reason for an alarm."""
    parameters, x = strong
    network = SpikingNetwork(parameters, **options).build(x)
    before = network.dt
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        for _ in range(15):
            network.present(x[: network.n_copies], 30 * ms, reset=False)
    assert network.dt == before


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_potentials_are_carried_over_to_the_finer_step(strong, options):
    parameters, x = strong
    network = SpikingNetwork(parameters, **options)
    x = 2 * x[: network.n_copies]
    network.present(0.1 * x, 100 * ms, seed=1)
    before, potentials = network.dt, network._built.circuit.potentials()
    step = SpikingNetwork(parameters, **options).build(x).dt
    network.present(x, step, reset=False, seed=1)
    assert network.dt == step < before
    # One step from where they were, and not from rest.
    moved = np.abs(network.circuit.potentials() - potentials).max()
    from_rest = np.abs(network.circuit.potentials() - parameters.resting_potential).max()
    assert moved < 3 < from_rest


@pytest.mark.parametrize("name", ["neurons", "brian_network", "clock", "circuit"])
def test_objects_in_the_users_hands_are_kept(strong, name):
    """The step that is advised instead of them is right, as the one that is warned of is wrong."""
    parameters, x = strong
    network = SpikingNetwork(parameters, **MANY)
    network.present(0 * x, 40 * ms)
    held = getattr(network, name)
    with (
        pytest.warns(StabilityWarning, match=r"use dt=\S+\*ms"),
        pytest.raises(DivergenceError, match=f"because its '{name}' was asked for") as error,
    ):
        network.present(30 * x, 400 * ms, seed=1)
    assert getattr(network, name) is held
    advised = float(str(error.value).partition("use dt=")[2].partition("*ms")[0]) * ms
    with warnings.catch_warnings():
        warnings.simplefilter("error", StabilityWarning)
        SpikingNetwork(parameters, dt=advised, **MANY).present(30 * x, 400 * ms, seed=1)


def test_own_objects_that_have_run_are_kept(strong):
    parameters, x = strong
    network = SpikingNetwork(parameters, **MANY)
    group = PoissonGroup(5, 50 * Hz, **NUMPY)
    monitor = SpikeMonitor(group, **NUMPY)
    network.add(group, monitor)
    network.present(0 * x, 40 * ms)
    with (
        pytest.warns(StabilityWarning),
        pytest.raises(DivergenceError, match="because your own objects have run in it"),
    ):
        network.present(30 * x, 400 * ms, seed=1)
    assert monitor.num_spikes > 0


def test_own_objects_get_a_step_that_need_not_be_halved():
    """Of these 300 stimuli one runs away at the step that is chosen where it can be halved."""
    z = np.random.default_rng(50).normal(size=(300, 16))
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)
    parameters = Parameters.from_unit_dictionary(
        np.random.default_rng(0).normal(size=(16, 24)), spike_size=0.4, gain=6, sparsity=0.25
    )
    alone = SpikingNetwork(parameters, n_copies=300, engine="numpy")
    with pytest.warns(StabilityWarning, match="repeated at dt"):
        alone.present(z, 200 * ms, seed=0)
    network = SpikingNetwork(parameters, n_copies=300, engine="numpy")
    group = PoissonGroup(5, 50 * Hz, **NUMPY)
    monitor = SpikeMonitor(group, **NUMPY)
    response = network.add(group, monitor).present(z, 200 * ms, seed=0)
    assert response.timing.dt < 0.2e-3 and response.r2().min() > 0
    assert monitor.num_spikes > 0


def test_own_objects_that_have_not_run_are_taken_along(strong):
    parameters, x = strong
    network = SpikingNetwork(parameters, **MANY).build(0 * x)
    before = network.dt
    group = PoissonGroup(5, 50 * Hz, **NUMPY)
    monitor = SpikeMonitor(group, **NUMPY)
    network.add(group, monitor).present(x, 400 * ms, seed=1)
    assert network.dt < before
    assert monitor.num_spikes > 0


def test_a_step_that_was_given_is_kept(strong):
    parameters, x = strong
    network = SpikingNetwork(parameters, dt=1 * ms, **MANY)
    network.present(0 * x, 40 * ms)
    with pytest.warns(StabilityWarning), pytest.raises(DivergenceError) as error:
        network.present(30 * x, 400 * ms, seed=1)
    assert "use dt=" in str(error.value) and "keeps" not in str(error.value)
    assert network.dt == 1 * ms


def test_a_later_run_that_diverges_is_repeated_at_half_the_step(strong, monkeypatch):
    """Also where potentials are carried over: from where they were before the first try."""
    from ipvae_brian.network import spiking

    parameters, x = strong
    network = SpikingNetwork(parameters, **MANY)
    network.present(0 * x, 40 * ms)
    monkeypatch.setattr(spiking, "choose_dt", lambda *args, **options: 2e-3)
    monkeypatch.setattr("ipvae_brian.network.stability.HALVINGS", 8)
    with pytest.warns(StabilityWarning, match="repeated at dt = 0.5 ms"):
        response = network.present(10 * x, 200 * ms, seed=1, reset=False)
    assert response.timing.dt == float(network.dt) < 1e-3
    assert response.r2().min() > 0
