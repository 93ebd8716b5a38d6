"""The models of digits are written as they are measured, with their cards."""

import json

import numpy as np
import pytest

from benchmarks.claims import data, write_digits
from ipvae_brian import load_model, model_card


@pytest.mark.slow
def test_both_models_are_written_with_cards(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    bars = np.zeros((660, 6, 6), np.uint8)
    where = rng.integers(0, 6, 660)
    bars[np.arange(660), where] = 255
    arrays = {"x_train": bars[:600], "y_train": where[:600], "x_test": bars[600:]}
    np.savez(tmp_path / "mnist.npz", **arrays, y_test=where[600:])
    monkeypatch.setattr(data, "N_VALIDATION", 100)
    monkeypatch.setattr(write_digits, "N_EPOCHS", 4)
    monkeypatch.setattr(write_digits, "N_TEST", 60)
    monkeypatch.setattr(
        write_digits, "SETTINGS", write_digits.SETTINGS | {12: write_digits.SETTINGS[512]}
    )
    write_digits.write(tmp_path, data.mnist(tmp_path / "mnist.npz"), tmp_path / "mnist.npz", 12)
    monkeypatch.setattr("ipvae_brian.model.library._folder", lambda: tmp_path)
    for name in ("digits-12.npz", "digits-12-adaptive.json"):
        parameters = load_model(tmp_path / name)
        figures = parameters.provenance["figures"]
        assert parameters.stimulus_shape == (6, 6) and parameters.stimulus_scale == 255
        assert figures["n_stimuli"] == 60
        assert figures["r2"] > 0.5  # measured on pixels in [0, 1], not on z-scored ones
        card = (tmp_path / name).with_suffix(".md").read_text()
        assert card == model_card(parameters)
        assert "Meant for\nhandwritten digits" in card and "On 60 test digits of MNIST" in card
        assert "no image gives both" not in card
        assert str(tmp_path) not in card
    told = json.loads((tmp_path / "digits-12-adaptive.json").read_text())
    assert told["base"] == "digits-12"
    halves = np.asarray(load_model(tmp_path / "digits-12.npz").dictionary)
    np.testing.assert_array_equal(halves, halves.astype(np.float16))
