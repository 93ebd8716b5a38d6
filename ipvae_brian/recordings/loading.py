"""Any file of a recording, recognised by what it holds."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from ipvae_brian._tools.files import file_format
from ipvae_brian._tools.numpy_files import ARCHIVE_START, load_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.recordings.columns import START, errors_of
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.spike_tables import TIME, UNIT, checked_names

HDF5_START = b"\x89HDF\r\n\x1a\n"
# Of an array file, what makes the table of units.
OF_UNITS = "units."


def load_recording(path: str | PathLike, **options: Any) -> Recording:
    """Read a recording from a file of any kind that the package knows.

    Parameters
    ----------
    path : path-like
        - NWB, see `Recording.from_nwb`;
        - .npz that `Recording.save` or `Response.save` has written: it says everything itself and
          takes no options;
        - .npz with arrays ``unit`` and ``time`` of all spikes, ``start_time`` and ``stop_time`` of
          all stimuli and one array for each condition, and perhaps ``units.id`` and others of the
          units, see `Recording.from_tables`;
        - CSV with a first line ``unit,time``, see `Recording.from_csv`.
    **options
        Of these methods: `columns`, `before`, `after`, `duration`, `window`, `dt`, `faults`, and
        `trials` of NWB and CSV. None stands for the default.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is of no kind that is known, damaged, or holds no recording; the message names the
        file and what is wrong.
    TypeError
        If an option does not belong to this kind of file.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from ipvae_brian.recordings import load_recording
    >>> np.savez(
    ...     "session.npz",
    ...     unit=[3, 3, 8],
    ...     time=[0.52, 0.55, 1.71],
    ...     start_time=[0.5, 1.5],
    ...     stop_time=[0.9, 1.9],
    ...     contrast=[0.1, 1.0],
    ... )
    >>> load_recording("session.npz", window=100 * ms)
    <Recording 2 trials x 4 windows of 100 ms x 2 neurons, with spikes>
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    options = {name: value for name, value in options.items() if value is not None}
    with path.open("rb") as file:
        start = file.read(len(HDF5_START))
    if start == HDF5_START:
        return Recording.from_nwb(path, **options)
    if not start.startswith(ARCHIVE_START):
        if b"\x00" in start or path.suffix.lower() not in ("", ".csv", ".txt"):
            raise FileFormatError(
                f"{path}: no recording: NWB, .npz and CSV files are read; for others, read them "
                "with neo and use Recording.from_neo"
            )
        return Recording.from_csv(path, **options)
    if file_format(path) is not None:
        if options:
            raise TypeError(
                f"{path} says itself how it is cut into trials: {', '.join(options)} cannot be set"
            )
        return Recording.load(path)
    return _of_arrays(path, options)


def _of_arrays(path, options):
    names = checked_names(options.get("columns"))
    arrays = load_arrays(path)
    missing = [name for name in (UNIT, TIME, START) if name not in arrays]
    if missing and not names:
        raise FileFormatError(
            f"{path}: no recording: it needs arrays 'unit', 'time' and 'start_time', or to be "
            f"written by Recording.save; has {', '.join(arrays) or 'none'}"
        )
    of_spikes = {names.get(name, name) for name in (UNIT, TIME)}
    units = {n.removeprefix(OF_UNITS): a for n, a in arrays.items() if n.startswith(OF_UNITS)}
    trials = {n: a for n, a in arrays.items() if n not in of_spikes and not n.startswith(OF_UNITS)}
    spikes = {n: a for n, a in arrays.items() if n in of_spikes}
    with errors_of(path):
        return Recording.from_tables(spikes, trials, units or None, **options)
