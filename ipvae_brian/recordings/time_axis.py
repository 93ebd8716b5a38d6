"""Trials laid one after another on the time axis of a session."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import NDArray

from ipvae_brian._tools.checks import seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.timing import Timing

# The condition that says which of the stimuli a trial showed.
STIMULUS = "stimulus"
# Where others have whole numbers as ids, the column of ids that are text.
UNIT_NAME = "unit_name"
# What our own files call the timing of trials, as JSON.
TIMING = "ipvae_brian_timing"
# In seconds, between trials.
GAP = 0.1


@dataclass
class TimeAxis:
    """A recording as a session: spike trains, and when every trial was; times in seconds."""

    times: list[NDArray[np.floating]]
    """Of every unit, in order."""
    ids: NDArray
    columns: dict[str, NDArray]
    """What else is known of the units."""
    begin: NDArray[np.floating]
    """When trials begin, with what comes before the stimulus, (n_trials,)."""
    start: NDArray[np.floating]
    """When stimuli begin, (n_trials,)."""
    stop: NDArray[np.floating]
    """When stimuli end, (n_trials,)."""
    end: NDArray[np.floating]
    """When trials end, (n_trials,)."""
    conditions: dict[str, NDArray]


def laid_out(recording: Any, start: Time | None = None, gap: Time | None = None) -> TimeAxis:
    """Return the trials of a recording one after another, in their order.

    Trials of a simulation may have been run side by side, in copies of the network; here they
    follow each other as in an experiment. Every trial begins on a whole millisecond.

    Parameters
    ----------
    recording : Recording
    start : Quantity, optional
        When the first trial begins; by default at 0.
    gap : Quantity, optional
        At least so long nothing is recorded between trials; by default 100 ms.

    Raises
    ------
    ValueError
        If spike times were not recorded.
    """
    spikes = recording._recorded_spikes()
    timing = recording.timing
    first = 0.0 if start is None else seconds(start, "start", allow_zero=True)
    pause = GAP if gap is None else seconds(gap, "gap", allow_zero=True)
    spacing = np.ceil(round((timing.duration + pause) * 1e3, 6)) / 1e3
    begin = np.round(first + np.arange(recording.n_trials) * spacing, 9)
    onset = begin + timing.before
    # A time step with two spikes has its time twice.
    trial, neuron, time = (np.repeat(a, spikes.count) for a in spikes[:3])
    time = onset[trial] + time
    order = np.lexsort((time, neuron))
    edges = np.searchsorted(neuron[order], np.arange(recording.n_neurons + 1))
    times = [time[order[a:b]] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    return TimeAxis(
        times,
        ids_of(recording),
        {name: as_text(column) for name, column in recording.units.items() if name != "id"},
        begin,
        onset,
        onset + sum(timing.frame_steps) * timing.dt,
        begin + timing.duration,
        conditions_of(recording),
    )


def ids_of(recording: Any) -> NDArray:
    """Return the ids of the units: their numbers, if they have none of their own.

    Raises
    ------
    ValueError
        If two are the same.
    """
    ids = recording.units.get("id")
    if ids is None:
        return np.arange(recording.n_neurons)
    if ids.ndim != 1 or ids.dtype.kind not in "iuU" or len(set(ids.tolist())) < len(ids):
        raise ValueError("units['id'] must have one whole number or name for each, all different")
    return ids


def conditions_of(recording: Any) -> dict[str, NDArray]:
    """Return the conditions of every trial, and which stimulus it showed."""
    columns = {name: as_text(column) for name, column in recording.conditions.items()}
    if recording.stimulus_numbers is not None:
        columns.setdefault(STIMULUS, recording.stimulus_numbers)
    return columns


def as_text(column: NDArray) -> NDArray:
    """Return a column with bytes and dates, which other formats do not have, as text."""
    if column.dtype.kind == "S":
        return np.char.decode(column)
    return np.datetime_as_string(column) if column.dtype.kind == "M" else column


def require_free(names: Iterable[str], taken: Iterable[str], group: str, where: str) -> None:
    """Raise ValueError for names of columns that mean something else where they go."""
    for name in names:
        if name in taken or not name or "/" in name:
            raise ValueError(
                f"{group}[{name!r}] cannot go into {where}, where this name is taken or not "
                "allowed: give it another"
            )


def stored_timing(text: Any) -> Timing | None:
    """Return the timing that a file of ours has as JSON; None if there is none."""
    if text is None:
        return None
    return Timing(**json.loads(text.decode() if isinstance(text, bytes) else text))


def as_options(timing: Timing) -> dict[str, Any]:
    """Return how a session is cut into trials that are timed like this."""
    shown = sum(timing.frame_steps)
    lengths = {
        "before": timing.onset_step,
        "after": timing.n_steps - timing.onset_step - shown,
        "duration": shown,
        "window": timing.steps_per_window,
        "dt": 1,
    }
    return {name: steps * timing.dt * second for name, steps in lengths.items()}
