"""The file of a response: .npz without pickle, checked by the constructor when it is read."""

from dataclasses import asdict

import numpy as np

from ipvae_brian._tools.files import format_errors, read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.recordings.files import RESPONSE as FORMAT
from ipvae_brian.recordings.files import arrays_of, group, parts_of, require_same_counts

FORMAT_VERSION = 2  # 1 had no checksum
FINITE = ("expected_counts", "potentials")
# Names of version 1.
FORMER_NAMES = {"expected_counts": "rates", "spikes.trial": "spikes.stimulus"}


def write_response(path, response):
    """Write a response and its model to `path`."""
    arrays, model = response.parameters.to_arrays()
    arrays = {f"parameters.{name}": array for name, array in arrays.items()}
    arrays |= arrays_of(response) | {"expected_counts": response.expected_counts}
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
            group(arrays, "parameters"), metadata["parameters"], path
        )
        response = make(
            parameters,
            expected_counts=arrays["expected_counts"],
            recorded_neurons=tuple(metadata["recorded_neurons"]),
            potentials=arrays.get("potentials"),
            step_counts=arrays.get("step_counts"),
            **parts_of(arrays, metadata["timing"], path) | {"frames": arrays["frames"]},
            copy=False,
        )
    require_same_counts(response, path)
    return response
