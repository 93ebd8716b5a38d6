"""SpikingNetwork: rates, the user's own objects, and arguments that are wrong."""

import brian2
import numpy as np
import pytest
import reference
from brian2 import Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, ms, mV
from helpers import ALL, NAMES, NUMPY, make_parameters

from ipvae_brian import SpikingNetwork


@pytest.fixture(params=ALL, ids=NAMES)
def network(request, parameters):
    return SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **request.param)


# Rates


def test_settled_counts_converge_as_dt_shrinks():
    """dt -> 0 exists: mean rates at tau/20, tau/50 and tau/100 within 3 % of the largest."""
    parameters = make_parameters(resting_potential=0.0, scale=0.25, natural_gradient_step=0.5)
    x = np.random.default_rng(3).normal(size=16)
    rates = {}
    for steps in (20, 50, 100):
        network = SpikingNetwork(parameters, n_copies=150, dt=20 * ms / steps)
        response = network.present(np.tile(x, (150, 1)), 800 * ms, seed=4)
        rates[steps] = response.settled_counts().mean(axis=0)
    assert rates[100].max() > 1
    # 150 copies x 20 windows: standard error of a mean rate is about 1 % or less.
    for steps in (20, 50):
        assert np.abs(rates[steps] - rates[100]).max() < 0.03 * rates[100].max()


def test_rates_stay_exact_however_long_the_network_has_lived(parameters, stimuli):
    """As if 300,000 spikes had been expected before, which learning does in minutes."""
    options = {"engine": "brian2", "n_copies": 2, "precision": "single"}
    network = SpikingNetwork(parameters, dt=1 * ms, record_potentials=range(12), **options)
    network.neurons.expected_count = 3e5
    response = network.present(stimuli[0], 60 * ms)
    expected = np.exp(response.potentials.astype(float)).reshape(12, 3, 20).sum(axis=2).T / 20
    np.testing.assert_allclose(response.expected_counts[0], expected, rtol=1e-4)


# The user's own objects


def test_own_objects_before_and_after_the_first_presentation(network, stimuli):
    monitor = StateMonitor(network.neurons, "u", record=[0, 3], **NUMPY)
    spikes = SpikeMonitor(network.neurons, variables="z", **NUMPY)
    readout = NeuronGroup(1, "total : 1", name="readout*", **NUMPY)
    synapses = Synapses(
        network.neurons, readout, on_pre="total_post += z_pre", name="to_readout*", **NUMPY
    )
    synapses.connect()
    assert network.add(monitor, spikes) is network
    first = network.present(stimuli, 60 * ms)
    assert np.sum(spikes.z) >= first.counts.sum() > 20
    network.add(readout, synapses)
    before = np.sum(spikes.z)
    second = network.present(stimuli, 60 * ms)
    assert readout.total[0] == np.sum(spikes.z) - before >= second.counts.sum()
    # The user's monitors keep both presentations, ours only the last.
    waves = -(-5 // network.n_copies)
    assert monitor.u.shape == (2, 2 * waves * 15)


def test_objects_may_be_added_before_dt_is_chosen(parameters, stimuli):
    seen = []

    @brian2.network_operation(dt=20 * ms)
    def look():
        seen.append(1)

    network = SpikingNetwork(parameters).add(look)
    assert network.dt is None
    network.present(stimuli[0], 100 * ms)
    assert len(seen) == 5


def test_own_objects_with_another_clock_do_not_shift_the_spikes(parameters, stimuli):
    """Objects without dt run on Brian2's default clock of 0.1 ms."""
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=range(12))
    group = NeuronGroup(1, "dv/dt = -v/(10*ms) : 1", method="euler", **NUMPY)
    network.add(group)
    network.present(stimuli, 60 * ms)
    response = network.present(stimuli, 60 * ms)
    expected, _ = reference.of_response(response)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10)
    recorded = np.zeros_like(response.step_counts)
    step = np.round(response.spikes.time / 4e-3).astype(int)
    recorded[response.spikes.trial, response.spikes.neuron, step] = response.spikes.count
    np.testing.assert_array_equal(recorded, response.step_counts)


def test_two_networks_in_one_process(parameters, stimuli):
    one = SpikingNetwork(parameters, dt=4 * ms)
    two = SpikingNetwork(make_parameters(seed=5, n_neurons=7), dt=2 * ms)
    alone = one.present(stimuli, 40 * ms, seed=1)
    other = two.present(stimuli, 40 * ms, seed=1)
    again = one.present(stimuli, 40 * ms, seed=1)
    np.testing.assert_array_equal(alone.counts, again.counts)
    assert other.counts.shape == (5, 2, 7)


def test_brian2_objects_of_the_user_are_not_simulated(parameters, stimuli):
    """Only what was added runs, not everything in sight as with Brian2's magic network."""
    bystander = NeuronGroup(1, "dv/dt = 1/second : 1", method="euler", **NUMPY)
    SpikingNetwork(parameters, dt=4 * ms).present(stimuli[0], 40 * ms)
    assert bystander.v[0] == 0
    Network(bystander).run(10 * ms)
    assert bystander.v[0] > 0


def test_no_warnings_are_logged(parameters, stimuli):
    from brian2.utils.logger import catch_logs

    with catch_logs() as logs:
        SpikingNetwork(parameters, dt=4 * ms).present(stimuli[0], 40 * ms)
    assert logs == []


# Stopping


# Wrong arguments


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"pathway": "synapse"}, ValueError, "pathway .*did you mean 'synapses'"),
        ({"pathway": "error-units"}, ValueError, "pathway .*did you mean 'error_units'"),
        ({"engine": "nunpy"}, ValueError, "engine .*did you mean 'numpy'"),
        ({"target": "cyhton"}, ValueError, "target .*did you mean 'cython'"),
        ({"target": "nump"}, ValueError, "target .*did you mean 'numpy'"),
        ({"n_copies": 2, "precision": "singel"}, ValueError, "precision .*'single'\\?"),
        ({"precision": "single"}, ValueError, "precision needs n_copies > 1, or another engine"),
        (
            {"pathway": "error_units", "n_copies": 2},
            ValueError,
            "pathway 'error_units' needs n_copies 1 and engine 'brian2', got 2 and 'events'",
        ),
        (
            {"pathway": "synapses", "engine": "numpy"},
            ValueError,
            "pathway 'synapses' needs n_copies 1 and engine 'brian2', got 1 and 'numpy'",
        ),
        ({"n_copies": 0}, ValueError, "n_copies"),
        ({"n_copies": 2.0}, TypeError, "n_copies"),
        ({"n_copies": 2, "delay": 1 * ms}, ValueError, "delay needs pathway 'synapses'"),
        ({"engine": "numpy", "delay": 1 * ms}, ValueError, "delay needs pathway 'synapses'"),
        ({"pathway": "error_units", "delay": 1 * ms}, ValueError, "delay"),
        ({"delay": -1 * ms}, ValueError, "delay"),
        ({"delay": 1}, TypeError, "delay"),
        ({"record_potentials": [12]}, ValueError, "record_potentials"),
        ({"record_potentials": [-1]}, ValueError, "record_potentials"),
        ({"record_potentials": [1, 1]}, ValueError, "record_potentials"),
        ({"record_potentials": [0.5]}, TypeError, "record_potentials"),
        ({"record_potentials": 3}, TypeError, "record_potentials"),
        ({"dt": 40 * ms}, ValueError, "dt must be at most tau"),
        ({"dt": 3 * ms}, ValueError, "dt must be tau .* nearest is 2.857"),
        ({"dt": 1}, TypeError, "dt must be a time"),
        ({"dt": 1 * mV}, TypeError, "dt must be a time"),
        ({"dt": 0 * ms}, ValueError, "dt must be positive"),
        ({"dt": -1 * ms}, ValueError, "dt must be positive"),
        ({"dt": np.nan * ms}, ValueError, "dt must be positive"),
        ({"dt": [1, 2] * ms}, ValueError, "dt must be one time"),
    ],
)
def test_wrong_options(parameters, options, error, match):
    with pytest.raises(error, match=match):
        SpikingNetwork(parameters, **options)


def test_parameters_have_to_be_parameters(parameters):
    words = "parameters must be a Parameters or a fitted IPVAE, got ndarray"
    with pytest.raises(TypeError, match=words):
        SpikingNetwork(parameters.dictionary)


def test_repr(parameters):
    network = SpikingNetwork(parameters, dt=4 * ms)
    assert "'synapses', 1 x 12 neurons, dt 4. ms, tau 20. ms" in repr(network)
    assert "'events', 7 x 12 neurons, dt" in repr(SpikingNetwork(parameters, n_copies=7))
    discrete = SpikingNetwork(parameters, n_copies=7, dt=20 * ms)
    assert "'numba', 7 x 12 neurons, dt 20. ms" in repr(discrete)
    assert "dt not chosen yet" in repr(SpikingNetwork(parameters))


def test_a_notebook_shows_circuit_time_step_and_model(parameters, stimuli):
    network = SpikingNetwork(parameters, delay=1 * ms, record_potentials=[0, 3])
    shown = network._repr_html_()
    for words in (
        "synapses",
        "chosen at the first presentation",
        "1 ms",
        "potentials of 2 neurons",
    ):
        assert words in shown
    assert 'src="data:image/png;base64,' in shown
    network.build(stimuli)
    assert str(network.dt) in network._repr_html_()
