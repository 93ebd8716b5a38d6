"""Recordings as text: a file of (unit, time), and beside it tables of the trials and the units."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.files import format_errors, write_bytes
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import FileFormatError
from ipvae_brian.recordings.columns import START, STOP, errors_of, tidy
from ipvae_brian.recordings.cutting import Cut
from ipvae_brian.recordings.spike_tables import ID, NUMBER, TIME, UNIT, read_tables
from ipvae_brian.recordings.time_axis import laid_out


def beside(path: str | PathLike, table: str) -> Path:
    """Return where the table of trials or units of a file of spikes is: session.trials.csv."""
    return Path(path).with_suffix(f".{table}.csv")


def write_csv(recording: Any, path: str | PathLike, start: Time | None, gap: Time | None) -> None:
    """Write three files; see `Recording.to_csv`."""
    axis = laid_out(recording, start, gap)
    unit = np.repeat(axis.ids, [len(times) for times in axis.times])
    time = np.concatenate([*axis.times, np.empty(0)])
    trials = {START: axis.start, STOP: axis.stop, **axis.conditions}
    tables = {
        path: {UNIT: unit, TIME: time},
        beside(path, "trials"): trials,
        beside(path, "units"): {ID: axis.ids, **axis.columns},
    }
    # All are made before the first is written.
    written = {file: _text(columns, file) for file, columns in tables.items()}
    for file, text in written.items():
        write_bytes(file, text.encode())


def _text(columns: Mapping[str, NDArray], path: str | PathLike) -> str:
    for name, column in columns.items():
        if column.ndim != 1:
            raise ValueError(
                f"{path}: {name!r} has several values in each row, shape {column.shape}, which "
                "CSV cannot have: use save"
            )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    # Python writes a number so that reading gives the same one.
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def read_csv(
    path: str | PathLike,
    trials: str | PathLike | None,
    units: str | PathLike | None,
    columns: Mapping[str, str] | None,
    times_in: Time | None,
    cut: Cut,
) -> dict[str, Any]:
    """Return arguments of `Recording`; see `Recording.from_csv`."""
    trials = beside(path, "trials") if trials is None else Path(trials)
    units = beside(path, "units") if units is None else Path(units)
    if not trials.is_file() and Path(path).is_file():
        raise FileNotFoundError(f"no table of trials for {path}: no such file: {trials}")
    has_units = units.is_file() or units != beside(path, "units")
    spikes, rows = read_table(path), read_table(trials)
    known = read_table(units) if has_units else None
    with errors_of(path):
        return read_tables(spikes, rows, known, columns, times_in, cut)


def read_table(path: str | PathLike) -> dict[str, NDArray]:
    """Return the columns of a CSV file with a line of names.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is no text in UTF-8, has no or repeated names, or lines of different lengths.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no such file: {path}")
    with format_errors(path, "not a table: {}"):
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        names = [name.strip() for name in rows[0]] if rows else []
        if not names or "" in names or len(set(names)) < len(names):
            raise FileFormatError(f"{path}: needs a first line with a name for every column")
        # An empty line at the end is no row; in a table of one column it is a missing value.
        rows = [row or [""] for row in rows[1:]]
        while rows and rows[-1] == [""]:
            rows.pop()
        for number, row in enumerate(rows, 2):
            if len(row) != len(names):
                raise FileFormatError(
                    f"{path}: line {number} has {len(row)} value(s), the first line {len(names)}"
                )
        columns = zip(*rows, strict=True) if rows else [()] * len(names)
        return {name: _column(values) for name, values in zip(names, columns, strict=True)}


def _column(values):
    texts = [value.strip() for value in values]
    column = tidy(texts)
    if column is None:
        return np.empty(0)
    # Text such as "01" may be the name of a unit; of conditions it becomes a number later.
    names = column.dtype.kind == "i" and not all(map(NUMBER.fullmatch, set(texts)))
    return np.array(texts) if names else column
