"""Brian2 objects exist once the time step is known, and until then say how to get them."""

import pytest
from brian2 import ms

from ipvae_brian import SpikingNetwork

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
