"""Files that are written completely or not at all, with a checksum of their content; no pickle."""

import hashlib
import io
import json
import math
import os
import re
import secrets
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.numpy_files import load_arrays, unpacks_too_far
from ipvae_brian._tools.outputs import file_to_write
from ipvae_brian.errors import FileFormatError

# Seconds after which a temporary file is taken for one whose writer was killed.
STALE = 3600
# Bytes; with what is added to it a temporary name has to stay within the usual 255.
LONGEST_STEM = 200


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write `content` to `path` so that the old file survives any failure.

    A symbolic link stays one, and an old file's permissions stay. Temporary files that killed
    writers of the same file have left behind are removed.

    Raises
    ------
    OSError
        If the folder is read-only, the disk is full, ...; the old file is left as it was.
    """
    file = file_to_write(path)
    name = os.fsencode(file.name)
    stem = file.name if len(name) <= LONGEST_STEM else hashlib.sha256(name).hexdigest()
    _remove_stale(file.parent, stem)
    temporary = file.with_name(f".{stem}.{secrets.token_hex(4)}.tmp")
    # The system takes the umask off the mode.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        with os.fdopen(handle, "wb") as opened:
            _keep_permissions(handle, file)
            opened.write(content)
            opened.flush()
            os.fsync(handle)
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


_BINARY = getattr(os, "O_BINARY", 0)  # of Windows


def _keep_permissions(handle, file):
    """Give an open file the mode and, where that is allowed, the group of the one it replaces."""
    try:
        old = os.stat(file)
    except FileNotFoundError:
        return
    new = os.fstat(handle)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) and hasattr(os, "fchown"):
        for owner, group in ((old.st_uid, old.st_gid), (-1, old.st_gid)):
            with suppress(PermissionError):
                os.fchown(handle, owner, group)
                break
    if old.st_mode != os.fstat(handle).st_mode and hasattr(os, "fchmod"):
        os.fchmod(handle, old.st_mode & 0o7777)


def _remove_stale(folder, stem):
    ours = re.compile(re.escape(f".{stem}.") + r"[0-9a-f]{8}\.tmp")
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if ours.fullmatch(entry.name):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                        os.unlink(entry.path)


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write `content` as indented JSON.

    NumPy numbers and arrays are converted; NaN and infinity, which JSON does not have, become null.
    """
    text = json.dumps(json_able(content), indent=2, allow_nan=False) + "\n"
    write_bytes(path, text.encode())


def json_able(value: Any) -> Any:
    """Return the same in types that JSON has; NaN and infinity, which it does not, become None."""
    if isinstance(value, dict):
        return {key: json_able(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_able(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return json_able(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def write_arrays(
    path: str | os.PathLike, arrays: Mapping[str, NDArray], metadata: Mapping[str, Any]
) -> None:
    """Write named arrays and one JSON-able dict ``metadata`` as a compressed .npz.

    A checksum over all of it is stored in its field ``checksum``.
    """
    told = json_able(dict(metadata) | {"fields": sorted(arrays)})
    text = json.dumps(told, allow_nan=False)
    # Any: checkers take these for further options of `savez`.
    members: dict[str, Any] = {"metadata": np.array(text)}
    members |= {"checksum": np.array(checksum(text, arrays)), **arrays}
    content = io.BytesIO()
    np.savez_compressed(content, **members)
    with zipfile.ZipFile(content) as archive:
        entries = archive.infolist()
    # What packs to almost nothing looks like a file made to exhaust memory; it is not packed.
    if any(unpacks_too_far([entry]) for entry in entries) or unpacks_too_far(entries):
        content = io.BytesIO()
        np.savez(content, **members)
    write_bytes(path, content.getvalue())


def checksum(text: str, arrays: Mapping[str, NDArray]) -> str:
    """Return a checksum over metadata as text and over names, types, shapes, order and values."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        kind = np.lib.format.dtype_to_descr(array.dtype)
        digest.update(f"\n{name} {kind} {array.shape} {order}\n".encode())
        if array.nbytes:
            # As bytes, because times and dates cannot be read as a buffer.
            flat = np.ascontiguousarray(array.T if order == "F" else array).reshape(-1)
            digest.update(flat.view(np.uint8).data)
    return digest.hexdigest()


@contextmanager
def format_errors(path: str | os.PathLike, text: str = "field {}") -> Iterator[None]:
    """Turn whatever damaged content sets off into a FileFormatError that names the file.

    Parameters
    ----------
    path : path-like
    text : str, default "field {}"
        What follows the file's name; the braces stand for the error.
    """
    try:
        yield
    except (FileFormatError, FileNotFoundError, PermissionError, MemoryError):
        raise
    except KeyError as error:
        raise FileFormatError(f"{path}: field {error} is missing") from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FileFormatError(f"{path}: {text.format(reason)}") from error


def read_arrays(
    path: str | os.PathLike, *, format_name: str, newest_version: int, checksum_since: int = 2
) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Parameters
    ----------
    path : path-like
    format_name : str
        What ``metadata["format"]`` has to be.
    newest_version : int
        The newest ``metadata["format_version"]`` that this package reads.
    checksum_since : int, default 2
        The first ``metadata["format_version"]`` that was written with a checksum.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
    metadata : dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is truncated, corrupted, changed, foreign, newer, needs a pickle, or unpacks to
        far more than it is.
    MemoryLimitError
        If it does not fit into the free memory.
    """
    path = Path(path)
    names, text = _read_metadata(path, format_name)
    with format_errors(path, "field 'metadata' is damaged: {}"):
        metadata = json.loads(text)
    if not isinstance(metadata, dict) or metadata.get("format") != format_name:
        raise FileFormatError(f"{path}: field 'format' is not {format_name!r}: a foreign file")
    version = metadata.get("format_version")
    if type(version) is not int or version < 1:
        raise FileFormatError(f"{path}: field 'format_version' is not a version: {version!r}")
    if version > newest_version:
        raise FileFormatError(
            f"{path}: field 'format_version' is {version}, newer than the {newest_version} that "
            "this ipvae_brian reads: upgrade it"
        )
    for name, value in metadata.items():
        with format_errors(path):
            if not _finite(value):
                raise ValueError(f"{name} must be finite, got NaN or infinity")
    listed = metadata.pop("fields", None)
    checked = version >= checksum_since
    _compare_fields(path, names, listed, checked)
    arrays = load_arrays(path, lambda names: [name for name in names if name != "metadata"])
    stored = arrays.pop("checksum", None)
    if checked and str(stored) != checksum(text, arrays):
        raise FileFormatError(
            f"{path}: field 'checksum' does not fit what the file holds: it was changed after it "
            "was written"
        )
    return arrays, metadata


def _finite(value):
    """Whether all numbers are finite: JSON has no others, but Python reads NaN and 1e999."""
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def file_format(path: str | os.PathLike) -> str | None:
    """Return the format that a file of `write_arrays` says it has; None for any other file."""
    try:
        metadata = json.loads(_read_metadata(Path(path), "")[1])
    except (ValueError, RecursionError, OSError, MemoryError):
        return None
    return metadata.get("format") if isinstance(metadata, dict) else None


def _read_metadata(path, format_name):
    """Return the names of all fields, and the text of the field ``metadata``."""
    names = []

    def choose(found):
        names.extend(found)
        return [name for name in found if name == "metadata"]

    found = load_arrays(path, choose, single="")
    if "" in found:
        raise FileFormatError(f"{path}: not an {format_name} file (a single array)")
    if "metadata" not in found:
        raise FileFormatError(f"{path}: not an {format_name} file (no field 'metadata')")
    text = found["metadata"]
    if text.dtype.kind != "U" or text.ndim:
        raise FileFormatError(f"{path}: field 'metadata' is not one text")
    return names, str(text)


def _compare_fields(path, names, listed, checked):
    """Refuse what a damaged directory of the archive hides, and what nobody asked for."""
    if listed is None and not checked:
        return
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise FileFormatError(f"{path}: field 'fields' is not a list of names")
    wanted = {*listed, "metadata", *(["checksum"] if checked else [])}
    for name in sorted(wanted - set(names)):
        raise FileFormatError(f"{path}: field {name!r} is missing")
    for name in sorted(set(names) - wanted):
        raise FileFormatError(f"{path}: field {name!r} does not belong to such a file")
