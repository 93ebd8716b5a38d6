import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipvae_brian import stimuli
from ipvae_brian.stimuli import Whitening, load_stimuli, photograph_names, whiten_image


@pytest.fixture(scope="module")
def photographs():
    return load_stimuli(n_train=2000, n_validation=1000)


@pytest.fixture
def folder(tmp_path, rng):
    for i in range(5):
        pixels = rng.integers(0, 256, (40, 50)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    return tmp_path


def test_photographs(photographs):
    assert photographs.train.shape == (2000, 256)
    assert photographs.validation.shape == (1000, 256)
    assert photographs.shape == (16, 16)
    assert photographs.source == "photographs"
    assert json.loads(json.dumps(photographs.whitening)) == Whitening().to_dict()
    used = photographs.train_images + photographs.validation_images
    assert sorted(used) == list(photograph_names())
    assert len(photographs.validation_images) == 3
    assert photographs.train.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert photographs.train.std(dtype=float) == pytest.approx(1, abs=1e-6)


def test_validation_photographs_resemble_the_training_ones(photographs):
    train, validation = photographs.train, photographs.validation
    assert abs(validation.mean()) < 0.02
    assert validation.std() == pytest.approx(1, abs=0.1)
    assert np.median(validation.std(1)) == pytest.approx(np.median(train.std(1)), rel=0.2)
    for patches in (train, validation):
        kurtosis = np.mean(patches**4) / np.mean(patches**2) ** 2
        assert 3.5 < kurtosis < 7  # sparser than a Gaussian's 3


def test_defaults():
    patches = load_stimuli(n_train=100)
    assert len(patches.validation) == 5000
    assert inspect.signature(load_stimuli).parameters["source"].default == "photographs"


def test_seed(folder):
    first, same, other = (
        load_stimuli(folder, n_train=9, n_validation=9, seed=s) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.train, same.train)
    np.testing.assert_array_equal(first.validation, same.validation)
    assert first.validation_images == same.validation_images
    assert not np.array_equal(first.train, other.train)


def test_validation_does_not_depend_on_the_number_of_training_patches(folder):
    few, many = (load_stimuli(folder, n_train=n, n_validation=20) for n in (10, 100))
    np.testing.assert_allclose(
        few.validation * few.std + few.mean, many.validation * many.std + many.mean, atol=1e-5
    )


def test_no_image_gives_both_kinds_of_patches(folder):
    whitening = Whitening(filter="as_published", border=2)
    patches = load_stimuli(
        folder, shape=(8, 6), n_train=60, n_validation=40, whitening=whitening,
        validation_fraction=0.4,
    )  # fmt: skip
    assert patches.source == str(folder)
    assert patches.whitening["filter"] == "as_published"
    assert (len(patches.train_images), len(patches.validation_images)) == (3, 2)
    for part, names in (
        (patches.train, patches.train_images),
        (patches.validation, patches.validation_images),
    ):
        windows = np.vstack(
            [
                np.lib.stride_tricks.sliding_window_view(
                    whiten_image(np.asarray(Image.open(folder / name)), whitening), (8, 6)
                ).reshape(-1, 48)
                for name in names
            ]
        )
        cut = part * patches.std + patches.mean
        for patch in cut:
            assert np.abs(windows - patch).max(axis=1).min() < 1e-5


def test_file_of_patches(tmp_path, rng):
    np.save(tmp_path / "x.npy", rng.normal(size=(50, 5, 7)))
    path = tmp_path / "x.npy"
    patches = load_stimuli(path, n_train=20, validation_fraction=0.5)
    assert patches.train.shape == (20, 35)
    assert patches.validation.shape == (25, 35)
    assert patches.whitening is None
    np.testing.assert_array_equal(
        load_stimuli(str(path), n_train=20, validation_fraction=0.5).train, patches.train
    )
    with pytest.raises(ValueError, match=r"shape \(16, 16\) was asked for: leave shape out"):
        load_stimuli(path, shape=(16, 16))
    with pytest.raises(ValueError, match="whitening does not apply to .*x.npy"):
        load_stimuli(path, whitening=Whitening())


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("photograph", ValueError, "source.*must be one of 'photographs'.*did you mean"),
        ("xyz", ValueError, "source.*must be one of 'photographs'"),
        ("nowhere/images", FileNotFoundError, "no such folder or file: nowhere"),
        ("nowhere.npy", FileNotFoundError, "no such file: nowhere.npy"),
        ("picture.png", FileNotFoundError, "no such folder or file: picture.png"),
        (Path(__file__), ValueError, "test_loading.py is neither a folder of images nor a file"),
        (None, TypeError, "source must be a name or a path, got NoneType"),
        (np.eye(3), TypeError, "source must be a name or a path, got ndarray"),
    ],
)
def test_bad_sources(source, error, message):
    with pytest.raises(error, match=message):
        load_stimuli(source)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": 16}, TypeError, "shape must be .height, width"),
        ({"shape": (300, 400)}, ValueError, "image '.*' is too small: 300 x 451"),
        ({"n_train": 0}, ValueError, "n_train must be at least 1"),
        ({"n_validation": 1.5}, TypeError, "n_validation must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": None}, TypeError, "seed must be a whole number"),
        ({"validation_fraction": 1}, ValueError, "validation_fraction must be"),
        ({"whitening": "radial"}, TypeError, "must be a Whitening"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        load_stimuli(**arguments)


def test_folder_with_one_image(tmp_path):
    Image.fromarray(np.eye(40, dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="at least 2 images are needed"):
        load_stimuli(tmp_path)


def test_public_names():
    for name in stimuli.__all__:
        assert inspect.getdoc(getattr(stimuli, name))


def test_progress_of_many_images(tmp_path, rng, capsys):
    for name in "abcd":
        picture = rng.integers(0, 256, (40, 40)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    for progress in (True, False):
        load_stimuli(tmp_path, n_train=10, n_validation=5, shape=(6, 6), progress=progress)
        shown = capsys.readouterr().err
        assert ("files" in shown and "images" in shown) is progress
