"""Files are written whole or not at all, and read without pickle or not at all."""

import errno
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from helpers import stored

from ipvae_brian._tools import numpy_files
from ipvae_brian._tools.files import checksum, read_arrays, write_arrays, write_bytes, write_json
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
    with pytest.raises(FileFormatError, match=r"a\.npz: array 'a' is damaged"):
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
    refused("not readable")
    path.write_bytes(b"")
    refused("not readable")
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
    text = np.array(json.dumps(FORMAT | {"fields": ["evil"]}))
    np.savez(path, metadata=text, checksum=text, evil=trap)
    with pytest.raises(FileFormatError, match=r"a\.npz: array 'evil'"):
        read(path)
    np.savez(path, metadata=trap)
    with pytest.raises(FileFormatError, match=r"a\.npz: array 'metadata'"):
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
        os.unlink(tmp_path / "a")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o700])
def test_permissions_of_the_old_file_stay(tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix" or os.geteuid(), reason="gives a file to another user")
def test_owner_of_the_old_file_stays(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 1234, 1235)
    path.chmod(0o660)
    write_bytes(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 1235, 0o660)


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="of POSIX")
def test_permissions_are_set_on_the_open_file(tmp_path, monkeypatch):
    """By its name they could be set on a file that somebody has put in its place."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    monkeypatch.setattr(os, "chmod", failing(errno.EPERM))
    write_bytes(path, b"new")
    monkeypatch.setattr(os, "fchmod", failing(errno.EPERM))
    with pytest.raises(PermissionError):
        write_bytes(path, b"newer")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_links_stay_links(tmp_path):
    target, link, chain = tmp_path / "data" / "t", tmp_path / "link", tmp_path / "chain"
    target.parent.mkdir()
    link.symlink_to("data/t")
    chain.symlink_to(link)
    for content in (b"first", b"second"):  # also onto one that points to nothing yet
        write_bytes(chain, content)
        assert chain.is_symlink() and link.is_symlink()
        assert target.read_bytes() == content and not target.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["chain", "data", "link"]
    assert os.listdir(target.parent) == ["t"]


def test_only_regular_files_are_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match=f"{name} is no regular file"):
            write_bytes(tmp_path / name, b"x")
    with pytest.raises(OSError, match="no regular file"):
        write_bytes("/dev/null", b"x")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write_bytes(tmp_path, b"x")
    with pytest.raises(OSError):
        write_bytes(tmp_path / "circle", b"x")
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe").st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_write_protected_files_are_refused(tmp_path, monkeypatch):
    """Root may write anywhere, so the system's answer is made up."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda file, mode: os.fspath(file) != os.fspath(path))
    with pytest.raises(PermissionError, match="a is write-protected"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("length", [200, 201, 255])
def test_long_names(tmp_path, length):
    path = tmp_path / ("n" * length)
    write_bytes(path, b"x")
    assert os.listdir(tmp_path) == [path.name]
    with pytest.raises(OSError) as raised:
        write_bytes(tmp_path / ("n" * 256), b"x")
    assert raised.value.errno == errno.ENAMETOOLONG


def test_what_killed_writers_leave_is_removed(tmp_path):
    names = {
        ".a.npz.0123abcd.tmp": True,
        ".a.npz.0123abce.tmp": False,  # not old
        ".a.npz.backup": None,
        ".a.npz.0123abcd.tmp.txt": None,
        ".b.npz.0123abcd.tmp": None,
        "a.npz.0123abcd.tmp": None,
    }
    for name, removed in names.items():
        (tmp_path / name).write_bytes(b"x")
        if removed is not False:
            os.utime(tmp_path / name, (0, 0))
    write_bytes(tmp_path / "a.npz", b"new")
    kept = [name for name, removed in names.items() if not removed]
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "a.npz"])


WRITER = """
import sys, numpy as np
from ipvae_brian._tools import numpy_files
from ipvae_brian._tools.files import write_arrays
rng = np.random.default_rng(0)
print("begin", flush=True)
while True:
    for value in (1, 2):
        arrays = {"a": np.full((300, 300), value) + rng.normal(size=(300, 300))}
        write_arrays(sys.argv[1], arrays, {"format": "test", "format_version": 2, "value": value})
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    path = tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        time.sleep(rng.uniform(0.02, 0.3))
        process.kill()
        process.communicate()
        if path.exists():
            arrays, metadata = read(path)
            assert abs(arrays["a"].mean() - metadata["value"]) < 0.1
    assert path.exists()
    for left in tmp_path.glob(".a.npz.*"):
        os.utime(left, (0, 0))
    write_arrays(path, {}, FORMAT)
    assert os.listdir(tmp_path) == ["a.npz"]


FULL = """
import resource, sys, numpy as np
from ipvae_brian._tools import numpy_files
from ipvae_brian._tools.files import write_arrays, write_json
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
metadata = {"format": "test", "format_version": 2}
for write in (
    lambda: write_arrays(sys.argv[1], {"a": np.random.default_rng(0).normal(size=1000)}, metadata),
    lambda: write_json(sys.argv[1], list(range(1000))),
):
    try:
        write()
    except OSError as error:
        print(error.errno)
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files")
def test_a_disk_that_is_full(tmp_path):
    """No file may become larger than 1,000 bytes, as if there were no room for more."""
    path = tmp_path / "a.npz"
    write_arrays(path, {"b": np.arange(3)}, FORMAT)
    old = path.read_bytes()
    words = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(errno.EFBIG)] * 2
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a.npz"]


# What is stored


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("nan")])
def test_json_has_null_for_what_it_cannot_say(tmp_path, value):
    content = {"a": value, "b": [1.5, (value,)], "c": np.array([1, value]), "d": {"e": value}}
    write_json(tmp_path / "a.json", content)

    def no_constant(text):
        raise AssertionError(text)

    got = json.loads((tmp_path / "a.json").read_text(), parse_constant=no_constant)
    assert got == {"a": None, "b": [1.5, [None]], "c": [1.0, None], "d": {"e": None}}
    write_arrays(tmp_path / "a.npz", {}, FORMAT | {"r2": value})
    assert read(tmp_path / "a.npz")[1]["r2"] is None


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_json_that_only_python_reads(file, word):
    arrays, metadata = stored(file)
    text = json.dumps(metadata | {"x": [{"y": "HERE"}]}).replace('"HERE"', word)
    np.savez(file, metadata=np.array(text), checksum=np.array(checksum(text, arrays)), **arrays)
    with pytest.raises(FileFormatError, match="field x must be finite"):
        read(file)


def changed(path, change):
    """Rewrite a file validly, but with something else in it and the old checksum."""
    with np.load(path) as file:
        fields = dict(file)
    change(fields)
    np.savez(path, **fields)


def with_metadata(**others):
    def change(fields):
        metadata = json.loads(str(fields["metadata"])) | others
        fields["metadata"] = np.array(json.dumps(metadata))

    return change


def nudged(fields):
    fields["a"][3, 2] = np.nextafter(fields["a"][3, 2], np.inf)


CHANGES = {
    "one number by its last bit": nudged,
    "another type": lambda fields: fields.update(b=fields["b"].astype(np.int32)),
    "another shape": lambda fields: fields.update(a=fields["a"].reshape(60, 2)),
    "another order": lambda fields: fields.update(a=np.asfortranarray(fields["a"])),
    "names exchanged": lambda fields: fields.update(a=fields["b"], b=fields["a"]),
    "metadata": with_metadata(x=1.5000001),
    "new metadata": with_metadata(y=1),
    "an array left out and unlisted": lambda fields: (
        with_metadata(fields=["a"])(fields),
        fields.pop("b"),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_was_changed_is_told(file, case):
    changed(file, lambda fields: None)
    read(file)  # written again by others, but the same
    changed(file, CHANGES[case])
    with pytest.raises(FileFormatError, match=r"a\.npz: field 'checksum' .*changed"):
        read(file)


def test_a_checksum_cannot_be_left_out(file):
    changed(file, lambda fields: fields.pop("checksum"))
    with pytest.raises(FileFormatError, match="'checksum' is missing"):
        read(file)
    changed(file, lambda fields: fields.update(checksum=np.array(["x"])))
    with pytest.raises(FileFormatError, match="'checksum'"):
        read(file)


def test_files_from_before_checksums_are_read(file):
    changed(file, lambda fields: (fields.pop("checksum"), with_metadata(format_version=1)(fields)))
    arrays, metadata = read(file)
    assert arrays["a"].shape == (30, 4) and metadata["x"] == 1.5


def test_fields_that_nobody_asked_for(file):
    changed(file, lambda fields: fields.update(extra=np.ones(3)))
    with pytest.raises(FileFormatError, match="'extra' does not belong"):
        read(file)


def bomb(path, name, n_bytes, template):
    """Add a field that unpacks to so many zeros."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (n_bytes,)}
    )
    with zipfile.ZipFile(template) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            if entry != f"{name}.npy":
                new.writestr(entry, old.read(entry))
        with new.open(f"{name}.npy", "w", force_zip64=True) as member:
            member.write(header.getvalue())
            for begin in range(0, n_bytes, 2**20):
                member.write(bytes(min(2**20, n_bytes - begin)))


@pytest.mark.parametrize("name", ["a", "metadata", "extra"])
def test_small_files_that_unpack_to_gigabytes(file, name):
    template = file.with_name("template.npz")
    file.rename(template)
    bomb(file, name, 2**28 + 1, template)
    assert file.stat().st_size < 1_000_000
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=r"a\.npz.*(unpacks to 0.268 GB|does not belong)"):
        read(file)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_what_packs_to_nothing_is_written_unpacked(tmp_path, monkeypatch):
    """A silent network's counts; the limit is lowered, so that they need not be large."""
    monkeypatch.setattr(numpy_files, "LARGE", 10_000)
    write_arrays(tmp_path / "a.npz", {"a": np.zeros(20_000)}, FORMAT)
    assert (tmp_path / "a.npz").stat().st_size > 160_000
    assert read(tmp_path / "a.npz")[0]["a"].shape == (20_000,)
    write_arrays(tmp_path / "a.npz", {"a": np.arange(20_000)}, FORMAT)
    assert (tmp_path / "a.npz").stat().st_size < 100_000
