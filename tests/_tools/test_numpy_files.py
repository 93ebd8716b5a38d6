import io
import os
import zipfile

import numpy as np
import pytest

from ipvae_brian._tools import memory
from ipvae_brian._tools.numpy_files import load_arrays
from ipvae_brian.errors import FileFormatError, MemoryLimitError


def npy(header, content=bytes(2560), version=(1, 0)):
    header = header.encode().ljust(117) + b"\n"
    length = len(header).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + header + content


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


@pytest.mark.parametrize("dtype", ["u1", ">i2", "<f4", ">f8", "U5", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (2, 3, 4)])
def test_as_numpy_reads_them(tmp_path, rng, dtype, order, shape):
    array = np.array(rng.integers(0, 100, shape), order=order).astype(dtype)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", x=array, y=array)
    np.savez_compressed(tmp_path / "b.npz", x=array, y=array)
    for name, names in (("a.npy", ["x"]), ("a.npz", ["x", "y"]), ("b.npz", ["x", "y"])):
        arrays = load_arrays(tmp_path / name)
        assert list(arrays) == names
        for got in arrays.values():
            np.testing.assert_array_equal(got, array)
            assert got.dtype == array.dtype


def test_told_by_content_not_by_name(tmp_path):
    np.savez(io := tmp_path / "a.npz", x=np.eye(3))
    os.rename(io, tmp_path / "a.npy")
    np.testing.assert_array_equal(load_arrays(tmp_path / "a.npy")["x"], np.eye(3))


HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    "content",
    [
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (40, 4, 4"),
        npy(HEADER % f"({10**30}, 4)"),
        npy(HEADER % f"({10**11}, 4)"),
        npy(HEADER % "(-40, -16)"),
        npy(HEADER % f"(0, {10**30})"),
        npy(HEADER % "(40, 4, 4)", bytes(2559)),
        npy(HEADER % "(40, 4, 4)", bytes(2561)),
        npy(HEADER % "(True, 640)", bytes(2561)),
        npy(HEADER % "[640]"),
        npy(HEADER % "'640'"),
        npy("(" * 110),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (320,), }"),
        npy("{'descr': 'nonsense', 'fortran_order': False, 'shape': (320,), }"),
        npy("{'descr': '<f4', 'fortran_order': 3, 'shape': (640,), }"),
        npy(HEADER % "(640,)", version=(3, 0)),
        npy(HEADER % "(640,)", version=(9, 9)),
        b"\x93NUMPY",
        b"",
        b"PK",
        b"PK\x03\x04" + bytes(100),
    ],
)
def test_damaged(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match="a.npy: not readable"):
        load_arrays(tmp_path / "a.npy")
    if content[:2] != b"PK":
        archive(tmp_path / "a.npz", x=content)
        with pytest.raises(FileFormatError, match="a.npz: array 'x' is damaged"):
            load_arrays(tmp_path / "a.npz")


def test_two_arrays_in_one_npy(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.save(file, np.eye(3))
        np.save(file, np.eye(3))
    with pytest.raises(FileFormatError, match="a.npy: not readable.*272 bytes of numbers"):
        load_arrays(tmp_path / "a.npy")


def test_two_arrays_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("x.npy", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("x.npy", b"2")
    with pytest.raises(FileFormatError, match="two arrays are called 'x'"):
        load_arrays(tmp_path / "a.npz")


@pytest.fixture
def bomb(tmp_path):
    """1 MB that unpacks to 1 GB of zeros, written in pieces."""
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("x.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(
            member, {"descr": "<f8", "fortran_order": False, "shape": (2**17, 1024)}
        )
        zeros = bytes(2**24)
        for _ in range(64):
            member.write(zeros)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("y.npy", (lambda f: (np.save(f, np.eye(2)), f.getvalue())[1])(io.BytesIO()))
    assert path.stat().st_size < 2e6
    return path


def test_far_more_than_the_file_is_by_its_declared_size(bomb, monkeypatch):
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(FileFormatError, match="a.npz: array 'x' unpacks to 1.07 GB from 1.0. MB"):
        load_arrays(bomb)


def test_what_nobody_asks_for_is_not_unpacked(bomb):
    arrays = load_arrays(bomb, lambda names: [name for name in names if name == "y"])
    assert list(arrays) == ["y"]


def test_a_lie_about_the_size(tmp_path):
    """The archive says that it unpacks to little; no more than that is unpacked."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(10**6))
    content = path.read_bytes()
    size = (8 * 10**6 + 128).to_bytes(4, "little")
    assert content.count(size) >= 1
    path.write_bytes(content.replace(size, (1128).to_bytes(4, "little")))
    with pytest.raises(FileFormatError, match="a.npz: array 'x' is damaged"):
        load_arrays(path)


def test_more_than_memory(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros(1000))
    monkeypatch.setattr(memory, "available_memory", lambda: 9000)
    with pytest.raises(MemoryLimitError, match="a.npy 8e-06 GB"):
        load_arrays(tmp_path / "a.npy")


def test_missing_and_forbidden(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file: .*a.npy"):
        load_arrays(tmp_path / "a.npy")
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_arrays(tmp_path)
