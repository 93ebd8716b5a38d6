"""Spikes as a table of (unit, time) with a table of trials: what most laboratories can export."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import other_units, seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.columns import (
    START,
    STOP,
    columns_of,
    is_missing,
    listed,
    plain,
    renamed,
    tidy,
)
from ipvae_brian.recordings.cutting import Cut, TrialTable, cut_trials
from ipvae_brian.recordings.trains import SpikeTrains, first_few

UNIT, TIME, ID = "unit", "time", "id"


def read_tables(
    spikes: Any,
    trials: Any,
    units: Any,
    columns: Mapping[str, str] | None,
    times_in: Time | None,
    cut: Cut,
) -> dict[str, Any]:
    """Return arguments of `Recording` from three tables; see `Recording.from_tables`."""
    scale = 1.0 if times_in is None else seconds(times_in, "times_in")
    names = checked_names(columns)
    spikes = columns_of(spikes, "spikes")
    spikes = renamed(spikes, {n: names[n] for n in (UNIT, TIME) if n in names}, "spikes")
    trials = columns_of(trials, "trials")
    trials = renamed(trials, {n: old for n, old in names.items() if n not in _ELSEWHERE}, "trials")
    if units is not None:
        units = columns_of(units, "units")
        units = renamed(units, {ID: names[ID]} if ID in names else {}, "units")
    trains = _trains(spikes, units, scale, cut)
    return cut_trials(trains, trial_table(trials, "trials", cut, scale), cut)


# How whole numbers are usually written; tables often have ".0" where others are missing.
NUMBER = re.compile(r"\s*-?(0|[1-9][0-9]*)(\.0*)?\s*")
_ELSEWHERE = (UNIT, TIME, ID)


def checked_names(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return the names that the user gave to columns.

    Raises
    ------
    TypeError
        If these are no names.
    """
    if columns is None:
        return {}
    if not isinstance(columns, Mapping) or not all(
        isinstance(name, str) for pair in columns.items() for name in pair
    ):
        raise TypeError(
            'columns must be a dict of names, such as {"orientation": "ori"}, whose keys are the '
            f"names to use and whose values those in the table, got {columns!r}"
        )
    return dict(columns)


def trial_table(
    columns: Mapping[str, Any], name: str, cut: Cut, scale: float = 1.0, not_conditions: Any = ()
) -> TrialTable:
    """Return the trials of a table with a start, mostly a stop, and conditions.

    Parameters
    ----------
    columns : dict of str to array_like
    name : str
        What the table is called, for errors.
    cut : Cut
        Its findings note columns that hold neither numbers nor text and are left out.
    scale : float, default 1.0
        Seconds in a unit of the table's times.
    not_conditions : container of str, default ()
        Columns that are left out because everybody knows that they are no conditions.

    Raises
    ------
    ValueError
        If there is no start, or times are no numbers.
    """
    start = times_of(columns, START, name) * scale
    stop = times_of(columns, STOP, name) * scale if STOP in columns else None
    others = {n: c for n, c in columns.items() if n not in (START, STOP, *not_conditions)}
    return TrialTable(start, stop, tidy_columns(others, name, cut))


def tidy_columns(columns: Mapping[str, Any], name: str, cut: Cut) -> dict[str, NDArray]:
    """Return the columns that hold numbers or text, and note the others."""
    for key, column in columns.items():
        first = column[0] if isinstance(column, list) and column else None
        if units := other_units(column) or other_units(first):
            cut.findings.note(f"{name}: {key} is in {units}; its numbers are kept")
    tidied = {key: tidy(column) for key, column in columns.items()}
    if left_out := [key for key, column in tidied.items() if column is None]:
        cut.findings.note(
            f"{name}: left out column(s) that hold neither one number nor one text in each row: "
            f"{listed(left_out)}"
        )
    return {key: column for key, column in tidied.items() if column is not None}


def times_of(columns: Mapping[str, Any], key: str, name: str) -> NDArray[np.floating]:
    """Return a column of times as numbers, NaN included.

    Raises
    ------
    ValueError
        If there is none, or it has something else than numbers.
    """
    if key not in columns:
        raise ValueError(
            f"{name} must have a column {key!r}; it has {listed(columns)}: name it with "
            f"columns={{{key!r}: ...}}"
        )
    column = tidy(columns[key])
    if column is None or column.ndim != 1 or column.dtype.kind not in "iuf":
        got = "mixed values" if column is None else f"type {column.dtype}, shape {column.shape}"
        raise ValueError(f"{name}: {key} must be a list of numbers, got {got}")
    return column


def _trains(spikes, units, scale, cut):
    """Return the spike train of every unit of the table of units or, without, of the spikes."""
    time = times_of(spikes, TIME, "spikes") * scale
    if UNIT not in spikes:
        raise ValueError(f"spikes must have a column {UNIT!r}; it has {listed(spikes)}")
    unit = _ids(spikes[UNIT], f"spikes: {UNIT}")
    if units is None:
        ids, columns = np.unique(unit), {}
    else:
        if ID not in units:
            raise ValueError(f"units must have a column {ID!r}; it has {listed(units)}")
        ids = _ids(units[ID], f"units: {ID}")
        columns = tidy_columns({n: c for n, c in units.items() if n != ID}, "units", cut)
        if len(unit) and ids.dtype.kind in "iu" and unit.dtype.kind == "U":
            ids = ids.astype(str)
        elif ids.dtype.kind == "U":
            unit = unit.astype(str)
    order = np.argsort(unit, kind="stable")
    unit, time = unit[order], time[order]
    # Of every spike, which of the known ids it has.
    known = np.argsort(ids, kind="stable")
    place = np.searchsorted(ids[known], unit)
    foreign = ids[known][np.minimum(place, len(ids) - 1)] != unit if len(ids) else unit == unit
    if foreign.any():
        raise ValueError(
            f"spikes of units that the table of units does not have: "
            f"{first_few(np.unique(unit[foreign]))}"
        )
    first, last = (np.searchsorted(unit, ids, side=side) for side in ("left", "right"))
    times = [time[a:b] for a, b in zip(first, last, strict=True)]
    return SpikeTrains(times, ids, columns)


def _names(values):
    """Return ids as text if one of them, such as "01" or "1e3", is more than a number.

    As numbers, "01" and "1" would be the same unit.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "OSUT":
        return None
    texts = [plain(one) for one in array.tolist()]
    if not all(isinstance(one, str) for one in texts):
        return None
    if all(is_missing(one) or NUMBER.fullmatch(one) for one in set(texts)):
        return None
    return np.array(["" if is_missing(one) else one for one in texts])


def _ids(values, name):
    ids = _names(values)
    ids = tidy(values) if ids is None else ids
    if ids is None or ids.ndim != 1 or ids.dtype.kind not in "iufU":
        raise ValueError(f"{name} must be a list of whole numbers or names")
    if ids.dtype.kind == "f":
        if not (
            np.isfinite(ids).all() and (ids == np.round(ids)).all() and (abs(ids) < 2**53).all()
        ):
            raise ValueError(f"{name} must be whole numbers or names, and none must be missing")
        ids = ids.astype(np.int64)
    if ids.dtype.kind == "U" and (ids == "").any():
        raise ValueError(f"{name} must be whole numbers or names, and none must be missing")
    return ids
