import warnings

import numpy as np
import pytest

from ipvae_brian import Noise, StabilityWarning
from ipvae_brian.physiology import vary
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.settings import gain_of, sparsity_of
from ipvae_brian.physiology.vary import NOISE_SETTINGS, SETTINGS, _changed, vary_settings


@pytest.mark.parametrize("name", [*SETTINGS, *NOISE_SETTINGS])
def test_one_setting_changes_and_nothing_else(gabor_model, name):
    subject = Subject(gabor_model, noise=Noise(drive=0.1))
    changed = _changed(subject, name, 0.7)
    p, noise = changed.parameters, changed.noise
    found = {
        "gain": gain_of(p),
        "sparsity": sparsity_of(p),
        "tau": 1e3 * changed.tau,
        "leak": p.leak,
        "resting_potential": p.resting_potential[0],
    } | {key: getattr(noise, key.removeprefix("noise.")) for key in NOISE_SETTINGS}
    wanted = {
        "gain": 6.0, "sparsity": 0.25, "tau": 20.0, "leak": 0.0, "resting_potential": -2.0,
        "noise.pixel": 0.0, "noise.drive": 0.1, "noise.gain": 0.0, "noise.shared_gain": 0.0,
    }  # fmt: skip
    assert found == pytest.approx(wanted | {name: 0.7})
    np.testing.assert_array_equal(p.dictionary, gabor_model.dictionary)


def test_the_subject_as_it_is_is_measured_once(gabor_model, monkeypatch):
    measured = []

    def count(subject):
        measured.append(subject)
        return {"r2": len(measured), "distances": {}, "medians": {}}

    monkeypatch.setattr(vary, "_measured", count)
    subject = Subject(gabor_model, noise=Noise(drive=0.2), quick=True)
    rows = vary_settings(subject, ["gain", "sparsity", "leak", "noise.drive", "tau"])
    own = {row["setting"]: row["value"] for row in rows if row["unchanged"]}
    wanted = {"gain": 6.0, "sparsity": 0.25, "leak": 0.0, "noise.drive": 0.2, "tau": 20.0}
    assert own == pytest.approx(wanted)
    # All others have one of their own.
    assert len({row["r2"] for row in rows if row["unchanged"]}) == 1
    assert len(measured) == len(rows) - 4


def test_warnings_say_of_which_row(gabor_model, monkeypatch):
    def measured(subject):
        warnings.warn("dt is coarse", StabilityWarning, stacklevel=1)
        return {"r2": 0.5, "distances": {}, "medians": {}}

    monkeypatch.setattr(vary, "_measured", measured)
    with pytest.warns(StabilityWarning) as caught:
        vary_settings(Subject(gabor_model, quick=True), ["leak"])
    told = [str(w.message) for w in caught]
    assert told == [f"leak = {leak:g}: dt is coarse" for leak in vary.LEAKS]
    assert all(w.filename == __file__ for w in caught)


def test_names_are_checked_without_any_work(gabor_model):
    subject = Subject(gabor_model)
    wanted = [("leak", value) for value in (0.0, 0.3, 1.0, 3.0)]
    assert vary.values_to_vary(subject, ["leak"]) == wanted
    with pytest.raises(ValueError, match="vary: setting must be one of"):
        vary_settings(subject, ["noise"])
    with pytest.raises(TypeError, match="vary must be a list of settings"):
        vary_settings(subject, "gain")
    assert not subject.shown
