"""Files written whole or not at all: temporary name, synced, renamed. No pickle either way."""

import io
import json
import os
import tempfile
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ipvae_brian.errors import FileFormatError

# What NumPy and zipfile raise on damaged bytes: also RuntimeError ("encrypted", "compression
# method is not supported") and TokenError (the header of an array).
DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def write_bytes(path, content):
    """Write `content` to `path` so that the old file survives any failure.

    Raises
    ------
    OSError
        If the folder is read-only, the disk is full, ...; the old file is left as it was.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def require_writable(path):
    """Fail before the work, not after it, if `path` cannot be written.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.
    PermissionError
        If its folder is read-only.
    """
    folder = Path(path).parent
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write into the folder {folder}")


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path, content):
    """Write `content` as indented JSON; NumPy numbers and arrays are converted."""
    text = json.dumps(content, indent=2, default=_plain) + "\n"
    write_bytes(path, text.encode())


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def write_arrays(path, arrays, metadata):
    """Write named arrays and one JSON-able dict ``metadata`` as a compressed .npz."""
    content = io.BytesIO()
    text = json.dumps(metadata | {"fields": sorted(arrays)}, default=_plain)
    np.savez_compressed(content, metadata=np.array(text), **arrays)
    write_bytes(path, content.getvalue())


def read_arrays(path, *, format_name, newest_version):
    """Read what `write_arrays` wrote.

    Parameters
    ----------
    path : path-like
    format_name : str
        What ``metadata["format"]`` has to be.
    newest_version : int
        The newest ``metadata["format_version"]`` that this package reads.

    Returns
    -------
    arrays : dict of str to numpy.ndarray
    metadata : dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is truncated, corrupted, foreign, newer, or needs a pickle.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise FileFormatError(f"{path}: not an {format_name} file (a single array)")
        with loaded as file:
            if "metadata" not in file.files:
                raise FileFormatError(f"{path}: not an {format_name} file (no field 'metadata')")
            arrays = {}
            for field in file.files:
                try:
                    arrays[field] = file[field]
                except DAMAGE as error:
                    raise FileFormatError(f"{path}: field {field!r} is damaged: {error}") from error
    except FileFormatError:
        raise
    except DAMAGE as error:
        if isinstance(error, PermissionError):
            raise
        raise FileFormatError(f"{path}: not a readable .npz file: {error}") from error
    try:
        metadata = json.loads(str(arrays.pop("metadata")))
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{path}: field 'metadata' is damaged: {error}") from error
    if not isinstance(metadata, dict) or metadata.get("format") != format_name:
        raise FileFormatError(f"{path}: field 'format' is not {format_name!r}: a foreign file")
    version = metadata.get("format_version")
    if not isinstance(version, int) or version < 1:
        raise FileFormatError(f"{path}: field 'format_version' is not a version: {version!r}")
    if version > newest_version:
        raise FileFormatError(
            f"{path}: field 'format_version' is {version}, newer than the {newest_version} that "
            "this ipvae_brian reads: upgrade it"
        )
    # A damaged directory of the archive can hide a field.
    for field in metadata.pop("fields", []):
        if field not in arrays:
            raise FileFormatError(f"{path}: field {field!r} is missing")
    return arrays, metadata
