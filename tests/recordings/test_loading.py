"""Files of all kinds, recognised by what they hold rather than by their name."""

import shutil

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import FileFormatError, Recording, load_recording
from ipvae_brian.recordings.csv_files import beside

CUT = {"before": 100 * ms, "after": 100 * ms, "window": 20 * ms}
ARRAYS = {
    **{"unit": [3, 3, 8], "time": [0.52, 0.55, 1.71]},
    **{"start_time": [0.5, 1.5], "stop_time": [0.9, 1.9], "contrast": [0.1, 1.0]},
}


def test_each_kind_gives_the_same(recording, tmp_path):
    recording.save(tmp_path / "saved.npz")
    recording.to_csv(tmp_path / "text.csv")
    pytest.importorskip("pynwb")
    recording.to_nwb(tmp_path / "session.nwb")
    for name, options in (
        ("saved.npz", {}),
        ("saved.npz", {"before": None, "trials": None}),
        ("text.csv", CUT),
        ("session.nwb", {}),
        ("session.nwb", {"window": 20 * ms, "before": None}),
    ):
        found = load_recording(tmp_path / name, **options)
        np.testing.assert_array_equal(found.counts, recording.counts)
    for name in ("saved.npz", "session.nwb"):
        shutil.copy(tmp_path / name, tmp_path / "other.csv")
        found = load_recording(tmp_path / "other.csv")
        np.testing.assert_array_equal(found.counts, recording.counts)


def test_arrays_of_spikes_and_trials(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **ARRAYS)
    found = load_recording(path)
    assert found.counts.sum() == 3 and list(found.conditions) == ["contrast"]
    np.savez(path, **ARRAYS, **{"units.id": [8, 3], "units.depth": [1.0, 2.0]})
    found = load_recording(path)
    assert list(found.units["id"]) == [8, 3] and list(found.units["depth"]) == [1, 2]
    renamed = {"cluster": ARRAYS["unit"]} | {n: a for n, a in ARRAYS.items() if n != "unit"}
    np.savez(path, **renamed)
    assert load_recording(path, columns={"unit": "cluster"}).counts.sum() == 3


def test_what_is_no_recording_is_refused(recording, tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(FileNotFoundError, match="no such file: .*a.npz"):
        load_recording(path)
    np.savez(path, x=[1, 2])
    with pytest.raises(FileFormatError, match="a.npz: no recording: it needs arrays .*; has x$"):
        load_recording(path)
    np.savez(path, **(ARRAYS | {"time": [0.5, np.nan, 0.6]}))
    with pytest.raises(FileFormatError, match=r"a.npz: 1 spike time\(s\) .* are NaN"):
        load_recording(path)
    np.savez(path, **(ARRAYS | {"time": [0.5]}))
    with pytest.raises(FileFormatError, match="a.npz: spikes must have columns of one length"):
        load_recording(path)
    recording.save(path)
    with pytest.raises(TypeError, match="a.npz says itself how it is cut into trials: window"):
        load_recording(path, window=20 * ms)
    for name, content in (
        ("a.mat", b"MATLAB 5.0 MAT-file"),
        ("a.csv", b"a\x00b"),
        ("a.npy", b"\x93"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match="no recording: NWB, .npz and CSV files are read"):
            load_recording(tmp_path / name)
    (tmp_path / "a.csv").write_text("unit,time\n1,2\n")
    with pytest.raises(FileNotFoundError, match="no table of trials"):
        load_recording(tmp_path / "a.csv")
    beside(tmp_path / "a.csv", "trials").write_text("start_time\n1\n")
    with pytest.raises(FileFormatError, match="does not say when stimuli end"):
        load_recording(tmp_path / "a.csv")


def test_options_that_are_wrong_are_no_fault_of_the_file(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **ARRAYS)
    for options, text in (
        ({"window": 3}, "window must be a time"),
        ({"columns": ["a"]}, "columns must be a dict of names"),
        ({"widow": 20 * ms}, "unexpected keyword argument 'widow'"),
    ):
        with pytest.raises(TypeError, match=text):
            load_recording(path, **options)
    assert isinstance(load_recording(path), Recording)
