"""The state of a training, and its file: all that is needed to go on as if never stopped."""

import copy
import json
import zlib
from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import finite_array
from ipvae_brian._tools.files import read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.learning.dictionary import random_dictionary
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.statistics import RunningStatistics

FORMAT = "ipvae_brian checkpoint"
FORMAT_VERSION = 3
COUNTERS = ("n_batches", "n_revived", "n_diverged", "steps_per_tau")


@dataclass
class TrainingState:
    """What a training has come to after a whole number of batches.

    Parameters
    ----------
    dictionary : numpy.ndarray of float32, shape (n_pixels, n_neurons)
    statistics : RunningStatistics
    silent : numpy.ndarray of int, shape (n_neurons,)
        For how many stimuli each neuron has been silent.
    steps_per_tau : int
        Time steps per tau from here on.
    n_batches : int
        Batches learned from.
    n_revived, n_diverged : int
        Silent neurons re-seeded; stimuli left out because their simulation diverged.
    figures : dict
        Running averages of r2, zeros, spikes and distance over the last batches.
    """

    dictionary: NDArray
    statistics: RunningStatistics
    silent: NDArray
    steps_per_tau: int
    n_batches: int = 0
    n_revived: int = 0
    n_diverged: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, settings: TrainingSettings, n_pixels: int, dictionary: NDArray | None = None
    ) -> Self:
        """Return the state before the first batch, with a random dictionary unless one is given."""
        if dictionary is None:
            rng = np.random.default_rng([settings.seed, 0])
            dictionary = random_dictionary(n_pixels, settings.n_neurons, settings.spike_size, rng)
        return cls(
            dictionary,
            RunningStatistics(n_pixels, settings.n_neurons),
            np.zeros(settings.n_neurons, np.int64),
            settings.steps_per_tau,
        )

    def copy(self) -> Self:
        """Return a copy that shares nothing with this one."""
        return copy.deepcopy(self)


def write_checkpoint(
    path: str | PathLike, state: TrainingState, settings: TrainingSettings, fingerprint: str
) -> None:
    """Write all that is needed to go on; the old file survives any failure."""
    statistics = state.statistics
    arrays = {name: getattr(statistics, name) for name in RunningStatistics.ARRAYS}
    arrays |= {"dictionary": state.dictionary, "silent": state.silent}
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "settings": asdict(settings),
        "fingerprint": fingerprint,
        "noise_variance": statistics.noise_variance,
        "n_updates": statistics.n_updates,
        "figures": state.figures,
    }
    write_arrays(path, arrays, metadata | {name: getattr(state, name) for name in COUNTERS})


def read_checkpoint(
    path: str | PathLike, settings: TrainingSettings, fingerprint: str
) -> TrainingState:
    """Read the state of a training with the same settings and stimuli.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is damaged or belongs to another training; the message says how.
    """
    arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=FORMAT_VERSION)
    try:
        stored = metadata["settings"]
        for name, value in asdict(settings).items():
            if stored[name] != value:
                raise FileFormatError(
                    f"{path}: field {name!r} is {stored[name]!r}, this training has {value!r}"
                )
        if metadata["fingerprint"] != fingerprint:
            raise FileFormatError(f"{path}: field 'fingerprint': written for other stimuli")

        def checked(name, *shape):
            array = arrays[name]
            try:
                return finite_array(array, repr(name), shape=shape, dtype=array.dtype)
            except (TypeError, ValueError) as error:
                raise FileFormatError(f"{path}: field {error}") from error

        dictionary = checked("dictionary", None, settings.n_neurons)
        state = TrainingState.begin(settings, len(dictionary), dictionary)
        for name in RunningStatistics.ARRAYS:
            shape = getattr(state.statistics, name).shape
            setattr(state.statistics, name, checked(name, *shape))
        state.statistics.noise_variance = metadata["noise_variance"]
        state.statistics.n_updates = metadata["n_updates"]
        state.silent = checked("silent", settings.n_neurons)
        for name in (*COUNTERS, "figures"):
            setattr(state, name, metadata[name])
    except KeyError as error:
        raise FileFormatError(f"{path}: field {error} is missing") from error
    return state


def fingerprint(stimuli: NDArray) -> str:
    """Return a short text that differs between data sets: shape and checksum of some rows."""
    rows = stimuli[:: max(1, len(stimuli) // 64)][:64]
    checksum = zlib.crc32(np.ascontiguousarray(rows, np.float32).tobytes())
    return json.dumps([*stimuli.shape, checksum])
