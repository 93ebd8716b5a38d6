"""Damaged and changed model, response and checkpoint files: an error that names the file, or sense.

Nothing else comes out of a reader, whatever is in the file.
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from fuzzing import N_FILES, mutated, rewrite

from ipvae_brian import IPVAE, FileFormatError, Parameters, Response, SpikingNetwork
from ipvae_brian.learning.checkpoint import read_checkpoint
from ipvae_brian.learning.training import Training


@pytest.fixture(scope="module")
def originals():
    """A file of each kind, and what reads it."""
    with tempfile.TemporaryDirectory() as folder:
        yield {kind: make(Path(folder) / f"{kind}.npz") for kind, make in MAKERS.items()}


def make_model(path):
    rng = np.random.default_rng(0)
    Parameters(
        dictionary=rng.normal(size=(6, 4)),
        stimulus_shape=(2, 3),
        whitening={"filter": "radial", "cutoff": 0.5},
        provenance={"name": "m", "settings": {"n_jobs": 2, "ridge": 0.1}, "figures": {"r2": 0.5}},
    ).save(path)
    return path, Parameters.load


def make_estimator(path):
    make_model(path)
    return path, IPVAE.load


def make_response(path):
    parameters = Parameters(dictionary=np.random.default_rng(0).normal(size=(6, 4)), tau=4 * ms)
    network = SpikingNetwork(parameters, dt=0.5 * ms, record_potentials=[0, 2])
    network.present(np.ones((2, 6)), 10 * ms, seed=0).save(path)
    return path, Response.load


def make_checkpoint(path):
    X = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    model = IPVAE(4, batch_size=20, steps_per_tau=20, random_state=0, checkpoint=path)
    read = []

    def remember(path, settings, mark):
        state = read_checkpoint(path, settings, mark)
        read.append((settings, mark))
        return state

    model.fit(X)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ipvae_brian.learning.estimator.read_checkpoint", remember)
        model.fit(X, resume=True)
    (settings, mark) = read[0]

    def load(path):
        return Training(settings, read_checkpoint(path, settings, mark), None)

    return path, load


MAKERS = {
    "model": make_model,
    "estimator": make_estimator,
    "response": make_response,
    "checkpoint": make_checkpoint,
}


def content(loaded):
    """All arrays and plain values of what was loaded, by name."""
    parts, found = [("", loaded)], {}
    while parts:
        name, part = parts.pop()
        if isinstance(part, np.ndarray | int | float | str | bool) or part is None:
            found[name] = np.asarray(part, dtype=None if part is not None else str)
        elif isinstance(part, dict):
            parts += [(f"{name}.{key}", value) for key, value in part.items()]
        elif isinstance(part, list | tuple):
            parts += [(f"{name}.{i}", value) for i, value in enumerate(part)]
        elif hasattr(part, "__dict__"):
            parts += [(f"{name}.{key}", value) for key, value in vars(part).items()]
    return found


def same(one, other):
    one, other = content(one), content(other)
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def outcome(load, path):
    """What is loaded, or None for an error of the right kind that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load(path)
    except FileFormatError as error:
        assert path.name in str(error), error
        assert "\n" not in str(error)
        return None


@pytest.mark.parametrize("kind", MAKERS)
def test_damaged_bytes(originals, kind, tmp_path):
    """Told, or the damage was where nothing is read from."""
    path, load = originals[kind]
    rng, original, bytes_ = np.random.default_rng(1), load(path), path.read_bytes()
    damaged = tmp_path / "damaged.npz"
    refused = 0
    for _ in range(N_FILES):
        damaged.write_bytes(mutated(bytes_, rng))
        loaded = outcome(load, damaged)
        refused += loaded is None
        assert loaded is None or same(loaded, original)
    assert refused > N_FILES / 2


@pytest.mark.parametrize("kind", MAKERS)
def test_archives_written_again(originals, kind, tmp_path):
    """What was changed is told, unless its checksum was made to fit; then it has to be valid."""
    path, load = originals[kind]
    rng, original = np.random.default_rng(2), load(path)
    changed = tmp_path / "changed.npz"
    told = 0
    for _ in range(N_FILES):
        fits = rewrite(path, changed, rng)
        loaded = outcome(load, changed)
        told += loaded is None
        assert loaded is None or fits or same(loaded, original)
        if loaded is not None:
            for name, array in content(loaded).items():
                if name.startswith(".state.figures."):
                    continue  # R2 of stimuli without variance
                assert array.dtype.kind != "f" or np.isfinite(array).all(), name
    assert told > N_FILES / 2


@pytest.mark.parametrize("kind", MAKERS)
def test_rewriting_alone_changes_nothing(originals, kind, tmp_path):
    path, load = originals[kind]
    with np.load(path) as file:
        np.savez(tmp_path / "again.npz", **file)
    assert same(load(tmp_path / "again.npz"), load(path))
