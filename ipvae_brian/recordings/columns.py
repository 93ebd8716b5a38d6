"""Columns of tables, from whatever library or file, as arrays of numbers or text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import refuse_wrappers
from ipvae_brian.errors import FileFormatError

# What stands for a missing value in text, in small letters.
MISSING = ("", "nan", "null", "none", "n/a", "na", "<na>")

# Columns with the times of trials.
START, STOP = "start_time", "stop_time"
TIMES = (START, STOP)


def tidy(values: Any) -> NDArray | None:
    """Return a column as an array of truth values, numbers or text.

    Text of which every value is a number or stands for a missing one, such as "null", becomes
    numbers. Missing values are NaN among numbers and "" among other text.

    Parameters
    ----------
    values : array_like
        One entry for each row.

    Returns
    -------
    numpy.ndarray, or None if entries are neither, such as lists of different lengths
    """
    try:
        array = np.asarray(values)
    except ValueError:  # of different lengths
        return None
    if array.dtype.kind in "biuf":
        return array
    if array.ndim != 1 or array.dtype.kind not in "OSUT":
        return None
    return tidy_list([plain(value) for value in array.tolist()])


def tidy_list(values: list[Any]) -> NDArray | None:
    """Return a list of numbers, truth values, text and None as `tidy` does."""
    missing = [value is None or is_missing(value) for value in values]
    known = [value for value, gone in zip(values, missing, strict=True) if not gone]
    if not all(isinstance(value, bool | int | float | str) for value in known):
        return None
    if known and not any(missing) and all(isinstance(value, bool) for value in known):
        return np.array(values, bool)
    numbers = [_number(value) for value in known]
    if None not in numbers:
        whole = not any(missing) and known and all(isinstance(one, int) for one in numbers)
        if whole and all(abs(one) < 2**63 for one in numbers if one is not None):
            return np.array(numbers, np.int64)
        column = np.full(len(values), np.nan)
        column[~np.array(missing, bool)] = numbers
        return column
    if known and not any(missing) and {str(value).lower() for value in known} <= {"true", "false"}:
        return np.array([str(value).lower() == "true" for value in known])
    return np.array(["" if gone else str(v) for v, gone in zip(values, missing, strict=True)])


def plain(value: Any) -> Any:
    """Return a value of another library as one of Python's."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.generic):
        return value.item()
    if type(value).__name__ == "NAType":  # of pandas
        return None
    return value


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return isinstance(value, float) and np.isnan(value)


def _number(value):
    """Return text as a number; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if "_" in value or not value.isascii():
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return None


def columns_of(table: Any, name: str) -> dict[str, Any]:
    """Return the columns of a mapping or a DataFrame, all equally long.

    Raises
    ------
    TypeError, ValueError
        If it is no table, or columns have different lengths.
    """
    if not isinstance(table, Mapping) and not (hasattr(table, "columns") and hasattr(table, "loc")):
        raise TypeError(f"{name} must be a table (a dict of columns), got {type(table).__name__}")
    columns = {str(key): table[key] for key in (table if isinstance(table, Mapping) else table)}
    single = [
        key
        for key, column in columns.items()
        if not hasattr(column, "__len__") or getattr(column, "ndim", 1) == 0
    ]
    if single:
        raise ValueError(f"{name} must have a list in each column, got one value in {single[0]!r}")
    for key, column in columns.items():
        if not hasattr(column, "loc"):  # of pandas, which has no units
            refuse_wrappers(column, f"{name}: {key}")
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} must have columns of one length, got {lengths}")
    return columns


def renamed(columns: Mapping[str, Any], names: Mapping[str, str], table: str) -> dict[str, Any]:
    """Return columns with other names.

    Where the times are to be others than those of the table, its own are kept with "trial_" before
    their name.

    Parameters
    ----------
    columns : dict
    names : dict of str to str
        For a new name, the one that the column has in the table.
    table : str
        What the table is called, for errors.

    Raises
    ------
    ValueError
        If there is no such column, or two would have the same name.
    """
    for new, old in names.items():
        if old not in columns:
            raise ValueError(
                f"columns: {table} has no {old!r} to be {new!r}; it has {listed(columns)}"
            )
        if new != old and new in columns and new not in names.values() and new not in TIMES:
            raise ValueError(
                f"columns: {table} has a {new!r} already besides {old!r}: give it another name, "
                f"such as {{{new + '_as_stored'!r}: {new!r}}}"
            )
    kept = {
        f"trial_{name}" if name in names else name: column
        for name, column in columns.items()
        if name not in names.values()
    }
    return {new: columns[old] for new, old in names.items()} | kept


@contextmanager
def errors_of(path: Any) -> Iterator[None]:
    """Turn what is wrong with values into a FileFormatError that names the file."""
    try:
        yield
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}") from error


def listed(names: Any) -> str:
    """Return names as a text."""
    return ", ".join(map(str, names)) or "none"
