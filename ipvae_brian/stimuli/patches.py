"""Patches: cut from whitened images or read from a file, and brought to a common scale."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian.stimuli.front_end import FrontEnd
from ipvae_brian.stimuli.whitening import Whitening, as_whitening, whiten_and_measure

# In standard deviations of the whitened image. Below it are skies: clipped, or with sensor noise
# only. Of 100,000 whitened van Hateren patches 0.6 % are below, of the shipped photographs 8 %.
MINIMUM_CONTRAST = 0.2
# Numbers that are turned into double precision at a time.
BLOCK = 2**20
# A standard deviation below so many roundings is noise of the rounding.
ROUNDING_SHARE = 10


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PatchSet:
    """Training and validation patches on one scale.

    Parameters
    ----------
    train : ndarray of float32 (n_train, n_pixels)
        Mean 0 and standard deviation 1 over all pixels of all training patches.
    validation : ndarray of float32 (n_validation, n_pixels)
        On the same scale, so its mean and standard deviation are only near 0 and 1.
    shape : (int, int)
        Height and width of a patch; ``patch.reshape(shape)`` is the picture.
    source : str
        Where the patches come from: "photographs", or the path of a folder or file.
    mean, std : float
        What was subtracted from the patches, then what they were divided by.
    whitening : dict, optional
        How the images were whitened (``Whitening.to_dict``); None if it is not known.
    train_images, validation_images : tuple
        The images that the patches come from: names, or ids of the file; empty if not known.
    front_end : FrontEnd, optional
        What turns light into such patches, with the constants of the training images; None where
        the patches are a file's, or the images have no contrast (a mean that is not positive).
    data_note : str, default ""
        Origin and terms of the data, where the file tells.

    Raises
    ------
    TypeError, ValueError
        If an array does not hold finite real numbers or does not fit `shape`.

    Examples
    --------
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> patches = load_stimuli("photographs", n_train=200, n_validation=50)
    >>> patches.train.shape, patches.validation.shape, patches.shape
    ((200, 256), (50, 256), (16, 16))
    """

    train: NDArray[np.float32]
    validation: NDArray[np.float32]
    shape: tuple[int, int]
    source: str
    mean: float
    std: float
    whitening: dict | None = None
    train_images: tuple = ()
    validation_images: tuple = ()
    front_end: FrontEnd | None = None
    data_note: str = ""

    def __post_init__(self):
        shape = patch_shape(self.shape)
        n_pixels = shape[0] * shape[1]
        checked = {"shape": shape, "mean": number(self.mean, "mean")}
        checked["std"] = number(self.std, "std", above=0)
        for name in ("train", "validation"):
            array = getattr(self, name)
            checked[name] = finite_array(array, name, shape=(None, n_pixels), dtype=np.float32)
        if not isinstance(self.front_end, FrontEnd | None):
            raise TypeError(f"front_end must be a FrontEnd or None, got {self.front_end!r}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self):
        height, width = self.shape
        return (
            f"PatchSet({len(self.train)} training and {len(self.validation)} validation patches "
            f"of {height} x {width} pixels from {self.source!r})"
        )


def patch_shape(shape: Any, name: str = "shape") -> tuple[int, int]:
    """Return `shape` as a tuple of two positive integers, or raise TypeError or ValueError."""
    try:
        height, width = shape
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be (height, width) in pixels, got {shape!r}") from None
    return whole_number(height, f"{name}[0]"), whole_number(width, f"{name}[1]")


def split_images(
    names: Iterable[Any], validation_fraction: float = 0.2, seed: int = 0
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split images into training and validation, so that no image gives both kinds of patches.

    Parameters
    ----------
    names : iterable
        Names or ids, all different. Their order does not matter.
    validation_fraction : float, default 0.2
        Between 0 and 1. At least one image comes to each side.
    seed : int, default 0

    Returns
    -------
    train, validation : tuple
        Both sorted.

    Raises
    ------
    ValueError
        If there are fewer than two names, or one of them twice.
    """
    names = sorted(names)
    fraction = number(validation_fraction, "validation_fraction", above=0, below=1)
    rng = np.random.default_rng(whole_number(seed, "seed", minimum=0))
    if len(names) != len(set(names)):
        raise ValueError(f"names of images must be different, got {names}")
    if len(names) < 2:
        raise ValueError(
            "at least 2 images are needed, one to train and another to validate on, "
            f"got {len(names)}"
        )
    n_validation = min(max(1, round(fraction * len(names))), len(names) - 1)
    chosen = set(rng.permutation(len(names))[:n_validation].tolist())
    train = tuple(name for i, name in enumerate(names) if i not in chosen)
    return train, tuple(name for i, name in enumerate(names) if i in chosen)


def extract_patches(
    images: dict[str, ArrayLike],
    n_patches: int,
    shape: tuple[int, int] = (16, 16),
    rng: np.random.Generator | int = 0,
    whitening: Whitening | None = None,
    *,
    progress: bool | None = None,
) -> NDArray[np.float32]:
    """Cut patches at random places from whitened images.

    Every image is used in proportion to the number of places that it has. Within an image every
    place is equally likely, except those where the patch is almost flat: its standard deviation
    is below a fifth of that of the whitened image. Such patches, skies for the most part, have
    next to nothing to code, and R2 is not defined on a constant patch. Faint texture stays.

    Parameters
    ----------
    images : dict of str to array_like (height, width)
    n_patches : int
    shape : (int, int), default (16, 16)
        Height and width of a patch in pixels.
    rng : numpy.random.Generator or int, default 0
    whitening : Whitening, optional
        Default ``Whitening()``.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook, where it takes
        long.

    Returns
    -------
    patches : ndarray of float32 (n_patches, n_pixels)
        Each whitened image has mean 0 and standard deviation 1. In random order of images.

    Raises
    ------
    TypeError
        If `images` is not a dict of real arrays, `shape` is not a pair of integers, ...
    ValueError
        If there are no images, or one cannot be whitened, is smaller than a patch, or is flat
        everywhere; the message names the image.
    MemoryLimitError
        If the patches do not fit into the free memory.
    """
    return extract_and_measure(images, n_patches, shape, rng, whitening, progress=progress)[0]


def extract_and_measure(images, n_patches, shape, rng, whitening, *, progress=None):
    """Return `extract_patches`, and a list of the ImageConstants of each image."""
    whitening = as_whitening(whitening)
    height, width = shape = patch_shape(shape)
    n_patches = whole_number(n_patches, "n_patches")
    rng = np.random.default_rng(rng)
    if not isinstance(images, dict):
        raise TypeError(f"images must be a dict of name to array, got {type(images).__name__}")
    if not images:
        raise ValueError("images is empty")

    places = np.array(
        [count_places(image, name, shape, whitening.border) for name, image in images.items()]
    )
    require_memory(
        {"patches": 4 * n_patches * height * width}, "ask for fewer or for smaller patches"
    )
    image_of_patch = rng.choice(len(images), size=n_patches, p=places / places.sum())
    patches = np.empty((n_patches, height * width), np.float32)
    constants = []
    shown = progress_bar(len(images), "images", progress, iterable=images.items())
    for i, (name, image) in enumerate(shown):  # one whitened image at a time in memory
        try:
            whitened, measured = whiten_and_measure(image, whitening)
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {name!r}: {error}") from error
        constants.append(measured)
        tops, lefts = np.nonzero(_window_variance(whitened, shape) >= MINIMUM_CONTRAST**2)
        if not tops.size:
            raise ValueError(f"image {name!r}: every {height} x {width} patch of it is flat")
        rows = np.flatnonzero(image_of_patch == i)
        chosen = rng.integers(tops.size, size=rows.size)
        for row, top, left in zip(rows, tops[chosen], lefts[chosen], strict=True):
            patches[row] = whitened[top : top + height, left : left + width].ravel()
    return patches, constants


def count_places(image, name, shape, border):
    """Return at how many places a patch of `shape` fits into an image without its borders.

    Raises
    ------
    ValueError
        If there is none, or the image is not 2-D; the message has the image's `name`.
    """
    size = np.shape(image)
    if len(size) != 2:
        raise ValueError(f"image {name!r} must have 2 dimensions, got shape {size}")
    places = [n - 2 * border - p + 1 for n, p in zip(size, shape, strict=True)]
    if min(places) < 1:
        raise ValueError(
            f"image {name!r} is too small: {size[0]} x {size[1]} pixels without borders of "
            f"{border} have no room for patches of {shape[0]} x {shape[1]}"
        )
    return places[0] * places[1]


def _window_variance(image, shape):
    """Variance of every window of `shape`, by its top left corner, from summed-area tables."""
    height, width = shape

    def window_mean(values):
        table = np.pad(values.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        columns = table[:, width:] - table[:, :-width]
        return (columns[height:] - columns[:-height]) / (height * width)

    return window_mean(image**2) - window_mean(image) ** 2


def standardise(train, validation, names):
    """Put both arrays on the scale of the training patches.

    Everything is worked out in double precision, in blocks that spare copies of large arrays, and
    only what is on the common scale becomes float32: an offset does not cost digits.

    Parameters
    ----------
    train, validation : ndarray of real numbers (n_patches, n_pixels)
    names : (str, str)
        Where they come from, for errors.

    Returns
    -------
    train, validation : ndarray of float32
    mean, std : float
        Of all pixels of the training patches.

    Raises
    ------
    ValueError
        If an array has NaN or infinity, or the training patches have no variance that can be told
        from the rounding of the numbers as they are stored.
    """
    for array, name in zip((train, validation), names, strict=True):
        _require_finite(array, name)
    largest = max(abs(float(train.min())), abs(float(train.max())))
    mean = _block_mean(train, lambda block: block)
    std = np.sqrt(_block_mean(train, lambda block: (block - mean) ** 2))
    digits = np.finfo(train.dtype).eps if train.dtype.kind == "f" else 0.0
    rounding = max(digits, np.finfo(np.float64).eps) * largest
    if not std > max(ROUNDING_SHARE * rounding, 1e-300):
        raise ValueError(
            f"{names[0]} has no variance: all values are about {mean:g}, and {train.dtype} "
            f"tells values of that size apart by {rounding:.2g} at best"
        )
    scaled = (_scaled(array, mean, std) for array in (train, validation))
    return (*scaled, float(mean), float(std))


def _require_finite(array, name):
    if array.dtype.kind != "f":
        return
    n_bad = sum(int((~np.isfinite(block)).sum()) for block in _blocks(array))
    if n_bad:
        raise ValueError(
            f"{name} must be finite, got {n_bad} NaN or infinite value(s) of {array.size}"
        )
    if max(abs(float(array.min())), abs(float(array.max()))) > np.finfo(np.float32).max:
        raise ValueError(f"{name} must be finite in single precision, got values above 3e38")


def _blocks(array):
    n_rows = max(1, BLOCK // array.shape[1])
    return (array[start : start + n_rows] for start in range(0, len(array), n_rows))


def _block_mean(array, function):
    return sum(function(b.astype(np.float64)).sum() for b in _blocks(array)) / array.size


def _scaled(array, mean, std):
    result = np.empty(array.shape, np.float32)
    for source, target in zip(_blocks(array), _blocks(result), strict=True):
        target[:] = (source.astype(np.float64) - mean) / std
    return result
