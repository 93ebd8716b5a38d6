"""What has the shape of patches without being patches is asked about, and patches are not."""

import numpy as np
import pytest

from ipvae_brian.stimuli import load_photographs, load_stimuli, photograph_names, whiten_image
from ipvae_brian.stimuli.layout import require_patches

QUESTION = r"may be something else than patches: .*say so by shape=\(height, width\)"


@pytest.fixture(scope="module")
def camera():
    return load_photographs(["camera"])["camera"]


def moving(image, n=300, speed=1):
    """Frames of a window that moves over an image, stored flat."""
    starts = np.arange(n) // speed
    return np.stack([image[i : i + 16, i : i + 16].ravel() for i in starts])


def refused(array):
    with pytest.raises(ValueError, match=QUESTION) as caught:
        require_patches(np.asarray(array), "x")
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((512, 512, 10), "512 x 10 pixels are a photograph"),
        ((100, 100, 10), "two sides are 100, as of 10 pictures along the last axis"),
        ((28, 28, 6000), "28 x 6000 pixels are a photograph"),
        ((16, 16, 100), "two sides are 16"),
        ((300, 400, 3), "400 x 3 pixels are a photograph"),
        ((20, 30, 3), "may be 3 channel"),
        ((20, 30, 1), "may be 1 channel"),
        ((10, 300, 400), "300 x 400 pixels are a photograph"),
        ((3, 32, 32), "only 3 of them, as of channels"),
        ((1000, 3072 * 8), "24576 pixels are a photograph"),
    ],
)
def test_shapes_of_photographs(shape, reason):
    assert reason in refused(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "shape",
    [(100, 16, 16), (100, 28, 28), (40, 4, 6), (5, 8, 8), (200, 1, 12), (200, 64, 48)],
)
def test_shapes_of_patches(shape):
    require_patches(np.zeros(shape, np.uint8), "x")


@pytest.mark.parametrize("name", photograph_names())
@pytest.mark.parametrize("shape", [(300, 400), (290, 333)])
def test_one_photograph(name, shape):
    photograph = load_photographs([name])[name][: shape[0], : shape[1]]
    assert "neighbouring rows are alike, as in one photograph" in refused(photograph)
    refused(photograph.astype(np.uint8))


def test_one_whitened_photograph(camera):
    refused(whiten_image(camera)[:300, :400])


def test_patches_along_the_last_axis():
    patches = load_stimuli(n_train=2500, n_validation=1).train
    for n in (2500, 2000, 400):
        require_patches(patches[:n], "x")
        refused(patches[:n].T)


@pytest.mark.parametrize("speed", [1, 4])
def test_frames_of_a_movie_are_patches(camera, speed):
    require_patches(moving(camera[150:, 100:], speed=speed), "x")
    require_patches(moving(whiten_image(camera)[150:, 100:], speed=speed), "x")


@pytest.mark.parametrize("shape", [(300, 400), (33, 64), (2000, 784), (400, 400), (31, 31)])
def test_noise_is_patches(rng, shape):
    require_patches(rng.normal(size=shape), "x")


def test_digits_in_any_order(shared_folder):
    with np.load(shared_folder / "data" / "mnist.npz") as file:
        digits, labels = file["x_train"][:3000].reshape(3000, -1), file["y_train"][:3000]
    require_patches(digits, "x")
    require_patches(digits[np.argsort(labels, kind="stable")], "x")
    refused(digits.T)


def test_files_are_asked_about(tmp_path, camera, rng):
    for array in (rng.normal(size=(64, 64, 10)), camera[:300, :400]):
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(ValueError, match=f"x.npy: x of shape .*{QUESTION}"):
            load_stimuli(tmp_path / "x.npy")
    assert load_stimuli(tmp_path / "x.npy", shape=(20, 20)).train.shape == (240, 400)
    np.savez(tmp_path / "x.npz", x_train=rng.normal(size=(300, 400, 3)), x_val=np.ones((5, 400, 3)))
    with pytest.raises(ValueError, match=f"x.npz: x_train of shape .*{QUESTION}"):
        load_stimuli(tmp_path / "x.npz")
    assert load_stimuli(tmp_path / "x.npz", shape=(400, 3)).shape == (400, 3)


def test_numbers_that_are_not_finite_are_another_errors_matter(tmp_path):
    np.save(tmp_path / "x.npy", np.full((100, 100), np.nan))
    with pytest.raises(ValueError, match="x must be finite"):
        load_stimuli(tmp_path / "x.npy")
