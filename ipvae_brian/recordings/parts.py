"""Check that the parts of a recording have the right types and fit together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, refuse_wrappers
from ipvae_brian._tools.frozen import FrozenDict, frozen
from ipvae_brian.recordings.timing import Timing


def checked_counts(counts: ArrayLike, timing: Timing, copy: bool, graded: bool = False) -> NDArray:
    """Return read-only counts in the windows of the timing.

    They may be `graded`, activity of either sign, where no spikes are counted.
    """
    refuse_wrappers(counts, "counts")
    array = np.asarray(counts)
    if graded and array.dtype.kind == "f":
        if array.size:
            array = finite_array(array, "counts", dtype=array.dtype)
    elif array.dtype.kind not in "iu":
        raise TypeError(f"counts must be whole numbers, got type {array.dtype}")
    if (
        array.ndim != 3
        or array.shape[1] != timing.n_windows
        or 0 in (array.shape[0], array.shape[2])
    ):
        raise ValueError(
            f"counts must have shape (n_trials, {timing.n_windows}, n_neurons) with the windows of "
            f"timing, got {array.shape}"
        )
    if array.dtype.kind != "f" and array.size and array.min() < 0:
        raise ValueError(f"counts must not be negative, got {array.min()}")
    if array.dtype.kind == "u" or array.dtype.itemsize < np.dtype(np.int32).itemsize:
        # Differences of these would be taken modulo their size.
        return frozen(array.astype(np.int64))
    return frozen(array.copy() if copy else array)


def checked_columns(
    columns: Mapping[str, ArrayLike] | None, name: str, n: int, things: str
) -> FrozenDict:
    """Return read-only arrays with an entry for each trial or neuron, by name."""
    if columns is None:
        return FrozenDict()
    if not isinstance(columns, Mapping):
        raise TypeError(f"{name} must be a dict of arrays, got {type(columns).__name__}")
    arrays = {}
    for key, value in columns.items():
        refuse_wrappers(value, f"{name}[{key!r}]")
        array = np.array(value)
        if array.dtype.kind == "O" and all(isinstance(one, str) for one in array.ravel()):
            array = array.astype(str)
        if not isinstance(key, str) or array.dtype.kind not in "biufUSM":
            raise TypeError(f"{name}[{key!r}] must be numbers or text, got type {array.dtype}")
        if array.shape[:1] != (n,):
            raise ValueError(
                f"{name}[{key!r}] must have an entry for each of the {n} {things}, got shape "
                f"{array.shape}"
            )
        arrays[key] = frozen(array)
    return FrozenDict(arrays)


def checked_frames(frames: ArrayLike | None, timing: Timing, copy: bool) -> NDArray | None:
    """Return read-only frames that fit the timing."""
    if frames is None:
        return None
    array = finite_array(frames, "frames", ndim=3, dtype=_precision(frames))
    if array.shape[1] != len(timing.frame_steps):
        raise ValueError(
            f"frames must have the {len(timing.frame_steps)} frame(s) that "
            f"timing.frame_steps has, got {array.shape[1]}"
        )
    return frozen(array.copy() if copy else array)


def checked_stimulus_numbers(
    numbers: ArrayLike | None, frames: NDArray | None, n_trials: int
) -> NDArray | None:
    """Return which of the frames each trial showed."""
    if frames is None:
        if numbers is not None:
            raise ValueError("stimulus_numbers needs frames, which they count")
        return None
    if numbers is None:
        if len(frames) != n_trials:
            raise ValueError(
                f"frames must be of the {n_trials} trials, got {len(frames)}; with "
                "repeats, give stimulus_numbers too"
            )
        return frozen(np.arange(n_trials))
    array = np.array(numbers)
    if array.shape != (n_trials,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"stimulus_numbers must be {n_trials} whole numbers, one for each trial, got "
            f"shape {array.shape} and type {array.dtype}"
        )
    if array.min() < 0 or array.max() >= len(frames):
        raise ValueError(
            f"stimulus_numbers must be from 0 to {len(frames) - 1}, got {array.min()} to "
            f"{array.max()}"
        )
    return frozen(array)


def _precision(frames) -> type:
    return np.float32 if getattr(frames, "dtype", None) == np.float32 else np.float64
