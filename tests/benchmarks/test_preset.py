"""The figures of the preset are measured, and noise moves them the right way."""

import json
from functools import partial

import numpy as np
import pytest
from helpers import make_parameters

from benchmarks import preset
from ipvae_brian import Noise


def test_gratings_have_the_contrast_of_whitened_space():
    x = preset.gratings((16, 16), contrast=0.3)
    assert x.shape == (36 * 5 * 6, 256)
    np.testing.assert_allclose(np.sqrt((x**2).mean(axis=1)), 0.3, rtol=0.1)
    # Opposite phases are each other's negative; a vertical one varies along rows only.
    x = x.reshape(36, 5, 6, 16, 16)
    np.testing.assert_allclose(x[:, :, 0], -x[:, :, 3], atol=1e-5)
    np.testing.assert_allclose(np.ptp(x[0], axis=2), 0, atol=1e-5)


def test_noise_makes_counts_vary_together(monkeypatch):
    monkeypatch.setattr(preset, "N_LONG", 4)
    monkeypatch.setattr(preset, "LEAST_INTERVALS", 5)
    monkeypatch.setattr(preset, "RESPONDS", 0.5)
    model = make_parameters(n_neurons=48, scale=0.15, threshold=0.02, resting_potential=-2.0)
    model = model.with_gain(4.0)
    images = np.random.default_rng(0).normal(size=(30, 16))
    options = {"n_images": 6, "n_repeats": 30, "n_coded": 8, "seed": 2}
    quiet = preset.measure(model, Noise(), images, **options)
    noisy = preset.measure(model, Noise(drive=0.2, shared_gain=0.5), images, **options)
    assert set(quiet) == set(noisy) and all(np.isfinite(list(noisy.values())))
    assert noisy["fano_factor"] > quiet["fano_factor"] + 0.3
    assert noisy["noise_correlation"] > quiet["noise_correlation"] + 0.05
    assert noisy["interval_cv"] > quiet["interval_cv"]
    # With a gain, R2 of what is shown is not that of the image without it.
    assert quiet["r2_after_200_ms"] == pytest.approx(quiet["r2_without_knowing_the_gain"])
    assert noisy["r2_after_200_ms"] != noisy["r2_without_knowing_the_gain"]


@pytest.mark.slow
def test_the_onset_is_measured_for_other_noise(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(preset, "onset", partial(preset.onset, quick=True))
    few = {name: preset.ONSETS[name] for name in ("preset", "most")}
    monkeypatch.setattr(preset, "ONSETS", few)
    preset.main(["--onset", "--json", str(tmp_path / "onset.json")])
    found = json.loads((tmp_path / "onset.json").read_text())
    assert "fall_at_onset_percent" in capsys.readouterr().out
    assert found["most"]["fall_at_onset_percent"] > found["preset"]["fall_at_onset_percent"] > 0
    assert 0.7 < found["preset"]["r2"] < 0.9 and 1 < found["preset"]["fano_factor"] < 3
