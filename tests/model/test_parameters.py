"""Parameters: validated, frozen, and the same after saving and loading."""

import copy
import dataclasses
import errno
import json
import os
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from brian2.only import ms, mV, second
from helpers import make_parameters, stored, write_stored
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import FileFormatError, Parameters
from ipvae_brian._tools.files import checksum
from ipvae_brian.stimuli import FrontEnd, Whitening

ARRAYS = ("dictionary", "threshold", "resting_potential", "natural_gradient_step")
VALUES = {
    "leak": 0.1,
    "half_threshold_rate": 0.7,
    "threshold_memory": 1.6,
    "noise_variance": 0.3,
    "pixel_noise": np.linspace(0.5, 1.5, 6),
    "tau": 12.3 * ms,
    "stimulus_shape": (2, 3),
    "stimulus_mean": 0.1 + 0.2,
    "stimulus_scale": 1e-3,
    "whitening": {"method": "zca", "cutoff": 0.1 + 0.2, "filter": [[1.0, 2.0]]},
    "front_end": FrontEnd(whitening=Whitening(border=3), floor=0.1 + 0.2, mean=0.1),
    "provenance": {"name": "größer", "seed": 1, "figures": {"r2": 1 / 3}, "none": None},
    "lowest_potential": -7.5,
    "highest_potential": 5.25,
}


def full():
    """Parameters of which no field has its default."""
    rng = np.random.default_rng(0)
    arrays = {
        "dictionary": rng.normal(size=(6, 4)),
        "threshold": rng.normal(size=4),
        "resting_potential": rng.uniform(-3, 1, 4),
        "natural_gradient_step": rng.uniform(0.5, 2, 4),
    }
    return Parameters(**arrays, **VALUES)


def assert_same(a, b):
    for field in fields(Parameters):
        x, y = getattr(a, field.name), getattr(b, field.name)
        assert type(x) is type(y), field.name
        if isinstance(x, np.ndarray) and not isinstance(x, type(1 * ms)):
            assert x.dtype == y.dtype
            np.testing.assert_array_equal(x, y, err_msg=field.name)
        else:
            assert x == y, field.name


def test_defaults():
    p = Parameters(dictionary=[[1, 2, 3], [4, 5, 6]])
    assert (p.n_pixels, p.n_neurons) == (2, 3)
    assert p.stimulus_shape == (2,)
    assert p.tau == 20 * ms
    for name, value in (("threshold", 0), ("resting_potential", -2), ("natural_gradient_step", 1)):
        np.testing.assert_array_equal(getattr(p, name), np.full(3, value, float))
    assert p.leak == 0
    assert p.half_threshold_rate is None
    assert p.threshold_memory == 1
    assert p.noise_variance == 1
    assert (p.lowest_potential, p.highest_potential) == (-8, 6)
    assert p.provenance == {}
    assert p.whitening is None


def test_round_trip_of_every_field(tmp_path):
    p = full()
    default = Parameters(dictionary=np.ones((6, 4)))
    for field in fields(Parameters):
        assert not np.array_equal(getattr(p, field.name), getattr(default, field.name)), field.name
    p.save(tmp_path / "m.npz")
    assert_same(Parameters.load(tmp_path / "m.npz"), p)
    default.save(str(tmp_path / "m.npz"))
    assert_same(Parameters.load(str(tmp_path / "m.npz")), default)


@given(st.floats(1e-9, 1e9), st.floats(-1e9, 1e9), st.floats(1e-300, 1e300))
def test_round_trip_of_every_number(tmp_path_factory, milliseconds, mean, scale):
    path = tmp_path_factory.mktemp("p") / "m.npz"
    p = Parameters(
        dictionary=[[mean]],
        tau=milliseconds * ms,
        stimulus_mean=mean,
        stimulus_scale=scale,
    )
    p.save(path)
    assert_same(Parameters.load(path), p)


def test_frozen():
    p = full()
    for field in fields(Parameters):
        with pytest.raises(FrozenInstanceError):
            setattr(p, field.name, getattr(p, field.name))
    for name in ARRAYS:
        with pytest.raises(ValueError, match="read-only"):
            getattr(p, name)[...] = 0


def test_what_was_given_is_copied():
    dictionary, threshold = np.ones((2, 2)), np.zeros(2)
    p = Parameters(dictionary=dictionary, threshold=threshold)
    dictionary[:], threshold[:] = 7, 7
    np.testing.assert_array_equal(p.dictionary, np.ones((2, 2)))
    np.testing.assert_array_equal(p.threshold, np.zeros(2))
    assert dictionary.flags.writeable


@pytest.mark.parametrize(
    ("name", "value", "error", "words"),
    [
        ("dictionary", np.ones(3), ValueError, "2 dimension"),
        ("dictionary", np.ones((0, 3)), ValueError, "empty"),
        ("dictionary", [[np.nan]], ValueError, "finite"),
        ("dictionary", [["a"]], TypeError, "real numbers"),
        ("dictionary", [[1j]], TypeError, "real numbers"),
        ("threshold", np.ones(4), ValueError, r"\(3,\), got \(4,\)"),
        ("threshold", np.ones((3, 1)), ValueError, "dimension"),
        ("threshold", np.inf, ValueError, "finite"),
        ("resting_potential", [0, 0, np.nan], ValueError, "finite"),
        ("resting_potential", -9, ValueError, r"within \[-8, 6\]"),
        ("resting_potential", 6.5, ValueError, r"within \[-8, 6\]"),
        ("natural_gradient_step", 0, ValueError, "> 0"),
        ("natural_gradient_step", [1, 1, -1], ValueError, "> 0"),
        ("leak", -0.1, ValueError, ">= 0"),
        ("leak", "0", TypeError, "number"),
        ("leak", 1 * mV, TypeError, "number"),
        ("noise_variance", 0, ValueError, "> 0"),
        ("noise_variance", np.nan, ValueError, "> 0"),
        ("tau", 20, TypeError, "time"),
        ("tau", 20 * mV, TypeError, "time"),
        ("tau", 0 * ms, ValueError, "positive"),
        ("stimulus_shape", (2, 2), ValueError, r"product 2 .*got \(2, 2\)"),
        ("stimulus_shape", (2.0, 1), ValueError, "whole numbers"),
        ("stimulus_shape", (-1, -2), ValueError, "whole numbers"),
        ("stimulus_mean", np.inf, ValueError, "finite"),
        ("stimulus_scale", 0, ValueError, "> 0"),
        ("whitening", "zca", TypeError, "dict"),
        ("whitening", {"filter": np.ones(2)}, ValueError, "JSON"),
        ("provenance", None, TypeError, "dict"),
        ("provenance", {"r2": np.nan}, ValueError, "JSON"),
        ("lowest_potential", np.nan, ValueError, "finite"),
        ("highest_potential", -8, ValueError, "> -8"),
        ("highest_potential", 20.1, ValueError, "<= 20"),
    ],
)
def test_errors_name_the_argument(name, value, error, words):
    with pytest.raises(error, match=f"^{name} .*{words}"):
        Parameters(**({"dictionary": np.ones((2, 3))} | {name: value}))


def test_from_unit_dictionary():
    rng = np.random.default_rng(0)
    given_dictionary = rng.normal(size=(5, 3)) * [1, 10, 0.01]
    p = Parameters.from_unit_dictionary(
        given_dictionary, spike_size=0.4, gain=3, sparsity=0.5, noise_penalty=0.25, leak=0.1
    )
    np.testing.assert_allclose(p.spike_sizes, 0.4)
    lengths = np.linalg.norm(given_dictionary, axis=0)
    np.testing.assert_allclose(p.dictionary, 0.4 * given_dictionary / lengths)
    # b = lambda |phi| + noise_penalty |phi|^2 / 2
    np.testing.assert_allclose(p.threshold, 0.5 * 0.4 + 0.25 * 0.5 * 0.16)
    np.testing.assert_allclose(p.natural_gradient_step, 3 / 0.4)
    assert p.leak == 0.1
    # The form used in training: du = kappa (h (D^T x - lambda) - s D^T D z).
    p = Parameters.from_unit_dictionary(given_dictionary, spike_size=0.4, gain=3, sparsity=0.5)
    unit, x, z = given_dictionary / lengths, rng.normal(size=5), np.array([1, 0, 2])
    change = p.natural_gradient_step * (p.drive(x) - p.threshold - p.lateral_weights @ z)
    expected = 3 * (unit.T @ x - 0.5 - 0.4 * unit.T @ unit @ z)
    np.testing.assert_allclose(change, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("spike_size", 0, ValueError),
        ("gain", -1, ValueError),
        ("gain", "3", TypeError),
        ("sparsity", -0.1, ValueError),
        ("noise_penalty", np.nan, ValueError),
        ("dictionary", np.array([[1.0, 0], [1, 0]]), ValueError),
        ("dictionary", np.ones(3), ValueError),
        ("leak", -1, ValueError),
    ],
)
def test_from_unit_dictionary_names_the_argument(name, value, error):
    arguments = {"dictionary": np.ones((2, 2)), "spike_size": 1, "gain": 1, "sparsity": 0}
    with pytest.raises(error, match=f"^{name} "):
        Parameters.from_unit_dictionary(**(arguments | {name: value}))


def test_weights_and_drive_are_divided_by_the_noise_variance():
    p = full().replace(pixel_noise=None)
    phi = p.dictionary
    np.testing.assert_allclose(p.lateral_weights, phi.T @ phi / 0.3)
    np.testing.assert_allclose(p.spike_sizes, np.sqrt((phi**2).sum(axis=0)))
    x = np.random.default_rng(1).normal(size=(2, 5, 6))
    np.testing.assert_allclose(p.drive(x), np.einsum("abm,mk->abk", x, phi) / 0.3)
    np.testing.assert_allclose(p.standardise(x), (x - p.stimulus_mean) / p.stimulus_scale)


@given(st.floats(1e-6, 1e6))
def test_with_noise_variance_leaves_the_dynamics(noise_variance):
    p = full()
    q = p.with_noise_variance(noise_variance)
    assert q.noise_variance == noise_variance
    x = np.random.default_rng(1).normal(size=(3, 6))

    def terms(p):
        step = p.natural_gradient_step
        return step * p.drive(x), step * p.threshold, step * p.lateral_weights

    for one, other in zip(terms(p), terms(q), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    changed = {"noise_variance", "threshold", "natural_gradient_step"}
    same = {name: getattr(p, name) for name in changed}
    assert_same(replace(q, **same), p)


def test_with_noise_variance_refuses():
    with pytest.raises(ValueError, match="^noise_variance must be > 0"):
        full().with_noise_variance(0)


# Files


def rewrite(path, **changes):
    """Replace fields of a model file; None deletes."""
    arrays, metadata = stored(path)
    for name, value in changes.items():
        place = arrays if name in arrays else metadata
        place[name] = value
        if value is None:
            del place[name]
    write_stored(path, arrays, metadata)


@pytest.fixture
def model(tmp_path):
    full().save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def test_rewriting_nothing_changes_nothing(model):
    rewrite(model)
    assert_same(Parameters.load(model), full())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dictionary", np.full((6, 4), np.nan), "finite"),
        ("dictionary", np.ones((6, 5)), ""),
        ("dictionary", np.ones(6), "dimension"),
        ("dictionary", np.array([["a"]]), "real numbers"),
        ("threshold", np.array([0, 1, np.inf, 0]), "finite"),
        ("threshold", np.ones(3), "shape"),
        ("resting_potential", np.ones(5), "shape"),
        ("resting_potential", np.full(4, 99.0), "within"),
        ("natural_gradient_step", np.full(4, -1.0), "> 0"),
        ("pixel_noise", np.ones(5), "shape"),
        ("pixel_noise", np.zeros(6), "> 0 for every pixel"),
        ("leak", float("nan"), "finite"),
        ("leak", "much", "number"),
        ("noise_variance", float("inf"), "finite"),
        ("tau_seconds", -1.0, "> 0"),
        ("tau_seconds", float("nan"), "finite"),
        ("tau_seconds", "20 ms", "number"),
        ("stimulus_shape", [2, 2], "product 6"),
        ("stimulus_scale", 0, "> 0"),
        ("highest_potential", -100, "> -7.5"),
        ("highest_potential", 30.0, "<= 20"),
        ("whitening", "zca", "dict"),
        ("front_end", "zca", "must be a FrontEnd"),
        ("front_end", {"whitening": {}, "floor": -1}, "floor must be > 0"),
        ("provenance", [1], "dict"),
    ],
)
def test_damaged_fields_are_named(model, name, value, words):
    rewrite(model, **{name: value})
    # Where shapes do not match, either of the two may be named.
    name = "threshold" if np.shape(value) == (6, 5) else name
    with pytest.raises(FileFormatError, match=f"model.npz: field {name} .*{words}"):
        Parameters.load(model)


# Models from before there were front ends are read without.
OPTIONAL = ("front_end", "pixel_noise")
NAMES = [f.name for f in fields(Parameters) if f.name not in ("tau", *OPTIONAL)] + ["tau_seconds"]


@pytest.mark.parametrize("name", NAMES)
def test_missing_fields_are_named(model, name):
    rewrite(model, **{name: None})
    with pytest.raises(FileFormatError, match=f"model.npz: field '{name}' is missing"):
        Parameters.load(model)


def test_newer_and_foreign_files(model):
    rewrite(model, format_version=99)
    with pytest.raises(FileFormatError, match="model.npz: field 'format_version' is 99, newer"):
        Parameters.load(model)
    rewrite(model, format_version=1, format="ipvae_brian checkpoint")
    with pytest.raises(FileFormatError, match="model.npz: field 'format'"):
        Parameters.load(model)


def test_files_of_version_1_have_constant_thresholds(model):
    arrays, metadata = stored(model)
    metadata["format_version"] = 1
    del metadata["half_threshold_rate"], metadata["threshold_memory"]
    np.savez_compressed(model, **arrays, metadata=json.dumps(metadata))
    loaded = Parameters.load(model)
    assert loaded.half_threshold_rate is None
    assert loaded.threshold_memory == 1
    np.testing.assert_array_equal(loaded.threshold, full().threshold)


def test_additional_fields_are_ignored(model):
    """A later release may add fields without a new version of the format."""
    rewrite(model, something_new=1.5)
    assert_same(Parameters.load(model), full())


EXTREME = {
    "deep nesting": ("whitening", "[" * 2000 + "]" * 2000),
    "deep nesting of dicts": ("provenance", '{"a":' * 2000 + "1" + "}" * 2000),
    "a number of 401 digits": ("leak", "1" + "0" * 400),
    "a bound of 401 digits": ("highest_potential", "1" + "0" * 400),
    "a number of 5000 digits": ("leak", "9" * 5000),
    "a shape that overflows": ("stimulus_shape", f"[{2**62 + 1}, 6]"),
    "a shape with a huge number": ("stimulus_shape", f"[{10**30}, 6]"),
    "fields that are a number": ("fields", "5"),
    "fields that are dicts": ("fields", "[{}]"),
    "fields in a dict": ("fields", "{}"),
    "a version that is true": ("format_version", "true"),
    "a version that is a float": ("format_version", "1.0"),
}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("case", EXTREME)
def test_extreme_values(model, case, version):
    """Of files with a fitting checksum, and of older ones without."""
    name, value = EXTREME[case]
    arrays, metadata = stored(model)
    metadata |= {"format_version": version, name: "HERE"}
    text = json.dumps(metadata).replace('"HERE"', value)
    mark = {"checksum": np.array(checksum(text, arrays))} if version > 1 else {}
    np.savez(model, metadata=np.array(text), **mark, **arrays)
    with pytest.raises(FileFormatError, match=rf"model\.npz: field '?(metadata|{name})"):
        Parameters.load(model)


def test_models_from_before_checksums_are_read(model):
    arrays, metadata = stored(model)
    text = json.dumps(metadata | {"format_version": 1})
    np.savez(model, metadata=np.array(text), **arrays)
    assert_same(Parameters.load(model), full())


@pytest.mark.parametrize("part", [0, 0.01, 0.25, 0.5, 0.75, 0.99])
def test_truncated_file(model, part):
    content = model.read_bytes()
    model.write_bytes(content[: int(part * len(content))])
    with pytest.raises(FileFormatError, match="model.npz"):
        Parameters.load(model)


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_corrupted_file_is_refused_or_the_same(model, flip):
    content, p = model.read_bytes(), full()
    refused = 0
    for where in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[where] ^= flip
        model.write_bytes(damaged)
        try:
            loaded = Parameters.load(model)
        except FileFormatError:
            refused += 1
        else:
            assert_same(loaded, p)
    assert refused > len(content) / 3 / 2


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.npz"):
        Parameters.load(tmp_path / "none.npz")


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_old_model_survives_a_full_disk(model, monkeypatch, function):
    before = model.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match="No space left"):
            Parameters(dictionary=np.ones((2, 2))).save(model)
    assert model.read_bytes() == before
    assert os.listdir(model.parent) == ["model.npz"]


def test_repr():
    assert repr(full()) == "<Parameters größer: 4 neurons, 6 pixels (2, 3), tau 12.3 ms>"
    plain = Parameters(dictionary=np.ones((2, 3)), tau=1 * second)
    assert repr(plain) == "<Parameters 3 neurons, 2 pixels (2,), tau 1. s>"


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda p: pickle.loads(pickle.dumps(p)),
    "replace": lambda p: p.replace(leak=0.1),
    "dataclasses": lambda p: dataclasses.replace(p, leak=0.1),
    "gain": lambda p: p.with_gain(0.2),
}


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("used_before", [False, True])
def test_every_copy_is_as_frozen_as_the_original(copied, used_before):
    original = make_parameters(whitening={"filter": [1, 2]}, provenance={"data": {"n": [1]}})
    if used_before:
        assert original.lateral_weights.any() and original.spike_sizes.any()
    p = COPIES[copied](original)
    names = ("dictionary", "threshold", "resting_potential", "natural_gradient_step")
    for name in (*names, "lateral_weights", "spike_sizes", "tau"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(p, name)[...] = getattr(original, name)
    for part in (p.provenance, p.provenance["data"], p.whitening):
        with pytest.raises(TypeError, match="read-only"):
            part["n"] = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.leak = 1
    np.testing.assert_array_equal(
        p.lateral_weights, p.dictionary.T @ p.dictionary / p.noise_variance
    )


def test_decode_is_the_dictionary_times_counts():
    p = make_parameters()
    counts = np.random.default_rng(0).poisson(1, (3, 5, 12))
    expected = np.einsum("pk,stk->stp", p.dictionary, counts)
    np.testing.assert_allclose(p.decode(counts), expected)
    single = p.decode(counts, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=1e-5)
    np.testing.assert_allclose(p.decode(counts[0, 0].tolist()), expected[0, 0])


def test_replace_changes_what_it_names_and_nothing_else():
    p = make_parameters(leak=0.2)
    changed = p.replace(leak=0.5, threshold=1)
    assert changed.leak == 0.5 and (changed.threshold == 1).all()
    np.testing.assert_array_equal(changed.dictionary, p.dictionary)
    with pytest.raises(ValueError, match="replace: parameter must be one of .* mean 'threshold'"):
        p.replace(treshold=1)
    with pytest.raises(ValueError, match="leak must be >= 0"):
        p.replace(leak=-1)


@pytest.mark.parametrize("noise_variance", [1.0, 2.5])
def test_gain_is_the_step_times_spike_size(noise_variance):
    p = Parameters.from_unit_dictionary(
        np.random.default_rng(0).normal(size=(6, 4)), spike_size=0.5, gain=2.0, sparsity=0.1
    )
    p = p.with_noise_variance(noise_variance)
    np.testing.assert_allclose(p.with_gain(2.0).natural_gradient_step, p.natural_gradient_step)
    np.testing.assert_allclose(p.with_gain(0.5).natural_gradient_step, p.natural_gradient_step / 4)
    np.testing.assert_array_equal(p.with_gain(0.5).threshold, p.threshold)
    with pytest.raises(ValueError, match="gain must be > 0"):
        p.with_gain(0)


# Pixel noise


def test_pixel_noise_weighs_pixels():
    p = full()
    x = np.random.default_rng(1).normal(size=(3, 6))
    variances = p.noise_variance * p.pixel_noise**2
    np.testing.assert_allclose(p.drive(x), x / variances @ p.dictionary, rtol=1e-12)
    precise = np.diag(1 / variances)
    weights = p.dictionary.T @ precise @ p.dictionary
    np.testing.assert_allclose(p.lateral_weights, weights, rtol=1e-12)
    np.testing.assert_allclose(p.spike_sizes**2 / p.noise_variance, np.diag(weights), rtol=1e-12)
    # Decoding does not depend on it.
    np.testing.assert_array_equal(p.decode(np.eye(4)), p.dictionary.T)


def test_the_same_noise_for_all_pixels_is_noise_variance():
    p = full().replace(pixel_noise=np.full(6, 2.0))
    q = p.replace(pixel_noise=None, noise_variance=4 * p.noise_variance)
    x = np.random.default_rng(2).normal(size=(3, 6))
    np.testing.assert_allclose(p.drive(x), q.drive(x), rtol=1e-12)
    np.testing.assert_allclose(p.lateral_weights, q.lateral_weights, rtol=1e-12)
    gains = p.with_gain(3.0).natural_gradient_step, q.with_gain(3.0).natural_gradient_step
    np.testing.assert_allclose(gains[0] * 2, gains[1], rtol=1e-12)


def test_settings_count_in_units_of_the_noise():
    p = full().with_settings(spike_size=0.7, gain=5, sparsity=0.2)
    np.testing.assert_allclose(p.spike_sizes, 0.7, rtol=1e-12)
    np.testing.assert_array_equal(p.pixel_noise, full().pixel_noise)
    cosine = np.sum(p.dictionary * full().dictionary, axis=0)
    cosine /= np.linalg.norm(p.dictionary, axis=0) * np.linalg.norm(full().dictionary, axis=0)
    np.testing.assert_allclose(cosine, 1)


def test_older_releases_refuse_models_with_pixel_noise(tmp_path):
    full().save(tmp_path / "with.npz")
    full().replace(pixel_noise=None).save(tmp_path / "without.npz")
    versions = [
        stored(tmp_path / f"{name}.npz")[1]["format_version"] for name in ("with", "without")
    ]
    assert versions == [3, 2]
    assert Parameters.load(tmp_path / "without.npz").pixel_noise is None
