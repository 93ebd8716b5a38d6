"""What normalises: small models, whose figures mean nothing, and one neuron whose do."""

import json

import numpy as np
import pytest
from brian2 import ms

from benchmarks import normalisation
from benchmarks.normalisation import CONTRASTS, PLAIDS
from ipvae_brian import Parameters
from ipvae_brian.network.contrast import ContrastPrior
from ipvae_brian.stimuli import FrontEnd, Whitening

SHAPE = (12, 12)


@pytest.fixture(scope="module")
def model():
    """Gratings at right angles to each other, in pairs of both signs, behind a front end."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    waves = [
        wave
        for across in (x, y)
        for wave in (np.cos(np.pi * across / 3), np.sin(np.pi * across / 3))
    ]
    dictionary = np.array([sign * wave.ravel() for wave in waves for sign in (1, -1)]).T
    return Parameters.from_unit_dictionary(
        dictionary,
        spike_size=0.4,
        gain=2,
        sparsity=0.25,
        stimulus_shape=SHAPE,
        front_end=FrontEnd(whitening=Whitening(contrast_kernel=5, border=2), floor=0.02),
    )


def test_neurons_prefer_their_own_grating(model):
    neurons, gratings = normalisation.preferred_gratings(model, 100)
    assert neurons.tolist() == list(range(8))
    # 12 pixels, a wave of 6: two cycles per patch. The first four go along x.
    assert {grating.spatial_frequency * 12 for grating in gratings} == {2}
    assert [grating.direction for grating in gratings] == [0] * 4 + [90] * 4
    fewer, _ = normalisation.preferred_gratings(model, 3, seed=1)
    assert len(fewer) == 3


def test_a_linear_code_is_masked_by_a_front_end_or_an_inferred_contrast_only(model):
    """Gratings at right angles have nothing in common, so competition does nothing."""
    neurons, gratings = normalisation.preferred_gratings(model, 4)
    prior = ContrastPrior(mean=-0.5, deviation=0.3)
    found = {
        name: normalisation.measure(model, neurons, gratings, front_end, rates_of)
        for name, (front_end, rates_of) in normalisation.conditions(model, prior).items()
    }
    ratio = {name: np.median(plaids[0].to_best) for name, (_, plaids) in found.items()}
    for name in ("no normalisation", "no normalisation, no competition"):
        assert ratio[name] == pytest.approx(1, abs=0.05)
        responses = found[name][0]
        assert responses.shape == (len(CONTRASTS), 4)
        # Linear above the threshold.
        assert np.diff(responses[-3:, 0]) / np.diff(CONTRASTS[-3:]) == pytest.approx(
            np.diff(responses[-3:, 0])[0] / 0.2, rel=0.05
        )
    for name in ("divisive front end", "inferred contrast", "inferred contrast, no competition"):
        assert ratio[name] < 0.9
    figures = normalisation.figures_of(*found["inferred contrast"])
    plain = normalisation.figures_of(*found["no normalisation"])
    assert figures["full_to_half_contrast"][1] < plain["full_to_half_contrast"][1] - 0.2
    assert len([name for name in figures if name.startswith("plaid")]) == 2 * len(PLAIDS)


def test_spikes_settle_where_rates_do(model, monkeypatch):
    """Rates to 5 Hz or 20 %, contrast to 10 %."""
    monkeypatch.setattr(normalisation, "SPIKING_DT", 0.5 * ms)
    monkeypatch.setattr(normalisation, "SPIKING_CONTRASTS", (1.0,))
    neurons, gratings = normalisation.preferred_gratings(model, 2)
    rows = normalisation.with_spikes(model, neurons, gratings, ContrastPrior(), n=1, n_tau=15)
    assert [row["contrast"] for row in rows] == [1.0]
    for row in rows:
        assert row["rate"] == pytest.approx(row["rate_without_noise"], rel=0.2, abs=5)
        assert row["inferred"] == pytest.approx(row["inferred_without_noise"], rel=0.1)
    assert rows[-1]["rate"] > 20


def test_the_code_of_images_with_and_without_an_inferred_contrast(model):
    """Where no contrast is inferred, both are the same."""
    images = 4 * np.random.default_rng(0).normal(size=(20, 8)) @ model.dictionary.T
    same = normalisation.code_of(model, images, ContrastPrior(mean=0, deviation=0))
    assert same["r2_inferred"] == pytest.approx(same["r2"], abs=1e-3)
    assert same["spikes_inferred"] == pytest.approx(same["spikes"], rel=5e-3)
    other = normalisation.code_of(model, images, ContrastPrior(mean=0, deviation=0.5))
    assert other["spikes_inferred"] < 0.9 * other["spikes"] and other["r2_inferred"] > 0.5


def test_figures_and_picture_are_written(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(normalisation, "load_model", lambda name: model)
    images = np.random.default_rng(0).normal(size=(20, 144))
    monkeypatch.setattr(normalisation, "natural_patches", lambda: images)
    where = ["--json", str(tmp_path / "n.json"), "--figure", str(tmp_path / "n.png")]
    normalisation.main(["--neurons", "3", *where])
    content = json.loads((tmp_path / "n.json").read_text())
    assert len(content["conditions"]) == 8 and content["n_neurons"] == 3
    assert content["prior"] == {"mean": -0.5, "deviation": 0.15, "memory": 5}
    assert set(content["natural"]) == {"r2", "r2_inferred", "spikes", "spikes_inferred"}
    assert (tmp_path / "n.png").stat().st_size > 10_000
    assert "inferred contrast, no competition: n " in capsys.readouterr().out
