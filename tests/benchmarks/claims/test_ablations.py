"""What is changed about the network does what its name says."""

import numpy as np
import pytest

from benchmarks.claims import ablations
from benchmarks.claims.ablations import quantised, summary, thinned, variant, variants
from benchmarks.claims.cells import About
from benchmarks.claims.contest import OURS
from benchmarks.claims.ours import SpikingVAE


@pytest.fixture(scope="module")
def stimuli():
    return np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    dictionary = np.random.default_rng(1).normal(size=(16, 24))
    return SpikingVAE(16, 24, n_steps=4).set_dictionary(dictionary)


def test_weights_of_few_bits_are_few_values():
    dictionary = np.random.default_rng(0).normal(size=(30, 20))
    for bits in (8, 4, 2):
        found = quantised(dictionary, bits)
        assert len(np.unique(found)) <= 2**bits - 1
        assert np.abs(found - dictionary).max() <= np.abs(dictionary).max() / (2**bits - 2) + 1e-12
    np.testing.assert_array_equal(quantised(np.array([[1.0, -3.0]]), 2), [[0.0, -3.0]])


def test_lost_spikes_are_missing_and_the_others_count_for_them():
    counts = np.full((200, 50), 4.0, np.float32)
    found = thinned(counts, 0.5)
    assert set(np.unique(found)) <= {0, 2, 4, 6, 8}
    assert found.mean() == pytest.approx(4, rel=0.02)
    np.testing.assert_array_equal(thinned(counts, 0.0), counts)


@pytest.mark.parametrize("key", OURS)
def test_every_variant_is_another_network(key, stimuli, model, monkeypatch):
    """None of them gives the code of the network as it is, so none is left out on the way."""
    kind = OURS[key]
    told = kind(16, 24, n_steps=4, gain=3.0, spike_size=0.3).set_dictionary(model.dictionary)
    found = {
        label: variant(told, stimuli, **changes)
        for label, changes in variants(key).items()
        if not changes.get("spike_size") == 0.4
    }
    plain = found.pop("as it is")
    assert plain == variant(told, stimuli)
    for label, scores in found.items():
        assert scores.get("r2") != plain["r2"], label
    assert told.settings["gain"] == 3.0
    np.testing.assert_array_equal(told.dictionary, model.dictionary)


def test_discrete_updates_have_a_gain_that_is_stable(stimuli, model):
    found = variant(model, stimuli, steps=1)
    assert found["r2"] > 0.3


def test_noise_is_on_the_stimulus_that_is_shown_only(stimuli, model):
    clean, noisy = (variant(model, stimuli, pixel_noise=noise) for noise in (0.0, 1.0))
    assert noisy["r2"] < clean["r2"] - 0.1
    assert noisy["spikes"] > 0.5 * clean["spikes"]


def test_a_run_that_diverges_is_told(stimuli, model, monkeypatch):
    def diverge(*arguments, **options):
        raise ablations.DivergenceError("potentials ran away")

    monkeypatch.setattr(SpikingVAE, "simulate", diverge)
    assert variant(model, stimuli) == {"diverged": "potentials ran away"}


def test_rows_by_contestant_and_label():
    told = {
        "weights of 8 bits": {"r2": 0.9, "distance": 0.1, "points": []},
        "dt = tau / 20": {"diverged": "potentials ran away"},
    }
    results = {
        label: one | {"about": About("ours", 512, 0, label)._asdict()}
        for label, one in told.items()
    }
    found = summary(results)
    assert found["rows"]["ours"]["dt = tau / 20"] == {"diverged": "potentials ran away"}
    assert found["figures"] == {"mnist_8_bits_distance_ours": 0.1}
