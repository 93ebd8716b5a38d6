"""The equations mean what the theory says: divisive normalisation, natural gradient, Poisson."""

import brian2
import numpy as np
import pytest
import reference
from brian2 import ms
from helpers import NUMPY, make_parameters, unseen
from scipy.stats import chi2, poisson

from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.network import equations
from ipvae_brian.response import metrics


def record(parameters, stimuli, duration=100 * ms, **options):
    options = {"dt": 4 * ms} | options
    network = SpikingNetwork(parameters, record_potentials=range(parameters.n_neurons), **options)
    return network.present(stimuli, duration)


def test_rates_are_divided_by_lateral_competition(stimuli):
    """r <- r exp(eta h Phi^T x) / prod_i exp(eta W_ji z_i)."""
    parameters = make_parameters(threshold=0.0)
    response = record(parameters, stimuli)
    eta, phi = parameters.natural_gradient_step, parameters.dictionary
    rates = np.exp(response.potentials)
    for x, r, z in zip(stimuli, rates, response.step_counts, strict=True):
        numerator = r[:, :-1] * np.exp(eta * (phi.T @ x) * 0.2)[:, None]
        factors = np.exp(eta[:, None, None] * (phi.T @ phi)[:, :, None] * z[None, :, :-1])
        np.testing.assert_allclose(r[:, 1:], numerator / factors.prod(axis=1), rtol=1e-10)


@pytest.mark.parametrize("sigma2", [1.0, 2.5])
def test_expected_update_is_the_natural_gradient_of_the_free_energy(stimuli, sigma2):
    """-dF/du / r by finite differences, with beta = leak and the whole noise term as threshold.

    r is the Fisher information of a Poisson rate in u. The paper's update leaves the cost of a
    spike's own noise, .5 |phi|^2 / sigma2, out; as a threshold it is in.
    """
    leak = 0.3
    plain = make_parameters(noise_variance=sigma2)
    noise = 0.5 * plain.spike_sizes**2 / sigma2
    parameters = make_parameters(
        noise_variance=sigma2, threshold=noise, natural_gradient_step=1.0, leak=leak
    )
    response = record(parameters, stimuli, 60 * ms)
    assert response.step_counts.sum() > 50

    def free_energy(u, x):
        return metrics.free_energy(x[None], np.exp(u)[None], parameters, beta=leak).total[0]

    weights = parameters.dictionary.T @ parameters.dictionary / sigma2
    for x, u, z in zip(stimuli, response.potentials, response.step_counts, strict=True):
        for t in range(u.shape[1] - 1):
            rate = np.exp(u[:, t])
            # The update is linear in the counts: put their expectation in their place.
            update = u[:, t + 1] - u[:, t] + weights @ (z[:, t] - rate * 0.2)
            gradient = [
                (free_energy(u[:, t] + e, x) - free_energy(u[:, t] - e, x)) / 2e-5
                for e in 1e-5 * np.eye(12)
            ]
            # Central differences of numbers about 30: error about 1e-9 / 1e-5 / the least rate.
            np.testing.assert_allclose(update / 0.2, -np.array(gradient) / rate, atol=1e-5)


def test_papers_update_leaves_the_noise_term_out(stimuli):
    with_noise = Parameters.from_unit_dictionary(
        np.eye(16), spike_size=0.4, gain=1.0, sparsity=0.1, noise_penalty=1.0
    )
    without = Parameters.from_unit_dictionary(np.eye(16), spike_size=0.4, gain=1.0, sparsity=0.1)
    np.testing.assert_allclose(without.threshold, 0.1 * 0.4)
    np.testing.assert_allclose(with_noise.threshold - without.threshold, 0.5 * 0.4**2)


def poisson_chi_square(counts, rate):
    """p value of counts (any shape) drawn at one rate, bins of at least 5 expected counts."""
    counts = np.ravel(counts)
    top = int(poisson.isf(5 / len(counts), rate)) + 1
    bottom = int(poisson.ppf(5 / len(counts), rate))
    values = np.arange(bottom, top + 1)
    observed = np.bincount(np.clip(counts, bottom, top), minlength=top + 1)[bottom:]
    probability = poisson.pmf(values, rate)
    probability[0] = poisson.cdf(bottom, rate)
    probability[-1] = poisson.sf(top - 1, rate)
    expected = len(counts) * probability
    kept = expected >= 4
    observed = np.append(observed[kept], observed[~kept].sum())
    expected = np.append(expected[kept], expected[~kept].sum())
    if expected[-1] < 4:
        observed = np.append(observed[:-2], observed[-2:].sum())
        expected = np.append(expected[:-2], expected[-2:].sum())
    return chi2.sf(((observed - expected) ** 2 / expected).sum(), len(expected) - 1)


def test_poisson_chi_square_finds_what_is_not_poisson(rng):
    for rate in (0.02, 1, 50):
        assert poisson_chi_square(rng.poisson(rate, 6000), rate) > 1e-3
        assert poisson_chi_square(rng.poisson(rate * 1.3, 6000), rate) < 1e-3
    assert poisson_chi_square(np.minimum(rng.poisson(1, 6000), 1), 1) < 1e-3


ENGINES = ["brian2", "numpy", "numba"]


# p > 1e-3 for each of 3 rates x 3 engines x 2 kinds: at other seeds 1 in 55 runs would fail.
@pytest.mark.parametrize("engine", ENGINES)
def test_counts_are_poisson_at_constant_rates(engine, independent_neurons):
    network = SpikingNetwork(independent_neurons, engine=engine, n_copies=2000, dt=20 * ms)
    counts = network.present(unseen(2000), 60 * ms, seed=5).counts
    for neuron, rate in enumerate([0.02, 1, 50]):
        assert poisson_chi_square(counts[:, :, neuron], rate) > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_counts_are_poisson_at_changing_rates(engine, independent_neurons):
    """Up and down by factors of e: rates from 0.002 to 370, another one in every step."""
    changes = np.array([1.0, 1.0, -2.0, -1.5, 0.5])
    frames = 1e6 * changes[:, None] * [1, 1, 1, 0]
    network = SpikingNetwork(
        independent_neurons,
        engine=engine,
        n_copies=3000,
        dt=20 * ms,
        precision="double",
    )
    movies = np.broadcast_to(frames, (3000, 5, 4))
    response = network.present_movie(movies, 20 * ms, seed=6)
    potential = np.concatenate([[0], np.cumsum(changes)[:-1]])
    p = []
    for neuron, rate in enumerate([0.02, 1, 50]):
        for step in range(5):
            now = rate * np.exp(potential[step])
            np.testing.assert_allclose(response.expected_counts[:, step, neuron], now, rtol=1e-6)
            p.append(poisson_chi_square(response.counts[:, step, neuron], now))
    # 15 tests: the least of 15 p values is below 1e-3 / 15 in one of 1000 runs.
    assert min(p) > 1e-3 / 15


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("lag", [1, 2])
def test_counts_are_independent_over_steps(engine, lag, independent_neurons):
    network = SpikingNetwork(independent_neurons, engine=engine, n_copies=500, dt=20 * ms)
    counts = network.present(unseen(500), 600 * ms, seed=7).counts.astype(float)
    for neuron, rate in enumerate([0.02, 1, 50]):
        z = (counts[:, :, neuron] - rate) / np.sqrt(rate)
        products = z[:, lag:] * z[:, :-lag]
        # Mean 0, standard deviation 1 / sqrt(n) if independent; 3.9 of them is p = 1e-4.
        assert abs(products.mean()) < 3.9 / np.sqrt(products.size)


def test_no_spike_is_lost_at_dt_tau(stimuli):
    """Counts well above one: windows, steps and the spike monitor agree to the last spike."""
    parameters = make_parameters(resting_potential=2.0, scale=0.05)
    network = SpikingNetwork(parameters, dt=20 * ms, record_potentials=range(12))
    response = network.present(stimuli, 200 * ms)
    assert response.step_counts.mean() > 3
    total = response.step_counts.sum()
    assert response.counts.sum() == total
    assert np.sum(network.spike_monitor.z) == total
    assert response.spikes.count.sum() == total
    np.testing.assert_array_equal(response.counts, response.step_counts.transpose(0, 2, 1))
    assert len(response.spike_times(3, trial=2)) == response.step_counts[2, 3].sum()


def test_equations_work_in_a_neuron_group_of_ones_own(parameters, stimuli):
    """The public strings and namespace(parameters) are a whole network in plain Brian2."""
    names = equations.namespace(parameters)
    clock = {"dt": 4 * ms} | NUMPY
    group = brian2.NeuronGroup(
        12,
        equations.MEMBRANE,
        method="euler",
        threshold=equations.SPIKE,
        reset="",
        namespace=names,
        **clock,
    )
    draw = group.run_regularly(equations.DRAW, when="start", **NUMPY)
    bound = group.run_regularly(equations.BOUND, when="end", **NUMPY)
    lateral = brian2.Synapses(
        group, group, equations.LATERAL_WEIGHT, on_pre=equations.LATERAL_INHIBITION, **clock
    )
    lateral.connect()
    lateral.weight = parameters.lateral_weights.T.ravel()
    for name in ("threshold", "resting_potential", "natural_gradient_step"):
        setattr(group, name, getattr(parameters, name))
    group.u = parameters.resting_potential
    group.drive = parameters.drive(stimuli[0])
    monitor = brian2.StateMonitor(group, ["u", "z"], record=True, when="start", order=1, **clock)
    brian2.Network(group, draw, bound, lateral, monitor).run(100 * ms)
    counts = np.array(monitor.z)
    assert counts.sum() > 30
    expected, _ = reference.simulate(parameters, np.repeat(stimuli[:1], 25, 0), counts.T, 0.2)
    np.testing.assert_allclose(np.array(monitor.u).T, expected, atol=1e-10)
