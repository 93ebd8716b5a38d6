import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.errors import MemoryLimitError
from ipvae_brian.stimuli import (
    PatchSet,
    Whitening,
    extract_patches,
    patches,
    split_images,
    whiten_image,
)
from ipvae_brian.stimuli.patches import _window_variance, standardise

RAW = Whitening(filter="none", contrast_kernel=0, border=0)


def windows(image, shape):
    return np.lib.stride_tricks.sliding_window_view(image, shape).reshape(-1, np.prod(shape))


@pytest.fixture
def images(rng):
    return {name: rng.normal(size=(40, 30)) for name in "abcdef"}


@pytest.mark.parametrize("shape", [(16, 16), (5, 8), (1, 12), (24, 3)])
def test_patches_are_windows_of_the_whitened_images(images, shape):
    patches = extract_patches(images, 50, shape, 0)
    places = np.vstack([windows(whiten_image(i), shape) for i in images.values()])
    known = {p.tobytes() for p in places.astype(np.float32)}
    assert patches.shape == (50, np.prod(shape))
    assert patches.dtype == np.float32
    assert all(patch.tobytes() in known for patch in patches)


def test_every_place_can_be_drawn():
    image = np.random.default_rng(0).normal(size=(10, 9))
    patches = extract_patches({"a": image}, 3000, (8, 8), 0, RAW)
    drawn, counts = np.unique(patches, axis=0, return_counts=True)
    assert len(drawn) == 3 * 2
    assert counts.min() > 400  # 500 +- 20 expected


def test_images_are_used_by_their_number_of_places(rng):
    images = {"small": rng.normal(size=(20, 20)), "large": rng.normal(size=(35, 24))}
    patches = extract_patches(images, 2000, (16, 16), 0, RAW)
    places = {n: windows(whiten_image(i, RAW), (16, 16)) for n, i in images.items()}
    of_small = {p.tobytes() for p in places["small"].astype(np.float32)}
    share = np.mean([p.tobytes() in of_small for p in patches])
    expected = 25 / (25 + 20 * 9)
    assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2000))


def test_the_same_seed_gives_the_same_patches(images):
    first, same, other = (extract_patches(images, 20, (8, 8), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    generator = np.random.default_rng(1)
    np.testing.assert_array_equal(extract_patches(images, 20, (8, 8), generator), first)


def test_flat_places_are_left_out(rng):
    sky = rng.normal(size=(60, 60))
    sky[:40] = 0.5
    patches = extract_patches({"sky": sky}, 500, (8, 8), 0, RAW)
    assert patches.std(axis=1).min() >= 0.2


def test_window_variance_against_numpy(rng):
    image = rng.normal(size=(30, 25)) + 1
    expected = windows(image, (7, 4)).var(axis=1).reshape(24, 22)
    np.testing.assert_allclose(_window_variance(image, (7, 4)), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"images": {}}, ValueError, "images is empty"),
        ({"images": [np.eye(40)]}, TypeError, "images must be a dict"),
        ({"images": {"flat": np.ones((40, 40))}}, ValueError, "image 'flat'.*no variance"),
        ({"images": {"nan": np.full((40, 40), np.nan)}}, ValueError, "image 'nan'.*finite"),
        ({"images": {"text": np.full((40, 40), "a")}}, TypeError, "image 'text'.*real numbers"),
        ({"images": {"tiny": np.eye(20)}}, ValueError, "image 'tiny' is too small: 20 x 20.*16"),
        ({"images": {"rgb": np.ones((40, 40, 3))}}, ValueError, "image 'rgb'.*2 dimensions"),
        ({"n_patches": 0}, ValueError, "n_patches must be at least 1"),
        ({"n_patches": 2.5}, TypeError, "n_patches must be a whole number"),
        ({"shape": 16}, TypeError, "shape must be .height, width"),
        ({"shape": (16,)}, TypeError, "shape must be .height, width"),
        ({"shape": (0, 16)}, ValueError, "shape.0. must be at least 1"),
        ({"shape": (16, 1.5)}, TypeError, "shape.1. must be a whole number"),
        ({"whitening": "radial"}, TypeError, "must be a Whitening"),
    ],
)
def test_bad_arguments(images, changes, error, message):
    arguments = {"images": images, "n_patches": 5, "shape": (16, 16), **changes}
    with pytest.raises(error, match=message):
        extract_patches(**arguments)


def test_more_patches_than_memory(images):
    with pytest.raises(MemoryLimitError, match="patches .* GB.*ask for fewer"):
        extract_patches(images, 10**12, (16, 16))


def test_image_without_any_patch_of_contrast():
    # A patch of one pixel never has a variance.
    with pytest.raises(ValueError, match="image 'a': every 1 x 1 patch of it is flat"):
        extract_patches({"a": np.eye(30)}, 5, (1, 1), 0, RAW)


@given(
    names=st.sets(st.integers(0, 1000), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_split_parts_the_names(names, fraction, seed):
    train, validation = split_images(names, fraction, seed)
    assert set(train) | set(validation) == names
    assert not set(train) & set(validation)
    assert train and validation
    assert abs(len(validation) - fraction * len(names)) <= 1
    assert split_images(list(names)[::-1], fraction, seed) == (train, validation)


def test_split_depends_on_the_seed():
    assert len({split_images("abcdefghij", 0.3, seed) for seed in range(10)}) > 5


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"],), ValueError, "at least 2 images are needed"),
        (([],), ValueError, "at least 2 images are needed"),
        ((["a", "a"],), ValueError, "must be different"),
        ((["a", "b"], 0), ValueError, "validation_fraction must be > 0"),
        ((["a", "b"], 1), ValueError, "validation_fraction must be .*< 1"),
        ((["a", "b"], 0.5, -1), ValueError, "seed must be at least 0"),
    ],
)
def test_bad_splits(arguments, error, message):
    with pytest.raises(error, match=message):
        split_images(*arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_standardise(rng, dtype):
    raw = (100 * rng.normal(3, 7, (500, 20))).astype(dtype)
    held_out = (100 * rng.normal(3, 7, (100, 20))).astype(dtype)
    before = raw.copy()
    train, validation, mean, std = standardise(raw, held_out, "xy")
    assert train.dtype == validation.dtype == np.float32
    assert mean == pytest.approx(raw.mean(dtype=float), rel=1e-12)
    assert std == pytest.approx(raw.std(dtype=float), rel=1e-12)
    np.testing.assert_allclose(train, (raw.astype(float) - mean) / std, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(
        validation, (held_out.astype(float) - mean) / std, rtol=1e-6, atol=1e-7
    )
    np.testing.assert_array_equal(raw, before)


@pytest.mark.parametrize("offset", [0, 1e6, 3e7, -1e8, 1e12])
def test_an_offset_does_not_cost_digits(rng, offset):
    raw = rng.normal(size=(500, 20))
    expected = standardise(raw[:400], raw[400:], "xy")
    got = standardise(raw[:400] + offset, raw[400:] + offset, "xy")
    tolerance = 1e-6 + 4 * np.spacing(abs(offset))
    for ours, theirs in zip(got[:2], expected[:2], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 3e7), (np.float16, 2e3), (float, 1e16)])
def test_an_offset_that_has_cost_all_digits(rng, dtype, offset):
    """Numbers stored with an offset that leaves only their rounding."""
    raw = (rng.normal(size=(50, 20)) + offset).astype(dtype)
    with pytest.raises(ValueError, match=f"x has no variance.*{np.dtype(dtype)} tells"):
        standardise(raw, raw, "xy")


def test_blocks_make_no_difference(rng, monkeypatch):
    raw = rng.normal(3, 7, (500, 20))
    whole = standardise(raw, raw[:7], "xy")
    monkeypatch.setattr(patches, "BLOCK", 130)
    for ours, theirs in zip(standardise(raw, raw[:7], "xy"), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("value", [0, 0.1, 1e6, -3])
def test_standardise_without_variance(value):
    train = np.full((100, 9), value, np.float32)
    with pytest.raises(ValueError, match="x has no variance"):
        standardise(train, train.copy(), "xy")


def patch_set(**changes):
    fields = {
        "train": np.zeros((3, 6)),
        "validation": np.zeros((2, 6)),
        "shape": (2, 3),
        "source": "somewhere",
        "mean": 0,
        "std": 1,
    }
    return PatchSet(**{**fields, **changes})


def test_patch_set():
    patches = patch_set()
    assert patches.train.dtype == np.float32
    assert repr(patches) == (
        "PatchSet(3 training and 2 validation patches of 2 x 3 pixels from 'somewhere')"
    )
    with pytest.raises(AttributeError):
        patches.mean = 2


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"train": np.zeros((3, 7))}, ValueError, "train must have shape"),
        ({"validation": np.zeros((2, 2, 3))}, ValueError, "validation must have shape"),
        ({"validation": np.full((2, 6), np.inf)}, ValueError, "validation must be finite"),
        ({"train": np.full((3, 6), "a")}, TypeError, "train must hold real numbers"),
        ({"shape": 6}, TypeError, "shape must be"),
        ({"std": 0}, ValueError, "std must be > 0"),
        ({"mean": None}, TypeError, "mean must be a number"),
    ],
)
def test_bad_patch_set(changes, error, message):
    with pytest.raises(error, match=message):
        patch_set(**changes)
