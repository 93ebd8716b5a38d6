"""Recordings as objects of neo: blocks of segments, or one segment with epochs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import NDArray

from ipvae_brian._tools.checks import known_name
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.columns import START, STOP, listed, renamed
from ipvae_brian.recordings.cutting import Cut, cut_trials
from ipvae_brian.recordings.spike_tables import tidy_columns, trial_table
from ipvae_brian.recordings.time_axis import (
    TIMING,
    as_options,
    as_text,
    conditions_of,
    ids_of,
    laid_out,
    stored_timing,
)
from ipvae_brian.recordings.timing import ROUNDING
from ipvae_brian.recordings.trains import SpikeTrains, note_coarse

LAYOUTS = ("trials", "session")
ID, LABEL, TRIALS = "id", "label", "trials"


def _neo():
    try:
        import neo
        import quantities
    except ImportError as error:
        raise ImportError(
            "this needs neo, which is not installed: pip install ipvae_brian[neo]"
        ) from error
    return neo, quantities.s


# Writing


def write_neo(recording: Any, layout: str, start: Time | None, gap: Time | None) -> Any:
    """Return a recording as a neo.Block; see `Recording.to_neo`."""
    known_name(layout, "layout", LAYOUTS)
    neo, _ = _neo()
    block = neo.Block(
        name=type(recording).__name__, **{TIMING: json.dumps(asdict(recording.timing))}
    )
    if layout == "session":
        block.segments.append(_session(recording, start, gap))
    else:
        if start is not None or gap is not None:
            raise ValueError('start and gap are for layout="session"; trials are each from 0')
        block.segments.extend(list(_segments(recording)))
    return block


def _segments(recording):
    """Yield a segment for each trial, in which 0 is the onset of the stimulus."""
    neo, s = _neo()
    spikes, timing = recording._recorded_spikes(), recording.timing
    n_trials, n_neurons = recording.n_trials, recording.n_neurons
    begin, end = -timing.before * s, (timing.duration - timing.before) * s
    conditions = conditions_of(recording)
    names, known = _unit_annotations(recording)
    trial, neuron, time = (np.repeat(a, spikes.count) for a in spikes[:3])
    place = trial.astype(np.int64) * n_neurons + neuron
    order = np.lexsort((time, place))
    edges = np.searchsorted(place[order], np.arange(n_trials * n_neurons + 1))
    time = time[order]
    for i in range(n_trials):
        values = {name: _plain(column[i]) for name, column in conditions.items()}
        segment = neo.Segment(name=f"trial {i}", index=i, **_allowed(values, "conditions"))
        for j in range(n_neurons):
            own = slice(*edges[i * n_neurons + j : i * n_neurons + j + 2])
            segment.spiketrains.append(
                neo.SpikeTrain(
                    time[own], units=s, t_start=begin, t_stop=end, name=names[j], **known[j]
                )
            )
        yield segment


def _session(recording, start, gap):
    """Return one segment with a spike train of each unit, and an epoch of the trials."""
    neo, s = _neo()
    axis = laid_out(recording, start, gap)
    names, known = _unit_annotations(recording)
    segment = neo.Segment(name="session")
    for times, name, others in zip(axis.times, names, known, strict=True):
        segment.spiketrains.append(
            neo.SpikeTrain(
                times,
                units=s,
                t_start=axis.begin[0] * s,
                t_stop=axis.end[-1] * s,
                name=name,
                **others,
            )
        )
    segment.epochs.append(
        neo.Epoch(
            times=axis.start,
            durations=axis.stop - axis.start,
            units=s,
            name=TRIALS,
            labels=np.full(len(axis.start), "", str),
            array_annotations=axis.conditions,
        )
    )
    return segment


def _unit_annotations(recording):
    """Return name and annotations of every unit."""
    ids = ids_of(recording)
    known = [{ID: _plain(one)} for one in ids]
    for name, column in recording.units.items():
        if name != ID:
            column = as_text(column)
            for j, value in enumerate(column):
                known[j][name] = _plain(value)
    return [f"unit {one}" for one in ids], [_allowed(one, "units") for one in known]


def _plain(value):
    return value.item() if np.ndim(value) == 0 else value


# Arguments of neo's objects, which no annotation can be called.
TAKEN = (
    *("name", "description", "file_origin", "file_datetime", "rec_datetime", "index"),
    *("times", "units", "t_start", "t_stop", "dtype", "copy", "sampling_rate", "waveforms"),
    *("left_sweep", "array_annotations"),
)


def _allowed(annotations, group):
    for name in annotations:
        if name in TAKEN:
            raise ValueError(
                f"{group}[{name!r}] cannot be an annotation of neo, where this name is taken: "
                "give it another"
            )
    return annotations


# Reading


def read_neo(
    source: Any, trials: str | None, columns: Mapping[str, str], options: Mapping[str, Any]
) -> tuple[dict[str, Any], Cut]:
    """Return arguments of `Recording`, and what was found; see `Recording.from_neo`."""
    neo, _ = _neo()
    segments = list(source.segments) if isinstance(source, neo.Block) else source
    segments = [segments] if isinstance(segments, neo.Segment) else segments
    if not isinstance(segments, Sequence) or not all(isinstance(s, neo.Segment) for s in segments):
        raise TypeError(
            "source must be a neo.Block, a neo.Segment or a list of them, got "
            f"{type(source).__name__}"
        )
    if not segments:
        raise ValueError("source has no segments")
    stored = stored_timing(getattr(source, "annotations", {}).get(TIMING))
    given = {name: value for name, value in options.items() if value is not None}
    marks = _marks(segments[0]) if len(segments) == 1 else {}
    if trials is not None or marks:
        rows = _rows(marks, trials, len(segments))
        offsets = np.zeros(1)
        defaults: dict[str, Any] = {}
    elif len(segments) == 1 and stored is None:
        raise ValueError(
            "the segment has neither epochs nor events, so where are the trials? Give a block "
            "with a segment for each trial, or add an epoch"
        )
    else:
        rows, offsets, defaults = _trials_of_segments(segments, Cut.checked(**given).dt)
    cut = Cut.checked(**({} | defaults | (as_options(stored) if stored else {}) | given))
    trains = _trains(segments, offsets, cut)
    table = trial_table(renamed(rows, columns, "trials"), "trials", cut)
    parts = cut_trials(trains, table, cut)
    if stored and set(given) <= {"faults"}:
        parts["timing"] = stored
    return parts, cut


def _seconds(quantity) -> NDArray[np.floating]:
    """Return times of any unit in seconds."""
    return np.asarray(quantity.rescale("s").magnitude, float)


def _marks(segment):
    """Return epochs and events of a segment by name."""
    found = {}
    for kind, marks in (("epoch", segment.epochs), ("event", segment.events)):
        for i, one in enumerate(marks):
            if len(one):
                found[one.name if one.name and one.name not in found else f"{kind} {i}"] = one
    return found


def _rows(marks, name, n_segments):
    """Return the table of trials of an epoch or events."""
    if name is None and len(marks) > 1:
        raise ValueError(f"several epochs or events may be the trials: name one of {listed(marks)}")
    if name is not None and name not in marks:
        where = "the segment" if n_segments == 1 else f"a block of {n_segments} segments"
        raise ValueError(f"trials: no {name!r} among epochs and events of {where}: {listed(marks)}")
    one = marks[name] if name is not None else next(iter(marks.values()))
    start = _seconds(one.times)
    rows = {START: start}
    if getattr(one, "durations", None) is not None:
        rows[STOP] = start + _seconds(one.durations)
    if len(one.labels) and any(map(str, one.labels)):
        rows[LABEL] = np.asarray(one.labels).astype(str)
    # Annotations of an epoch's own times are no others.
    others = dict(one.array_annotations).items()
    return rows | {f"trial_{key}" if key in rows else key: values for key, values in others}


def _trials_of_segments(segments, dt):
    """Return the table of trials that are segments, where each is laid, and their extent."""
    begin, end = (np.array([float(_seconds(getattr(s, n))) for s in segments]) for n in EXTENT)
    # Time 0 is the onset, if every segment has it; otherwise they begin with it.
    onset = np.zeros(len(begin)) if (begin <= 0).all() and (end > 0).all() else begin
    offsets = np.arange(len(segments)) * np.ceil((end - begin).max() + 1) - begin
    names = list(dict.fromkeys(name for s in segments for name in s.annotations))
    rows = {name: [s.annotations.get(name) for s in segments] for name in names}
    rows |= {START: onset + offsets, STOP: end + offsets}
    before = np.floor((onset - begin).min() / dt + ROUNDING) * dt
    return rows, offsets, {"before": before * second}


EXTENT = ("t_start", "t_stop")


def _trains(segments, offsets, cut):
    """Return the spikes of every unit in all segments on one time axis."""
    keys = [_keys(segment) for segment in segments]
    if len(set(map(frozenset, keys))) > 1:
        raise ValueError(
            "segments must have spike trains of the same units: a train without spikes for a "
            f"unit that is silent, got {sorted({len(k) for k in keys})} trains in them"
        )
    units = list(keys[0])
    times, observed, stored = [], [], []
    for unit in units:
        own = [segment.spiketrains[k[unit]] for segment, k in zip(segments, keys, strict=True)]
        times.append(
            np.concatenate([_seconds(t.times) + o for t, o in zip(own, offsets, strict=True)])
        )
        stored += [np.asarray(t.times.rescale("s").magnitude) for t in own]
        spans = [[float(_seconds(getattr(t, name))) for name in EXTENT] for t in own]
        observed.append(np.array(spans) + offsets[:, None])
    note_coarse(stored, "spike times", cut.findings)
    trains = [segments[0].spiketrains[keys[0][unit]] for unit in units]
    names = list(dict.fromkeys(name for train in trains for name in train.annotations))
    known = {name: [train.annotations.get(name) for train in trains] for name in names}
    columns = tidy_columns(known, "spike trains", cut)
    ids = columns.pop(ID, None)
    return SpikeTrains(times, np.array(units) if ids is None else ids, columns, observed)


def _keys(segment):
    """Return the place of each unit's spike train, by id or name where all have one."""
    trains = segment.spiketrains
    for each in ([t.annotations.get(ID) for t in trains], [t.name for t in trains]):
        if all(one not in (None, "") for one in each) and len(set(each)) == len(each):
            return {one: place for place, one in enumerate(each)}
    return {place: place for place in range(len(trains))}
