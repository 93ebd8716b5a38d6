"""Find out whether files can be written before the work begins rather than after it."""

import os
import stat
import unicodedata
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path


def file_to_write(path: str | os.PathLike) -> Path:
    """Return the regular file that writing to `path` would make or replace.

    A symbolic link stands for what it points to, so it stays one.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.
    IsADirectoryError
        If `path` is a folder.
    PermissionError
        If the folder or the file is write-protected.
    OSError
        If `path` is a device, a pipe or a socket, a circle of links, or too long a name.
    """
    file = Path(os.path.realpath(path))
    folder = file.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"no such folder: {folder}")
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder, a file is needed")
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"{path} is no regular file but a device, a pipe or a socket")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"cannot write into the folder {folder}")
    if mode is not None and not os.access(file, os.W_OK):
        raise PermissionError(f"{path} is write-protected")
    return file


def require_outputs(
    outputs: Mapping[str, str | os.PathLike | None],
    inputs: Mapping[str, str | os.PathLike | None] | None = None,
) -> None:
    """Fail before the work if its files cannot be written or would overwrite each other.

    Parameters
    ----------
    outputs : dict of str to path-like or None
        What will be written, by the names that the user knows; None is passed over.
    inputs : dict of str to path-like or None, optional
        What is read, which must not be overwritten.

    Raises
    ------
    OSError
        As `file_to_write` does; the message begins with the name.
    ValueError
        If two of them are one file, also through links or by another case of letters.
    """
    written = {name: path for name, path in outputs.items() if path is not None}
    for name, path in written.items():
        try:
            file_to_write(path)
        except OSError as error:
            text = error.strerror or str(error)
            if error.filename is not None:
                text = f"{text}: {str(path)[:80]}"
            raise type(error)(f"{name}: {text}") from error
    read = {name: path for name, path in (inputs or {}).items() if path is not None}
    pairs = [*combinations(written, 2), *((a, b) for a in written for b in read)]
    every = read | written
    for first, second in pairs:
        if same_file(every[first], every[second]):
            raise ValueError(
                f"{first} and {second} must be different files, got {every[first]} and "
                f"{every[second]}"
            )


def same_file(first: str | os.PathLike, second: str | os.PathLike) -> bool:
    """Return whether two paths are one file, or would be one on some systems.

    Links are followed, files need not exist, and names that differ only in the case of letters or
    in how accents are composed count as one.
    """
    try:
        if os.path.samefile(first, second):
            return True
    except OSError:
        pass  # one of them is not there yet
    files = [Path(os.path.realpath(path)) for path in (first, second)]
    names = [unicodedata.normalize("NFC", file.name).casefold() for file in files]
    if names[0] != names[1]:
        return False
    try:
        return os.path.samefile(files[0].parent, files[1].parent)
    except OSError:
        return files[0].parent == files[1].parent
