"""Which trials belong together, and the spikes that count: what all analyses begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.only import Quantity, get_dimensions, second
from numpy.typing import NDArray

from ipvae_brian._tools.checks import seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.recording import Recording

# The column of repeats, which is no condition that was varied.
REPEAT = "repeat"
# In seconds: how far beyond its limits a window may be, from rounding alone.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Groups:
    """Trials by condition.

    Attributes
    ----------
    conditions : dict of str to numpy.ndarray, shape (n_conditions,)
        The value of each condition that tells the groups apart.
    number : numpy.ndarray of int, shape (n_trials,)
        Which group each trial belongs to; -1 for none.
    """

    conditions: dict[str, NDArray[Any]]
    number: NDArray[np.integer]

    def __len__(self) -> int:
        return len(next(iter(self.conditions.values())))

    @property
    def n_trials(self) -> NDArray[np.integer]:
        """Trials of each group, (n_conditions,)."""
        return np.bincount(self.number[self.number >= 0], minlength=len(self))

    def mean(self, values: NDArray) -> NDArray[np.floating]:
        """Return the mean over the trials of each group, (n_trials, ...) -> (n_conditions, ...)."""
        return self._sum(values) / self._per_group(values, self.n_trials)

    def variance(self, values: NDArray) -> NDArray[np.floating]:
        """Return the unbiased variance over the trials of each group, as `mean` does."""
        return self._sum(self.deviations(values) ** 2) / self._per_group(values, self.n_trials - 1)

    def deviations(self, values: NDArray) -> NDArray[np.floating]:
        """Return how far each trial is from the mean of its group; 0 outside all groups."""
        inside = self.number >= 0
        away = np.zeros(values.shape)
        away[inside] = values[inside] - self.mean(values)[self.number[inside]]
        return away

    def _sum(self, values):
        total = np.zeros((len(self), *values.shape[1:]))
        inside = self.number >= 0
        np.add.at(total, self.number[inside], values[inside])
        return total

    def _per_group(self, values, numbers):
        return numbers.reshape(-1, *[1] * (values.ndim - 1))

    def require_repeats(self, minimum: int) -> None:
        """Refuse conditions that were shown fewer than `minimum` times.

        Raises
        ------
        ValueError
            If there are any; the message names the first.
        """
        few = np.flatnonzero(self.n_trials < minimum)
        if len(few):
            # Columns with one value, of which files have many, tell no conditions apart.
            varied = {n: c for n, c in self.conditions.items() if len(np.unique(c)) > 1}
            columns = varied or self.conditions
            which = ", ".join(f"{name} {column[few[0]]}" for name, column in columns.items())
            raise ValueError(
                f"each condition needs at least {minimum} trials, got {self.n_trials[few[0]]} of "
                f"{which} ({len(few)} of {len(self)} conditions have too few)"
            )


def group_trials(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
) -> Groups:
    """Return the trials of a recording by condition.

    Parameters
    ----------
    recording : Recording
    by : str or sequence of str, optional
        Names of the conditions that tell groups apart. By default all but ``repeat``, and without
        any the number of the stimulus.
    where : mapping of str to object, optional
        Only trials in which these conditions have these values.

    Raises
    ------
    TypeError, ValueError
        If `recording` is none, or a condition or value is not in it.
    """
    require_recording(recording)
    columns = _columns(recording, by)
    kept = np.arange(recording.n_trials) if not where else recording.trials_where(**where)
    places = np.zeros(len(kept), int)
    for column in columns.values():
        _, place = np.unique(column[kept], return_inverse=True)
        _, places = np.unique(places * (place.max() + 1) + place, return_inverse=True)
    number = np.full(recording.n_trials, -1)
    number[kept] = places
    first = kept[np.unique(places, return_index=True)[1]]
    return Groups({name: column[first] for name, column in columns.items()}, number)


def require_recording(value: Any) -> None:
    """Raise TypeError for anything but a recording."""
    if not isinstance(value, Recording):
        raise TypeError(f"recording must be a Recording, got {type(value).__name__}")


def _columns(recording, by):
    known = {name: c for name, c in recording.conditions.items() if c.ndim == 1}
    if by is None:
        varied = {name: column for name, column in known.items() if name != REPEAT}
        if varied:
            return varied
        if recording.stimulus_numbers is None:
            raise ValueError("recording has neither conditions nor stimulus_numbers to group by")
        return {"stimulus": recording.stimulus_numbers}
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in known:
            raise ValueError(
                f"by: {name!r} is no condition of this recording; there are: "
                f"{', '.join(known) or 'none'}"
            )
    if not names:
        raise ValueError("by must name at least one condition")
    return {name: known[name] for name in names}


def windows_in(recording: Recording, window: tuple[Time, Time] | None) -> slice:
    """Return the windows of counts within a stretch of time.

    Parameters
    ----------
    recording : Recording
    window : (Quantity, Quantity), optional
        Its beginning and end, from the onset of the stimulus; before it, times are negative. By
        default as long as the stimulus is shown.

    Raises
    ------
    TypeError, ValueError
        If these are no times, or no window of the recording lies between them.
    """
    require_recording(recording)
    if window is None:
        return recording.timing.windows_of_stimulus
    return recording.timing.windows_between(*two_times(window))


def two_times(window):
    """Return both in seconds; `seconds` of the checks refuses times before the onset."""
    if not isinstance(window, tuple | list) or len(window) != 2:
        raise TypeError(f"window must be two times, such as (0*ms, 500*ms), got {window!r}")
    return tuple(_seconds(one) for one in window)


def _seconds(value):
    if isinstance(value, Quantity) and get_dimensions(value) == get_dimensions(second):
        return float(value / second)
    raise TypeError(f"window must be two times, such as (0*ms, 500*ms), got {value!r}")


def counts_in(
    recording: Recording, window: tuple[Time, Time] | None = None
) -> tuple[NDArray[np.floating], float]:
    """Return the spikes of each trial and neuron in a stretch of time, and its length in seconds.

    Parameters
    ----------
    recording : Recording
    window : (Quantity, Quantity), optional
        As for `windows_in`.

    Returns
    -------
    counts : numpy.ndarray, shape (n_trials, n_neurons)
    duration : float
        Seconds that are counted: whole windows of the recording only.
    """
    windows = windows_in(recording, window)
    counts = recording.counts[:, windows].sum(axis=1).astype(float)
    return counts, (windows.stop - windows.start) * recording.timing.window


def counts_over_time(
    recording: Recording, width: Time, window: tuple[Time, Time] | None = None
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]:
    """Return the spikes of each trial and neuron in windows one after another.

    Parameters
    ----------
    recording : Recording
    width : Quantity
        Of the windows, which begin with the trial. Without spike times, a whole number of the
        recording's own.
    window : (Quantity, Quantity), optional
        Only windows wholly between these times from the onset of the stimulus; by default the
        whole trial.

    Returns
    -------
    counts : numpy.ndarray, shape (n_trials, n_times, n_neurons)
    times : numpy.ndarray, shape (n_times,)
        Middle of each window, in seconds from the onset of the stimulus.
    width : float
        In seconds.

    Raises
    ------
    TypeError, ValueError
        If `width` is no time or not a whole number of windows, or fewer than two windows are left.
    """
    require_recording(recording)
    counts = recording.counts_in_windows(width)
    length = seconds(width, "width")
    starts = np.arange(counts.shape[1]) * length - recording.timing.before
    begin, end = (-np.inf, np.inf) if window is None else two_times(window)
    inside = (starts > begin - ROUNDING) & (starts + length < end + ROUNDING)
    if inside.sum() < 2:
        raise ValueError(
            f"window must hold at least 2 windows of {length * 1e3:g} ms, got {inside.sum()} in "
            f"trials of {recording.timing.duration * 1e3:g} ms"
        )
    return counts[:, inside].astype(float), starts[inside] + length / 2, length
