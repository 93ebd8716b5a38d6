"""Checks of the fields of a model that are neither numbers nor arrays."""

import math
from typing import Any

import numpy as np

from ipvae_brian._tools.frozen import frozen_json
from ipvae_brian.stimuli.front_end import FrontEnd


def checked_shape(shape: Any, n_pixels: int) -> tuple[int, ...]:
    """Return the shape of a stimulus; it is flat if None was given.

    Raises
    ------
    TypeError, ValueError
        If it is no tuple of whole numbers with the product `n_pixels`.
    """
    if shape is None:
        return (n_pixels,)
    if not isinstance(shape, tuple | list):
        raise TypeError(f"stimulus_shape must be a tuple of whole numbers, got {shape!r}")
    whole = all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in shape
    )
    if not whole or math.prod(shape) != n_pixels:
        raise ValueError(
            f"stimulus_shape must be whole numbers with product {n_pixels} "
            f"(rows of the dictionary), got {shape}"
        )
    return tuple(int(n) for n in shape)


def checked_json(value: Any, name: str) -> Any:
    """Return a read-only copy of a dict that JSON can hold.

    Raises
    ------
    TypeError, ValueError
        If it is no dict, or JSON cannot hold it.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a dict, got {type(value).__name__}")
    try:
        return frozen_json(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be JSON-able: {error}") from None


def checked_front_end(front_end: Any) -> FrontEnd | None:
    """Return a front end, given as itself or as the dict that describes it.

    Raises
    ------
    TypeError, ValueError
        If it is neither, or a field of it is wrong.
    """
    if isinstance(front_end, dict):
        try:
            return FrontEnd.from_dict(front_end)
        except (TypeError, ValueError) as error:
            raise type(error)(f"front_end has a wrong field: {error}") from None
    if not isinstance(front_end, FrontEnd | None):
        raise TypeError(f"front_end must be a FrontEnd or None, got {front_end!r}")
    return front_end
