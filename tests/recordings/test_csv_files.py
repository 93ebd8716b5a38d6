"""Recordings as text: what a spreadsheet or MATLAB writes is read, what is no table is refused."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import FileFormatError, Recording, Timing
from ipvae_brian.recordings.csv_files import beside, read_table

SPIKES = "unit,time\n7,1.012\n7,1.055\n9,1.1\n7,2.31\n"
TRIALS = "start_time,stop_time,orientation\n1.0,1.5,0\n2.0,2.5,90\n"


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "session.csv"
    path.write_text(SPIKES)
    beside(path, "trials").write_text(TRIALS)
    return path


def test_tables_are_found_beside_the_spikes(files, tmp_path):
    found = Recording.from_csv(files)
    assert found.n_neurons == 2
    units = tmp_path / "session.units.csv"
    units.write_text("id,layer\n9,4\n7,2/3\n")
    again = Recording.from_csv(files)
    assert list(again.units["id"]) == [9, 7] and list(again.units["layer"]) == ["4", "2/3"]
    np.testing.assert_array_equal(again.counts, found.counts[:, :, ::-1])
    other = tmp_path / "other.csv"
    other.write_text(TRIALS.replace("1.5", "1.4").replace("2.5", "2.4"))
    assert Recording.from_csv(files, other, units).timing.duration == 0.4


def test_milliseconds(files):
    files.write_text("unit,time\n7,1012\n")
    beside(files, "trials").write_text("start_time,stop_time\n1000,1500\n")
    assert Recording.from_csv(files, times_in=ms).spike_times(0)[0] == pytest.approx(0.012)


def test_what_is_missing_is_named(files, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file: .*none.csv"):
        Recording.from_csv(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError, match="no such file: .*none.csv"):
        Recording.from_csv(files, units=tmp_path / "none.csv")
    beside(files, "trials").unlink()
    with pytest.raises(FileNotFoundError, match=r"no table of trials for .*session.trials.csv"):
        Recording.from_csv(files)


def test_faults_name_the_file(files):
    beside(files, "trials").write_text(TRIALS.replace("2.0", "1.2"))
    with pytest.raises(FileFormatError, match=r"session.csv: .*equally long"):
        Recording.from_csv(files)
    files.write_text("unit,t\n7,1.0\n")
    with pytest.raises(FileFormatError, match=r"session.csv: spikes must have a column 'time'"):
        Recording.from_csv(files)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "needs a first line with a name for every column"),
        (b"unit,unit\n1,2\n", "needs a first line with a name"),
        (b"unit,\n1,2\n", "needs a first line with a name"),
        (b"unit,time\n1,2,3\n", "line 2 has 3 value.s., the first line 2"),
        (b"unit,time\n1,2\n\n1,2\n", "line 3 has 1 value"),
        (b"\xff\xfe\x00u", "not a table: .*utf-8"),
        (b'unit,time\n1,"2\n', "not a table: "),
        (b"unit,time\n1,2" + b"0" * 200_000 + b"\n", "not a table: field larger"),
    ],
)
def test_what_is_no_table_is_refused(content, text, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(FileFormatError, match=f"a.csv: {text}"):
        read_table(tmp_path / "a.csv")


def test_tables_as_programs_write_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbf unit , time\r\n1, 2.5\r\n2,\r\n\r\n")
    table = read_table(path)
    assert list(table) == ["unit", "time"]
    np.testing.assert_array_equal(table["time"], [2.5, np.nan])
    path.write_text("a\n1\n\n2\n")
    np.testing.assert_array_equal(read_table(path)["a"], [1, np.nan, 2])
    path.write_text("a,b\n")
    assert [len(column) for column in read_table(path).values()] == [0, 0]


def test_nothing_is_written_that_csv_cannot_have(tmp_path):
    timing = Timing(0.001, 10, 5)
    recording = Recording.from_spike_times(
        [[[0.001]]], timing, conditions={"position": [[1.0, 2.0]]}
    )
    with pytest.raises(ValueError, match="'position' has several values in each row, shape"):
        recording.to_csv(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="spike times were not recorded"):
        Recording(recording.counts, timing).to_csv(tmp_path / "a.csv")


def test_names_of_units_bytes_and_dates_are_read_as_they_were(tmp_path):
    conditions = {
        "name": np.array([b"x", b"yz"]),
        "day": np.array(["2020-01-02", "2021-01-02"], "M8"),
    }
    recording = Recording.from_spike_times(
        [[[0.001], [0.002]]] * 2,
        Timing(0.001, 10, 5),
        conditions=conditions,
        units={"id": ["01", "1"]},
    )
    recording.to_csv(tmp_path / "a.csv")
    found = Recording.from_csv(tmp_path / "a.csv")
    assert found.conditions["name"].tolist() == ["x", "yz"]
    assert found.conditions["day"].tolist() == ["2020-01-02", "2021-01-02"]
    assert found.units["id"].tolist() == ["01", "1"]
