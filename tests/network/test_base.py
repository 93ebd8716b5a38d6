"""What every network does: seeds, state, Ctrl-C, durations and seeds that are wrong."""

# ruff: noqa: NPY002  (Brian2 draws from NumPy's global random state)

import signal

import brian2
import numpy as np
import pytest
from brian2 import Hz, Network, NeuronGroup, PoissonGroup, Synapses, ms, mV, second
from helpers import ALL, NAMES, NUMPY, make_parameters

from ipvae_brian import Parameters, SpikingNetwork, StabilityWarning
from ipvae_brian.errors import DivergenceError


@pytest.fixture(params=ALL, ids=NAMES)
def network(request, parameters):
    return SpikingNetwork(parameters, dt=4 * ms, record_spikes=True, **request.param)


def test_same_seed_same_spikes(network, stimuli):
    first = network.present(stimuli, 60 * ms, seed=7)
    again = network.present(stimuli, 60 * ms, seed=7)
    other = network.present(stimuli, 60 * ms, seed=8)
    for a, b in zip(first.spikes, again.spikes, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(first.expected_counts, again.expected_counts, rtol=1e-10)
    assert not np.array_equal(first.counts, other.counts)


def test_brian2_seed_is_respected_without_seed(network, stimuli):
    brian2.seed(3)
    first = network.present(stimuli, 60 * ms)
    following = network.present(stimuli, 60 * ms)
    brian2.seed(3)
    again = network.present(stimuli, 60 * ms)
    np.testing.assert_array_equal(first.counts, again.counts)
    assert not np.array_equal(first.counts, following.counts)


def test_seeded_presentation_gives_random_state_back(network, stimuli):
    np.random.seed(99)
    wanted = np.random.random(5)
    np.random.seed(99)
    network.present(stimuli, 40 * ms, seed=1)
    np.testing.assert_array_equal(np.random.random(5), wanted)
    # Also where the presentation fails.
    np.random.seed(99)
    network.add(_interrupt_at(network, 3))
    with pytest.raises(KeyboardInterrupt):
        network.present(stimuli, 40 * ms, seed=1)
    np.testing.assert_array_equal(np.random.random(5), wanted)


def test_stimuli_of_a_presentation_get_different_random_numbers(network, stimuli):
    same = np.repeat(stimuli[:1], 4, axis=0)
    counts = network.present(same, 60 * ms, seed=7).counts
    for s in range(1, 4):
        assert not np.array_equal(counts[0], counts[s])


def _interrupt_at(network, step):
    calls = []

    @brian2.network_operation(dt=network.dt)
    def interrupt():
        calls.append(1)
        if len(calls) == step:
            signal.raise_signal(signal.SIGINT)

    return interrupt


def test_ctrl_c_stops_and_leaves_brian2_usable(network, stimuli):
    network.present(stimuli, 40 * ms)
    network.add(_interrupt_at(network, 7))
    with pytest.raises(KeyboardInterrupt):
        network.present(stimuli, 400 * ms)
    response = network.present(stimuli, 40 * ms, seed=1)
    assert response.counts.sum() == response.spikes.count.sum() > 0
    group = NeuronGroup(1, "dv/dt = 1/second : 1", method="euler", **NUMPY)
    Network(group).run(10 * ms)
    assert group.v[0] > 0


def test_network_is_usable_after_divergence(stimuli):
    parameters = make_parameters(scale=1.0, natural_gradient_step=4.0)
    network = SpikingNetwork(parameters, dt=20 * ms)
    with pytest.warns(UserWarning), pytest.raises(DivergenceError):
        network.present(20 * stimuli, 400 * ms)
    response = network.present(0.01 * stimuli, 20 * ms)
    assert response.counts.shape == (5, 1, 12)


@pytest.fixture(scope="module")
def small(parameters):
    return SpikingNetwork(parameters, dt=4 * ms)


@pytest.mark.parametrize(
    ("duration", "error"),
    [
        (500, TypeError),
        (500 * mV, TypeError),
        (5 * Hz, TypeError),
        ("500 ms", TypeError),
        (None, TypeError),
        (-20 * ms, ValueError),
        (0 * ms, ValueError),
        (np.inf * ms, ValueError),
        (np.nan * second, ValueError),
        ([20, 20] * ms, ValueError),
        (1 * ms, ValueError),
    ],
    ids=str,
)
def test_wrong_durations(small, stimuli, duration, error):
    with pytest.raises(error, match="duration"):
        small.present(stimuli, duration)


@pytest.mark.parametrize(
    ("seed", "error"), [(-1, ValueError), (1.5, TypeError), ("1", TypeError), (True, TypeError)]
)
def test_wrong_seeds(small, stimuli, seed, error):
    with pytest.raises(error, match="seed"):
        small.present(stimuli, 40 * ms, seed=seed)


def test_parameters_that_do_not_fit_the_network(small):
    for wrong in ({"leak": 0.5}, {"n_neurons": 11}, {"noise_variance": 2.0}, {"tau": 10 * ms}):
        with pytest.raises(ValueError, match=f"parameters: {next(iter(wrong))} differs"):
            small.set_parameters(make_parameters(**wrong))


# Input of the user's own


def own_input(network, target, rate):
    group = PoissonGroup(3, rate, clock=network.clock, **NUMPY)
    options = {"clock": network.clock} | NUMPY
    synapses = Synapses(group, target, on_pre="u_post += 0.3", **options)
    synapses.connect()
    return group, synapses


@pytest.mark.parametrize("part", [slice(None), slice(0, 2)], ids=["all", "subgroup"])
def test_own_synapses_may_make_neurons_fire_more_than_the_stimulus_explains(part):
    """A strong input is no runaway: the response comes, with a warning."""
    network = SpikingNetwork(Parameters(dictionary=0.1 * np.eye(4, 3)), dt=1 * ms)
    target = network.neurons if part == slice(None) else network.neurons[part]
    network.add(*own_input(network, target, 300 * Hz))
    with pytest.warns(StabilityWarning, match="synapses of your own act on the neurons") as warned:
        response = network.present(np.ones(4), 100 * ms, seed=1)
    ours = [one for one in warned if one.category is StabilityWarning]
    assert {one.filename for one in ours} == {__file__}
    assert response.counts[0, -1].sum() > 50


def test_own_objects_that_only_listen_leave_divergence_an_error():
    network = SpikingNetwork(make_parameters(natural_gradient_step=40.0), dt=4 * ms)
    listener = NeuronGroup(1, "v : 1", clock=network.clock, **NUMPY)
    options = {"clock": network.clock} | NUMPY
    synapses = Synapses(network.neurons, listener, on_pre="v_post += z_pre", **options)
    synapses.connect()
    network.add(listener, synapses)
    with pytest.raises(DivergenceError):
        network.present(5 * np.ones(16), 200 * ms, seed=1)
