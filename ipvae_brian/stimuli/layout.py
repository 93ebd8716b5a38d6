"""Tell whether an array holds patches, one in each row, or merely has such a shape."""

import math

import numpy as np
from numpy.typing import NDArray

# Patches of models are far below: 16 x 16 and 28 x 28 pixels are usual.
LARGEST_SIDE = 128
LARGEST_ASPECT = 4
FEWEST_PATCHES = 5
# Rows that are looked at, and what neighbouring rows of unrelated patches do not reach.
ROWS, COLUMNS = 512, 4096
FEWEST_ROWS = 32
ALIKE = 0.25
PIXEL_BELOW = 0.1


def require_patches(array: NDArray, name: str) -> None:
    """Refuse an array that may be a photograph, a stack of them, or patches along another axis.

    Parameters
    ----------
    array : ndarray (n, height, width) or (n, n_pixels)
    name : str
        For the error.

    Raises
    ------
    ValueError
        If the array has the shape of colours, of photographs, of too few patches or of patches
        along the last axis; or, where it has two dimensions, if neighbouring rows are alike
        although no row is a picture.
    """
    reason = _of_pictures(array.shape) if array.ndim == 3 else _of_rows(array)
    if reason:
        raise ValueError(
            f"{name} of shape {array.shape} may be something else than patches: {reason}. "
            "Photographs are read from a folder of images. If it does hold one patch in each "
            "entry of its first axis, say so by shape=(height, width)"
        )


def _of_pictures(shape):
    n, height, width = shape
    short, long = sorted((height, width))
    if n < FEWEST_PATCHES:
        return f"there are only {n} of them, as of channels or photographs"
    if long > LARGEST_SIDE:
        return f"{height} x {width} pixels are a photograph"
    if n == height:
        return f"two sides are {n}, as of {width} pictures along the last axis"
    if height > 1 and long > LARGEST_ASPECT * short:  # one row may be a signal
        return f"{height} x {width} pixels are no picture, but may be {width} channel(s) of one"
    return None


def _of_rows(array):
    n, n_pixels = array.shape
    side = math.isqrt(n_pixels)
    if n_pixels > LARGEST_SIDE**2:
        return f"{n_pixels} pixels are a photograph"
    if n < FEWEST_ROWS or n_pixels < FEWEST_ROWS:
        return None
    rows = array[:ROWS, :COLUMNS].astype(np.float64)
    if not np.isfinite(rows).all():
        return None  # another error's matter
    rows -= rows.mean(axis=0)
    if _likeness(rows.T, 1) < ALIKE:
        return None
    # Frames of a movie are alike, too, but the pixel below is more like one than one halfway.
    square = side**2 == n_pixels and n_pixels <= COLUMNS
    if square:
        below, halfway = _likeness(rows, side), _likeness(rows, side // 2)
        if below - halfway > min(PIXEL_BELOW, (1 - halfway) / 2):
            return None
    return "neighbouring rows are alike, as in one photograph or in patches along the last axis"


def _likeness(rows, lag):
    """Correlation of values with those `lag` further along the rows."""
    left, right = rows[:, :-lag], rows[:, lag:]
    scale = math.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / scale) if scale > 0 else 0.0
