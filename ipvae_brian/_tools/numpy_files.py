"""Read arrays from .npy and .npz files, without pickle and without unpacking oversized files."""

import math
import zipfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.memory import require_memory
from ipvae_brian.errors import FileFormatError

# An array above LARGE bytes that takes less than one in LARGEST_RATIO of them in the file is taken
# for a file made to exhaust memory. Written without compression, any array is read.
LARGE = 2**28
LARGEST_RATIO = 100
ARCHIVE_START = b"PK"
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_arrays(
    path: str | PathLike, choose: Callable[[list[str]], list[str]] = list, single: str = "x"
) -> dict[str, NDArray]:
    """Return arrays of a .npy or .npz file, told apart by what they hold.

    Parameters
    ----------
    path : path-like
    choose : callable, default list
        From the names of the archive's arrays, those to be read. Others are not even unpacked.
    single : str, default "x"
        What the one array of a .npy file is called.

    Returns
    -------
    arrays : dict of str to ndarray

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is damaged, foreign, needs a pickle, or unpacks to far more than it is.
    MemoryLimitError
        If the arrays do not fit into the free memory.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    with path.open("rb") as file:
        start = file.read(len(ARCHIVE_START))
        file.seek(0)
        if start != ARCHIVE_START:
            size = path.stat().st_size
            problem = (
                f"{path}: not readable: the file is damaged, or not a NumPy file of numbers "
                "(pickled objects are not read)"
            )
            return {single: _read(lambda: _borrowed(file), size, problem, path)}
        try:
            archive = zipfile.ZipFile(file)
        except Exception as error:
            raise _damaged(f"{path}: not readable", error) from error
        with archive:
            members = _members(archive, path)
            chosen = {name: members[name] for name in choose(list(members))}
            for name, member in chosen.items():
                _refuse_far([member], f"{path}: array {name!r}")
            _refuse_far(list(chosen.values()), str(path))
            return {n: _read_member(archive, member, n, path) for n, member in chosen.items()}


class _borrowed:
    """A file that stays open at the end of a with block, from its beginning."""

    def __init__(self, file):
        file.seek(0)
        self.file = file

    def __enter__(self):
        return self.file

    def __exit__(self, *_):
        pass


def _members(archive, path):
    members = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in members:
            raise FileFormatError(f"{path}: not readable: two arrays are called {name!r}")
        members[name] = member
    return members


def unpacks_too_far(members):
    """Return whether members of an archive unpack to so much that they are not read.

    Parameters
    ----------
    members : list of zipfile.ZipInfo
    """
    unpacked = sum(member.file_size for member in members)
    return unpacked > LARGE and unpacked > LARGEST_RATIO * sum(m.compress_size for m in members)


def _refuse_far(members, what):
    if unpacks_too_far(members):
        unpacked = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members)
        raise FileFormatError(
            f"{what} unpacks to {unpacked / 1e9:.3g} GB from {packed / 1e6:.3g} MB, more than "
            f"{LARGEST_RATIO} times as much: it is not read; if you trust it, save it without "
            "compression (numpy.savez)"
        )


def _read_member(archive, member, name, path):
    if not member.filename.endswith(".npy"):
        raise FileFormatError(f"{path}: {name!r} is not a NumPy array")
    problem = f"{path}: array {name!r} is damaged or holds Python objects"
    return _read(lambda: archive.open(member), member.file_size, problem, f"{path}: {name}")


def _read(opened, size, problem, name):
    """Read one array of `size` bytes with its header from what `opened` opens each time."""
    try:
        with opened() as file:
            version = np.lib.format.read_magic(file)
            if version not in HEADERS:
                raise ValueError(f"version {version} of NumPy's format")
            shape, _, dtype = HEADERS[version](file)
            n_bytes = math.prod(shape) * dtype.itemsize
            rest = size - file.tell()
        if dtype.hasobject:
            raise ValueError("pickled objects are not read")
        if n_bytes != rest or min(shape, default=0) < 0:
            raise ValueError(f"{rest} bytes of numbers where its shape {shape} needs {n_bytes}")
    except PermissionError:
        raise
    except Exception as error:  # of many types, MemoryError for a deeply nested header among them
        raise _damaged(problem, error) from error
    require_memory({str(name): n_bytes}, "take a part of it")
    try:
        with opened() as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:
        raise _damaged(problem, error) from error


def _damaged(problem, error):
    reason = " ".join(str(error).split()) or type(error).__name__
    return FileFormatError(f"{problem}: {reason}")
