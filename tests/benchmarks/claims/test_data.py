"""The stimuli of the claims."""

import numpy as np
import pytest

from benchmarks.claims import data
from benchmarks.claims.data import (
    NoData,
    mnist,
    natural_patches,
    outside,
    read,
    rotated,
    small_digits,
)


@pytest.fixture
def digits(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (30, 6, 6), np.uint8),
        "y_train": np.arange(30) % 10,
        "x_test": rng.integers(0, 256, (10, 6, 6), np.uint8),
        "y_test": np.arange(10),
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setattr(data, "N_VALIDATION", 5)
    return arrays, mnist(tmp_path / "mnist.npz")


def test_digits_are_split_and_scaled(digits):
    arrays, found = digits
    assert (found.shape, len(found.train), len(found.validation)) == ((6, 6), 25, 5)
    np.testing.assert_allclose(found.validation * 255, arrays["x_train"][25:].reshape(5, 36))
    np.testing.assert_array_equal(found.test_labels, arrays["y_test"])
    assert found.train.max() <= 1 and len(found.train_labels) == 25


def test_digits_come_from_the_shared_folder_or_openml(tmp_path, monkeypatch):
    monkeypatch.delenv("IPVAE_SHARED", raising=False)
    assert data.shared("mnist") is None
    with pytest.raises(NoData, match=r"omniglot_subset28.npz is not there: set IPVAE_SHARED"):
        read("omniglot_subset28")

    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", offline)
    with pytest.raises(NoData, match=r"mnist_784 could not be fetched .* no network.* --digits"):
        mnist()


def test_openml_has_training_digits_first(monkeypatch):
    class Table:
        data = np.arange(3 * 784).reshape(3, 784) % 256
        target = np.array(["7", "8", "9"])

    monkeypatch.delenv("IPVAE_SHARED", raising=False)
    monkeypatch.setitem(data.OPENML, "mnist", ("mnist_784", 2))
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *a, **k: Table)
    found = read("mnist")
    assert found["y_train"].tolist() == [7, 8] and found["y_test"].tolist() == [9]
    np.testing.assert_array_equal(found["x_test"][0].ravel(), Table.data[2])


def test_small_digits_come_with_scikit_learn():
    found = small_digits()
    assert found.shape == (8, 8) and found.train.max() == 1 and len(found.test) == 497
    together = np.concatenate([found.train, found.validation, found.test])
    assert len(together) == 1797


def test_a_quarter_turn_is_one():
    images = np.random.default_rng(0).uniform(size=(3, 25)).astype(np.float32)
    frames = images.reshape(-1, 5, 5)
    turned = rotated(images, (5, 5), 90).reshape(-1, 5, 5)
    options = [np.rot90(frames, k, axes=(1, 2)) for k in (1, -1)]
    assert any(np.allclose(turned, option, atol=1e-5) for option in options)
    np.testing.assert_allclose(
        rotated(images, (5, 5), 180).reshape(-1, 5, 5), frames[:, ::-1, ::-1], atol=1e-5
    )
    assert rotated(images, (5, 5), 0) is images


def test_natural_patches_are_pieces_of_photographs():
    patches = natural_patches((6, 5), 40)
    assert patches.shape == (40, 30) and 0 <= patches.min() and patches.max() <= 1
    assert (patches.std(axis=1) > 0).all()
    np.testing.assert_array_equal(patches, natural_patches((6, 5), 40))


def test_what_lies_outside(digits, monkeypatch):
    rng = np.random.default_rng(1)
    sets = {
        "fashion_mnist_test": {"x_test": rng.integers(0, 256, (20, 6, 6)), "y_test": np.arange(20)},
        "omniglot_subset28": {"x_area": rng.integers(0, 256, (20, 6, 6)), "y": np.arange(20) // 4},
    }
    monkeypatch.setattr(data, "read", lambda name: sets[name])
    found = outside(digits[1], 8, 4)
    assert list(found) == ["rotated", "fashion", "omniglot", "natural", "natural_z"]
    assert len(found["rotated"].stimuli) == 4 * len(data.ANGLES)
    np.testing.assert_array_equal(found["rotated"].stimuli[:4], digits[1].test[:4])
    assert found["rotated"].labels.tolist() == [0, 1, 2, 3] * len(data.ANGLES)
    letters, (characters, sizes) = (
        found["omniglot"],
        np.unique(found["omniglot"].labels, return_counts=True),
    )
    assert len(characters) == 2 and sizes.tolist() == [4, 4]  # 8 stimuli of characters with 4 each
    everything = sets["omniglot_subset28"]["x_area"].reshape(20, 36) / np.float32(255)
    for stimulus, label in zip(letters.stimuli, letters.labels, strict=True):
        assert any(np.allclose(stimulus, everything[4 * label + i]) for i in range(4))
    z = found["natural_z"].stimuli
    np.testing.assert_allclose([z.mean(axis=1), z.std(axis=1)], [[0] * 8, [1] * 8], atol=1e-5)
    assert found["natural"].labels is None
    assert list(outside(digits[1], 8, 4, downloads=False)) == ["rotated", "natural", "natural_z"]
