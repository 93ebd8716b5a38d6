"""Checkpoints: whole or refused, with the field that is wrong and why."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
from helpers import stored, write_stored
from trainings import N_PIXELS, SETTINGS, assert_same, begin, resume, save

from ipvae_brian import IPVAE, FileFormatError
from ipvae_brian.learning import e_step
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.statistics import RunningStatistics


@pytest.fixture
def checkpoint(tmp_path, uninterrupted):
    path = tmp_path / "c.npz"
    save(uninterrupted, path, "mark")
    return path


OTHERS = {
    "n_neurons": 11,
    "spike_size": 0.41,
    "gain": 5.5,
    "sparsity": 0.3,
    "inference_windows": 8,
    "learn_prior": True,
    "standardise": False,
    "noise_penalty": 0.1,
    "leak": 0.1,
    "tau_seconds": 0.01,
    "training_gain": 5.1,
    "training_sparsity": 0.5,
    "training_highest_potential": 4.5,
    "steps_per_tau": 40,
    "batch_size": 21,
    "n_windows": 3,
    "windows_left_out": 0,
    "n_epochs": 3,
    "averaging_rate": 0.08,
    "dictionary_step": 1.4,
    "ridge": 0.02,
    "weight_cost": 0.2,
    "half_threshold_rate": 0.5,
    "threshold_memory": 0.5,
    "lowest_potential": -9.0,
    "training_half_threshold_rate": 0.4,
    "annealing": 0.4,
    "revive_after": 61,
    "engine": "numpy",
    "seed": 4,
}


def test_checkpoint_of_other_settings(checkpoint):
    assert OTHERS.keys() == set(TrainingSettings.__dataclass_fields__)
    for name, value in OTHERS.items():
        words = f"c.npz: field '{name}' is .*, this training has {value!r}"
        with pytest.raises(FileFormatError, match=words):
            resume(checkpoint, replace(SETTINGS, **{name: value}), "mark")


def test_checkpoint_of_other_stimuli(checkpoint):
    with pytest.raises(FileFormatError, match="c.npz: field 'fingerprint': .*other stimuli"):
        resume(checkpoint, SETTINGS, "another mark")


def rewrite(path, name, value):
    arrays, metadata = stored(path)
    place = arrays if name in arrays else metadata
    assert name in place
    place[name] = value
    if value is None:
        del place[name]
    write_stored(path, arrays, metadata)


FIELDS = (
    *RunningStatistics.ARRAYS,
    "dictionary",
    "silent",
    "settings",
    "fingerprint",
    "noise_variance",
)
FIELDS += ("n_updates", "n_batches", "n_revived", "n_diverged", "steps_per_tau", "figures")


def test_a_training_on_flat_stimuli_resumes(tmp_path):
    """Its R2 is not a number, which JSON does not have."""
    X = np.zeros((40, 9), np.float32)
    options = {"batch_size": 20, "steps_per_tau": 20, "n_epochs": 1, "random_state": 0}
    model = IPVAE(4, **options, standardise=False, checkpoint=tmp_path / "c.npz").fit(X)
    assert np.isnan(model.training_figures_["r2"])
    again = model.fit(X, resume=True)
    assert np.isnan(again.training_figures_["r2"])
    assert again.training_figures_["zeros"] > 0.9


@pytest.mark.parametrize("name", FIELDS)
def test_missing_fields_of_a_checkpoint_are_named(checkpoint, name):
    rewrite(checkpoint, name, None)
    with pytest.raises(FileFormatError, match=f"c.npz: field '{name}' is missing"):
        resume(checkpoint, SETTINGS, "mark")


@pytest.mark.parametrize("name", [*RunningStatistics.ARRAYS, "dictionary"])
def test_values_of_a_checkpoint_that_are_not_finite(checkpoint, uninterrupted, name):
    owner = uninterrupted.state if name == "dictionary" else uninterrupted.state.statistics
    damaged = getattr(owner, name).copy()
    damaged.flat[3] = np.nan
    rewrite(checkpoint, name, damaged)
    with pytest.raises(FileFormatError, match=f"c.npz: field '{name}'"):
        resume(checkpoint, SETTINGS, "mark")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_batches", 19),
        ("n_batches", 20.0),
        ("n_batches", -1),
        ("n_updates", 21),
        ("n_diverged", 401),
        ("n_revived", "3"),
        ("steps_per_tau", 10),
        ("noise_variance", -1.0),
        ("noise_variance", "0"),
        ("silent", np.full(10, 401)),
        ("silent", np.full(10, -1)),
        ("silent", np.zeros(10)),
        ("figures", {}),
        ("figures", {"r2": "high"}),
        ("settings", []),
    ],
)
def test_counters_of_a_checkpoint_that_disagree(checkpoint, name, value):
    """None of them can be the state after 20 batches of 20 stimuli."""
    rewrite(checkpoint, name, value)
    with pytest.raises(FileFormatError, match="c.npz: field '"):
        resume(checkpoint, SETTINGS, "mark")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dictionary", np.ones((N_PIXELS, 11), np.float32)),
        ("dictionary", np.ones(10, np.float32)),
        ("stimulus_by_count", np.ones((8, 10), np.float32)),
        ("count_by_count", np.ones((10, 9), np.float32)),
        ("mean_counts", np.ones(9, np.float32)),
        ("silent", np.zeros(11, np.int64)),
    ],
)
def test_wrong_shapes_in_a_checkpoint(checkpoint, name, value):
    rewrite(checkpoint, name, value)
    with pytest.raises(FileFormatError, match="c.npz: field '"):
        resume(checkpoint, SETTINGS, "mark")


def test_damaged_and_foreign_checkpoints(checkpoint, uninterrupted):
    content = checkpoint.read_bytes()
    for part in (0, 0.2, 0.6, 0.95):
        checkpoint.write_bytes(content[: int(part * len(content))])
        with pytest.raises(FileFormatError, match="c.npz"):
            resume(checkpoint, SETTINGS, "mark")
    e_step.training_parameters(SETTINGS, uninterrupted.state.dictionary).save(checkpoint)
    with pytest.raises(FileFormatError, match="c.npz: field 'format'"):
        resume(checkpoint, SETTINGS, "mark")
    save(uninterrupted, checkpoint, "mark")
    rewrite(checkpoint, "format_version", 99)
    with pytest.raises(FileFormatError, match="c.npz: field 'format_version' is 99, newer"):
        resume(checkpoint, SETTINGS, "mark")
    checkpoint.unlink()
    with pytest.raises(FileNotFoundError):
        resume(checkpoint, SETTINGS, "mark")


def test_failed_write_leaves_the_old_checkpoint(checkpoint, uninterrupted, monkeypatch):
    before = checkpoint.read_bytes()

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            save(begin(), checkpoint, "mark")
    assert checkpoint.read_bytes() == before
    assert os.listdir(checkpoint.parent) == [checkpoint.name]
    assert_same(resume(checkpoint, SETTINGS, "mark"), uninterrupted)
