"""The spikes of all trials and neurons in four columns; counting and selecting them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.frozen import frozen
from ipvae_brian.recordings.timing import Timing

# Of the picture in a notebook.
PICTURE_ROWS, PICTURE_COLUMNS = 160, 320


class Spikes(NamedTuple):
    """All spikes, those of each trial in order of time.

    Each entry is one neuron in one time step.

    Examples
    --------
    Neuron 3 fires twice in trial 0, at 12 ms and at 15 ms after the onset of the stimulus.

    >>> import numpy as np
    >>> from ipvae_brian import Spikes
    >>> trial, neuron, time, count = [0, 0], [3, 3], [0.012, 0.015], [1, 1]
    >>> spikes = Spikes(*map(np.array, (trial, neuron, time, count)))
    >>> spikes.time[spikes.neuron == 3]
    array([0.012, 0.015])
    """

    trial: NDArray[np.integer]
    neuron: NDArray[np.integer]
    time: NDArray[np.floating]
    """Seconds from the onset of the stimulus."""
    count: NDArray[np.integer]
    """Spikes of that neuron in that step: almost always 1 for short time steps."""


def counts_of(
    spikes: Spikes,
    timing: Timing,
    window_steps: int,
    n_trials: int,
    n_neurons: int,
) -> NDArray[np.integer]:
    """Return spike counts in whole windows of `window_steps`, (n_trials, n_windows, n_neurons)."""
    n_windows = timing.n_steps // window_steps
    window = timing.steps_of(spikes.time) // window_steps
    counts = np.zeros((n_trials, n_windows, n_neurons), np.int32)
    whole = window < n_windows
    where = (spikes.trial[whole], window[whole], spikes.neuron[whole])
    np.add.at(counts, where, spikes.count[whole])
    return counts


def same_counts(counts: NDArray, spikes: Spikes, timing: Timing) -> bool:
    """Return whether counts (n_trials, n_windows, n_neurons) are those of the spikes."""
    n_trials, _, n_neurons = counts.shape
    own = counts_of(spikes, timing, timing.steps_per_window, n_trials, n_neurons)
    return np.array_equal(own, counts)


def checked_spikes(spikes, timing, n_trials, n_neurons, *, copy):
    """Return spikes with read-only arrays, after checks of their types, sizes and ranges."""
    if not isinstance(spikes, tuple) or len(spikes) != len(Spikes._fields):
        raise TypeError(f"spikes must be Spikes, got {type(spikes).__name__}")
    arrays = []
    for name, value in zip(Spikes._fields, spikes, strict=True):
        array, kinds = np.asarray(value), "f" if name == "time" else "iu"
        if array.ndim != 1 or array.dtype.kind not in kinds:
            wanted = "numbers" if name == "time" else "whole numbers"
            raise ValueError(
                f"spikes.{name} must be a list of {wanted}, got shape {array.shape} and "
                f"type {array.dtype}"
            )
        arrays.append(frozen(array.copy() if copy else array))
    spikes = Spikes(*arrays)
    if len({len(array) for array in arrays}) > 1:
        lengths = {n: len(a) for n, a in spikes._asdict().items()}
        raise ValueError(f"spikes must have as many of each, got {lengths}")
    if not len(spikes.time):
        return spikes
    for name, n in (("trial", n_trials), ("neuron", n_neurons)):
        array = getattr(spikes, name)
        if array.min() < 0 or array.max() >= n:
            raise ValueError(
                f"spikes.{name} must be from 0 to {n - 1}, got {array.min()} to {array.max()}"
            )
    if spikes.count.min() < 1:
        raise ValueError(f"spikes.count must be at least 1, got {spikes.count.min()}")
    require_within_trial(spikes.time, timing)
    return spikes


def require_within_trial(times, timing):
    """Raise ValueError for times from onset that are before or after the trial."""
    begin, end = -timing.before, timing.duration - timing.before
    steps = timing.steps_of(times) if np.isfinite(times).all() else np.array([-1])
    if len(steps) and (steps.min() < 0 or steps.max() >= timing.n_steps):
        raise ValueError(
            f"spike times must be within the trial, from {begin:g} to {end:g} s, got "
            f"{times.min():g} to {times.max():g} s"
        )


def spikes_of_trials(spikes, trials, n_trials):
    """Return the spikes of some trials, which are numbered anew in this order."""
    order = np.argsort(spikes.trial, kind="stable")
    edges = np.searchsorted(spikes.trial[order], np.arange(n_trials + 1))
    parts = [order[edges[t] : edges[t + 1]] for t in trials]
    which = np.concatenate(parts)
    trial = np.repeat(np.arange(len(trials)), [len(part) for part in parts])
    return Spikes(trial, *(a[which] for a in spikes[1:]))


def raster_picture(counts: NDArray, spikes: Spikes | None, timing: Timing) -> NDArray | None:
    """Return a small raster of the first trial, dark on white, with neurons from bottom to top.

    Parameters
    ----------
    counts : numpy.ndarray, shape (n_trials, n_windows, n_neurons)
        Drawn where there are no spike times.
    spikes : Spikes or None
    timing : Timing

    Returns
    -------
    numpy.ndarray of -1 (spikes) and 1 (none), or None if there is no whole window
    """
    n_trials, _, n_neurons = counts.shape
    first = counts[0]
    if spikes is not None:
        steps = -(-timing.n_steps // PICTURE_COLUMNS)
        own = spikes_of_trials(spikes, [0], n_trials)
        first = counts_of(own, timing, steps, 1, n_neurons)[0]
    if not first.size:
        return None
    together = -(-n_neurons // PICTURE_ROWS)
    rows = np.add.reduceat(first, np.arange(0, n_neurons, together), axis=1)
    return 1.0 - 2.0 * np.minimum(rows.T[::-1], 1)
