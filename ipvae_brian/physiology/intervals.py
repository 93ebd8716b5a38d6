"""How regular spike trains are: statistics of the intervals between spikes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import windows_in
from ipvae_brian.recordings.recording import Recording


@dataclass(frozen=True)
class IntervalStatistics:
    """Irregularity of spike trains; 1 for a Poisson process, 0 for a clock.

    Attributes
    ----------
    cv : numpy.ndarray, shape (n_neurons,)
        Coefficient of variation of all intervals. Changes of rate between trials add to it.
    cv2, lv : numpy.ndarray, shape (n_neurons,)
        Of neighbouring intervals, which changes of rate hardly touch (Holt et al. 1996, J.
        Neurophysiol. 75:1806; Shinomoto et al. 2003, Neural Computation 15:2823).
    n_intervals : numpy.ndarray of int, shape (n_neurons,)
    """

    cv: NDArray[np.floating]
    cv2: NDArray[np.floating]
    lv: NDArray[np.floating]
    n_intervals: NDArray[np.integer]


def interval_statistics(
    recording: Recording,
    *,
    where: Mapping[str, object] | None = None,
    window: tuple[Time, Time] | None = None,
    minimum_intervals: int = 20,
) -> IntervalStatistics:
    """Return CV, CV2 and LV of the intervals between spikes, as elephant works them out.

    Intervals lie within a trial. Two neighbouring ones count for CV2 and LV, of every trial
    alike. A mean over conditions is better than all conditions at once, whose rates differ.

    Parameters
    ----------
    recording : Recording
        With spike times.
    where : mapping of str to object, optional
        Only trials with these conditions.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.
    minimum_intervals : int, default 20
        Intervals that a neuron needs, in all trials together; of others, all three are NaN.

    Raises
    ------
    ImportError
        If elephant is not installed; the extra "physiology" has it.
    ValueError
        If there are no spike times, no such trial or window, or no neuron has enough intervals.
    """
    try:
        # Elephant changes which warnings are shown, of all packages, as it is imported.
        with warnings.catch_warnings():
            from elephant.statistics import cv, cv2, lv
    except ImportError:
        raise ImportError(
            "interval_statistics needs elephant: pip install 'ipvae-brian[physiology]'"
        ) from None
    least = whole_number(minimum_intervals, "minimum_intervals", minimum=2)
    windows = windows_in(recording, window)
    per_window = recording.timing.steps_per_window
    edges = windows.start * per_window, windows.stop * per_window
    if where is not None:
        recording = recording.select(recording.trials_where(**where))
    trains = _intervals(recording, *edges)
    n = np.array([sum(map(len, train)) for train in trains])
    if n.max() < least:
        raise ValueError(
            f"no neuron has {least} intervals between spikes; the most is {n.max()} in "
            f"{recording.n_trials} trials"
        )
    of_all, of_neighbours, local = (np.full(len(trains), np.nan) for _ in range(3))
    for neuron in np.flatnonzero(n >= least):
        train = trains[neuron]
        every = np.concatenate(train)
        of_all[neuron] = cv(every)
        pairs = [one for one in train if len(one) > 1]
        if pairs:
            weights = np.array([len(one) - 1 for one in pairs])
            weights = weights / weights.sum()
            of_neighbours[neuron] = weights @ np.array([float(cv2(one)) for one in pairs])
            local[neuron] = weights @ np.array([float(lv(one)) for one in pairs])
    return IntervalStatistics(of_all, of_neighbours, local, n)


def _intervals(recording, begin, end):
    """Return the intervals between two time steps of every neuron, an array for each trial."""
    spikes = recording._recorded_spikes()
    # Of times themselves, those at the onset may be a rounding error before it.
    step = recording.timing.steps_of(spikes.time)
    inside = (step >= begin) & (step < end)
    trial, neuron, time = (
        np.repeat(column[inside], spikes.count[inside])
        for column in (spikes.trial, spikes.neuron, spikes.time)
    )
    order = np.lexsort((time, trial, neuron))
    trial, neuron, time = trial[order], neuron[order], time[order]
    breaks = np.flatnonzero((np.diff(trial) != 0) | (np.diff(neuron) != 0)) + 1
    trains = [[] for _ in range(recording.n_neurons)]
    for part in np.split(np.arange(len(time)), breaks):
        if len(part) > 1:
            trains[neuron[part[0]]].append(np.diff(time[part]))
    return trains
