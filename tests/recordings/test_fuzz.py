"""Damaged files: an error that names the file, or a recording; nothing else."""

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from brian2.only import ms
from fuzzing import N_FILES, mutated, rewrite

from ipvae_brian import FileFormatError, MemoryLimitError, Recording, load_recording
from ipvae_brian.recordings.csv_files import beside

CUT = {"before": 100 * ms, "after": 100 * ms, "window": 20 * ms}


def loads(path, **options):
    """Whether there is a valid recording in the file; any other error is a failure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recording = load_recording(path, **options)
    except (FileFormatError, MemoryLimitError) as error:
        assert path.stem.split(".")[0] in str(error) or isinstance(error, MemoryLimitError)
        return False
    assert np.isfinite(recording.spikes.time).all() and (recording.counts >= 0).all()
    assert recording.counts.sum() <= recording.spikes.count.sum()
    return True


def test_damaged_csv(recording, tmp_path):
    path = tmp_path / "session.csv"
    recording.to_csv(path)
    files = [path, beside(path, "trials"), beside(path, "units")]
    originals = [file.read_bytes() for file in files]
    rng = np.random.default_rng(0)
    loaded = 0
    for i in range(N_FILES):
        for j, (file, original) in enumerate(zip(files, originals, strict=True)):
            file.write_bytes(mutated(original, rng) if i % 3 == j else original)
        loaded += loads(path, **CUT, faults=("raise", "drop")[i % 2])
    assert 0 < loaded < N_FILES


def test_damaged_npz(recording, tmp_path):
    path, original = tmp_path / "session.npz", tmp_path / "original.npz"
    recording.save(original)
    content = original.read_bytes()
    rng = np.random.default_rng(1)
    for i in range(N_FILES):
        if i % 2:
            path.write_bytes(mutated(content, rng))
        else:
            rewrite(original, path, rng)
        loads(path)


def test_damaged_arrays(tmp_path):
    path = tmp_path / "session.npz"
    arrays = {
        **{"unit": np.array([3, 3, 8]), "time": np.array([0.52, 0.55, 1.71])},
        **{"start_time": np.array([0.5, 1.5]), "stop_time": np.array([0.9, 1.9])},
        **{"contrast": np.array([0.1, 1.0]), "units.id": np.array([8, 3])},
    }
    rng = np.random.default_rng(2)
    kinds = ("f2", "f4", ">f8", "i1", "i8", ">u2", "c8", "S3", "U5", "?", "M8[s]", "i4,f4")
    loaded = 0
    for _ in range(N_FILES):
        changed = dict(arrays)
        name = str(rng.choice(list(arrays)))
        with np.errstate(all="ignore"):
            match rng.integers(5):
                case 0:
                    changed[name] = arrays[name].astype(kinds[rng.integers(len(kinds))])
                case 1:
                    values = (np.nan, np.inf, -1.0, 0.0, 1e300, -1e9, 0.6)
                    changed[name] = arrays[name].astype(float)
                    changed[name][0] = rng.choice(values)
                case 2:
                    changed[name] = arrays[name][:1]
                case 3:
                    changed[name] = np.zeros([(0,), (), (2, 2)][rng.integers(3)])
                case _:
                    del changed[name]
        np.savez(path, **changed)
        loaded += loads(path, window=100 * ms, faults=str(rng.choice(["raise", "drop"])))
    assert 0 < loaded < N_FILES


def changed_hdf5(path, rng):
    """Change one dataset of an NWB file: its numbers, its length, or that it is there."""
    import h5py

    with h5py.File(path, "r+") as file:
        names = []
        file.visititems(lambda name, one: names.append(name) if hasattr(one, "dtype") else None)
        name = names[rng.integers(len(names))]
        data = file[name]
        attributes, values = dict(data.attrs), data[()]
        kind = rng.integers(4)
        del file[name]
        if kind == 0:
            return
        if kind == 1 and np.ndim(values) and len(values):
            values = values[: rng.integers(len(values))]
        elif (
            kind == 2 and getattr(values, "dtype", None) is not None and values.dtype.kind in "iuf"
        ):
            values = np.array(values, copy=True)
            with np.errstate(all="ignore"):
                number = rng.choice([np.nan, np.inf, -1.0, 0.0, 1e300, -1e9, 0.6])
                values.flat[rng.integers(values.size) if values.size else ()] = (
                    number if values.dtype.kind == "f" or abs(number) < 1e9 else 0
                )
        else:
            values = [b"text", 3.5, np.zeros((2, 2)), np.zeros(0)][rng.integers(4)]
        made = file.create_dataset(name, data=values)
        for key, value in attributes.items():
            made.attrs[key] = value


@pytest.mark.slow
def test_nwb_with_other_content(recording, tmp_path):
    pytest.importorskip("pynwb")
    path, original = tmp_path / "session.nwb", tmp_path / "original.nwb"
    recording.to_nwb(original)
    content = original.read_bytes()
    rng = np.random.default_rng(3)
    loaded = 0
    n_files = max(N_FILES // 5, 1)
    for i in range(n_files):
        path.write_bytes(content)
        changed_hdf5(path, rng)
        loaded += loads(path, faults=("raise", "drop")[i % 2])
    assert 0 < loaded < n_files


# The library under h5py may crash on damaged files, so they are read in a process of their own.
READER = """
import json, sys
sys.path[:0] = ["tests"]
from pathlib import Path
from tests.recordings.test_fuzz import loads
for path in sys.argv[1:]:
    print(json.dumps([path, bool(loads(Path(path)))]), flush=True)
"""


@pytest.mark.slow
def test_damaged_nwb(recording, tmp_path):
    pytest.importorskip("pynwb")
    recording.to_nwb(tmp_path / "session.nwb")
    content = (tmp_path / "session.nwb").read_bytes()
    rng = np.random.default_rng(4)
    paths = []
    for i in range(max(N_FILES // 5, 1)):
        path = tmp_path / f"damaged{i}.nwb"
        path.write_bytes(mutated(content, rng))
        paths.append(str(path))
    left, read = paths, 0
    while left:
        done = subprocess.run(
            [sys.executable, "-c", READER, *left], capture_output=True, text=True, check=False
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        read += len(found)
        # A crash of that library, which no Python code can catch, is not ours; an error is.
        assert done.returncode <= 0, done.stderr[-2000:]
        left = left[len(found) + (done.returncode < 0) :]
    assert read > 0.9 * len(paths)


def test_the_original_is_read(recording, tmp_path):
    recording.to_csv(tmp_path / "session.csv")
    found = Recording.from_csv(tmp_path / "session.csv", **CUT)
    np.testing.assert_array_equal(found.counts, recording.counts)
