import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ipvae_brian.stimuli import load_patches

SHARED = Path(os.environ.get("IPVAE_SHARED") or Path(__file__).parents[3] / "shared")
VAN_HATEREN = SHARED / "data" / "vanhateren16_train_val.npz"


@pytest.fixture
def x(rng):
    return rng.normal(2, 3, (40, 4, 6))


def save(path, *array, **arrays):
    (np.save if array else np.savez)(path, *array, **arrays)
    return path


def origins(patches, x):
    """For each patch, training ones first, its row in the file's array, which must hold it."""
    rows = np.vstack([patches.train, patches.validation]) * patches.std + patches.mean
    distance = np.abs(rows[:, None] - x.reshape(len(x), -1)).max(axis=2)
    assert distance.min(axis=1).max() < 0.01
    return distance.argmin(axis=1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ">f8"])
def test_npy(tmp_path, x, dtype):
    path = save(tmp_path / "x.npy", x.astype(dtype))
    patches = load_patches(path)
    assert patches.train.shape == (32, 24)
    assert patches.validation.shape == (8, 24)
    assert patches.train.dtype == patches.validation.dtype == np.float32
    assert patches.shape == (4, 6)
    assert patches.source == str(path)
    assert patches.whitening is None
    assert patches.train_images == patches.validation_images == ()
    assert patches.train.mean() == pytest.approx(0, abs=1e-6)
    assert patches.train.std() == pytest.approx(1)
    assert sorted(origins(patches, x)) == list(range(40))


def test_existing_split_is_kept_in_order(tmp_path, x):
    ids = {"image_id_train": np.arange(30) % 3, "image_id_val": np.full(10, 7)}
    path = save(tmp_path / "x.npz", x_train=x[:30], x_val=x[30:], **ids, other=np.array("?"))
    patches = load_patches(path)
    mean, std = x[:30].mean(), x[:30].std()
    assert (patches.mean, patches.std) == pytest.approx((mean, std), rel=1e-6)
    np.testing.assert_allclose(patches.train, (x[:30].reshape(30, -1) - mean) / std, atol=1e-5)
    np.testing.assert_allclose(patches.validation, (x[30:].reshape(10, -1) - mean) / std, atol=1e-5)
    assert patches.train_images == (0, 1, 2)
    assert patches.validation_images == (7,)


def test_keras_names_and_unsigned_integers(tmp_path, rng):
    digits = rng.integers(0, 256, (20, 5, 5)).astype(np.uint8)
    path = save(tmp_path / "x.npz", x_train=digits[:15], x_test=digits[15:], y_train=np.arange(15))
    patches = load_patches(path)
    assert patches.mean == pytest.approx(digits[:15].mean(), rel=1e-6)
    assert len(patches.validation) == 5


def test_integers_with_a_scale(tmp_path, rng):
    stored = rng.integers(-128, 128, (50, 3, 3)).astype(np.int8)
    plain = load_patches(save(tmp_path / "plain.npz", x=stored * 0.063))
    scaled = load_patches(save(tmp_path / "scaled.npz", x=stored, scale=np.float32(0.063)))
    np.testing.assert_allclose(scaled.train, plain.train, atol=1e-5)
    assert scaled.std == pytest.approx(plain.std, rel=1e-5)


def test_split_by_image_id(tmp_path, rng):
    ids = rng.integers(0, 10, 300)
    x = rng.normal(size=(300, 9))
    x[:, 0] = 5 * ids  # every patch carries its image
    patches = load_patches(save(tmp_path / "x.npz", x=x, image_id=ids), validation_fraction=0.3)

    def carried(rows):
        return set(np.round((rows[:, 0] * patches.std + patches.mean) / 5).astype(int).tolist())

    assert carried(patches.train) == set(patches.train_images)
    assert carried(patches.validation) == set(patches.validation_images)
    assert len(patches.validation_images) == 3
    assert not set(patches.train_images) & set(patches.validation_images)


def test_split_by_names_of_images(tmp_path, x):
    names = np.array(["lake", "wood", "hill", "town"]).repeat(10)
    patches = load_patches(save(tmp_path / "x.npz", x=x, image_id=names))
    assert len(patches.train) == 30
    assert set(patches.train_images + patches.validation_images) == set(names.tolist())


def test_seed(tmp_path, x):
    path = save(tmp_path / "x.npy", x)
    first, same, other = (load_patches(path, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train, same.train)
    assert not np.array_equal(first.train, other.train)


def test_some_of_the_patches(tmp_path, x):
    path = save(tmp_path / "x.npy", x)
    few = load_patches(path, n_train=10, n_validation=5)
    more = load_patches(path, n_train=20, n_validation=5)
    assert few.train.shape == (10, 24)
    assert len(set(origins(few, x))) == 15
    np.testing.assert_allclose(
        few.validation * few.std + few.mean, more.validation * more.std + more.mean, atol=1e-4
    )
    with pytest.raises(ValueError, match="x.npy: n_train is 33, but there are only 32"):
        load_patches(path, n_train=33)
    with pytest.raises(ValueError, match="n_validation must be at least 1"):
        load_patches(path, n_validation=0)


@pytest.mark.parametrize(
    ("n_pixels", "asked", "expected"),
    [(16, None, (4, 4)), (12, None, (1, 12)), (12, (3, 4), (3, 4)), (16, (2, 8), (2, 8))],
)
def test_shape_of_flat_patches(tmp_path, rng, n_pixels, asked, expected):
    path = save(tmp_path / "x.npy", rng.normal(size=(10, n_pixels)))
    assert load_patches(path, shape=asked).shape == expected


def test_shape_that_does_not_fit(tmp_path, x):
    assert load_patches(save(tmp_path / "x.npy", x), shape=(4, 6)).shape == (4, 6)
    with pytest.raises(ValueError, match=r"x.npy: x holds patches of shape \(4, 6\).*\(6, 4\)"):
        load_patches(tmp_path / "x.npy", shape=(6, 4))
    save(tmp_path / "flat.npy", x.reshape(40, 24))
    with pytest.raises(ValueError, match=r"24 pixels, which shape \(5, 5\) does not fit"):
        load_patches(tmp_path / "flat.npy", shape=(5, 5))


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.ones((5, 4)), ValueError, "x.npy: x has no variance"),
        (np.full((5, 4), np.nan), ValueError, "x.npy: x must be finite"),
        (np.array([[1, 2], [3, np.inf]]), ValueError, "x.npy: x must be finite"),
        (np.array([[1, 2], [3, 1e300]]), ValueError, "x.npy: x must be finite"),
        (np.ones((0, 4)), ValueError, "x.npy: x is empty"),
        (np.ones((5, 0)), ValueError, "x.npy: x is empty"),
        (np.ones(5), ValueError, "x.npy: x must have shape .n, height, width"),
        (np.float64(1), ValueError, "x.npy: x must have shape"),
        (np.ones((5, 4, 4, 3)), ValueError, "x.npy: x must have shape"),
        (np.full((5, 4), "a"), TypeError, "x.npy: x must hold real numbers, got dtype <U1"),
        (np.ones((5, 4), complex), TypeError, "x.npy: x must hold real numbers"),
        (np.full((5, 4), None), ValueError, "x.npy: not readable.*pickled"),
        (np.array([[1.0, 2.0]]), ValueError, "x.npy: x has only one patch"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_npy(tmp_path, array, error, message):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(error, match=message):
        load_patches(tmp_path / "x.npy")


GOOD = np.arange(24.0).reshape(6, 4)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({}, ValueError, "needs an array 'x'.*has none"),
        ({"data": GOOD}, ValueError, "needs an array 'x'.*has 'data'"),
        ({"x_train": GOOD}, ValueError, "together with 'x_val' or 'x_test'; has 'x_train'"),
        ({"x_val": GOOD}, ValueError, "needs an array 'x'"),
        ({"x_train": GOOD, "x_val": GOOD[:, :3]}, ValueError, "x_train and x_val.*different"),
        ({"x_train": GOOD, "x_val": GOOD[:0]}, ValueError, "x.npz: x_val is empty"),
        ({"x_train": GOOD, "x_val": GOOD * np.nan}, ValueError, "x.npz: x_val must be finite"),
        ({"x_train": GOOD, "x_test": GOOD * np.nan}, ValueError, "x.npz: x_test must be finite"),
        ({"x_train": GOOD * 0, "x_val": GOOD}, ValueError, "x.npz: x_train has no variance"),
        ({"x": np.full((3, 4), None)}, ValueError, "x.npz: array 'x' .* Python objects"),
        ({"x": GOOD, "scale": np.ones(2)}, ValueError, "scale must be one number"),
        ({"x": GOOD, "scale": np.array("a")}, ValueError, "scale must be one number"),
        ({"x": GOOD, "scale": np.array(0.0)}, ValueError, "x.npz: scale must be > 0"),
        ({"x": GOOD, "scale": np.array(np.nan)}, ValueError, "x.npz: scale must be > 0"),
        ({"x": GOOD, "image_id": np.arange(5)}, ValueError, "image_id must hold one"),
        ({"x": GOOD, "image_id": np.arange(6.0)}, ValueError, "image_id must hold one"),
        ({"x": GOOD, "image_id": np.zeros(6, int)}, ValueError, "x.npz: image_id: at least 2"),
    ],
)
def test_bad_npz(tmp_path, arrays, error, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(error, match=message):
        load_patches(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("kept", [0, 0.01, 0.3, 0.9])
def test_truncated_files(tmp_path, x, name, kept):
    path = tmp_path / name
    save(path, x) if name == "x.npy" else save(path, x=x)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"{name}: not readable"):
        load_patches(path)


def test_damaged_array_inside_of_an_archive(tmp_path, x):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=x)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="x.npz: array 'x' is damaged"):
        load_patches(path)


def test_foreign_files(tmp_path):
    (tmp_path / "x.npy").write_text("1, 2, 3")
    with pytest.raises(ValueError, match="x.npy: not readable"):
        load_patches(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x", "not an array")
    with pytest.raises(ValueError, match="x.npz: 'x' is not a NumPy array"):
        load_patches(tmp_path / "x.npz")
    (tmp_path / "x.csv").write_text("1, 2, 3")
    with pytest.raises(ValueError, match="x.csv: patches are read from .npy or .npz"):
        load_patches(tmp_path / "x.csv")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file: .*x.npy"):
        load_patches(tmp_path / "x.npy")


def test_van_hateren_file():
    if not VAN_HATEREN.is_file():
        pytest.skip(f"{VAN_HATEREN} is not there; IPVAE_SHARED may name another folder")
    patches = load_patches(VAN_HATEREN)
    assert patches.train.shape == (100_000, 256)
    assert patches.validation.shape == (25_000, 256)
    assert patches.shape == (16, 16)
    assert (len(patches.train_images), len(patches.validation_images)) == (81, 20)
    assert not set(patches.train_images) & set(patches.validation_images)
    assert patches.train.mean(dtype=float) == pytest.approx(0, abs=1e-6)
    assert patches.train.std(dtype=float) == pytest.approx(1, abs=1e-6)
    assert patches.validation.std(dtype=float) == pytest.approx(1, abs=0.05)
