"""The step of many copies, in NumPy and compiled: sums, random numbers and spikes are right."""

import numpy as np
import pytest
import reference
from brian2 import SpikeMonitor, ms
from helpers import NUMPY, make_parameters, unseen
from scipy.stats import kstest

from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.network.engines import numpy as numpy_engine


@pytest.fixture(params=["numpy", "numba"])
def engine(request):
    return request.param


def make_network(parameters, engine="numpy", **options):
    options = {"n_copies": 3, "precision": "double", "dt": 4 * ms, "engine": engine} | options
    return SpikingNetwork(parameters, record_potentials=range(parameters.n_neurons), **options)


@pytest.mark.parametrize("dense_above", [0.0, 2.0], ids=["dense", "sparse"])
def test_sparse_and_dense_inhibition_are_the_defined_one(monkeypatch, dense_above, stimuli):
    monkeypatch.setattr(numpy_engine, "DENSE_ABOVE", dense_above)
    response = make_network(make_parameters(leak=0.2)).present(stimuli, 80 * ms)
    # Steps with no spike at all, with one and with many are among these.
    per_step = response.step_counts.sum(axis=1)
    assert per_step.max() > 3
    expected, _ = reference.of_response(response)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10)


def test_steps_without_any_spike(engine, stimuli):
    parameters = make_parameters(resting_potential=-7.9, threshold=50.0, lowest_potential=-8.0)
    response = make_network(parameters, engine).present(stimuli, 80 * ms, seed=1)
    assert response.counts.sum() == 0
    assert (response.potentials[:, :, 5:] == -8).all()


def test_what_is_left_until_a_spike_stays_exponential(engine, independent_neurons):
    """The renewal that makes the sampler exact, Kolmogorov-Smirnov, p > 1e-3 at a fixed seed."""
    network = make_network(independent_neurons, engine, n_copies=1000)
    network.present(unseen(1000), 100 * ms, seed=3)
    for left in network.circuit.left.reshape(-1, 3).T:
        assert kstest(left, "expon").pvalue > 1e-3


def test_spikes_reach_monitors_and_synapses_of_the_user(engine, stimuli, parameters):
    network = make_network(parameters, engine, record_spikes=True)
    own = SpikeMonitor(network.neurons, variables="z", **NUMPY)
    network.add(own)
    response = network.present(stimuli[:3], 80 * ms)
    assert response.counts.sum() > 20
    assert np.sum(own.z) == response.counts.sum() == response.spikes.count.sum()
    per_neuron = np.zeros(36, int)
    np.add.at(per_neuron, np.array(own.i), np.array(own.z))
    np.testing.assert_array_equal(per_neuron.reshape(3, 12), response.counts.sum(axis=1))


def test_copies_do_not_touch_each_other(engine, stimuli, parameters):
    """A copy that sees a strong stimulus changes nothing for a copy that sees nothing."""
    x = np.stack([3 * stimuli[0], np.zeros(16), stimuli[1]])
    response = make_network(parameters, engine, dt=2 * ms).present(x, 100 * ms)
    expected, _ = reference.of_response(response)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10)


def test_unused_copies_of_the_last_wave_leave_no_trace(engine, stimuli, parameters):
    network = make_network(parameters, engine, record_spikes=True)
    response = network.present(stimuli, 60 * ms)
    assert response.counts.shape == (5, 3, 12)
    assert response.potentials.shape == (5, 12, 15)
    assert response.spikes.trial.max() == 4
    # But the sixth place did spike in the simulation.
    assert np.sum(network.spike_monitor.z) > response.spikes.count.sum() == response.counts.sum()


def test_single_and_double_precision_agree_where_spikes_do(engine, stimuli):
    """The membrane without spikes: float32 is float64 to its own rounding."""
    parameters = make_parameters(resting_potential=-6.0, threshold=1.0, leak=0.5)
    single = make_network(parameters, engine, precision="single").present(
        stimuli[:3], 20 * ms, seed=1
    )
    double = make_network(parameters, engine).present(stimuli[:3], 20 * ms, seed=1)
    assert single.counts.sum() == double.counts.sum() == 0
    np.testing.assert_allclose(single.potentials, double.potentials, rtol=1e-5)


@pytest.mark.parametrize("steps_per_tau", [1, 5, 20])
def test_mean_and_variance_of_windows_do_not_depend_on_dt(
    engine, steps_per_tau, independent_neurons
):
    dt = 20 * ms / steps_per_tau
    network = make_network(independent_neurons, engine, n_copies=2000, dt=dt)
    counts = network.present(unseen(2000), 40 * ms, seed=8).counts.reshape(-1, 3)
    rates = np.array([0.02, 1, 50])
    # Four standard errors of a mean and of a Poisson variance, n = 4000.
    assert (abs(counts.mean(axis=0) - rates) < 4 * np.sqrt(rates / 4000)).all()
    spread = 4 * np.sqrt((rates + 2 * rates**2) / 4000)
    assert (abs(counts.var(axis=0) - rates) < spread).all()


def test_very_high_rates(engine):
    """Where spikes are no longer drawn one by one; four standard errors of mean and variance."""
    rates = np.array([300, 2000, 60_000])
    parameters = Parameters(
        dictionary=1e-9 * np.eye(4, 3), resting_potential=np.log(rates), highest_potential=12
    )
    network = make_network(parameters, engine, n_copies=2000, dt=20 * ms)
    counts = network.present(unseen(2000), 40 * ms, seed=2).counts.reshape(-1, 3)
    assert (abs(counts.mean(axis=0) - rates) < 4 * np.sqrt(rates / 4000)).all()
    assert (abs(counts.var(axis=0) - rates) < 4 * rates * np.sqrt(2 / 4000)).all()
    response = network.present(unseen(2000), 20 * ms, seed=2)
    np.testing.assert_array_equal(response.counts[:, 0].ravel(), network.neurons.z[:])
