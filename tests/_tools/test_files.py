"""Files are written whole or not at all, and read without pickle or not at all."""

import errno
import io
import json
import os
import pickle
import stat
import zipfile

import numpy as np
import pytest

from ipvae_brian._tools.files import read_arrays, write_arrays, write_bytes, write_json
from ipvae_brian.errors import FileFormatError

FORMAT = {"format": "test", "format_version": 2}


def read(path):
    return read_arrays(path, format_name="test", newest_version=2)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    write_arrays(path, {"a": rng.normal(size=(30, 4)), "b": np.arange(3)}, FORMAT | {"x": 1.5})
    return path


def test_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "double": rng.normal(size=(3, 4)),
        "single": rng.normal(size=5).astype(np.float32),
        "columns": np.asfortranarray(rng.normal(size=(3, 4))),
        "whole": np.array([[2**62, -1]]),
        "empty": np.zeros((0, 2)),
    }
    metadata = FORMAT | {
        "x": 0.1 + 0.2,
        "tiny": 5e-324,
        "text": "größer \n ∑",
        "list": [1, None, {"a": True}],
    }
    write_arrays(tmp_path / "a.npz", arrays, metadata)
    got, told = read(tmp_path / "a.npz")
    assert told == metadata
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)
    # Memory order decides how sums are rounded, so resuming needs that too.
    assert got["columns"].flags.f_contiguous


def test_numpy_values_in_metadata(tmp_path):
    told = FORMAT | {"x": np.float64(0.1), "n": np.int32(3), "a": np.arange(2), "b": np.True_}
    write_arrays(tmp_path / "a.npz", {}, told)
    assert read(tmp_path / "a.npz")[1] == FORMAT | {"x": 0.1, "n": 3, "a": [0, 1], "b": True}
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        write_json(tmp_path / "b.json", {"x": object()})
    assert not (tmp_path / "b.json").exists()


def test_json(tmp_path):
    write_json(tmp_path / "a.json", {"a": np.float32(0.5), "b": np.ones((1, 2))})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 0.5, "b": [[1.0, 1.0]]}


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path, tmp_path / "none" / "a.npz"):
        with pytest.raises(FileNotFoundError, match=path.name):
            read(path)
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "none" / "a", b"x")


@pytest.mark.parametrize("part", [0, 1, 2, 4, 20, 0.1, 0.3, 0.5, 0.7, 0.9, -1])
def test_truncated(file, part):
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content)) if 0 < part < 1 else part])
    with pytest.raises(FileFormatError, match="a.npz"):
        read(file)


@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_corrupted(file, flip):
    """Any changed byte is noticed, hides a field (which the caller misses), or does not matter.

    Times and attributes in the zip do not matter; a longer "extra" hides the next field.
    """
    content = file.read_bytes()
    arrays, metadata = read(file)
    noticed = 0
    for where in range(len(content)):
        damaged = bytearray(content)
        damaged[where] ^= flip
        file.write_bytes(damaged)
        try:
            got, told = read(file)
        except FileFormatError as error:
            assert "a.npz" in str(error)
            noticed += 1
        else:
            assert told == metadata
            assert all(np.array_equal(got[name], arrays[name]) for name in got)
    assert noticed > len(content) / 2


def test_damaged_field_is_named(file):
    """The checksum of a field does not match its content."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("a.npy")
        start = info.header_offset + 30 + len("a.npy")
    content = bytearray(file.read_bytes())
    content[start + info.compress_size // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.npz: field 'a' is damaged"):
        read(file)


def test_foreign_files(tmp_path):
    path = tmp_path / "f.npz"

    def refused(words):
        with pytest.raises(FileFormatError, match=f"f.npz: .*{words}"):
            read(path)

    np.savez(path, x=np.ones(3))
    refused("metadata")
    with open(path, "wb") as file:
        np.save(file, np.ones(3))
    refused("single array")
    path.write_text("neuron,rate\n1,2\n")
    refused("not a readable")
    path.write_bytes(b"")
    refused("not a readable")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    refused("metadata")
    for metadata in (np.ones(3), np.array("[1, 2]"), np.array("{broken"), np.array(b"\xff")):
        np.savez(path, metadata=metadata)
        refused("")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"format": "another"}, "'format'"),
        ({"format_version": 3}, "'format_version' is 3, newer than the 2"),
        ({"format_version": 0}, "'format_version'"),
        ({"format_version": "1"}, "'format_version'"),
        ({"format_version": None}, "'format_version'"),
    ],
)
def test_other_formats(tmp_path, change, field):
    write_arrays(tmp_path / "a.npz", {"a": np.ones(2)}, FORMAT | change)
    with pytest.raises(FileFormatError, match=f"a.npz: field {field}"):
        read(tmp_path / "a.npz")


class Trap:
    """Unpickling it is noticed."""

    sprung = False

    def __reduce__(self):
        return spring, ()


def spring():
    Trap.sprung = True


def test_pickles_are_never_loaded(tmp_path):
    trap = np.array([Trap()], dtype=object)
    assert pickle.loads(pickle.dumps(trap)) is not None
    assert Trap.sprung  # the trap works
    Trap.sprung = False
    path = tmp_path / "a.npz"
    text = np.array(json.dumps(FORMAT))
    np.savez(path, metadata=text, evil=trap)
    with pytest.raises(FileFormatError, match=r"a\.npz: field 'evil'"):
        read(path)
    np.savez(path, metadata=trap)
    with pytest.raises(FileFormatError, match=r"a\.npz: field 'metadata'"):
        read(path)
    with open(path, "wb") as file:
        np.save(file, trap)
    with pytest.raises(FileFormatError, match=r"a\.npz"):
        read(path)
    path.write_bytes(pickle.dumps(trap))
    with pytest.raises(FileFormatError, match=r"a\.npz"):
        read(path)
    assert not Trap.sprung


def failing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


class FullDisk(io.FileIO):
    """A file on a disk with room for ten bytes."""

    def write(self, content):
        if self.tell() + len(content) > 10:
            super().write(content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


FAILURES = {
    "no space while writing": ("fdopen", FullDisk, errno.ENOSPC),
    "no space while syncing": ("fsync", failing(errno.ENOSPC), errno.ENOSPC),
    "mode not permitted": ("chmod", failing(errno.EPERM), errno.EPERM),
    "not renamed": ("replace", failing(errno.EROFS), errno.EROFS),
    "folder not writable": ("open", failing(errno.EACCES), errno.EACCES),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("existed", [True, False])
def test_old_file_survives_a_failure(tmp_path, monkeypatch, failure, existed):
    path = tmp_path / "model.npz"
    if existed:
        path.write_bytes(b"the old content")
    function, replacement, number = FAILURES[failure]
    with monkeypatch.context() as patch:
        patch.setattr(os, function, replacement)
        with pytest.raises(OSError) as raised:
            write_bytes(path, b"new content" * 100)
    assert raised.value.errno == number
    if existed:
        assert path.read_bytes() == b"the old content"
    assert os.listdir(tmp_path) == ["model.npz"] * existed
    write_bytes(path, b"new content")
    assert path.read_bytes() == b"new content"


def test_old_file_survives_an_interruption(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    path.write_bytes(b"the old content")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"the old content"
    assert os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_folder_that_nobody_can_write():
    """Root may write to read-only folders, but nobody to /proc/self."""
    with pytest.raises(OSError):
        write_bytes("/proc/self/model.npz", b"x")


def test_permissions_follow_the_umask(tmp_path):
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        old = os.umask(mask)
        try:
            write_bytes(tmp_path / "a", b"x")
        finally:
            os.umask(old)
        assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == mode
