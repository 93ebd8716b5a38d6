"""Spike trains on the time axis of a session; what is wrong with them is an error, or is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import known_name
from ipvae_brian.errors import RecordingWarning

FAULTS = ("raise", "drop")
# In seconds: how far beyond what was observed a time may be, from rounding in files.
MICROSECOND = 1e-6
# In seconds: times that are stored with so few bits that they are further apart are told.
COARSE = 1e-4


@dataclass
class SpikeTrains:
    """Spike times of units on the time axis of the session, in seconds."""

    times: list[NDArray[np.floating]]
    ids: NDArray
    columns: dict[str, NDArray] = field(default_factory=dict)
    observed: list[NDArray[np.floating]] | None = None
    """For each unit, (n, 2): when it was recorded. None if the file does not say."""
    invalid: NDArray[np.floating] | None = None
    """(n, 2): when nothing that was recorded is to be used. None if the file does not say."""


class Findings:
    """What is wrong with a recording: an error, or left out with a warning."""

    def __init__(self, faults: str):
        self.drop = known_name(faults, "faults", FAULTS) == "drop"
        self.notes: list[str] = []

    def fault(self, problem: str, left_out: str) -> None:
        """Raise ValueError, or note what is left out."""
        if not self.drop:
            raise ValueError(f'{problem}; faults="drop" leaves out {left_out}')
        self.notes.append(f"{problem}: left out {left_out}")

    def note(self, text: str) -> None:
        """Note what is put right or may be a mistake."""
        self.notes.append(text)

    def warn(self) -> None:
        """Warn of everything that was noted."""
        for note in self.notes:
            warn_user(note, RecordingWarning)


def checked_trains(trains: SpikeTrains, findings: Findings) -> SpikeTrains:
    """Return spike trains that are sorted, finite and within what was observed.

    Raises
    ------
    ValueError
        If there are no units, two have the same id, or times are not as they have to be.
    """
    if not len(trains.times):
        raise ValueError("there are no units")
    ids, numbers = np.unique(trains.ids, return_counts=True)
    if numbers.max() > 1:
        raise ValueError(f"unit ids must differ, got {first_few(ids[numbers > 1])} more than once")
    times = [np.asarray(one) for one in trains.times]
    note_coarse(times, "spike times", findings)
    times = [one.astype(float) for one in times]
    times = _kept(trains, times, np.isfinite, "NaN or infinite", findings)
    if trains.observed is None:
        times = _kept(trains, times, lambda t: t >= 0, "negative", findings)
    else:
        spans = iter(trains.observed)
        times = _kept(
            trains, times, lambda t: within(t, t, next(spans)), "outside the session", findings
        )
    unsorted = [i for i, one in enumerate(times) if (np.diff(one) < 0).any()]
    if unsorted:
        findings.note(f"spike times of {_units(trains, unsorted)} were not in order: sorted")
        times = [np.sort(one) for one in times]
    silent = [i for i, one in enumerate(times) if not len(one)]
    if silent:
        findings.note(f"no spikes in the whole session of {_units(trains, silent)}: kept")
    return replace(trains, times=times, ids=np.asarray(trains.ids))


def note_coarse(times: Sequence[NDArray], what: str, findings: Findings) -> None:
    """Note times in seconds that are stored with so few bits that they are not exact."""
    coarse = [one for one in times if one.dtype.kind == "f" and one.dtype.itemsize < 8 and len(one)]
    if not coarse:
        return
    latest = max(float(np.abs(one[np.isfinite(one)]).max(initial=0)) for one in coarse)
    if (step := float(np.spacing(coarse[0].dtype.type(latest)))) > COARSE:
        findings.note(
            f"{what} are stored with {8 * coarse[0].dtype.itemsize} bits, which at {latest:g} s "
            f"are {step * 1e3:.2g} ms apart"
        )


def _kept(trains, times, good, what, findings):
    """Return the times that are good; find fault with the others."""
    masks = [good(one) for one in times]
    bad = [i for i, mask in enumerate(masks) if not mask.all()]
    if not bad:
        return times
    n = sum(int((~mask).sum()) for mask in masks)
    findings.fault(f"{n} spike time(s) of {_units(trains, bad)} are {what}", "these spikes")
    return [one[mask] for one, mask in zip(times, masks, strict=True)]


def _units(trains, places):
    return f"{len(places)} of {len(trains.times)} units ({first_few(trains.ids[places])})"


def within(begin: NDArray, end: NDArray, spans: NDArray) -> NDArray[np.bool_]:
    """Return whether stretches of time lie within one of some spans, (n, 2), to a microsecond."""
    if not len(spans):
        return np.zeros(len(begin), bool)
    spans = joined(spans)
    place = np.searchsorted(spans[:, 0], begin + MICROSECOND, side="right") - 1
    return (place >= 0) & (end <= spans[place, 1] + MICROSECOND)


def overlaps(begin: NDArray, end: NDArray, spans: NDArray) -> NDArray[np.bool_]:
    """Return whether stretches of time touch one of some spans, (n, 2), by over a microsecond."""
    if not len(spans):
        return np.zeros(len(begin), bool)
    spans = joined(spans)
    # The first span that ends after the beginning.
    place = np.searchsorted(spans[:, 1], begin + MICROSECOND, side="right")
    starts = np.append(spans[:, 0], np.inf)
    return starts[place] < end - MICROSECOND


def joined(spans: NDArray) -> NDArray[np.floating]:
    """Return spans in order, those that touch or overlap as one."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    ends = np.maximum.accumulate(spans[:, 1])
    first = np.flatnonzero(np.r_[True, spans[1:, 0] > ends[:-1] + MICROSECOND])
    return np.column_stack([spans[first, 0], ends[np.r_[first[1:] - 1, len(spans) - 1]]])


def first_few(values: Sequence[Any] | NDArray) -> str:
    """Return the first values as a text."""
    text = ", ".join(map(str, np.asarray(values)[:5].tolist()))
    return text if len(values) <= 5 else f"{text}, ..."
