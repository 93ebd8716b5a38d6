"""Tables of spikes and trials: of any library, in any unit of time, under other names."""

import numpy as np
import pandas
import pytest
from brian2.only import Hz, ms, second

from ipvae_brian import Recording, RecordingWarning

SPIKES = {"unit": [7, 7, 9, 7], "time": [1.012, 1.055, 1.1, 2.31]}
TRIALS = {"start_time": [1.0, 2.0], "stop_time": [1.5, 2.5], "orientation": [0, 90]}


def test_dataframes_and_dicts_give_the_same():
    one = Recording.from_tables(SPIKES, TRIALS)
    two = Recording.from_tables(
        pandas.DataFrame(SPIKES, index=[9, 3, 2, 1]),
        pandas.DataFrame(TRIALS, index=["a", "b"]),
        pandas.DataFrame({"id": [7, 9], "depth": [100.0, 250.0]}),
    )
    np.testing.assert_array_equal(one.counts, two.counts)
    np.testing.assert_array_equal(one.spikes.time, two.spikes.time)
    np.testing.assert_array_equal(two.units["depth"], [100, 250])
    assert list(one.conditions) == list(two.conditions) == ["orientation"]


def test_times_in_other_units_are_converted():
    spikes = SPIKES | {"time": np.array(SPIKES["time"]) * 30000}
    trials = TRIALS | {name: np.array(TRIALS[name]) * 30000 for name in ("start_time", "stop_time")}
    found = Recording.from_tables(spikes, trials, times_in=second / 30000)
    wanted = Recording.from_tables(SPIKES, TRIALS)
    np.testing.assert_allclose(found.spikes.time, wanted.spikes.time, atol=1e-12)
    np.testing.assert_array_equal(found.counts, wanted.counts)
    with pytest.raises(TypeError, match="times_in must be a time"):
        Recording.from_tables(SPIKES, TRIALS, times_in=30000 * Hz)


def test_times_with_units_of_a_library_are_refused():
    spikes = SPIKES | {"time": 1e3 * np.array(SPIKES["time"]) * ms}
    with pytest.raises(TypeError, match="spikes: time must hold numbers without units, got"):
        Recording.from_tables(spikes, TRIALS)


def test_columns_under_other_names():
    spikes = {"cluster": SPIKES["unit"], "t": SPIKES["time"]}
    trials = {"on": [1.0, 2.0], "off": [1.5, 2.5], "ori": [0, 90]}
    units = {"cluster_id": [7, 9]}
    names = {"unit": "cluster", "time": "t", "id": "cluster_id"}
    names |= {"start_time": "on", "stop_time": "off", "orientation": "ori"}
    found = Recording.from_tables(spikes, trials, units, columns=names)
    np.testing.assert_array_equal(found.counts, Recording.from_tables(SPIKES, TRIALS).counts)
    assert list(found.conditions) == ["orientation"]
    for wrong in (["ori"], {"a": 1}, {1: "a"}):
        with pytest.raises(TypeError, match="columns must be a dict of names"):
            Recording.from_tables(SPIKES, TRIALS, columns=wrong)


@pytest.mark.parametrize(
    ("unit", "ids"),
    [
        (["a", "a", "b", "a"], ["b", "c", "a"]),
        ([7, 7, 9, 7], [9, 8, 7]),
        ([7.0, 7.0, 9.0, 7.0], [9, 8, 7]),
        ([7, 7, 9, 7], ["9", "8", "7"]),
        (["7", "7", "9x", "7"], ["9x", "8", "7"]),
    ],
)
def test_units_of_the_table_of_units_are_all_there_in_its_order(unit, ids):
    with pytest.warns(RecordingWarning, match="no spikes"):
        found = Recording.from_tables(SPIKES | {"unit": unit}, TRIALS, {"id": ids})
    assert list(map(str, found.units["id"])) == list(map(str, ids))
    assert list(found.counts.sum(axis=(0, 1))) == [1, 0, 3]


def test_columns_that_are_no_numbers_are_left_out_with_a_warning():
    trials = TRIALS | {"touches": [[1], [1, 2]]}
    with pytest.warns(RecordingWarning, match="trials: left out column.* in each row: touches"):
        found = Recording.from_tables(SPIKES, trials)
    assert list(found.conditions) == ["orientation"]


@pytest.mark.parametrize(
    ("spikes", "trials", "units", "text"),
    [
        ({"unit": [1]}, TRIALS, None, "spikes must have a column 'time'; it has unit"),
        ({"time": [1.0]}, TRIALS, None, "spikes must have a column 'unit'; it has time"),
        ({"time": ["x"], "unit": [1]}, TRIALS, None, "spikes: time must be a list of numbers, got"),
        ({"time": [1.0], "unit": [np.nan]}, TRIALS, None, "unit must be whole .* none must be mis"),
        ({"time": [1.0], "unit": [1.5]}, TRIALS, None, "unit must be whole numbers or names"),
        ({"time": [1.0, 2], "unit": ["", "a"]}, TRIALS, None, "none must be missing"),
        ({"time": [1.0], "unit": [{}]}, TRIALS, None, "unit must be a list of whole numbers or n"),
        (SPIKES, {"stop_time": [1.0]}, None, "trials must have a column 'start_time'; it has st"),
        (SPIKES, {"start_time": ["a"]}, None, "trials: start_time must be a list of numbers"),
        (SPIKES, TRIALS, {"name": ["a"]}, "units must have a column 'id'; it has name"),
        (SPIKES, TRIALS, {"id": [7, 8]}, "units that the table of units does not have: 9"),
        (SPIKES, TRIALS, {"id": []}, "units that the table of units does not have: 7, 9"),
    ],
)
def test_tables_that_are_wrong_are_refused(spikes, trials, units, text):
    with pytest.raises(ValueError, match=text):
        Recording.from_tables(spikes, trials, units, duration=100 * ms)


@pytest.mark.parametrize("more", ["01", "1e0", "+1", "1_0", "x"])
def test_ids_that_are_the_same_number_are_other_units(more):
    spikes = {"unit": ["1", more, more], "time": [1.1, 1.2, 2.1]}
    found = Recording.from_tables(spikes, TRIALS)
    assert dict(zip(found.units["id"], found.counts.sum(axis=(0, 1)), strict=True)) == {
        "1": 1,
        more: 2,
    }
    found = Recording.from_tables(spikes, TRIALS, {"id": [more, "1"]})
    assert found.counts.sum(axis=(0, 1)).tolist() == [2, 1]
    with pytest.raises(ValueError, match="spikes of units that the table of units does not have"):
        Recording.from_tables(spikes, TRIALS, {"id": [1]})
