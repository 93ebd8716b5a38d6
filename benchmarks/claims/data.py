"""The stimuli of the claims: digits, what lies outside of them, and natural patches.

None of the sets is part of the repository. Digits come from a file that the user names, from the
folder of the environment variable IPVAE_SHARED, or from OpenML through scikit-learn.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import rotate

from ipvae_brian.stimuli import load_photographs

# Digits of MNIST's training set that nothing learns from: settings are chosen on them.
N_VALIDATION = 5000
ANGLES = (0, 30, 60, 90, 120, 150, 180)
# Columns of OpenML's table, and its training digits, which come first.
OPENML = {"mnist": ("mnist_784", 60_000), "fashion_mnist_test": ("Fashion-MNIST", 60_000)}


class NoData(Exception):
    """A set of stimuli cannot be had here; the message says what would help."""


@dataclass(frozen=True)
class Digits:
    """Labelled images as rows of pixels in [0, 1], all of one shape."""

    name: str
    shape: tuple
    train: np.ndarray
    train_labels: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Outside:
    """Stimuli that a model of digits was not trained on; labels where there are any."""

    name: str
    stimuli: np.ndarray
    labels: np.ndarray | None = None


def shared(name):
    """Return a file of the folder that IPVAE_SHARED names, or None if it is not there."""
    folder = os.environ.get("IPVAE_SHARED")
    path = Path(folder) / "data" / f"{name}.npz" if folder else None
    return path if path is not None and path.is_file() else None


def pixels(images):
    """Return images of bytes (n, rows, columns) as rows of single-precision pixels in [0, 1]."""
    images = np.asarray(images)
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def read(name, path=None):
    """Return the arrays of one of the sets by name.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist_test", "omniglot_subset28"}
    path : path-like, optional
        An .npz file with x_train, y_train, x_test and y_test (the latter two for Fashion-MNIST).

    Raises
    ------
    NoData
        If there is no such file, and OpenML does not have or does not give it.
    """
    path = path or shared(name)
    if path is not None:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    if name not in OPENML:
        raise NoData(
            f"{name}.npz is not there: set IPVAE_SHARED to the folder whose data/ has it "
            "(OpenML does not)"
        )
    from sklearn.datasets import fetch_openml

    openml, n_train = OPENML[name]
    try:
        table = fetch_openml(openml, version=1, as_frame=False, parser="liac-arff")
    except Exception as error:  # whatever sockets, proxies and parsers raise
        raise NoData(
            f"{openml} could not be fetched from OpenML ({type(error).__name__}: {error}): give a "
            f"file with --digits, or set IPVAE_SHARED to the folder whose data/ has {name}.npz"
        ) from error
    images = table.data.reshape(-1, 28, 28).astype(np.uint8)
    labels = table.target.astype(int)
    return {
        "x_train": images[:n_train],
        "y_train": labels[:n_train],
        "x_test": images[n_train:],
        "y_test": labels[n_train:],
    }


def mnist(path=None):
    """Return MNIST; the last of its training digits are for validation."""
    arrays = read("mnist", path)
    train, labels = pixels(arrays["x_train"]), arrays["y_train"].astype(int)
    return Digits(
        "MNIST",
        tuple(arrays["x_train"].shape[1:]),
        train[:-N_VALIDATION],
        labels[:-N_VALIDATION],
        train[-N_VALIDATION:],
        pixels(arrays["x_test"]),
        arrays["y_test"].astype(int),
    )


def small_digits():
    """Return scikit-learn's 8 x 8 digits, which come with it."""
    from sklearn.datasets import load_digits

    table = load_digits()
    order = np.random.default_rng(0).permutation(len(table.data))
    images = (table.data[order] / 16).astype(np.float32)
    labels = table.target[order]
    return Digits(
        "scikit-learn's 8 x 8 digits",
        (8, 8),
        images[:1200],
        labels[:1200],
        images[1200:1300],
        images[1300:],
        labels[1300:],
    )


def rotated(images, shape, angle):
    """Return images turned by an angle in degrees, in the same frame, with values in [0, 1]."""
    if angle == 0:
        return images
    frames = images.reshape(-1, *shape)
    turned = rotate(frames, angle, axes=(2, 1), reshape=False, order=1)
    return turned.clip(0, 1).reshape(len(images), -1).astype(np.float32)


def natural_patches(shape, n, seed=0):
    """Return patches of the package's photographs, grey values in [0, 1].

    Without those of a single grey value, whose R2 is not defined.
    """
    rng, patches = np.random.default_rng(seed), []
    photographs = list(load_photographs().values())
    while len(patches) < n:
        values = photographs[len(patches) % len(photographs)]
        corner = [
            rng.integers(0, size - side + 1) for size, side in zip(values.shape, shape, strict=True)
        ]
        patch = values[tuple(slice(c, c + side) for c, side in zip(corner, shape, strict=True))]
        if patch.std() > 0:
            patches.append(patch.ravel())
    values = np.array(patches, np.float64)
    return (values / 255).astype(np.float32)


def _letters(n):
    """Return Omniglot, of few characters so many that each is there several times."""
    letters, rng = read("omniglot_subset28"), np.random.default_rng(0)
    characters, sizes = np.unique(letters["y"], return_counts=True)
    order = rng.permutation(len(characters))
    enough = 1 + int(np.searchsorted(np.cumsum(sizes[order]), n))
    chosen = np.flatnonzero(np.isin(letters["y"], characters[order[:enough]]))
    chosen = rng.permutation(chosen)[:n]
    return Outside("omniglot", pixels(letters["x_area"][chosen]), letters["y"][chosen])


def outside(digits, n, n_per_angle, *, downloads=True):
    """Return what lies outside the digits that models are trained on, by name.

    Natural patches are there twice: with the range of digits, grey values in [0, 1], and z-scored
    about the background of digits, which is 0.

    Parameters
    ----------
    digits : Digits
    n, n_per_angle : int
        Stimuli of each set, and of each angle of the rotated ones.
    downloads : bool, default True
        Whether to look for Fashion-MNIST and Omniglot, which are not in the repository.
    """
    turned = {angle: rotated(digits.test[:n_per_angle], digits.shape, angle) for angle in ANGLES}
    sets = [
        Outside(
            "rotated",
            np.concatenate(list(turned.values())),
            np.tile(digits.test_labels[:n_per_angle], len(ANGLES)),
        )
    ]
    if downloads:
        fashion = read("fashion_mnist_test")
        sets.append(Outside("fashion", pixels(fashion["x_test"][:n]), fashion["y_test"][:n]))
        sets.append(_letters(n))
    natural = natural_patches(digits.shape, n)
    exact = natural.astype(np.float64)
    spread = exact.std(axis=1, keepdims=True)
    scaled = ((exact - exact.mean(axis=1, keepdims=True)) / spread).astype(np.float32)
    sets += [Outside("natural", natural), Outside("natural_z", scaled)]
    return {one.name: one for one in sets}
