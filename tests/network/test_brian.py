"""What the package needs of Brian2 and what it leaves alone, and the tests' guard over it."""

import gc

import brian2
import numpy as np
import pytest
from brian2 import SpikeMonitor, ms, prefs
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from helpers import NUMPY, brian2_globals, changed_globals

from ipvae_brian import SpikingNetwork
from ipvae_brian.network import _brian


@pytest.fixture
def preference():
    """Set a preference in a test and put it back, before the guard looks."""
    old = {}

    def put(name, value):
        old.setdefault(name, prefs[name])
        prefs[name] = value

    yield put
    for name, value in old.items():
        prefs[name] = value


def test_the_guard_notices_changes(preference):
    before = brian2_globals()
    assert changed_globals(before, brian2_globals()) == []
    preference("codegen.target", "numpy")
    old = brian2.defaultclock.dt
    brian2.defaultclock.dt = 0.2 * ms
    try:
        changed = changed_globals(before, brian2_globals())
    finally:
        brian2.defaultclock.dt = old
    assert changed == ["defaultclock.dt", "prefs.codegen.target"]


@pytest.mark.parametrize(
    ("target", "wanted"), [("numpy", NumpyCodeObject), ("cython", CythonCodeObject)]
)
def test_target_by_name_and_by_preference(preference, target, wanted):
    if not wanted.is_available():
        pytest.skip("no C++ compiler for Cython")
    assert _brian.code_object_class(target) is wanted
    preference("codegen.target", target)
    assert _brian.code_object_class(None) is wanted


def test_automatic_target_is_numpy():
    assert prefs.codegen.target == "auto"
    assert _brian.code_object_class(None) is NumpyCodeObject


def test_preferred_class_is_taken(preference):
    preference("codegen.target", NumpyCodeObject)
    assert _brian.code_object_class(None) is NumpyCodeObject


def test_cython_without_compiler_says_so(monkeypatch):
    monkeypatch.setattr(CythonCodeObject, "is_available", classmethod(lambda cls: False))
    with pytest.raises(RuntimeError, match="C\\+\\+ compiler.*target='numpy'"):
        _brian.code_object_class("cython")


def test_every_object_of_a_network_has_its_own_clock_and_target(parameters, stimuli):
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=[0])
    network.present(stimuli[0], 20 * ms)
    for o in brian2.core.network._get_all_objects(network.brian_network.objects):
        assert float(o.clock.dt) == pytest.approx(4e-3)
        if hasattr(o, "codeobj") and o.codeobj is not None:
            assert isinstance(o.codeobj, NumpyCodeObject), o.name


def test_cleared_monitors_begin_anew():
    group = brian2.NeuronGroup(2, "v : 1", threshold="True", reset="", dt=1 * ms, **NUMPY)
    spikes = SpikeMonitor(group, **NUMPY)
    states = brian2.StateMonitor(group, "v", record=True, dt=1 * ms, **NUMPY)
    network = brian2.Network(group, spikes, states)
    network.run(3 * ms)
    for monitor in (spikes, states):
        _brian.clear(monitor)
    assert len(spikes.i) == 0
    assert states.v.shape == (2, 0)
    network.run(2 * ms)
    np.testing.assert_allclose(spikes.t / ms, [3, 3, 4, 4])
    np.testing.assert_allclose(states.t / ms, [3, 4])


def test_array_of_is_the_memory_that_brian2_uses():
    group = brian2.NeuronGroup(3, "v : 1", **NUMPY)
    _brian.array_of(group, "v")[:] = [1, 2, 3]
    np.testing.assert_array_equal(group.v[:], [1, 2, 3])


def test_runtime_is_not_standalone():
    assert not _brian.is_standalone()


@pytest.mark.parametrize("options", [{}, {"n_copies": 3}, {"pathway": "error_units"}])
def test_a_network_that_never_ran_is_deleted_quietly(parameters, options, caplog):
    """Brian2 warns of objects that no network has run."""
    gc.collect()
    caplog.clear()
    SpikingNetwork(parameters, dt=1 * ms, record_potentials=[0], **options)
    gc.collect()
    assert "never included in a network" not in caplog.text
    # What the user adds is left as it is, so that it may be added to another network, too.
    mine = SpikeMonitor(brian2.PoissonGroup(2, 10 * brian2.Hz, **NUMPY), **NUMPY)
    SpikingNetwork(parameters, dt=1 * ms).add(mine)
    assert mine._network is None
    brian2.Network(mine, mine.source).run(1 * ms)
