"""Neurodata Without Borders: spikes of units and trials of any table of intervals, both ways."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.files import format_errors, write_bytes
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.types import Time
from ipvae_brian._version import __version__
from ipvae_brian.recordings.columns import START, STOP, listed, renamed
from ipvae_brian.recordings.cutting import Cut, cut_trials
from ipvae_brian.recordings.spike_tables import tidy_columns, trial_table
from ipvae_brian.recordings.time_axis import (
    TIMING,
    UNIT_NAME,
    TimeAxis,
    as_options,
    laid_out,
    require_free,
    stored_timing,
)
from ipvae_brian.recordings.timing import ROUNDING
from ipvae_brian.recordings.trains import SpikeTrains

# Columns of every table of intervals, which say nothing of the stimulus.
BOOKKEEPING = (START, STOP, "id", "tags", "timeseries")
# Columns of units that are no single number or text, or are read by themselves.
OF_SORTING = (
    *("id", "spike_times", "obs_intervals", "electrodes", "electrode_group"),
    *("waveforms", "waveform_mean", "waveform_sd"),
)

# The table that `to_nwb` writes.
OWN_TABLE = "trials"


def _pynwb() -> Any:
    try:
        import pynwb
    except ImportError as error:
        raise ImportError(
            "NWB files need pynwb, which is not installed: pip install ipvae_brian[nwb]"
        ) from error
    return pynwb


# Reading


def read_nwb(
    file: Any, trials: str | None, columns: Mapping[str, str], options: Mapping[str, Any]
) -> tuple[dict[str, Any], Cut]:
    """Return arguments of `Recording`, and what was found; see `Recording.from_nwb`."""
    pynwb = _pynwb()
    Cut.checked(**options)  # before a large file is read
    if isinstance(file, pynwb.NWBFile):
        return _read(file, file.identifier, trials, columns, options)
    if not Path(file).is_file():
        raise FileNotFoundError(f"no such file: {file}")
    with format_errors(file, "not readable as NWB: {}"):
        opened = pynwb.NWBHDF5IO(str(file), "r")
    with opened:
        with format_errors(file, "not readable as NWB: {}"):
            content = opened.read()
        return _read(content, file, trials, columns, options)


def _read(nwb, name, trials, columns, options):
    with format_errors(name, "{}"):
        stored = _stored(nwb)
        tables = _interval_tables(nwb)
        if trials is None and stored and OWN_TABLE in tables:
            trials = OWN_TABLE
        table = _chosen_table(tables, trials, columns)
        if table.name != OWN_TABLE:
            stored = None
        given = {key: value for key, value in options.items() if value is not None}
        cut = Cut.checked(**((as_options(stored) if stored else {}) | given))
        trains = _spike_trains(nwb, cut)
        if nwb.invalid_times is not None and table is not nwb.invalid_times:
            trains.invalid = _invalid_times(nwb.invalid_times)
        rows = {key: column.data[:] for key, column in _plain_columns(table, BOOKKEEPING[2:])}
        rows = renamed(rows, columns, table.name)
        parts = cut_trials(trains, trial_table(rows, table.name, cut), cut)
        if stored and set(given) <= {"faults"}:
            parts["timing"] = stored
    return parts, cut


def _interval_tables(nwb) -> dict[str, Any]:
    """Return all tables of intervals in a file, wherever they are."""
    tables = {}
    for one in nwb.objects.values():
        if isinstance(one, _pynwb().epoch.TimeIntervals):
            tables[one.name if one.name not in tables else f"{one.parent.name}/{one.name}"] = one
    return tables


def _chosen_table(tables, name, columns):
    """Return the table of that name or, without one, the only one that has stimulus columns."""
    if name is not None:
        if name in tables:
            return tables[name]
        raise ValueError(f"trials: there is no table {name!r}; {_described(tables)}")
    candidates = {
        key: table
        for key, table in tables.items()
        if key != "invalid_times"
        and set(columns.values()) <= set(table.colnames)
        and set(table.colnames) - set(BOOKKEEPING)
    }
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    found = "several tables have" if candidates else "no table of intervals has"
    raise ValueError(
        f"{found} stimulus columns, besides {listed(BOOKKEEPING)}: name one with trials=; "
        f"{_described(tables)}"
    )


def _described(tables):
    if not tables:
        return "the file has no tables of intervals"
    each = (f"{name} ({listed(table.colnames)})" for name, table in tables.items())
    return f"the file has {'; '.join(each)}"


def _plain_columns(table, left_out) -> Iterator[tuple[str, Any]]:
    """Yield the columns that have one entry in each row, without references."""
    from hdmf.common import DynamicTableRegion, VectorIndex

    ragged = {column.target.name for column in table.columns if isinstance(column, VectorIndex)}
    for column in table.columns:
        if isinstance(column, VectorIndex | DynamicTableRegion) or column.name in left_out:
            continue
        if column.name not in ragged:
            _require_room(column)
            yield column.name, column


def _require_room(*columns):
    sizes = {c.name: int(getattr(c.data, "nbytes", 0)) for c in columns}
    require_memory(sizes, "this is too much for one file of spikes: is it damaged?")


def _spike_trains(nwb, cut):
    units = nwb.units
    if units is None or "spike_times" not in units.colnames:
        raise ValueError("no spike times: the file has no units, or units without spike_times")
    if not len(units):
        raise ValueError("no spike times: the file's table of units has no rows")
    times = _ragged(units, "spike_times")
    observed = None
    if "obs_intervals" in units.colnames:
        observed = [_spans(one) for one in _ragged(units, "obs_intervals")]
        if not any(len(spans) for spans in observed):
            observed = None
    columns = {name: column.data[:] for name, column in _plain_columns(units, OF_SORTING)}
    columns = tidy_columns(columns, "units", cut)
    ids = np.asarray(units.id.data[:])
    if UNIT_NAME in columns and len(np.unique(columns[UNIT_NAME])) == len(ids):
        ids = columns.pop(UNIT_NAME)
    return SpikeTrains(times, ids, columns, observed)


def _ragged(table, name) -> list[NDArray]:
    """Return the rows of a column of lists."""
    index = table[name]
    _require_room(index, index.target)
    data, ends = np.asarray(index.target.data[:]), np.asarray(index.data[:]).astype(np.int64)
    if data.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numbers, got type {data.dtype}")
    if len(ends) != len(table) or (np.diff(ends, prepend=0) < 0).any() or ends[-1:] != len(data):
        raise ValueError(f"{name}: its index does not fit the {len(data)} entries")
    return np.split(data, ends[:-1])


def _invalid_times(table) -> NDArray[np.floating]:
    return _spans(np.column_stack([table[name].data[:] for name in (START, STOP)]), table.name)


def _spans(array, name="obs_intervals") -> NDArray[np.floating]:
    spans = array.reshape(-1, 2).astype(float) if array.size else np.empty((0, 2))
    if not np.isfinite(spans).all() or (spans[:, 1] < spans[:, 0]).any():
        raise ValueError(f"{name} must each have a beginning and a later end")
    return spans


def _stored(nwb):
    """Return the timing that `to_nwb` has left; None if there is none."""
    if nwb.scratch is None or TIMING not in nwb.scratch:
        return None
    return stored_timing(np.asarray(nwb.scratch[TIMING].data).item())


# Writing


def write_nwb(
    recording: Any,
    path: str | PathLike,
    start: Time | None,
    gap: Time | None,
    metadata: Mapping[str, Any] | None,
) -> None:
    """Write a recording to `path`; see `Recording.to_nwb`."""
    pynwb = _pynwb()
    import h5py

    nwb = _nwb_file(recording, laid_out(recording, start, gap), dict(metadata or {}))
    content = io.BytesIO()
    with h5py.File(content, "w") as file, pynwb.NWBHDF5IO(file=file, mode="w") as opened:
        opened.write(nwb)
    write_bytes(path, content.getvalue())


def _nwb_file(recording, axis: TimeAxis, metadata) -> Any:
    pynwb = _pynwb()
    simulated = hasattr(recording, "parameters")
    told = {
        "session_description": (
            f"{'Simulated spikes' if simulated else 'Spikes'} of {len(axis.times)} units in "
            f"{len(axis.start)} trials, laid one after another on one time axis by ipvae_brian "
            f"{__version__}."
        ),
        "identifier": str(uuid.uuid4()),
        "session_start_time": datetime.now(UTC),
        "subject": pynwb.file.Subject(
            subject_id="simulation" if simulated else "unknown",
            description="A simulated network, no animal." if simulated else "Not stated.",
            sex="U",
            age="P0D/",  # or older: not known
        ),
    }
    units = _units(axis, _resolution(recording))
    try:
        nwb = pynwb.NWBFile(**(told | metadata), units=units, trials=_trials(axis))
    except TypeError as error:
        raise TypeError(f"metadata must be arguments of pynwb.NWBFile: {error}") from error
    nwb.add_scratch(
        json.dumps(asdict(recording.timing)),
        name=TIMING,
        description="Timing of a trial, in seconds from the onset of its stimulus, as JSON.",
    )
    return nwb


def _resolution(recording):
    """Return the time step if all spikes are on it, as those of most simulations; else None."""
    steps = recording.spikes.time / recording.timing.dt
    on_steps = len(steps) and (np.abs(steps - np.round(steps)) < ROUNDING).all()
    return recording.timing.dt if on_steps else None


def _trials(axis):
    pynwb = _pynwb()
    taken = set(BOOKKEEPING)
    columns = [
        _column(START, "When the stimulus begins, in seconds.", axis.start),
        _column(STOP, "When the stimulus ends, in seconds.", axis.stop),
        *_columns(axis.conditions, "conditions", "of the stimulus, in each trial.", taken),
    ]
    return pynwb.epoch.TimeIntervals(
        name=OWN_TABLE,
        description="Trials: when each stimulus was shown, and what it was.",
        columns=columns,
        colnames=[column.name for column in columns],
        id=np.arange(len(axis.start)),
    )


def _units(axis, resolution):
    pynwb = _pynwb()
    spans = np.column_stack([axis.begin, axis.end])
    n_units = len(axis.times)
    ids, columns = axis.ids, dict(axis.columns)
    if ids.dtype.kind == "U":
        columns[UNIT_NAME], ids = ids, np.arange(n_units)
    spikes = _ragged_columns(
        "spike_times",
        "Spike times in seconds from the start of the session.",
        np.concatenate([*axis.times, np.empty(0)]),
        np.cumsum([len(times) for times in axis.times]),
    )
    observed = _ragged_columns(
        "obs_intervals",
        "When the unit was recorded: in trials, with what is before and after the stimulus.",
        np.tile(spans, (n_units, 1)),
        len(spans) * np.arange(1, n_units + 1),
    )
    others = _columns(columns, "units", "of the unit.", set(OF_SORTING))
    return pynwb.misc.Units(
        name="units",
        description="Units and their spikes.",
        columns=[*spikes, *observed, *others],
        colnames=["spike_times", "obs_intervals", *(column.name for column in others)],
        id=ids.astype(np.int64),
        resolution=resolution,
    )


def _ragged_columns(name, description, data, ends):
    from hdmf.common import VectorIndex

    make: Any = VectorIndex
    column = _column(name, description, _packed(data))
    return [column, make(name=f"{name}_index", data=ends, target=column)]


def _packed(data):
    """Return data to be compressed in the file."""
    from hdmf.backends.hdf5.h5_utils import H5DataIO

    make: Any = H5DataIO
    return make(data, compression="gzip", shuffle=True) if data.size else data


def _columns(columns, group, what, taken):
    """Return columns of a recording as those of a table, in which some names have a meaning."""
    require_free(columns, taken, group, "NWB")
    made = []
    for name, array in columns.items():
        data = array.tolist() if array.dtype.kind == "U" else array
        made.append(_column(name, f"{name} {what}", data))
    return made


def _column(name, description, data) -> Any:
    from hdmf.common import VectorData

    make: Any = VectorData
    return make(name=name, description=description, data=data)
