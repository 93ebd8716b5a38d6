"""What `ipvae train` tells of its data and how it was called, by what was loaded."""

import argparse
import errno
import json
import math
import os
import shlex
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipvae_brian import IPVAE, DivergenceError, Parameters, Response
from ipvae_brian.cli import training
from ipvae_brian.cli.main import main
from ipvae_brian.cli.training import _evaluated_by, data_note
from ipvae_brian.learning import estimator
from ipvae_brian.model import library
from ipvae_brian.stimuli import load_stimuli
from ipvae_brian.stimuli.images import IML_SHAPE

SHORT = {"batch_size": 10, "steps_per_tau": 20, "n_epochs": 1}
SHORT |= {"random_state": 0, "standardise": False}
SMALL = {"n_train": 40, "n_validation": 10, "shape": (8, 8)}


def pictures(folder, n=4):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(n):
        Image.fromarray(rng.integers(0, 255, (60, 60), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


def patches(path, **others):
    np.savez(path, x=np.random.default_rng(0).normal(size=(50, 8, 8)), **others)
    return path


@pytest.mark.parametrize("name", ["lab_photographs", "photographs", "vanhateren", "my VanHateren"])
def test_folders_are_not_told_by_their_names(tmp_path, name, monkeypatch):
    folder = pictures(tmp_path / name)
    assert data_note(load_stimuli(folder, **SMALL)) == f"{name}, given by the user."
    monkeypatch.chdir(tmp_path)
    for source in (f"./{name}", folder.relative_to(tmp_path)):
        assert data_note(load_stimuli(source, **SMALL)) == f"{name}, given by the user."


@pytest.mark.parametrize("name", ["photographs.npz", "vanhateren16.npz", "photographs.npy"])
def test_files_are_not_told_by_their_names(tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".npz":
        patches(path)
    else:
        np.save(path, np.random.default_rng(0).normal(size=(50, 8, 8)))
    assert data_note(load_stimuli(path)) == f"{name}, given by the user."


def test_a_file_tells_of_itself(tmp_path):
    path = patches(tmp_path / "a.npz", data_note="Owls, CC0.")
    assert data_note(load_stimuli(path)) == "Owls, CC0."
    with pytest.raises(ValueError, match="data_note must be one text"):
        load_stimuli(patches(path, data_note=np.ones(2)))


def test_the_package_s_photographs():
    assert data_note(load_stimuli("photographs", **SMALL)).startswith("The 13 grey photographs")


def test_van_hateren_by_its_files(tmp_path):
    folder = tmp_path / "garden"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        rng.integers(0, 6000, IML_SHAPE).astype(">u2").tofile(folder / f"imk0000{i}.IML")
    note = data_note(load_stimuli(folder, **SMALL))
    assert note.startswith("2 van Hateren natural images") and "non-commercial" in note
    assert "other" not in note
    Image.fromarray(rng.integers(0, 255, (60, 60), dtype=np.uint8)).save(folder / "own.png")
    assert "; 1 other images, given by the user." in data_note(load_stimuli(folder, **SMALL))


def test_only_a_shipped_file_is_told_by_a_shipped_name(tmp_path, monkeypatch):
    options = argparse.Namespace(out=tmp_path / "photographs-512.npz", data="a b.npz", seed=1)
    line = _evaluated_by(options, 10)
    assert shlex.split(line)[2:5] == ["photographs-512.npz", "--data", "a b.npz"]
    monkeypatch.setattr(library, "_folder", lambda: tmp_path)
    assert shlex.split(_evaluated_by(options, 10))[2] == "photographs-512"


def test_over_an_unfinished_training(tmp_path, capsys):
    """Refused, unless it says what to do with the checkpoint; gone in the end either way."""
    data, out = patches(tmp_path / "a.npz"), tmp_path / "m.npz"
    checkpoint = tmp_path / "m.checkpoint.npz"
    words = ["train", "--data", str(data), "--out", str(out), "--n-neurons", "8", "--quiet"]
    words += ["--batch-size", "10", "--steps-per-tau", "20", "--n-epochs", "1"]
    left = IPVAE(8, **SHORT, checkpoint=checkpoint)
    left.fit(load_stimuli(data).train)
    content = checkpoint.read_bytes()
    assert main(words) == 2
    assert "--resume" in capsys.readouterr().err
    assert checkpoint.read_bytes() == content and not out.exists()
    for option in ("--resume", "--overwrite"):
        checkpoint.write_bytes(content)
        assert main([*words, option]) == 0
        assert not checkpoint.exists()
        np.testing.assert_array_equal(Parameters.load(out).dictionary, left.parameters_.dictionary)
    assert main(words) == 0  # over a finished model


def test_a_disk_that_fills_does_not_lose_the_training(tmp_path, capsys, monkeypatch):
    """Not even where the checkpoint's folder has no room; what was learned is kept elsewhere."""
    data, out = patches(tmp_path / "a.npz"), tmp_path / "out" / "m.npz"
    elsewhere = tmp_path / "elsewhere"
    out.parent.mkdir()
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    replace = os.replace

    def full(source, target):
        if out.parent.name == Path(target).parent.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    words = ["train", "--data", str(data), "--out", str(out), "--n-neurons", "8", "--quiet"]
    assert main([*words, "--batch-size", "10", "--steps-per-tau", "20", "--n-epochs", "1"]) == 2
    error = capsys.readouterr().err
    assert "No space left" in error and f"kept in {elsewhere}" in error
    assert os.listdir(out.parent) == []
    (kept,) = elsewhere.iterdir()
    whole = IPVAE(8, **SHORT).fit(load_stimuli(data).train)
    np.testing.assert_array_equal(Parameters.load(kept).dictionary, whole.parameters_.dictionary)


def test_a_model_that_cannot_be_evaluated_is_written(tmp_path, capsys, monkeypatch):
    """Hours of training are not lost because its figures are not to be had."""
    data, out = patches(tmp_path / "a.npz"), tmp_path / "m.npz"
    words = ["train", "--data", str(data), "--out", str(out), "--n-neurons", "8", "--quiet"]
    words += ["--n-epochs", "1", "--steps-per-tau", "20"]

    def diverge(*_, **__):
        raise DivergenceError("stimulus 3 diverged")

    monkeypatch.setattr(training, "evaluate", diverge)
    assert main(words) == 2
    assert f"stimulus 3 diverged; the model is in {out}" in capsys.readouterr().err
    assert Parameters.load(out).n_neurons == 8
    assert "Figures of held-out stimuli are not known." in out.with_suffix(".md").read_text()


def test_interrupted_before_the_first_batch(tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(estimator, "choose_drive_dt", interrupt)
    words = ["train", "--data", str(patches(tmp_path / "a.npz")), "--out", str(tmp_path / "m.npz")]
    assert main([*words, "--n-neurons", "8", "--quiet"]) == 130
    shown = capsys.readouterr()
    assert shown.err == "ipvae: interrupted\n" and "--resume" not in shown.out
    assert os.listdir(tmp_path) == ["a.npz"]


def test_figures_that_are_not_numbers(tmp_path, monkeypatch):
    """Stimuli without variance have no R2, for example."""
    data, out = patches(tmp_path / "a.npz"), tmp_path / "m.npz"
    figures = dict.fromkeys(("r2_expected_counts", "zeros", "distance", "spikes_per_tau"), 1.0)
    figures |= {"r2": math.nan, "n_stimuli": 3, "windows": 2, "dt_ms": 1.0}
    monkeypatch.setattr(training, "evaluate", lambda *_, **__: (dict(figures), None))
    words = ["train", "--data", str(data), "--out", str(out), "--n-neurons", "8", "--quiet"]
    words += ["--n-epochs", "1", "--steps-per-tau", "20", "--json", str(tmp_path / "f.json")]
    assert main(words) == 0
    assert json.loads((tmp_path / "f.json").read_text())["r2"] is None
    assert Parameters.load(out).provenance["figures"]["r2"] is None
    assert "one window of tau | not known |" in out.with_suffix(".md").read_text()


def test_paths_with_spaces_end_to_end(tmp_path):
    data = patches(tmp_path / "lab photographs.npz", data_note="Owls, CC0.")
    out = tmp_path / "my models" / "my owls.npz"
    out.parent.mkdir()
    words = [
        "train",
        "--data",
        str(data),
        "--out",
        str(out),
        "--n-neurons",
        "8",
        "--n-epochs",
        "1",
        "--quiet",
    ]
    assert main([*words, "--batch-size", "20", "--n-epochs", "1"]) == 0
    card = out.with_suffix(".md").read_text()
    assert "ipvae train --data 'lab photographs.npz' --out 'my owls.npz' --n-neurons 8" in card
    assert "ipvae evaluate 'my owls.npz' --data 'lab photographs.npz'" in card
    assert "Owls, CC0." in card and "13" not in card.split("## Trained by")[0]
    assert Parameters.load(out).provenance["data_note"] == "Owls, CC0."
    words = ["simulate", str(out), "--data", str(data), "--out", str(tmp_path / "a b"), "--quiet"]
    assert main([*words, "--duration-ms", "40"]) == 0
    assert Response.load(tmp_path / "a b" / "response.npz").n_stimuli == 1
