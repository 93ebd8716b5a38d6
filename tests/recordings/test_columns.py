"""Columns of any library become numbers or text, with missing values where they were."""

import numpy as np
import pandas
import pytest
import quantities as pq
from brian2.only import ms

from ipvae_brian import FileFormatError
from ipvae_brian.recordings.columns import columns_of, errors_of, renamed, tidy

nan = np.nan


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([1, 2, 3], np.array([1, 2, 3])),
        ([True, False], np.array([True, False])),
        (np.array([1.5, nan], np.float32), np.array([1.5, nan], np.float32)),
        (np.array([0.0, 45.0, "null"], object), np.array([0, 45, nan])),
        (["0", "45", ""], np.array([0, 45, nan])),
        (["0", "45"], np.array([0, 45])),
        (["0.0", "4.5e1"], np.array([0.0, 45.0])),
        (["a", "b", "None"], np.array(["a", "b", ""])),
        ([b"a", b"\xc3\xa4"], np.array(["a", "ä"])),
        (np.array([b"1", b"2"]), np.array([1, 2])),
        (["True", "false"], np.array([True, False])),
        (["True", "maybe"], np.array(["True", "maybe"])),
        (["1", "b"], np.array(["1", "b"])),
        (["1_000", "2"], np.array(["1_000", "2"])),
        ([None, None], np.array([nan, nan])),
        ([None, 3, True], np.array(["", "3", "True"])),
        ([2**70, 1], np.array([2.0**70, 1.0])),
        (pandas.Series([1, pandas.NA, 3], dtype="Int64"), np.array([1, nan, 3])),
        (pandas.Series(["a", None]), np.array(["a", ""])),
        (pandas.Categorical(["a", "b", "a"]), np.array(["a", "b", "a"])),
        (np.ones((3, 2)), np.ones((3, 2))),
    ],
    ids=str,
)
def test_columns_are_numbers_or_text(values, wanted):
    column = tidy(values)
    assert column is not None and column.dtype.kind == wanted.dtype.kind
    np.testing.assert_array_equal(column, wanted)


@pytest.mark.parametrize(
    "values", [[[1], [1, 2]], [{}, {}], [object()], np.zeros(2, "M8[s]"), np.zeros(2, complex)]
)
def test_what_is_neither_is_told_apart(values):
    assert tidy(values) is None


def test_tables_are_mappings_or_dataframes():
    assert list(columns_of({"a": [1], 2: [3]}, "spikes")) == ["a", "2"]
    assert list(columns_of(pandas.DataFrame({"a": [1]}), "spikes")) == ["a"]
    with pytest.raises(TypeError, match="^spikes must be a table .* got list"):
        columns_of([1, 2], "spikes")
    with pytest.raises(ValueError, match="^trials must have a list in each column, .* in 'b'"):
        columns_of({"a": [1], "b": 1}, "trials")
    for values in (np.array([1.0]) * ms, pq.Quantity([1.0], "ms")):
        with pytest.raises(TypeError, match="^spikes: time must hold numbers without units, got"):
            columns_of({"time": values}, "spikes")
    with pytest.raises(ValueError, match=r"^trials must have columns of one length, got \{'a': 1"):
        columns_of({"a": [1], "b": [1, 2]}, "trials")


def test_columns_get_other_names():
    columns = {"ori": 1, "c": 2}
    assert renamed(columns, {"orientation": "ori"}, "trials") == {"orientation": 1, "c": 2}
    assert renamed(columns, {"c": "ori", "d": "c"}, "trials") == {"c": 1, "d": 2}
    assert renamed(columns, {"c": "c"}, "trials") == columns
    with pytest.raises(ValueError, match="^columns: trials has no 'x' to be 'y'; it has ori, c"):
        renamed(columns, {"y": "x"}, "trials")
    with pytest.raises(ValueError, match="has a 'c' already besides 'ori'"):
        renamed(columns, {"c": "ori"}, "trials")


def test_other_times_leave_those_of_the_table_with_another_name():
    columns = {"start_time": 1, "stop_time": 2, "on": 3}
    wanted = {"start_time": 3, "trial_start_time": 1, "stop_time": 2}
    assert renamed(columns, {"start_time": "on"}, "trials") == wanted


def test_errors_name_the_file():
    with pytest.raises(FileFormatError, match="^a.csv: no rows"), errors_of("a.csv"):
        raise ValueError("no rows")
    with pytest.raises(FileFormatError, match="^b: no"), errors_of("a.csv"):
        raise FileFormatError("b: no")
    with pytest.raises(TypeError, match="^no"), errors_of("a.csv"):
        raise TypeError("no")
