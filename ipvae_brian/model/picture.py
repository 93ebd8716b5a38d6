"""Arrange a dictionary as a single image."""

import numpy as np
from numpy.typing import NDArray


def mosaic(tiles: NDArray, across: int) -> NDArray:
    """Return images side by side, each scaled to its own largest absolute value.

    Parameters
    ----------
    tiles : numpy.ndarray, shape (n, rows, columns)
    across : int
        How many go into a row.

    Returns
    -------
    numpy.ndarray
        Within [-1, 1]; NaN between the images and where there is none.
    """
    n, rows, columns = tiles.shape
    largest = np.abs(tiles).max(axis=(1, 2), keepdims=True)
    tiles = np.divide(tiles, largest, out=np.zeros_like(tiles), where=largest > 0)
    down = -(-n // across)
    # A separator of one pixel after every row and column of tiles.
    picture = np.full((down * across, rows + 1, columns + 1), np.nan)
    picture[:n, :-1, :-1] = tiles
    picture = picture.reshape(down, across, rows + 1, columns + 1).swapaxes(1, 2)
    return picture.reshape(down * (rows + 1), across * (columns + 1))[:-1, :-1]


def tiles_across(n: int, tile_aspect: float) -> int:
    """Return the tiles in a row of a mosaic that is rather wide and has few empty places."""
    across = np.arange(1, n + 1)
    down = -(-n // across)
    aspect = across * tile_aspect / down
    empty = (across * down - n) / n
    return int(across[np.argmin(np.abs(np.log(aspect / 1.6)) + 12 * empty)])
