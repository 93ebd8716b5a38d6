"""Exact simulation, spike by spike: against plain NumPy, closed forms and the laws of chance."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from helpers import make_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy.stats import chi2, chi2_contingency, ks_2samp, kstest, poisson

from ipvae_brian import Parameters
from ipvae_brian.network.engines import compiled
from ipvae_brian.network.engines.populations import Populations, aligned

PRECISIONS = {np.float32: 1e-4, np.float64: 1e-10}
ADAPTIVE = {"half_threshold_rate": 0.7, "threshold_memory": 1.6, "threshold": 0.8}
VARIANTS = {
    "plain": {"threshold": 0.1, "resting_potential": 0.3},
    "per neuron": {},
    "leak": {"leak": 0.7, "noise_variance": 0.8},
    "adaptive": ADAPTIVE,
    "adaptive and leak": ADAPTIVE | {"leak": 0.4, "noise_variance": 1.7},
    "narrow bounds": {"lowest_potential": -1.0, "highest_potential": 0.8},
}


def simulate(parameters, stimuli, n_steps, step, dtype=np.float64, seed=0):
    """Potentials, expected counts and spikes of every step, for frames (n_copies, n_frames, M)."""
    n_copies, n_frames = stimuli.shape[:2]
    shape = n_copies, parameters.n_neurons
    populations = Populations(parameters, n_copies, step, dtype)
    populations.record_spikes(True)
    populations.reseed(seed)
    potentials, all_spikes = [], [[] for _ in range(n_copies)]
    counts, expected = np.zeros(shape, np.int32), np.zeros(shape, dtype)
    for frame in range(n_frames):
        populations.show(stimuli[:, frame])
        for _ in range(n_steps):
            populations.advance(1, counts, expected)
            potentials.append(np.log(populations.rates))
            for b, n in enumerate(populations.n_spikes):
                times = populations.spike_times[b, :n].tolist()
                neurons = populations.spike_neurons[b, :n].tolist()
                np.testing.assert_array_equal(
                    np.bincount(neurons, minlength=parameters.n_neurons), populations.counts[b]
                )
                all_spikes[b].append(list(zip(times, neurons, strict=True)))
    return np.array(potentials), counts, expected, all_spikes, populations


def assert_equal_to_reference(parameters, stimuli, n_steps, step, dtype, seed=0):
    found = simulate(parameters, stimuli, n_steps, step, dtype, seed)
    potentials, counts, _, spikes, populations = found
    for b, movie in enumerate(stimuli):
        drives = np.repeat(parameters.drive(movie), n_steps, axis=0)
        expected, (_, recent) = reference.in_continuous_time(parameters, drives, spikes[b], step)
        np.testing.assert_allclose(potentials[:, b], expected, atol=PRECISIONS[dtype])
        if parameters.half_threshold_rate is not None:
            np.testing.assert_allclose(populations.recent_rates[b], recent, atol=PRECISIONS[dtype])
        assert sum(map(len, spikes[b])) == counts[b].sum()
        for in_step in spikes[b]:
            times = [time for time, _ in in_step]
            assert times == sorted(times) and all(0 < time <= step for time in times)
    return counts


@pytest.mark.parametrize("dtype", list(PRECISIONS), ids=["single", "double"])
@pytest.mark.parametrize("variant", list(VARIANTS))
def test_potentials_are_those_of_the_definition(variant, dtype, rng):
    """Three movies of two frames, for the same spikes; 1e-4 in single, 1e-10 in double."""
    parameters = make_parameters(**VARIANTS[variant])
    stimuli = rng.normal(size=(3, 2, 16))
    counts = assert_equal_to_reference(parameters, stimuli, 40, 0.05, dtype)
    assert counts.sum() > 50


@given(
    n_neurons=st.integers(1, 150),
    n_copies=st.integers(1, 3),
    seed=st.integers(0, 100),
    variant=st.sampled_from(["per neuron", "leak", "adaptive"]),
)
@settings(max_examples=25)
def test_any_number_of_neurons(n_neurons, n_copies, seed, variant):
    """Around the groups of neurons in which it works."""
    parameters = make_parameters(9, n_neurons, **VARIANTS[variant] | {"natural_gradient_step": 0.2})
    stimuli = np.random.default_rng(seed).normal(size=(n_copies, 1, 9))
    assert_equal_to_reference(parameters, stimuli, 10, 0.1, np.float64, seed)


@pytest.mark.parametrize("n_neurons", [512, 601])
def test_hundreds_of_neurons(n_neurons):
    """Those that are taken together, and what is left of them; more copies than side by side."""
    settings = VARIANTS["per neuron"] | {"natural_gradient_step": 0.1}
    parameters = make_parameters(9, n_neurons, **settings)
    stimuli = np.random.default_rng(0).normal(size=(5, 1, 9))
    counts = assert_equal_to_reference(parameters, stimuli, 4, 0.1, np.float64)
    assert (counts.sum(axis=1) > 50).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_begin_with_a_line_of_the_cache(dtype):
    for shape in [(3, 5), (200, 512)]:
        array = aligned(shape, dtype)
        assert array.ctypes.data % 64 == 0
        assert array.shape == shape and array.dtype == dtype and not array.any()


@njit
def logarithms(values, out, scratch):
    compiled.logarithm(values, out, scratch)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-7), (np.float64, 1e-15)])
def test_logarithm(dtype, tolerance):
    """Relative to its value, but near 1, where it vanishes, to 1."""
    values = np.concatenate([np.geomspace(1e-30, 1e30, 100_001), np.linspace(0.5, 2, 1001)])
    values = values.astype(dtype)
    out = np.empty_like(values)
    logarithms(values, out, np.empty(len(values), np.int32))
    exact = np.log(values.astype(float))
    assert (abs(out - exact) <= tolerance * np.maximum(1, abs(exact))).all()


# Closed forms


def without_inhibition(drive, n_copies):
    """Neurons of one rate at rest that do not inhibit each other, and stimuli that drive them."""
    n = len(drive)
    parameters = Parameters(dictionary=1e-6 * np.eye(n), resting_potential=np.log(0.5))
    return parameters, np.tile(1e6 * np.asarray(drive), (n_copies, 1))


@pytest.mark.parametrize("dtype", list(PRECISIONS), ids=["single", "double"])
def test_without_inhibition_counts_are_poisson_of_the_closed_form_mean(dtype):
    """Mean r0 (exp(g T) - 1) / g; chi-square of 4,000 counts of each neuron, p > 1e-3."""
    drive = np.array([-2.0, 0.5, 1.0, 1.8])
    parameters, x = without_inhibition(drive, 4000)
    populations = Populations(parameters, 4000, 0.05, dtype)
    populations.reseed(3)
    populations.show(x)
    counts, expected = np.zeros(x.shape, np.int32), np.zeros(x.shape, dtype)
    populations.advance(30, counts, expected)
    means = 0.5 * (np.exp(drive * 1.5) - 1) / drive
    np.testing.assert_allclose(expected, np.tile(means, (4000, 1)), rtol=1e-3)
    for k, mean in enumerate(means):
        most = int(poisson.ppf(0.995, mean))
        observed = np.bincount(np.minimum(counts[:, k], most), minlength=most + 1)
        share = poisson.pmf(np.arange(most + 1), mean)
        share[-1] = poisson.sf(most - 1, mean)
        statistic = ((observed - 4000 * share) ** 2 / (4000 * share)).sum()
        assert chi2.sf(statistic, most) > 1e-3
    # Nor does one neuron's count say anything about another's: five standard errors.
    correlations = np.corrcoef(counts.T)[np.triu_indices(4, 1)]
    assert (abs(correlations) < 5 / np.sqrt(4000)).all()


def test_spike_times_are_continuous_and_waits_exponential():
    """Times within a step are uniform, waits exponential: Kolmogorov-Smirnov, p > 1e-3."""
    parameters, x = without_inhibition([0.0, 0.0], 200)
    spikes = simulate(parameters, x[:, None], 400, 0.05)[3]
    within = [time for one in spikes for in_step in one for time, _ in in_step]
    assert len(within) > 3000
    assert kstest(np.array(within) / 0.05, "uniform").pvalue > 1e-3
    waits = []
    for one in spikes:
        times = [k * 0.05 + time for k, in_step in enumerate(one) for time, _ in in_step]
        waits += np.diff(times, prepend=0).tolist()
    # Only waits that begin well before the end, so that long ones are not missing.
    assert kstest(waits, "expon").pvalue > 1e-3


def test_neurons_fire_in_proportion_to_their_rates():
    """Rates from e^-8 to e^3; every count within four standard errors of its mean."""
    rates = np.exp(np.linspace(-8, 3, 130))
    parameters = Parameters(dictionary=1e-9 * np.eye(130), resting_potential=np.log(rates))
    populations = Populations(parameters, 50, 0.05, np.float32)
    populations.reseed(1)
    populations.show(np.zeros((50, 130)))
    counts, expected = np.zeros((50, 130), np.int32), np.zeros((50, 130), np.float32)
    populations.advance(2000, counts, expected)
    means = 50 * 100 * rates
    assert (abs(counts.sum(axis=0) - means) < 4 * np.sqrt(means) + 1).all()


# One step or another, one copy or another


def first_windows(parameters, x, steps_per_tau, seed):
    populations = Populations(parameters, len(x), 1 / steps_per_tau, np.float32)
    populations.reseed(seed)
    populations.show(x)
    shape = len(x), parameters.n_neurons
    windows = []
    for _ in range(3):
        counts, expected = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        populations.advance(steps_per_tau, counts, expected)
        windows.append(counts)
    return np.array(windows), np.log(populations.rates)


@pytest.mark.parametrize("variant", ["per neuron", "adaptive and leak"])
def test_results_do_not_depend_on_the_step_of_the_drive(variant, stimuli):
    """tau/20 against tau/200, 4,000 runs each: chi-square and Kolmogorov-Smirnov, p > 1e-4."""
    parameters = make_parameters(scale=0.3, **VARIANTS[variant])
    x = np.tile(2 * stimuli[0], (4000, 1))
    coarse, at_end = first_windows(parameters, x, 20, 1)
    fine, also_at_end = first_windows(parameters, x, 200, 2)
    for window in range(3):
        for k in range(parameters.n_neurons):
            assert same_distribution(coarse[window, :, k], fine[window, :, k]) > 1e-4
        total = coarse[window].sum(axis=1), fine[window].sum(axis=1)
        assert same_distribution(*total) > 1e-4
    for k in range(parameters.n_neurons):
        assert ks_2samp(at_end[:, k], also_at_end[:, k]).pvalue > 1e-4


def same_distribution(a, b):
    """p of a chi-square test of two samples of counts, rare values taken together."""
    table = np.array([np.bincount(z, minlength=max(a.max(), b.max()) + 1) for z in (a, b)])
    order = np.argsort(-table.sum(axis=0))
    common = order[table.sum(axis=0)[order] >= 20]
    rare = np.setdiff1d(order, common)
    columns = [table[:, common]]
    if len(rare) and table[:, rare].sum():
        columns.append(table[:, rare].sum(axis=1, keepdims=True))
    table = np.hstack(columns)
    table = table[:, table.sum(axis=0) > 0]
    return chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0


def test_many_steps_at_once_are_the_same_as_one_by_one(parameters, stimuli):
    shape = 5, 12
    results = []
    for n_steps in (1, 4, 20):
        populations = Populations(parameters, 5, 0.05, np.float32)
        populations.reseed(7)
        populations.show(stimuli)
        counts, expected = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        for _ in range(20 // n_steps):
            populations.advance(n_steps, counts, expected)
        results.append((counts, expected, populations.rates, populations.counts))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_a_copy_does_does_not_depend_on_the_others(parameters, stimuli):
    def run(x):
        populations = Populations(parameters, 5, 0.05, np.float32)
        populations.reseed(7)
        populations.show(x)
        counts, expected = np.zeros((5, 12), np.int32), np.zeros((5, 12), np.float32)
        populations.advance(20, counts, expected)
        return counts

    changed = stimuli.copy()
    changed[[0, 2, 4]] *= 3
    both = run(stimuli), run(changed)
    np.testing.assert_array_equal(both[0][[1, 3]], both[1][[1, 3]])
    assert (both[0] != both[1]).any()


def test_runaways_are_marked_and_stand_still():
    """Rates that nothing holds back, beside a population that sees nothing."""
    parameters, x = without_inhibition([20.0, 20.0], 2)
    parameters = replace(parameters, highest_potential=20)
    x[1] = 0
    populations = Populations(parameters, 2, 0.05, np.float32)
    populations.reseed(0)
    populations.show(x)
    windows = np.zeros((2, 2), np.int32), np.zeros((2, 2), np.float32)
    populations.advance(40, *windows)
    assert populations.ran_away.tolist() == [True, False]
    stopped = windows[0].copy()
    populations.advance(5, *windows)
    np.testing.assert_array_equal(windows[0][0], stopped[0])
    populations.rest()
    assert not populations.ran_away.any()
