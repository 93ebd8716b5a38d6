"""Runners: one is chosen when a network is made, by the kind of Brian2's device."""

import numpy as np
import pytest
from brian2 import ms
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from ipvae_brian import SpikingNetwork
from ipvae_brian.network import _brian
from ipvae_brian.network.presenter import RuntimeRunner
from ipvae_brian.network.standalone import StandaloneRunner


class MyDevice(CPPStandaloneDevice):
    """A device that derives from Brian2's, such as one for another compiler."""


@pytest.fixture
def standalone(monkeypatch):
    monkeypatch.setattr(_brian, "get_device", MyDevice)


def test_at_run_time(parameters):
    network = SpikingNetwork(parameters, dt=4 * ms)
    assert isinstance(network._built.runner, RuntimeRunner)


def test_devices_that_derive_from_standalone_are_recognised(standalone, parameters):
    assert SpikingNetwork(parameters)._runner_class is StandaloneRunner


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_copies": 2}, "n_copies must be 1 in C.. standalone mode, got 2"),
        ({"engine": "numpy"}, "engine must be 'brian2' in C.. standalone mode, got 'numpy'"),
        ({"target": "numpy"}, "target must be None in C.. standalone mode, got 'numpy'"),
    ],
)
def test_what_a_standalone_program_cannot_run(standalone, parameters, options, match):
    with pytest.raises(ValueError, match=match):
        SpikingNetwork(parameters, **options)


def test_default_engines(parameters):
    for runner in (RuntimeRunner, StandaloneRunner):
        assert runner.default_engine(1, parameters, None) == "brian2"
    assert StandaloneRunner.default_engine(2, parameters, 20) == "brian2"
    assert RuntimeRunner.default_engine(2, parameters, 20) == "events"
    assert RuntimeRunner.default_engine(2, parameters, 1) == "numba"


def test_recording_begins_anew(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=[0])
    network.present(stimuli[0], 40 * ms, seed=1)
    first, traces = network._built.runner.recorded()
    network.present(stimuli[0], 40 * ms, seed=1)
    again, traces_again = network._built.runner.recorded()
    for a, b in zip((*first, *traces), (*again, *traces_again), strict=True):
        np.testing.assert_array_equal(a, b)
