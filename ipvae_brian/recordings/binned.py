"""Counts without spike times: by condition and repeat, in one window or in bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import refuse_wrappers, seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.timing import Timing, whole_steps

BY_CONDITION = ("unit", "condition", "bin", "repeat")
BY_TRIAL = ("unit", "trial", "bin")
REPEAT = "repeat"


def counts_parts(
    counts: ArrayLike,
    conditions: Mapping[str, ArrayLike],
    window: Time,
    units: Mapping[str, ArrayLike] | None,
) -> dict[str, Any]:
    """Return arguments of `Recording`; see `Recording.from_counts`."""
    refuse_wrappers(counts, "counts")
    array = np.asarray(counts)
    if array.ndim != 3:
        raise ValueError(
            f"counts must have the axes unit, condition, repeat, got shape {array.shape}"
        )
    return binned_parts(array[:, :, None], conditions, window, None, None, BY_CONDITION, units)


def binned_parts(
    counts: ArrayLike,
    conditions: Mapping[str, ArrayLike],
    width: Time,
    before: Time | None,
    duration: Time | None,
    axes: Sequence[str],
    units: Mapping[str, ArrayLike] | None,
) -> dict[str, Any]:
    """Return arguments of `Recording`; see `Recording.from_binned`."""
    array = _counts(counts, axes)
    bin_width = seconds(width, "width")
    n_before = 0 if before is None else _bins(before, "before", bin_width)
    shown = () if duration is None else (_bins(duration, "duration", bin_width),)
    by_trial = "trial" in axes
    wanted = BY_TRIAL if by_trial else BY_CONDITION
    array = array.transpose([tuple(axes).index(name) for name in wanted])
    n_conditions = array.shape[1]
    if not isinstance(conditions, Mapping):
        raise TypeError(f"conditions must be a dict of columns, got {type(conditions).__name__}")
    for name, column in conditions.items():
        refuse_wrappers(column, f"conditions[{name!r}]")
    columns = {name: np.asarray(column) for name, column in conditions.items()}
    for name, column in columns.items():
        if column.shape[:1] != (n_conditions,):
            raise ValueError(
                f"conditions[{name!r}] must have an entry for each of the {n_conditions} "
                f"{wanted[1]}s of counts, got shape {column.shape}"
            )
    if not by_trial:
        n_repeats = array.shape[3]
        columns = {name: np.repeat(column, n_repeats, axis=0) for name, column in columns.items()}
        columns.setdefault(REPEAT, np.tile(np.arange(n_repeats), n_conditions))
        # (unit, condition, bin, repeat) -> (unit, trial, bin)
        array = array.swapaxes(2, 3).reshape(len(array), -1, array.shape[2])
    array, shown_trials = _whole(array.transpose(1, 2, 0))
    timing = Timing(bin_width, array.shape[1], 1, frame_steps=shown, before=n_before * bin_width)
    return {
        "counts": array[shown_trials],
        "timing": timing,
        "conditions": {name: column[shown_trials] for name, column in columns.items()},
        "units": units,
    }


def _bins(time, name, width):
    return whole_steps(seconds(time, name, allow_zero=name == "before"), width, name)


def _counts(counts, axes):
    """Return counts as an array whose axes have these names."""
    if sorted(axes) not in (sorted(BY_CONDITION), sorted(BY_TRIAL)):
        raise ValueError(
            f"axes must be {BY_CONDITION} or {BY_TRIAL}, in the order of counts, got {tuple(axes)}"
        )
    refuse_wrappers(counts, "counts")
    array = np.asarray(counts)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"counts must be whole numbers, got type {array.dtype}")
    if array.ndim != len(axes):
        raise ValueError(
            f"counts must have the {len(axes)} axes {', '.join(axes)}, got shape {array.shape}"
        )
    if 0 in array.shape:
        raise ValueError(f"counts is empty (shape {array.shape})")
    return array


def _whole(trials) -> tuple[NDArray[np.integer], NDArray[np.bool_]]:
    """Return counts (trial, bin, unit) as integers, and which trials there are.

    NaN stands for a repeat that was not run, in all bins and units or in none.
    """
    if trials.dtype.kind != "f":
        # Bytes, as some files have them, would overflow in sums.
        return trials.astype(np.int64), np.ones(len(trials), bool)
    missing = np.isnan(trials).reshape(len(trials), -1)
    absent = missing.all(axis=1)
    if missing[~absent].any():
        partly = int(missing[~absent].any(axis=1).sum())
        raise ValueError(
            f"counts of {partly} trial(s) are NaN in some bins or units only: NaN stands for a "
            "trial that was not run, and must be all of it"
        )
    if absent.all():
        raise ValueError("counts are NaN in all trials")
    known = trials[~absent]
    if not np.isfinite(known).all() or (known != np.round(known)).any():
        raise ValueError("counts must be whole numbers: give spike counts, not rates")
    if known.max() >= 2**53:
        raise ValueError(f"counts must be below 2**53, got {known.max():g}")
    whole = np.zeros(trials.shape, np.int64)
    whole[~absent] = known
    return whole, ~absent
