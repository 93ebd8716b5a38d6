"""Trials cut out of the spike trains of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import seconds
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.spikes import Spikes, counts_of
from ipvae_brian.recordings.timing import ROUNDING, Timing, whole_steps
from ipvae_brian.recordings.trains import (
    MICROSECOND,
    Findings,
    SpikeTrains,
    checked_trains,
    first_few,
    note_coarse,
    overlaps,
    within,
)

# Stimuli whose lengths differ by less than this share are meant to be equally long.
JITTER = 0.02


@dataclass
class TrialTable:
    """Beginning and end of every stimulus, in seconds, and its conditions."""

    start: NDArray[np.floating]
    stop: NDArray[np.floating] | None
    conditions: dict[str, NDArray]


@dataclass
class Cut:
    """How trials are cut out of a session: times in seconds, checked, and what is found."""

    before: float
    after: float
    duration: float | None
    window: float
    dt: float
    findings: Findings

    @classmethod
    def checked(
        cls,
        *,
        before: Time | None = None,
        after: Time | None = None,
        duration: Time | None = None,
        window: Time | None = None,
        dt: Time | None = None,
        faults: str = "raise",
    ) -> Cut:
        """Return it from what the user gave; see `Recording.from_tables`."""
        step = 0.001 if dt is None else seconds(dt, "dt")
        cut = cls(
            before=0.0 if before is None else seconds(before, "before", allow_zero=True),
            after=0.0 if after is None else seconds(after, "after", allow_zero=True),
            duration=None if duration is None else seconds(duration, "duration"),
            window=10 * step if window is None else seconds(window, "window"),
            dt=step,
            findings=Findings(faults),
        )
        for name in ("before", "after", "duration", "window"):
            if (length := getattr(cut, name)) is not None:
                whole_steps(length, step, name)
        return cut

    def timing(self, shown: float) -> Timing:
        """Return the timing of trials whose stimulus lasts so many seconds."""
        steps = {
            "before": round(self.before / self.dt),
            "shown": int(np.floor(shown / self.dt + ROUNDING)),
            "after": round(self.after / self.dt),
        }
        if steps["shown"] < 1:
            raise ValueError(
                f"stimuli must last at least a time step of {self.dt * 1e3:g} ms, got "
                f"{shown * 1e3:g} ms: state duration"
            )
        n_steps = sum(steps.values())
        per_window = round(self.window / self.dt)
        if per_window > n_steps:
            raise ValueError(
                f"window must be at most a trial of {n_steps * self.dt * 1e3:g} ms, got "
                f"{self.window * 1e3:g} ms"
            )
        return Timing(
            self.dt,
            n_steps,
            per_window,
            frame_steps=(steps["shown"],),
            before=steps["before"] * self.dt,
        )


def cut_trials(trains: SpikeTrains, table: TrialTable, cut: Cut) -> dict[str, Any]:
    """Return arguments of `Recording`: the spikes of every trial, from the onset of its stimulus.

    A spike belongs to every trial in whose time it lies. Spikes between trials are in none.

    Parameters
    ----------
    trains : SpikeTrains
    table : TrialTable
    cut : Cut
        What is wrong is left in its `findings`.

    Raises
    ------
    ValueError
        If spikes or trials are not as they have to be.
    """
    trains = checked_trains(trains, cut.findings)
    table = _in_double_precision(table, cut.findings)
    table, timing = _checked_table(table, cut)
    table = _observed_trials(table, timing, trains, cut.findings)
    _warn_of_neighbours(table, timing, trains, cut.findings)
    shape = (len(table.start), len(trains.times))
    n_counts = shape[0] * timing.n_windows * shape[1]
    require_memory({"counts": 4 * n_counts}, "wider windows, shorter trials or fewer of them do")
    spikes = _spikes_in_trials(trains, table.start, timing)
    return {
        "counts": counts_of(spikes, timing, timing.steps_per_window, *shape),
        "timing": timing,
        "spikes": spikes,
        "conditions": table.conditions,
        "units": {"id": trains.ids, **trains.columns},
    }


def _spikes_in_trials(trains, onsets, timing):
    """Return the spikes of trials, in order of trial and time."""
    parts = []
    for neuron, times in enumerate(trains.times):
        # A step more on each side; which step a time is in decides.
        first = np.searchsorted(times, onsets - timing.before - timing.dt)
        last = np.searchsorted(times, onsets - timing.before + timing.duration + timing.dt)
        n = last - first
        trial = np.repeat(np.arange(len(onsets)), n)
        place = np.arange(n.sum()) + np.repeat(first - np.cumsum(n) + n, n)
        time = times[place] - onsets[trial]
        step = timing.steps_of(time)
        own = (step >= 0) & (step < timing.n_steps)
        parts.append((trial[own], np.full(own.sum(), neuron), time[own]))
    trial, neuron, time = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((time, trial))
    return Spikes(trial[order], neuron[order], time[order], np.ones(len(time), np.int32))


def _in_double_precision(table, findings):
    """Return trials whose times do not lose what is left of them when they are subtracted."""
    times = [np.asarray(one) for one in (table.start, table.stop) if one is not None]
    note_coarse(times, "times of trials", findings)
    start, *stop = (one.astype(float) for one in times)
    return TrialTable(start, stop[0] if stop else None, table.conditions)


def _checked_table(table, cut):
    """Return trials with finite, separate stimuli, and their common timing."""
    findings = cut.findings
    if not len(table.start):
        raise ValueError("the table of trials has no rows")
    table = _selected(table, np.isfinite(table.start), "start is not a number", findings)
    if cut.duration is not None:
        stop = table.start + cut.duration
    elif table.stop is None:
        raise ValueError("the table of trials does not say when stimuli end: state duration")
    else:
        table = _selected(table, np.isfinite(table.stop), "stop is not a number", findings)
        after = np.asarray(table.stop) > table.start
        table = _selected(table, after, "stop is not after start", findings)
        stop = np.asarray(table.stop)
    lengths = stop - table.start
    if lengths.max() - lengths.min() > max(JITTER * lengths.max(), cut.dt):
        raise ValueError(
            f"stimuli must be equally long, to {JITTER:.0%}, got {lengths.min():g} to "
            f"{lengths.max():g} s: state duration"
        )
    timing = cut.timing(lengths.min())
    order = np.argsort(table.start, kind="stable")
    reaches = np.maximum.accumulate(stop[order])
    apart = np.ones(len(order), bool)
    apart[order[1:]] = table.start[order][1:] > reaches[:-1] - max(JITTER * lengths.min(), cut.dt)
    return _selected(table, apart, "stimulus begins before another has ended", findings), timing


def _selected(table, good, what, findings):
    """Return the trials that are good; find fault with the others."""
    if good.all():
        return table
    bad = np.flatnonzero(~good)
    findings.fault(
        f"{len(bad)} of {len(good)} trials (rows {first_few(bad)}): {what}", "these trials"
    )
    if not good.any():
        raise ValueError(f"no trial is left: {what}")
    return TrialTable(
        table.start[good],
        None if table.stop is None else table.stop[good],
        {name: column[good] for name, column in table.conditions.items()},
    )


def _observed_trials(table, timing, trains, findings):
    """Return the trials in which every unit was well recorded from beginning to end."""
    begin = table.start - timing.before
    end = begin + timing.duration
    if trains.observed is None:
        good, what = begin >= -MICROSECOND, "begins before the session"
    else:
        # Units usually share what was observed: each is looked at once.
        unique = {spans.tobytes(): spans for spans in trains.observed}
        good = np.logical_and.reduce([within(begin, end, spans) for spans in unique.values()])
        what = "was not observed from its beginning to its end in every unit"
    table = _selected(table, good, f"{what}, before and after included", findings)
    if trains.invalid is None:
        return table
    begin = table.start - timing.before
    good = ~overlaps(begin, begin + timing.duration, trains.invalid)
    what = "lies in times that the file calls invalid, before and after included"
    return _selected(table, good, what, findings)


def _warn_of_neighbours(table, timing, trains, findings):
    """Note trials that share spikes, and trials after the last spike of all."""
    begin = np.sort(table.start - timing.before)
    shared = int((np.diff(begin) < timing.duration - timing.dt).sum())
    if shared:
        findings.note(
            f"{shared} of {len(begin)} trials reach into the next, before and after included: "
            "spikes there are in both"
        )
    if trains.observed is None:
        last = max((times[-1] for times in trains.times if len(times)), default=-np.inf)
        late = int((begin >= last).sum())
        if late:
            findings.note(
                f"{late} of {len(begin)} trials begin after the last spike of all units: had the "
                "recording ended?"
            )
