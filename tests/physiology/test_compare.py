"""A model is compared as a whole, at small size."""

import json
import sys

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording
from ipvae_brian.physiology import Check, compare
from ipvae_brian.physiology.compare import _named_recordings
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.properties import PROPERTIES

FIGURES = {
    *("latency_sign_fraction", "latency_shift_ms", "n_properties", "n_agree_shipped"),
    *("n_agree_preset", "r2_shipped", "r2_preset", "fano_ks", "gain_variance_ks"),
    *("noise_correlation_ks", "circular_variance_ks", "gabor_fraction"),
}


@pytest.fixture(scope="module")
def own():
    """A recording of orientations with repeats, of 15 units."""
    rng = np.random.default_rng(0)
    angle = np.repeat(np.arange(0, 180, 22.5), 20)
    rates = 1 + 15 * np.exp(3 * (np.cos(np.deg2rad(2 * (angle - 45))) - 1))
    counts = rng.poisson(np.tile(rates[:, None], 15))
    return Recording.from_counts(
        counts.T.reshape(15, 8, 20), {"orientation": np.arange(0, 180, 22.5)}, 200 * ms
    )


@pytest.fixture(scope="module")
def comparison(gabor_model, own):
    return compare(gabor_model, {"own.nwb": own}, quick=True, vary=["leak"], progress=False)


@pytest.mark.slow
def test_report_has_all_that_is_promised(comparison, tmp_path):
    comparison.save(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["model"] == "gabor-32"
    assert FIGURES <= set(told["figures"])
    assert len(told["properties"]) == len(PROPERTIES) >= 20
    assert told["figures"]["n_properties"] >= 20
    agree = sum(one["agrees"] is True for one in told["properties"])
    assert told["figures"]["n_agree_shipped"] == agree
    membrane = {p.name for p in PROPERTIES if p.group == "Membrane potential"}
    assert len(membrane) == 4
    assert told["figures"]["n_comparable"] == len(PROPERTIES) - len(membrane)
    for one in told["properties"]:
        # Of membrane potentials no laboratory's values are at hand: told, and not judged.
        assert one["sentence"] and bool(one["biology"]) == (one["name"] not in membrane)
        if one["name"] in membrane:
            assert one["model"]["n"] and one["agrees"] is None and one["distance"] is None
        if one["agrees"]:
            assert one["gate"]["passed"]
            lows = [b["low"] for b in one["biology"] if b["low"] is not None]
            highs = [b["high"] for b in one["biology"] if b["high"] is not None]
            assert min(lows) <= one["model"]["median"] <= max(highs)
        if one["distance"] is not None:
            low, high = one["distance_ci"]
            assert 0 <= low <= high <= 1
    # The same neurons with another time constant and noise are more variable.
    fano = comparison["fano_factor"]
    assert fano.preset.model.median > fano.shipped.model.median
    assert fano.biology[0].window_tau == pytest.approx(10)
    assert told["figures"]["gabor_fraction"] == 1
    assert {curve["name"] for curve in told["curves"]} == {"contrast_response", "orientation"}


@pytest.mark.slow
def test_recordings_stand_beside_the_laboratories(comparison, own):
    (told,) = comparison.recordings
    assert (told["name"], told["n_units"], told["n_trials"]) == ("own.nwb", 15, 160)
    assert {"circular_variance", "fano_factor", "noise_correlation"} <= set(told["measured"])
    reasons = {one["property"]: one["reason"] for one in told["not_measured"]}
    assert "contrast" in reasons["contrast_c50"]
    last = comparison["circular_variance"].biology[-1]
    assert (last.laboratory, last.recording, last.n) == ("own.nwb", True, 15)
    # The same function as for the model.
    wanted = next(one for one in PROPERTIES if one.name == "circular_variance").measure(own)
    assert last.percentiles[50.0] == pytest.approx(wanted.distribution.median)
    assert last.distance is not None and last.distance_preset is not None
    assert not any(b.recording for b in comparison["contrast_c50"].biology)
    # What agreement is does not depend on the recordings that were given.
    variance = comparison["circular_variance"]
    lows, highs = zip(*((b.low, b.high) for b in variance.biology if not b.recording), strict=True)
    assert variance.spread == (min(lows), max(highs))
    assert "the middle half of own.nwb" in variance.shipped.sentence
    # A recording has to meet the conditions, too: eight orientations resolve no narrow curves.
    width = comparison["half_bandwidth"].biology[-1]
    assert not last.problems and any("half-bandwidths are below" in p for p in width.problems)
    assert "recording of spikes" in reasons["membrane_potential"]


@pytest.mark.slow
def test_settings_are_varied_with_their_price(comparison, gabor_model):
    rows = comparison.vary
    assert [row["setting"] for row in rows] == ["leak"] * 4
    assert [row["value"] for row in rows] == [0.0, 0.3, 1.0, 3.0]
    # The model's own value is there, to compare the others with.
    assert [row["unchanged"] for row in rows] == [True, False, False, False]
    assert all(0 <= row["distances"]["circular_variance"] <= 1 for row in rows)
    # The stronger the leak, the broader tuning, and the worse the code.
    variances = [row["medians"]["circular_variance"] for row in rows]
    assert variances == sorted(variances)
    assert rows[0]["r2"] > rows[-1]["r2"]


def test_a_property_whose_gate_fails_is_no_agreement(gabor_model, monkeypatch):
    # The function hides the module of its name.
    module = sys.modules["ipvae_brian.physiology.compare"]
    one = next(p for p in PROPERTIES if p.name == "gabor_nx")
    subject = Subject(gabor_model, quick=True)
    biology = module._biology(one, 20.0)
    good = Check("columns", 1.0, 0.5, True, "all columns fit")
    found = module._measured(one, subject, biology, good)
    monkeypatch.setattr(
        subject, "time_step", lambda name: Check("time step", 1, 0, False, "coarse")
    )
    failed = module._measured(one, subject, biology, good)
    assert found.agrees and found.gate.passed
    assert failed.agrees is False
    assert failed.sentence.endswith("This is no agreement: coarse.")
    assert failed.distance == found.distance
    # Where nobody has published any, there is nothing to agree with.
    alone = module._measured(one, subject, [], good)
    assert alone.agrees is None
    assert "no laboratory has values" in alone.sentence
    assert alone.sentence.endswith("This says nothing: coarse.")


def test_wrong_arguments_are_refused_before_the_work(gabor_model):
    with pytest.raises(ValueError, match="vary: setting must be one of"):
        compare(gabor_model, vary=["gian"])
    with pytest.raises(TypeError, match="vary must be a list of settings"):
        compare(gabor_model, vary="gain")
    with pytest.raises(TypeError, match="recordings: recording 1 must be a Recording, got int"):
        compare(gabor_model, [3])
    with pytest.raises(TypeError, match="quick must be True or False"):
        compare(gabor_model, quick=1)
    with pytest.raises(ValueError, match="must be one of|no such model|did you mean"):
        compare("vanhateren-51")


def test_one_recording_is_not_taken_apart_into_its_trials(own):
    assert list(_named_recordings(own)) == ["recording 1"]
