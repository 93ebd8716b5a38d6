"""The file of a response: .npz without pickle, checked by the constructor when it is read."""

from dataclasses import asdict

import numpy as np

from ipvae_brian._tools.files import format_errors, read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.recordings.spikes import Spikes, counts_of
from ipvae_brian.recordings.timing import Timing

FORMAT = "ipvae_brian response"
FORMAT_VERSION = 2  # 1 had no checksum
ARRAYS = ("frames", "counts", "expected_counts", "stimulus_numbers")
FINITE = ("frames", "expected_counts", "potentials", "spikes.time")
# Names of version 1.
FORMER_NAMES = {"expected_counts": "rates", "spikes.trial": "spikes.stimulus"}
GROUPS = ("conditions", "units")


def write_response(path, response):
    """Write a response and its model to `path`."""
    arrays, model = response.parameters.to_arrays()
    arrays = {f"parameters.{name}": array for name, array in arrays.items()}
    arrays |= {name: getattr(response, name) for name in ARRAYS}
    for group in GROUPS:
        columns = getattr(response, group)
        arrays |= {f"{group}.{name}": array for name, array in columns.items()}
    if response.spikes is not None:
        arrays |= {f"spikes.{name}": a for name, a in response.spikes._asdict().items()}
    if response.potentials is not None:
        arrays |= {"potentials": response.potentials, "step_counts": response.step_counts}
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "timing": asdict(response.timing),
        "recorded_neurons": list(response.recorded_neurons),
        "parameters": model,
    }
    write_arrays(path, arrays, metadata)


def read_response(path, make):
    """Read a response from `path`.

    Parameters
    ----------
    path : path-like
    make : callable
        Gets the parts as keyword arguments: `Response`.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As for `Response.load`.
    """
    arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=FORMAT_VERSION)
    if metadata["format_version"] == 1:
        for name, former in FORMER_NAMES.items():
            if former in arrays:
                arrays[name] = arrays.pop(former)
    with format_errors(path, "a field is damaged: {}"):
        for name in FINITE:
            if name in arrays and not np.isfinite(arrays[name]).all():
                raise FileFormatError(f"{path}: field {name!r} has NaN or infinity")
        parameters = Parameters.from_arrays(
            _group(arrays, "parameters"), metadata["parameters"], path
        )
        response = make(
            parameters,
            *(arrays[name] for name in ("frames",)),
            Timing(**metadata["timing"]),
            *(arrays[name] for name in ("counts", "expected_counts")),
            spikes=_spikes(arrays),
            recorded_neurons=tuple(metadata["recorded_neurons"]),
            potentials=arrays.get("potentials"),
            step_counts=arrays.get("step_counts"),
            stimulus_numbers=arrays.get("stimulus_numbers"),
            **{group: _group(arrays, group) for group in GROUPS},
            copy=False,
        )
    _require_same_counts(response, path)
    return response


def _group(arrays, group):
    """Return the arrays whose names begin with that of the group."""
    start = f"{group}."
    return {n.removeprefix(start): array for n, array in arrays.items() if n.startswith(start)}


def _spikes(arrays):
    if not _group(arrays, "spikes"):
        return None
    return Spikes(*(arrays[f"spikes.{name}"] for name in Spikes._fields))


def _require_same_counts(response, path):
    """Raise if the counts in windows are not those of the spikes."""
    if response.spikes is None:
        return
    timing, shape = response.timing, (response.n_trials, response.n_neurons)
    if not np.array_equal(
        counts_of(response.spikes, timing, timing.steps_per_window, *shape), response.counts
    ):
        raise FileFormatError(f"{path}: field 'counts' has other spikes than 'spikes'")
