"""The experiments of a comparison, on a model whose neurons are Gabor functions."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Noise
from ipvae_brian.physiology.experiments import CONTRASTS, HIGH_CONTRAST
from ipvae_brian.physiology.properties.conditions import best_curves
from ipvae_brian.physiology.subject import EXPERIMENTS, Subject


@pytest.fixture(scope="module")
def subject(gabor_model):
    return Subject(gabor_model, quick=True)


def test_preferred_gratings_are_those_of_the_dictionary(subject, gabor_orientations):
    curves = best_curves(subject.recording("gratings"), "direction", period=180)
    preferred = np.where(curves.responsive, curves.values[curves.rates.argmax(axis=0)], np.nan)
    assert curves.responsive.mean() > 0.9
    # Directions across bars: 90 degrees from their orientation.
    off = np.abs((preferred - gabor_orientations - 90 + 90) % 180 - 90)
    assert np.nanmedian(off) <= 5
    for neuron, grating in list(subject.best_gratings.items())[:4]:
        assert grating.direction == preferred[neuron]


def test_targets_are_recorded_at_their_own_gratings(subject):
    found = subject.recording("contrasts")
    targets = np.unique(found.conditions["target"])
    np.testing.assert_array_equal(targets, sorted(subject.best_gratings))
    np.testing.assert_array_equal(found.units["neuron"], list(subject.best_gratings))
    assert set(found.conditions["contrast"]) == set(CONTRASTS)
    unit = 2
    own = found.conditions["target"] == found.units["neuron"][unit]
    strong = own & (found.conditions["contrast"] == 1)
    others = ~own & (found.conditions["contrast"] == 1)
    shown = found.timing.windows_of_stimulus
    counts = found.counts[:, shown, unit].sum(axis=1)
    assert counts[strong].mean() > 2 * counts[others].mean()


def test_grey_comes_first_and_times_are_whole_windows(subject):
    for name in ("contrasts", "white_noise"):
        timing = subject.recording(name).timing
        assert timing.before == pytest.approx(0.2)
        assert timing.onset_step % timing.steps_per_window == 0
    slow = Subject(subject.parameters.replace(tau=30 * ms), quick=True)
    assert float(slow.whole_taus(200 * ms) / ms) == pytest.approx(210)
    # Frames of noise are as long as for any model, and end with a window all the same.
    timing = slow.recording("white_noise").timing
    assert timing.frame_steps[0] * timing.dt == pytest.approx(0.02, abs=0.001)
    assert sum(timing.frame_steps) % timing.steps_per_window == 0


def test_pools_are_complex_cells(gabor_model):
    simple = Subject(gabor_model, quick=True)
    complex_cells = Subject(gabor_model, pools=True, quick=True)
    complex_cells._recordings["gratings_by_contrast"] = simple.recording("gratings_by_contrast")
    complex_cells._warned["gratings_by_contrast"] = 0
    pooled = complex_cells.recording("pooled_gratings")
    assert set(pooled.units["pool_size"]) <= {1, 2, 4, 12}
    assert pooled.n_neurons < gabor_model.n_neurons
    alone = simple.recording("pooled_gratings")
    assert alone.n_neurons == gabor_model.n_neurons
    assert set(alone.conditions["contrast"]) == {HIGH_CONTRAST}


def test_noise_is_that_of_the_settings(gabor_model):
    noisy = Subject(gabor_model, noise=Noise(shared_gain=0.5), quick=True)
    assert len(EXPERIMENTS) == 12
    found = noisy.recording("repeated_images")
    total = found.counts.sum(axis=(1, 2)).astype(float)
    plain = Subject(gabor_model, quick=True).recording("repeated_images").counts.sum(axis=(1, 2))
    image = found.conditions["image"]

    def spread(counts):
        means = np.array([counts[image == i].mean() for i in np.unique(image)])
        sds = np.array([counts[image == i].std() for i in np.unique(image)])
        return np.median(sds[means > 20] / means[means > 20])

    assert spread(total) > 2 * spread(plain)
