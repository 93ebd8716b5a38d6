"""Recordings as objects of pynapple: a TsGroup of spikes and an IntervalSet of trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.columns import START, STOP, renamed
from ipvae_brian.recordings.cutting import Cut, cut_trials
from ipvae_brian.recordings.spike_tables import tidy_columns, trial_table
from ipvae_brian.recordings.time_axis import UNIT_NAME, laid_out, require_free
from ipvae_brian.recordings.trains import MICROSECOND, SpikeTrains, joined

# Columns that pynapple makes itself.
OWN_OF_UNITS, OWN_OF_TRIALS = ("rate", "index"), ("start", "end", "index")


class PynappleSession(NamedTuple):
    """Spikes and trials on one time axis, as pynapple's functions take them.

    Examples
    --------
    >>> from ipvae_brian import Recording, Timing
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=100)
    >>> recording = Recording.from_spike_times([[[0.013, 0.15], [0.02]]], timing)
    >>> session = recording.to_pynapple()
    >>> session.spikes[0].t, session.trials.end
    (array([0.013, 0.15 ]), array([0.2]))
    """

    spikes: Any
    """TsGroup of all units, with what is known of them; its time support is all trials."""
    trials: Any
    """IntervalSet of the stimuli, with their conditions."""


def _pynapple():
    try:
        import pynapple
    except ImportError as error:
        raise ImportError(
            "this needs pynapple, which is not installed: pip install ipvae_brian[pynapple]"
        ) from error
    return pynapple


def write_pynapple(recording: Any, start: Time | None, gap: Time | None) -> PynappleSession:
    """Return a recording as objects of pynapple; see `Recording.to_pynapple`."""
    nap = _pynapple()
    axis = laid_out(recording, start, gap)
    require_free(axis.conditions, OWN_OF_TRIALS, "conditions", "pynapple")
    ids, columns = axis.ids, dict(axis.columns)
    require_free(columns, (*OWN_OF_UNITS, UNIT_NAME), "units", "pynapple")
    if ids.dtype.kind == "U":
        columns[UNIT_NAME], ids = ids, np.arange(len(ids))
    # A TsGroup has its units in the order of their ids, and takes metadata in that order.
    order = np.argsort(ids)
    times = [_before_the_end(one, axis) for one in axis.times]
    spans = joined(np.column_stack([axis.begin, axis.end]))
    support = nap.IntervalSet(start=spans[:, 0], end=spans[:, 1])
    spikes = nap.TsGroup(
        {int(ids[i]): nap.Ts(t=times[i], time_support=support) for i in order},
        time_support=support,
        metadata={name: column[order] for name, column in columns.items()},
    )
    trials = nap.IntervalSet(start=axis.start, end=axis.stop, metadata=axis.conditions)
    return PynappleSession(spikes, trials)


def _before_the_end(times, axis):
    """Return spike times that are still in their trial when pynapple has rounded them to 1 ns."""
    trial = np.searchsorted(axis.begin, times, side="right") - 1
    return np.minimum(times, axis.end[trial] - 3e-9)


def read_pynapple(spikes: Any, trials: Any, columns: Mapping[str, str], cut: Cut) -> dict[str, Any]:
    """Return arguments of `Recording`; see `Recording.from_pynapple`."""
    nap = _pynapple()
    for name, value, kind in (
        ("spikes", spikes, nap.TsGroup),
        ("trials", trials, nap.IntervalSet),
    ):
        if not isinstance(value, kind):
            raise TypeError(
                f"{name} must be a pynapple.{kind.__name__}, got {type(value).__name__}"
            )
    times = [np.asarray(spikes[i].t) for i in spikes.index]
    ids = np.asarray(spikes.index)
    known = _metadata(spikes, OWN_OF_UNITS)
    if UNIT_NAME in known and len(set(known[UNIT_NAME])) == len(ids):
        ids = np.asarray(known.pop(UNIT_NAME)).astype(str)
    trains = SpikeTrains(
        times,
        ids,
        tidy_columns(known, "spikes", cut),
        _observed(spikes.time_support, times),
    )
    rows = _metadata(trials, OWN_OF_TRIALS)
    rows |= {START: np.asarray(trials.start), STOP: np.asarray(trials.end)}
    return cut_trials(trains, trial_table(renamed(rows, columns, "trials"), "trials", cut), cut)


def _observed(support, times):
    """Return what was observed of each unit; None where the support is that of the spikes alone.

    This is what pynapple takes if it is told nothing: from the first spike of a unit to its last,
    or of all units.
    """
    spans = np.column_stack([support.start, support.end])
    own = np.array([(one[0], one[-1]) for one in times if len(one)])
    if len(own):
        for guess in (joined(own), np.array([[own[:, 0].min(), own[:, 1].max()]])):
            if guess.shape == spans.shape and np.abs(guess - spans).max() < MICROSECOND:
                return None
    return [spans] * len(times)


def _metadata(of, left_out):
    table = of.metadata
    return {str(name): list(table[name]) for name in table.columns if name not in left_out}
