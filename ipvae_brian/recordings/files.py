"""The file of a recording: .npz without pickle, checked by the constructor when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.files import file_format, format_errors, read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.recordings.spikes import Spikes, same_counts
from ipvae_brian.recordings.timing import Timing

FORMAT = "ipvae_brian recording"
FORMAT_VERSION = 1
# Responses have all that a recording has, and more.
RESPONSE = "ipvae_brian response"
GROUPS = ("conditions", "units")
FINITE = ("frames", "spikes.time")


def arrays_of(recording: Any) -> dict[str, NDArray]:
    """Return all arrays of a recording by the names that they have in files."""
    arrays = {"counts": recording.counts}
    for name in ("frames", "stimulus_numbers"):
        if getattr(recording, name) is not None:
            arrays[name] = getattr(recording, name)
    for group in GROUPS:
        arrays |= {f"{group}.{name}": array for name, array in getattr(recording, group).items()}
    if recording.spikes is not None:
        arrays |= {f"spikes.{name}": a for name, a in recording.spikes._asdict().items()}
    return arrays


def parts_of(arrays: Mapping[str, NDArray], timing: Mapping[str, Any], path: Any) -> dict[str, Any]:
    """Return arguments of `Recording` from the arrays of a file.

    Raises
    ------
    FileFormatError
        If numbers are not finite, or counts in windows are not those of the spikes.
    """
    for name in FINITE:
        if name in arrays and not np.isfinite(arrays[name]).all():
            raise FileFormatError(f"{path}: field {name!r} has NaN or infinity")
    spikes = None
    if group(arrays, "spikes"):
        spikes = Spikes(*(arrays[f"spikes.{name}"] for name in Spikes._fields))
    return {
        "counts": arrays["counts"],
        "timing": Timing(**timing),
        "spikes": spikes,
        "frames": arrays.get("frames"),
        "stimulus_numbers": arrays.get("stimulus_numbers"),
        **{name: group(arrays, name) for name in GROUPS},
    }


def group(arrays: Mapping[str, NDArray], name: str) -> dict[str, NDArray]:
    """Return the arrays whose names begin with that of the group."""
    start = f"{name}."
    return {n.removeprefix(start): array for n, array in arrays.items() if n.startswith(start)}


def require_same_counts(recording: Any, path: str | PathLike) -> None:
    """Raise FileFormatError if the counts in windows are not those of the spikes."""
    spikes = recording.spikes
    if spikes is not None and not same_counts(recording.counts, spikes, recording.timing):
        raise FileFormatError(f"{path}: field 'counts' has other spikes than 'spikes'")


def write_recording(path: str | PathLike, recording: Any) -> None:
    """Write a recording to `path`."""
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "timing": asdict(recording.timing),
    }
    write_arrays(path, arrays_of(recording), metadata)


def read_recording(path: str | PathLike, make: Any) -> Any:
    """Read a recording from `path`.

    Parameters
    ----------
    path : path-like
    make : callable
        Gets the arguments of `Recording` in a dict.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As for `Recording.load`.
    """
    response = file_format(path) == RESPONSE
    arrays, metadata = read_arrays(
        path,
        format_name=RESPONSE if response else FORMAT,
        newest_version=2 if response else FORMAT_VERSION,
        checksum_since=2 if response else 1,
    )
    with format_errors(path, "a field is damaged: {}"):
        recording = make(parts_of(arrays, metadata["timing"], path))
    require_same_counts(recording, path)
    return recording
