"""Networks in continuous time: against the definition, the equations at a fine step, and users."""

import os
import subprocess
import sys
import warnings

import brian2
import numpy as np
import pytest
import reference
from brian2 import Hz, PoissonGroup, SpikeMonitor, Synapses, ms
from helpers import NUMPY, VARIANTS, make_parameters, unseen
from scipy.stats import chi2_contingency, ks_2samp

from ipvae_brian import DivergenceError, Parameters, SpikingNetwork, StabilityWarning
from ipvae_brian.network.divergence import too_many_spikes
from ipvae_brian.network.engines import choice
from ipvae_brian.network.presentation import Presentation


def make_network(parameters, **options):
    options = {"n_copies": 3, "precision": "double", "dt": 4 * ms} | options
    return SpikingNetwork(parameters, engine="events", **options)


def recording_network(parameters, **options):
    n = parameters.n_neurons
    return make_network(parameters, record_spikes=True, record_potentials=range(n), **options)


def of_response(response, *, start=None, carry_over=False, reset_frames=False, n_copies=1):
    """Potentials at the beginning of every step that the recorded spikes lead to; and the ends."""
    p, timing = response.parameters, response.timing
    ends = [] if start is None else list(start)
    first, potentials = len(ends), []
    for trial, frames in enumerate(response.frames):
        mine = response.spikes.trial == trial
        step, within = np.divmod(response.spikes.time[mine] / timing.dt, 1)
        spikes = [[] for _ in range(timing.n_steps)]
        for s, w, j in zip(step, within, response.spikes.neuron[mine], strict=True):
            spikes[int(s)].append((w * timing.dt / timing.tau, j))
        state = ends[-n_copies] if carry_over else None
        at_rest = np.array([p.resting_potential, np.zeros(p.n_neurons)])
        u, begin = [], 0
        for frame, n_steps in zip(frames, timing.frame_steps, strict=True):
            if state is None or (reset_frames and begin):
                state = at_rest
            drives = np.tile(p.drive(frame), (n_steps, 1))
            at_ends, end = reference.in_continuous_time(
                p, drives, spikes[begin : begin + n_steps], timing.dt / timing.tau, state
            )
            u += [state[0], *at_ends[:-1]]
            state, begin = end, begin + n_steps
        potentials.append(np.transpose(u))
        ends.append(state)
    return np.array(potentials), np.array(ends[first:])


@pytest.mark.parametrize(("precision", "tolerance"), [("single", 1e-4), ("double", 1e-10)])
@pytest.mark.parametrize("variant", list(VARIANTS))
def test_recorded_potentials_are_those_of_the_recorded_spikes(
    variant, precision, tolerance, stimuli
):
    network = recording_network(make_parameters(**VARIANTS[variant]), precision=precision)
    response = network.present(stimuli, 100 * ms, seed=1)
    assert response.potentials.shape == (5, 12, 25)
    assert response.counts.sum() == response.spikes.count.sum() > 50
    expected, _ = of_response(response)
    np.testing.assert_allclose(response.potentials, expected, atol=tolerance)
    per_window = response.step_counts.reshape(5, 12, 5, 5).sum(axis=3)
    np.testing.assert_array_equal(response.counts, per_window.transpose(0, 2, 1))


@pytest.mark.parametrize("variant", ["thresholds", "adaptive", "leak"])
def test_carried_over_movies_and_resets(variant, stimuli):
    network = recording_network(make_parameters(**VARIANTS[variant]), n_copies=2)
    first = network.present(stimuli[:4], 60 * ms, seed=2)
    expected, end = of_response(first)
    np.testing.assert_allclose(first.potentials, expected, atol=1e-10)
    second = network.present(stimuli[:4], 44 * ms, reset=False, seed=3)
    expected, _ = of_response(second, start=end[-2:], carry_over=True, n_copies=2)
    np.testing.assert_allclose(second.potentials, expected, atol=1e-10)
    movies, durations = np.stack([stimuli[:3], stimuli[2:5]]), [12 * ms, 36 * ms, 20 * ms]
    for reset_frames in (False, True):
        movie = network.present_movie(movies, durations, reset_frames=reset_frames, seed=4)
        expected, _ = of_response(movie, reset_frames=reset_frames)
        np.testing.assert_allclose(movie.potentials, expected, atol=1e-10)


def test_spike_times_are_not_on_the_grid(stimuli, parameters):
    network = recording_network(parameters)
    response = network.present(stimuli, 100 * ms, seed=1)
    steps = response.spikes.time / 4e-3
    assert (response.spikes.count == 1).all()
    assert np.abs(steps - np.round(steps)).max() > 0.4
    assert len(np.unique(response.spikes.time)) == len(steps)
    # Brian2's own monitor has the steps in which they fell.
    monitor = network.spike_monitor
    assert np.sum(monitor.z) >= len(steps)
    np.testing.assert_array_equal(
        response.counts_in_windows(4 * ms).sum(axis=(1, 2)), response.counts.sum(axis=(1, 2))
    )


# Against the equations at a fine step


def same_distribution(a, b):
    """p of a chi-square test of two samples of counts, rare values taken together."""
    table = np.array([np.bincount(z, minlength=max(a.max(), b.max()) + 1) for z in (a, b)])
    rare = table.sum(axis=0) < 20
    table = np.hstack([table[:, ~rare], table[:, rare].sum(axis=1, keepdims=True)])
    table = table[:, table.sum(axis=0) > 0]
    return chi2_contingency(table).pvalue if table.shape[1] > 1 else 1.0


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["thresholds", "adaptive", "leak"])
def test_counts_intervals_and_correlations_are_those_of_the_equations(variant, stimuli):
    """At tau/400, 1,500 runs of three tau each: p > 1e-4; correlations within 5 errors."""
    parameters = make_parameters(scale=0.3, **VARIANTS[variant])
    x = np.tile(1.5 * stimuli[0], (1500, 1))
    options = {"n_copies": 1500, "record_spikes": True}
    fine = SpikingNetwork(parameters, engine="brian2", dt=0.05 * ms, **options)
    responses = [
        network.present(x, 60 * ms, seed=seed, progress=False)
        for seed, network in enumerate((fine, make_network(parameters, dt=1 * ms, **options)))
    ]
    a, b = (response.counts for response in responses)
    assert a.sum() > 10_000
    for window in range(3):
        for k in range(12):
            assert same_distribution(a[:, window, k], b[:, window, k]) > 1e-4
        assert same_distribution(a[:, window].sum(axis=1), b[:, window].sum(axis=1)) > 1e-4
        both = [np.corrcoef(z[:, window].T)[np.triu_indices(12, 1)] for z in (a, b)]
        assert np.abs(np.arctanh(both[0]) - np.arctanh(both[1])).max() < 5 * np.sqrt(2 / 1500)
    for k in range(12):
        waits = [intervals(response, k) for response in responses]
        # Steps of 0.05 ms are too fine to be seen in so many intervals.
        assert ks_2samp(*waits).pvalue > 1e-4


def intervals(response, neuron):
    """Intervals between successive spikes of a neuron within a trial, in seconds."""
    spikes = response.spikes
    mine = spikes.neuron == neuron
    trial, time = spikes.trial[mine], spikes.time[mine]
    order = np.lexsort((time, trial))
    trial, time = trial[order], time[order]
    return np.diff(time)[np.diff(trial) == 0]


def test_mean_and_variance_without_inhibition(independent_neurons):
    """Four standard errors of a mean and of a Poisson variance, n = 4000."""
    network = make_network(independent_neurons, n_copies=2000)
    response = network.present(unseen(2000), 40 * ms, seed=8)
    counts, rates = response.counts.reshape(-1, 3), np.array([0.02, 1, 50])
    assert (abs(counts.mean(axis=0) - rates) < 4 * np.sqrt(rates / 4000)).all()
    assert (abs(counts.var(axis=0) - rates) < 4 * np.sqrt((rates + 2 * rates**2) / 4000)).all()
    expected = np.tile(rates, (4000, 1))
    np.testing.assert_allclose(response.expected_counts.reshape(-1, 3), expected, rtol=1e-6)


# Seeds, copies, threads


def test_what_is_recorded_does_not_change_what_happens(parameters, stimuli):
    """Without monitors whole windows are taken at once."""
    quiet = make_network(parameters, record_spikes=False)
    watched = recording_network(parameters)
    movies, durations = np.stack([stimuli[:3], stimuli[2:5]]), [12 * ms, 36 * ms, 20 * ms]
    for present in (
        lambda network: network.present(stimuli, 100 * ms, seed=3),
        lambda network: network.present_movie(movies, durations, seed=4),
        lambda network: network.present(stimuli[:3], 44 * ms, reset=False, seed=5),
    ):
        a, b = present(quiet), present(watched)
        np.testing.assert_array_equal(a.counts, b.counts)
        np.testing.assert_array_equal(a.expected_counts, b.expected_counts)
        np.testing.assert_array_equal(quiet.neurons.u[:], watched.neurons.u[:])
        np.testing.assert_array_equal(quiet.neurons.z[:], watched.neurons.z[:])


def test_seeds(parameters, stimuli):
    network = make_network(parameters)
    a, b, c = (network.present(stimuli, 60 * ms, seed=seed).counts for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    brian2.seed(5)
    d = network.present(stimuli, 60 * ms).counts
    e = network.present(stimuli, 60 * ms).counts
    brian2.seed(5)
    np.testing.assert_array_equal(network.present(stimuli, 60 * ms).counts, d)
    assert (d != e).any()
    part = network.present(stimuli[3:], 60 * ms, seed=1, first_stimulus=3).counts
    np.testing.assert_array_equal(part, a[3:])


def test_unused_copies_of_the_last_wave_leave_no_trace(parameters, stimuli):
    network = recording_network(parameters)
    response = network.present(stimuli, 60 * ms)
    assert response.counts.shape == (5, 3, 12)
    assert response.spikes.trial.max() == 4
    assert np.sum(network.spike_monitor.z) > response.spikes.count.sum() == response.counts.sum()


# As many as are worth three threads.
THREADS = """
import numpy as np
from brian2 import ms
from ipvae_brian import SpikingNetwork, load_model
x = np.random.default_rng(0).normal(size=(120, 256)).astype(np.float32)
network = SpikingNetwork(load_model("photographs-512"), engine="events", n_copies=120)
response = network.present(x, 60 * ms, seed=1, progress=False)
print(hash(response.counts.tobytes()), hash(response.expected_counts.tobytes()))
"""


@pytest.mark.slow
def test_spikes_depend_neither_on_threads_nor_on_the_cache(tmp_path):
    """The first run finds an empty cache and compiles."""
    own = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "0"}

    def printed(n):
        command = [sys.executable, "-W", "ignore", "-c", THREADS]
        environment = {**os.environ, **own, "NUMBA_NUM_THREADS": n}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert printed("1") == printed("2") == printed("3")


# What users do


def test_spikes_reach_monitors_of_the_user(parameters, stimuli):
    network = make_network(parameters, record_spikes=False)
    own = SpikeMonitor(network.neurons, variables="z", **NUMPY)
    network.add(own)
    response = network.present(stimuli[:3], 80 * ms)
    assert np.sum(own.z) == response.counts.sum() > 20
    per_neuron = np.zeros(36, int)
    np.add.at(per_neuron, np.array(own.i), np.array(own.z))
    np.testing.assert_array_equal(per_neuron.reshape(3, 12), response.counts.sum(axis=1))
    np.testing.assert_allclose(np.array(own.t) * 250 % 1, 0, atol=1e-6)


def test_what_would_have_no_effect_cannot_be_written(parameters):
    network = make_network(parameters)
    with pytest.raises(TypeError, match="read-only"):
        network.neurons.z = 1


@pytest.mark.parametrize("engine", ["events", "numba"])
@pytest.mark.parametrize("slot", ["start", "groups", "synapses", "end"])
def test_what_the_user_adds_to_potentials_in_every_step(slot, engine):
    """Nothing else changes them here, but for the bound."""
    parameters = Parameters(
        dictionary=1e-9 * np.eye(4),
        threshold=0.0,
        resting_potential=[-3.0, -1.0, 0.5, 3.5],
        highest_potential=4.0,
    )
    options = {"engine": engine, "n_copies": 2, "record_potentials": True}
    network = SpikingNetwork(parameters, dt=1 * ms, **options)
    network.neurons.run_regularly("u += 0.1", when=slot, **NUMPY)
    potentials = network.present(np.zeros((2, 4)), 20 * ms, seed=1).potentials
    # At the start of a step they are recorded after it.
    steps = np.arange(20) + (slot == "start")
    expected = parameters.resting_potential[:3, None] + 0.1 * steps
    np.testing.assert_allclose(potentials[:, :3], [expected, expected], atol=1e-5)
    assert 4 - 1e-5 <= potentials[:, 3].max() <= 4.1 + 1e-5
    np.testing.assert_allclose(potentials[:, 3, 6:], potentials[0, 3, -1], atol=1e-5)


@pytest.mark.parametrize("n_copies", [1, 3])
def test_potentials_recent_rates_and_drives_that_the_user_sets(n_copies, stimuli):
    """They are gone by in the next run, as if inference had come there by itself."""
    parameters = make_parameters(**VARIANTS["adaptive"])
    network = recording_network(parameters, n_copies=n_copies)
    network.present(stimuli[:n_copies], 60 * ms, seed=1)
    rng = np.random.default_rng(3)
    u, recent = rng.normal(size=(2, n_copies * 12))
    network.neurons.u, network.neurons.recent_rate = u, np.abs(recent)
    response = network.present(stimuli[:n_copies], 8 * ms, reset=False, seed=2)
    start = np.stack([u, np.abs(recent)]).reshape(2, n_copies, 12).swapaxes(0, 1)
    expected, _ = of_response(response, start=start, carry_over=True, n_copies=n_copies)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10)
    # What was set for a free run lasts until the next stimulus.
    network.neurons.u, network.neurons.recent_rate = u, 0
    network.neurons.drive = drive = rng.normal(size=n_copies * 12)
    network.brian_network.run(4 * ms)
    step = float(4 * ms / parameters.tau)
    silent = np.array(network.neurons.z[:]).reshape(n_copies, 12).sum(axis=1) == 0
    grown = u + step * np.tile(parameters.natural_gradient_step, n_copies) * (
        drive - np.tile(parameters.threshold, n_copies)
    )
    found = network.circuit.potentials()
    assert np.abs(found.ravel() - u).max() > 0.01
    np.testing.assert_allclose(found[silent], grown.reshape(n_copies, 12)[silent], atol=1e-10)


def test_synapses_of_the_user_excite(parameters, stimuli):
    """As much as in fine time steps, for the same spikes of the user's: four standard errors."""
    means = []
    for engine in ("events", "numba"):
        network = SpikingNetwork(parameters, engine=engine, n_copies=400, dt=0.1 * ms)
        group = PoissonGroup(12, 100 * Hz, clock=network.clock, **NUMPY)
        synapses = Synapses(group, network.neurons, on_pre="u_post += 0.5", **NUMPY)
        synapses.connect(j="12*k + i for k in range(400)")
        network.add(group, synapses)
        x = np.tile(stimuli[0], (400, 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StabilityWarning)
            means.append(
                network.present(x, 60 * ms, seed=2, progress=False).counts.sum(axis=(1, 2))
            )
    plain = make_network(parameters, n_copies=400, dt=1 * ms).present(x, 60 * ms, seed=2)
    error = np.sqrt(sum(one.var() for one in means) / 400)
    assert abs(means[0].mean() - means[1].mean()) < 4 * error
    assert means[0].mean() > plain.counts.sum(axis=(1, 2)).mean() + 4 * error


def test_a_new_dictionary_between_presentations(parameters, stimuli):
    network = make_network(parameters)
    other = make_parameters(seed=2)
    outcomes = []

    def presentations():
        for p in (parameters, other):
            network.set_parameters(p)
            yield Presentation(stimuli[:3, None], np.array([10]), seed=1)

    network.run(presentations(), lambda _, outcome: outcomes.append(outcome.counts))
    fresh = make_network(other)
    fresh.run(
        [Presentation(stimuli[:3, None], np.array([10]), seed=1)],
        lambda _, outcome: outcomes.append(outcome.counts),
    )
    assert (outcomes[0] != outcomes[1]).any()
    np.testing.assert_array_equal(outcomes[1], outcomes[2])


def test_decoding_is_the_product(parameters, rng):
    network = make_network(parameters)
    counts = rng.poisson(0.5, (3, 12)).astype(np.int32)
    expected = counts @ parameters.dictionary.T
    np.testing.assert_allclose(network.circuit.decode(counts), expected, atol=1e-12)


def test_the_step_is_a_twentieth_of_tau_unless_the_drive_is_strong(parameters, stimuli):
    network = make_network(parameters, dt=None)
    network.present(stimuli, 20 * ms)
    assert network.dt == 1 * ms
    strong = make_network(parameters, dt=None)
    strong.build(40 * stimuli)
    assert strong.dt <= 0.5 * ms
    given = make_network(parameters, dt=1 * ms)
    with pytest.warns(StabilityWarning, match="coarse for these stimuli"):
        given.present(200 * stimuli, 20 * ms)


def test_a_stronger_stimulus_later_gets_its_own_step(stimuli):
    """Potentials and recent rates are carried over to it."""
    parameters = make_parameters(**VARIANTS["adaptive"])
    network = make_network(parameters, dt=None, n_copies=5)
    network.present(stimuli, 20 * ms, seed=1)
    before = network._built.circuit.state_of_neurons()
    direct = make_network(parameters, dt=None, n_copies=5).build(40 * stimuli)
    direct._built.circuit.put_state_of_neurons(before)
    a, b = (one.present(40 * stimuli, 60 * ms, reset=False, seed=2) for one in (network, direct))
    assert network.dt == direct.dt < 1 * ms
    np.testing.assert_array_equal(a.counts, b.counts)
    assert a.counts.sum() > 100


def test_dt_of_tau_is_refused(parameters):
    with pytest.raises(ValueError, match="dt must be below tau in continuous time"):
        make_network(parameters, dt=20 * ms)


def test_a_runaway_is_reported():
    """Rates that nothing holds back: more spikes in a step than there may be."""
    parameters = Parameters(
        dictionary=1e-6 * np.eye(2), resting_potential=0.0, highest_potential=20
    )
    network = make_network(parameters, n_copies=2, dt=1 * ms)
    with pytest.raises(DivergenceError, match=r"1 of 2 stimuli, first number 1.*continuous time"):
        network.present([[0, 0], [3e7, 3e7]], 40 * ms)


def test_large_jumps_are_warned_of(stimuli):
    parameters = Parameters(dictionary=np.eye(16), natural_gradient_step=9.0)
    with pytest.warns(StabilityWarning, match="by 9 .* above 8 a run may diverge"):
        make_network(parameters, dt=None).build(stimuli)


def test_spikes_that_cancel_are_too_many(parameters, stimuli):
    counts = np.zeros((5, 12), np.int32)
    counts[1] = 3
    assert not too_many_spikes(stimuli, counts, parameters).any()
    counts[3] = 1000
    assert too_many_spikes(stimuli, counts, parameters).tolist() == [False] * 3 + [True, False]


def test_it_needs_numba(monkeypatch, parameters):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="engine 'events' needs Numba"):
        make_network(parameters)
