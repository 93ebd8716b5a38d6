"""Figures of a model are those of its response, worked out by hand."""

import json
import math

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import evaluate
from ipvae_brian.learning.evaluation import FREE_ENERGY


@pytest.fixture(scope="module")
def evaluated(parameters, stimuli):
    return evaluate(parameters, stimuli, windows=4, dt=1 * ms, seed=3, engine="numpy", n_copies=2)


def test_figures_are_those_of_the_last_window(evaluated, parameters, stimuli):
    figures, response = evaluated
    counts = response.counts[:, -1]
    decoded = counts @ parameters.dictionary.T
    variance = ((stimuli - stimuli.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    r2 = np.mean(1 - ((stimuli - decoded) ** 2).sum(axis=1) / variance)
    zeros = np.mean(counts == 0)
    assert figures["r2"] == pytest.approx(r2, rel=1e-6)
    assert figures["zeros"] == pytest.approx(zeros)
    assert figures["distance"] == pytest.approx(math.hypot(1 - r2, 1 - zeros), rel=1e-6)
    assert figures["spikes_per_tau"] == pytest.approx(counts.sum(axis=1).mean())


def test_free_energy_is_the_sum_of_its_terms(evaluated):
    figures, response = evaluated
    terms = figures["free_energy"]
    assert terms["total"] == pytest.approx(sum(terms[name] for name in FREE_ENERGY[1:]))
    assert terms["kl"] == pytest.approx(response.free_energy().kl.mean())


def test_convergence_has_every_window_and_ends_with_the_figures(evaluated):
    figures, _ = evaluated
    trace = figures["convergence"]
    assert trace["time_ms"] == [20, 40, 60, 80]
    for name in ("r2", "zeros", "distance", "spikes_per_tau"):
        assert len(trace[name]) == 4 and trace[name][-1] == figures[name]


def test_figures_say_how_they_were_made_and_can_be_written(evaluated):
    figures, _ = evaluated
    kept = {name: figures[name] for name in ("n_stimuli", "windows", "tau_ms", "dt_ms", "seed")}
    assert kept == {"n_stimuli": 5, "windows": 4, "tau_ms": 20.0, "dt_ms": 1.0, "seed": 3}
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_a_flat_stimulus_has_no_r2_and_is_left_out_of_the_mean(parameters, stimuli):
    options = {"windows": 2, "dt": 1 * ms, "engine": "numpy", "n_copies": 5}
    some, _ = evaluate(parameters, stimuli[:2], **options)
    flat = np.vstack([stimuli[:2], np.zeros((1, 16))])
    figures, response = evaluate(parameters, flat, **options)
    assert np.isnan(response.r2()[2]) and math.isfinite(figures["r2"])
    assert figures["r2"] == pytest.approx(np.nanmean(response.r2()))
    assert figures["n_stimuli"] == 3 and some["n_stimuli"] == 2


@pytest.mark.parametrize(("windows", "error"), [(0, ValueError), (1.5, TypeError)])
def test_windows_are_whole(parameters, stimuli, windows, error):
    with pytest.raises(error, match="windows must be"):
        evaluate(parameters, stimuli, windows=windows)


def test_of_a_single_stimulus_there_is_no_lifetime_sparseness(parameters, stimuli):
    figures, _ = evaluate(parameters, stimuli[:1], windows=2, dt=1 * ms, engine="numpy")
    assert math.isnan(figures["lifetime_sparseness"])
    assert math.isfinite(figures["population_sparseness"])
