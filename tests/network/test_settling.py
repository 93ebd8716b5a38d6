"""Presentations that end when the code has settled are the same runs, cut short."""

import numpy as np
import pytest
from brian2 import NetworkOperation, ms
from helpers import ALL, NAMES

from ipvae_brian import SpikingNetwork
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.network.batch import simulate_many
from ipvae_brian.network.settling import Settling
from ipvae_brian.network.standalone import StandaloneRunner
from ipvae_brian.response.metrics import mean_r_squared

CIRCUITS = [*ALL, {"engine": "events", "n_copies": 2}]


def windows_by_hand(response, until):
    """After how many windows the mean R2 of the first stimuli changes by less, of a long run."""
    r2 = [mean_r_squared(response.r2(w)) for w in range(response.timing.n_windows)]
    return next((w + 1 for w in range(1, len(r2)) if abs(r2[w] - r2[w - 1]) < until), len(r2))


@pytest.mark.parametrize("options", CIRCUITS, ids=[*NAMES, "events"])
def test_it_is_the_whole_run_cut_short(options, parameters, stimuli):
    """Counts, spikes and potentials, of the first wave of copies and of all others."""
    network = SpikingNetwork(
        parameters, dt=4 * ms, record_spikes=True, record_potentials=range(12), **options
    )
    n_copies = network.n_copies
    first = network.present(stimuli[:n_copies], 240 * ms, seed=3)
    seen = set()
    for until in (0.02, 0.1, 1.0):
        n = windows_by_hand(first, until)
        seen.add(n)
        cut = network.present(stimuli, 240 * ms, seed=3, until=until)
        assert cut.timing.n_windows == n and cut.timing.n_steps == 5 * n
        whole = network.present(stimuli, n * 20 * ms, seed=3)
        np.testing.assert_array_equal(cut.counts, whole.counts)
        np.testing.assert_array_equal(cut.expected_counts, whole.expected_counts)
        np.testing.assert_array_equal(cut.potentials, whole.potentials)
        np.testing.assert_array_equal(cut.spikes.time, whole.spikes.time)
        np.testing.assert_array_equal(cut.spikes.neuron, whole.spikes.neuron)
        if n_copies > 1:
            np.testing.assert_array_equal(cut.counts[:n_copies], first.counts[:, :n])
    assert len(seen) > 1 and min(seen) == 2


def test_what_never_settles_is_shown_to_the_end(parameters, stimuli):
    """Grey has no R2; and what is left after the last whole window is no window."""
    network = SpikingNetwork(parameters, n_copies=5, dt=1 * ms)
    assert network.present(0 * stimuli, 70 * ms, until=1.0).timing.n_steps == 70
    usual = network.present(stimuli, 70 * ms, seed=1)
    cut = network.present(stimuli, 70 * ms, seed=1, until=1e-9)
    assert cut.timing == usual.timing
    np.testing.assert_array_equal(cut.counts, usual.counts)


def test_the_next_presentation_begins_anew(parameters, stimuli):
    network = SpikingNetwork(parameters, n_copies=5, dt=1 * ms)
    wanted = network.present(stimuli, 60 * ms, seed=2).counts
    assert network.present(stimuli, 400 * ms, seed=1, until=0.5).timing.n_windows < 20
    np.testing.assert_array_equal(network.present(stimuli, 60 * ms, seed=2).counts, wanted)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_processes_and_evaluations(n_jobs, parameters, stimuli):
    """The first copies decide for all parts, wherever these are simulated."""
    options = {"seed": 4, "n_copies": 2, "dt": 1 * ms}
    first = simulate_many(parameters, stimuli[:2], 300 * ms, **options)
    n = windows_by_hand(first, 0.1)
    assert 2 < n < 15
    cut = simulate_many(parameters, stimuli, 300 * ms, until=0.1, n_jobs=n_jobs, **options)
    whole = simulate_many(parameters, stimuli, n * 20 * ms, **options)
    np.testing.assert_array_equal(cut.counts, whole.counts)
    figures, _ = evaluate(parameters, stimuli, windows=15, until=0.1, n_jobs=n_jobs, **options)
    assert figures["windows"] == n == len(figures["convergence"]["r2"])
    assert figures["r2"] == pytest.approx(np.nanmean(whole.r2()), rel=1e-6)


def test_only_used_copies_count(parameters, stimuli):
    settling = Settling(parameters, stimuli[:3], 0.01)
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (5, 12))
    assert not settling(counts)
    counts[3:] += 7
    assert settling(counts) and settling.n_windows == 2


def test_what_cannot_end_early_is_refused(parameters, stimuli, monkeypatch):
    network = SpikingNetwork(parameters, n_copies=5, dt=1 * ms)
    with pytest.raises(ValueError, match="until must be > 0, got 0"):
        network.present(stimuli, 60 * ms, until=0)
    other = SpikingNetwork(parameters, n_copies=5, dt=1 * ms)
    other.add(NetworkOperation(lambda: None, dt=0.3 * ms))
    with pytest.raises(ValueError, match="until needs all objects .* on its own clock"):
        other.present(stimuli, 60 * ms, until=0.1)
    monkeypatch.setattr(network, "_runner_class", StandaloneRunner)
    with pytest.raises(ValueError, match="until must be None in C.. standalone mode"):
        network.present(stimuli, 60 * ms, until=0.1)
