"""The presenter: presentations are asked for one at a time inside one run, and errors come out."""

import warnings

import brian2
import numpy as np
import pytest
from brian2 import Hz, NeuronGroup, PoissonGroup, StateMonitor, Synapses, get_device, ms, prefs
from helpers import NUMPY, make_parameters, run_script

from ipvae_brian import SpikingNetwork, StoppedError
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


CIRCUITS = {
    "synapses": {},
    "delay": {"delay": 4 * ms},
    "error_units": {"pathway": "error_units"},
    "brian2": {"n_copies": 2, "engine": "brian2"},
    "numpy": {"n_copies": 2, "engine": "numpy"},
    "numba": {"n_copies": 2, "engine": "numba"},
    "events": {"n_copies": 2, "engine": "events"},
}


@pytest.fixture(params=list(CIRCUITS))
def any_network(request, parameters):
    return SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **CIRCUITS[request.param])


def what_is_in(response):
    return [np.array(a) for a in (response.counts, response.expected_counts, *response.spikes)]


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


# Runs of the user's own


def test_a_free_run_leaves_responses_as_they_were(any_network, stimuli):
    response = any_network.present(stimuli[:2], 60 * ms, seed=1)
    before = what_is_in(response)
    n_spikes = any_network.spike_monitor.num_spikes
    any_network.brian_network.run(200 * ms)
    assert_same(before, what_is_in(response))
    assert any_network.spike_monitor.num_spikes > n_spikes
    # Nothing of the rest is left in the next presentation.
    assert_same(before, what_is_in(any_network.present(stimuli[:2], 60 * ms, seed=1)))


def test_a_free_run_needs_no_presentation_before_it(any_network):
    any_network.brian_network.run(200 * ms)
    assert any_network.brian_network.t == 200 * ms
    # At rest they fire at one spike per tau or so.
    assert any_network.spike_monitor.num_spikes > 10


def test_a_free_run_follows_a_drive_of_the_users_own(any_network):
    """A large drive of one neuron makes it fire more than any other."""
    if any_network.circuit.label == "error_units":
        pytest.skip("the drive comes through error units")
    drive = np.zeros(len(any_network.neurons))
    drive[3] = 4.0
    any_network.neurons.drive = drive
    any_network.brian_network.run(400 * ms)
    counts = np.bincount(any_network.spike_monitor.i, any_network.spike_monitor.z)
    assert counts.argmax() == 3
    assert counts[3] > 2 * np.delete(counts, 3).max()


def test_a_free_run_after_an_error_does_not_go_on_with_the_presentation(any_network, stimuli):
    def presentations():
        yield Presentation(np.zeros((any_network.n_copies, 1, 16)), np.array([5]))
        raise LookupError("in the iterator")

    with pytest.raises(LookupError):
        any_network.run(presentations(), lambda *_: None)
    any_network.brian_network.run(400 * ms)
    assert any_network._built.runner.presenter.finished


# Storing and restoring


def test_restore_brings_back_all_that_a_presentation_depends_on(any_network, stimuli):
    any_network.present(stimuli[:2], 60 * ms, seed=0)
    any_network.brian_network.store()
    following = what_is_in(any_network.present(stimuli[2:4], 60 * ms, seed=7, reset=False))
    any_network.present(stimuli[:2], 200 * ms, seed=3)
    any_network.brian_network.restore()
    again = any_network.present(stimuli[2:4], 60 * ms, seed=7, reset=False)
    assert_same(following, what_is_in(again))


def test_a_free_run_after_restore_repeats_itself(any_network, stimuli):
    any_network.present(stimuli[:2], 60 * ms, seed=0)
    network = any_network.brian_network
    network.store()

    def spikes_of_a_run():
        network.restore(restore_random_state=True)
        network.run(100 * ms)
        monitor = any_network.spike_monitor
        return [np.array(a) for a in (monitor.i, monitor.t, monitor.z)]

    assert_same(spikes_of_a_run(), spikes_of_a_run())


def test_restore_brings_back_the_dictionary(any_network, stimuli):
    other = make_parameters(seed=9)
    any_network.brian_network.store()
    old = what_is_in(any_network.present(stimuli[:2], 60 * ms, seed=1))
    any_network.set_parameters(other)
    any_network.present(stimuli[:2], 60 * ms, seed=1)
    any_network.brian_network.restore()
    response = any_network.present(stimuli[:2], 60 * ms, seed=1)
    assert_same(old, what_is_in(response))
    assert response.parameters is any_network.parameters is not other


def test_a_state_can_be_kept_in_a_file(any_network, stimuli, tmp_path):
    any_network.present(stimuli[:2], 60 * ms, seed=0)
    any_network.brian_network.store(filename=str(tmp_path / "state"))
    following = what_is_in(any_network.present(stimuli[:2], 60 * ms, seed=7, reset=False))
    any_network.brian_network.restore(filename=str(tmp_path / "state"))
    again = any_network.present(stimuli[:2], 60 * ms, seed=7, reset=False)
    assert_same(following, what_is_in(again))


# Other clocks, stops and long runs


def test_objects_on_other_clocks_take_all_their_steps(any_network, stimuli):
    group = NeuronGroup(1, "dv/dt = 1/second : 1", method="euler", dt=0.1 * ms, **NUMPY)
    fast = StateMonitor(group, "v", record=True, **NUMPY)
    slow = StateMonitor(group, "v", record=True, dt=7 * ms, **NUMPY)
    expected = what_is_in(any_network.present(stimuli[:2], 60 * ms, seed=1))
    any_network.add(group, fast, slow)
    start = any_network.brian_network.t
    response = any_network.present(stimuli[:2], 60 * ms, seed=1)
    shown = any_network.brian_network.t - start
    assert shown == (120 if any_network.n_copies == 1 else 60) * ms
    assert len(fast.t) == round(shown / (0.1 * ms))
    np.testing.assert_allclose(np.diff(fast.v[0]), 1e-4)
    first, last = np.ceil(start / (7 * ms)), np.ceil((start + shown) / (7 * ms))
    np.testing.assert_allclose(slow.t / ms, 7 * np.arange(first, last))
    assert_same(expected, what_is_in(response))


def test_a_stop_of_the_users_own_is_an_error_of_its_own(any_network, stimuli):
    @brian2.network_operation(clock=any_network.clock)
    def early():
        if any_network.clock.t >= 20 * ms:
            any_network.brian_network.stop()

    any_network.add(early)
    with pytest.raises(StoppedError, match="stopped after 24 ms of a presentation of 60 ms"):
        any_network.present(stimuli[:1], 60 * ms)
    early.active = False
    assert any_network.present(stimuli[:1], 60 * ms).counts.sum() > 0


def test_runs_have_no_hidden_end(any_network, stimuli, monkeypatch):
    expected = what_is_in(any_network.present(stimuli[:2], 200 * ms, seed=1))
    monkeypatch.setattr("ipvae_brian.network.presenter.FAR_AWAY", 7)
    assert_same(expected, what_is_in(any_network.present(stimuli[:2], 200 * ms, seed=1)))


# What a user may have set, and names of the user's


@pytest.fixture
def preferences():
    """Preferences that a user may have set for other models."""
    names = ("core.network.default_schedule", "core.default_float_dtype")
    before = {name: prefs[name] for name in names}
    prefs["core.network.default_schedule"] = [
        *("end", "resets", "synapses", "thresholds", "groups", "start"),
    ]
    prefs["core.default_float_dtype"] = np.float32
    yield
    for name, value in before.items():
        prefs[name] = value


@pytest.mark.parametrize("name", list(CIRCUITS))
def test_preferences_change_no_numbers(name, parameters, stimuli, preferences, request):
    with_them = SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **CIRCUITS[name])
    found = what_is_in(with_them.present(stimuli[:2], 200 * ms, seed=1))
    del with_them
    prefs["core.network.default_schedule"] = [
        *("start", "groups", "thresholds", "synapses", "resets", "end"),
    ]
    prefs["core.default_float_dtype"] = np.float64
    usual = SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **CIRCUITS[name])
    assert_same(what_is_in(usual.present(stimuli[:2], 200 * ms, seed=1)), found)


def test_own_objects_see_the_names_where_present_is_called(any_network, stimuli, caplog):
    weight_in, tau, rate = 0.2, 5 * ms, 1 * Hz  # the neurons have tau and rate, too
    assert weight_in and tau and rate
    group = PoissonGroup(3, 200 * Hz, clock=any_network.clock, **NUMPY)
    decaying = NeuronGroup(
        1, "dv/dt = -v/tau : 1", clock=any_network.clock, method="exact", **NUMPY
    )
    decaying.v = 1
    synapses = Synapses(group, any_network.neurons, on_pre="u_post += weight_in", **NUMPY)
    synapses.connect(j="i")
    any_network.add(decaying, group, synapses)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        any_network.present(stimuli[:1], 20 * ms, seed=1)
    # The user's tau of 5 ms, not that of the model.
    assert decaying.v[0] == pytest.approx(np.exp(-4))
    assert not [r for r in caplog.records if "conflict" in r.name and r.levelname == "WARNING"]


def test_a_name_that_is_nowhere_is_brian2s_error(network):
    group = NeuronGroup(1, "v = nowhere_to_be_found : 1", clock=network.clock, **NUMPY)
    monitor = StateMonitor(group, "v", record=True, clock=network.clock, **NUMPY)
    own = SpikingNetwork(network.parameters, dt=4 * ms)
    own.add(group, monitor)
    with pytest.raises(brian2.BrianObjectException) as error:
        own.present(np.ones(16), 20 * ms)
    assert "nowhere_to_be_found" in str(error.value.__cause__)


def test_another_device_is_refused_by_name(network, stimuli, monkeypatch):
    from brian2.devices.device import all_devices

    monkeypatch.setattr(
        "ipvae_brian.network._brian.get_device", lambda: all_devices["cpp_standalone"]
    )
    assert get_device() is all_devices["runtime"]
    with pytest.raises(RuntimeError, match="'runtime', and 'cpp_standalone' is active"):
        network.present(stimuli[0], 20 * ms)


def test_divergence_comes_without_a_call_for_bug_reports():
    found = run_script(
        """
        import numpy as np
        from brian2 import ms
        from ipvae_brian import Parameters, SpikingNetwork
        p = Parameters.from_unit_dictionary(
            np.eye(16), spike_size=0.4, gain=400, sparsity=0.25, highest_potential=8
        )
        SpikingNetwork(p, dt=10 * ms).present(np.full(16, 3.0), 100 * ms, seed=1)
        """
    )
    assert found.returncode == 1
    assert "DivergenceError: the simulation diverged" in found.stderr
    assert "unexpected error" not in found.stderr and "brian-team" not in found.stderr
