"""Models that name another one and settings: what they are, and files that are no such thing."""

import json

import numpy as np
import pytest
from helpers import make_parameters

from ipvae_brian import FileFormatError, load_model
from ipvae_brian.model.derived import load_derived

SETTINGS = {
    "spike_size": 0.3,
    "gain": 18.0,
    "sparsity": 0.5,
    "half_threshold_rate": 0.6,
    "threshold_memory": 0.5,
    "lowest_potential": -12.0,
}
GOOD = {
    "format": "ipvae_brian derived model",
    "format_version": 1,
    "base": "other",
    "settings": SETTINGS,
    "provenance": {"name": "mine", "figures": {"r2": 0.9}},
}


@pytest.fixture
def base():
    origin = {"name": "other", "seed": 3, "settings": {"gain": 6.0, "n_neurons": 12}}
    return make_parameters(noise_variance=2.5, leak=0.1, provenance=origin)


def write(path, **changes):
    fields = {k: v for k, v in (GOOD | changes).items() if v != "left out"}
    path.write_text(json.dumps(fields))
    return path


def test_the_dictionary_of_the_other_with_settings_of_its_own(tmp_path, base):
    derived = load_derived(write(tmp_path / "mine.json"), {"other": base}.get)
    lengths = np.linalg.norm(base.dictionary, axis=0)
    np.testing.assert_allclose(derived.dictionary, 0.3 * base.dictionary / lengths, rtol=1e-12)
    # kappa (D^T x - lambda) with the noise variance folded in.
    x = np.random.default_rng(0).normal(size=16)
    pull = derived.natural_gradient_step * (derived.drive(x) - derived.threshold)
    np.testing.assert_allclose(pull, 18 * (x @ base.dictionary / lengths - 0.5), rtol=1e-9)
    assert (derived.noise_variance, derived.leak) == (2.5, 0.1)
    assert (derived.half_threshold_rate, derived.threshold_memory) == (0.6, 0.5)
    assert derived.lowest_potential == -12
    np.testing.assert_array_equal(derived.resting_potential, base.resting_potential)
    origin = derived.provenance
    assert (origin["name"], origin["base"], origin["seed"]) == ("mine", "other", 3)
    assert dict(origin["settings"]) == {"gain": 6.0, "n_neurons": 12}
    assert dict(origin["settings_of_use"]) == SETTINGS


def test_load_model_takes_its_path(tmp_path):
    path = write(tmp_path / "mine.json", base="photographs-512")
    assert load_model(path).provenance["name"] == "mine"
    assert load_model(str(path)).n_neurons == 512


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "something"}, "field 'format' is not"),
        ({"format_version": 2}, "field 'format_version' is 2"),
        ({"format_version": "left out"}, "field 'format_version' is None"),
        ({"base": "left out"}, "field 'base' is missing"),
        ({"base": 3}, "field 'base' must be a str"),
        ({"settings": []}, "field 'settings' must be a dict"),
        ({"settings": {"gain": 3.0}}, "field 'settings'"),
        ({"settings": SETTINGS | {"gain": -1}}, "field 'settings': gain must be"),
        ({"settings": SETTINGS | {"speed": 1}}, "field 'settings': .*speed"),
        ({"provenance": "left out"}, "field 'provenance' is missing"),
        ({"more": 1}, "field 'more' is unknown"),
    ],
)
def test_other_files_are_refused(tmp_path, base, changes, words):
    path = write(tmp_path / "mine.json", **changes)
    with pytest.raises(FileFormatError, match=f"mine.json: {words}"):
        load_derived(path, {"other": base}.get)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_refused(tmp_path, content):
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="mine.json"):
        load_model(path)


def test_a_base_that_is_not_there(tmp_path):
    with pytest.raises(FileFormatError, match=r"field 'base': .*did you mean 'photographs-512'"):
        load_model(write(tmp_path / "mine.json", base="photograph-512"))
    # Nor one that is derived itself, which could go round in circles.
    for base in ("photographs-512-adaptive", str(tmp_path / "mine.json")):
        with pytest.raises(FileFormatError, match="field 'base': "):
            load_model(write(tmp_path / "mine.json", base=base))
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.json")
