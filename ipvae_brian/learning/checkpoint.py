"""The state of a training, and its file: everything needed to continue as if never stopped."""

import copy
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian._tools.files import read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.learning.dictionary import random_dictionary
from ipvae_brian.learning.settings import TrainingSettings, decided
from ipvae_brian.learning.statistics import RunningStatistics

FORMAT = "ipvae_brian checkpoint"
FORMAT_VERSION = 3
COUNTERS = ("n_batches", "n_revived", "n_diverged", "steps_per_tau")


def first_dictionary(settings: TrainingSettings, n_pixels: int) -> NDArray[np.float32]:
    """Draw the random dictionary that a training begins with."""
    rng = np.random.default_rng([decided(settings.seed), 0])
    return random_dictionary(n_pixels, settings.n_neurons, settings.spike_size, rng)


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
            dictionary = first_dictionary(settings, n_pixels)
        return cls(
            dictionary,
            RunningStatistics(n_pixels, settings.n_neurons),
            np.zeros(settings.n_neurons, np.int64),
            decided(settings.steps_per_tau),
        )

    def copy(self) -> Self:
        """Return a copy of which all but the dictionary, which is only replaced, may change."""
        return replace(self, statistics=copy.deepcopy(self.statistics), silent=self.silent.copy())


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
    path: str | PathLike, settings: TrainingSettings, fingerprint: Callable[[int], str]
) -> TrainingState:
    """Read the state of a training with the same settings and stimuli.

    Parameters
    ----------
    path : path-like
    settings : TrainingSettings
    fingerprint : callable
        Gets a number of batches, and returns the fingerprint of stimuli after these.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is damaged or belongs to another training; the message says how.
    """
    arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=FORMAT_VERSION)
    try:
        _same_settings(metadata["settings"], asdict(settings))
        counters = {name: _count(metadata[name], name) for name in COUNTERS}
        if metadata["fingerprint"] != fingerprint(counters["n_batches"]):
            raise ValueError("'fingerprint': written for other stimuli")
        state = _state(arrays, metadata, counters, settings)
        _require_agreement(state, settings)
    except KeyError as error:
        raise FileFormatError(f"{path}: field {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: field {error}") from error
    return state


def _same_settings(stored, wanted):
    if not isinstance(stored, dict):
        raise TypeError(f"'settings' must be a dict, got {stored!r}")
    for name in (*wanted, *stored):
        if stored[name] != wanted.get(name):
            raise ValueError(
                f"{name!r} is {stored[name]!r}, this training has {wanted.get(name)!r}"
            )


def _state(arrays, metadata, counters, settings):
    """Return the state of these arrays and figures, each checked by itself."""

    def array(name, *shape):
        return finite_array(arrays[name], repr(name), shape=shape, dtype=arrays[name].dtype)

    dictionary = array("dictionary", None, settings.n_neurons)
    state = TrainingState.begin(settings, len(dictionary), dictionary)
    for name in RunningStatistics.ARRAYS:
        setattr(state.statistics, name, array(name, *getattr(state.statistics, name).shape))
    noise_variance = metadata["noise_variance"]
    state.statistics.noise_variance = number(noise_variance, "'noise_variance'", minimum=0)
    state.statistics.n_updates = _count(metadata["n_updates"], "n_updates")
    state.silent = array("silent", settings.n_neurons)
    for name, value in counters.items():
        setattr(state, name, value)
    figures = metadata["figures"]
    if not isinstance(figures, dict) or not all(
        value is None or isinstance(value, float) for value in figures.values()
    ):
        raise TypeError(f"'figures' must be a dict of numbers, got {figures!r}")
    # JSON has no NaN, which R2 is where no stimulus has any variance.
    state.figures = {name: math.nan if v is None else v for name, v in figures.items()}
    return state


def _require_agreement(state, settings):
    """Raise if the parts of a state cannot be those of one training after whole batches."""
    shown = state.n_batches * settings.batch_size
    silent = state.silent
    agree = {
        "n_updates": state.statistics.n_updates == state.n_batches,
        "n_diverged": state.n_diverged <= shown,
        "silent": silent.dtype.kind == "i" and 0 <= silent.min() <= silent.max() <= shown,
        "figures": bool(state.figures) == (state.n_batches > 0),
        "steps_per_tau": state.steps_per_tau >= settings.steps_per_tau,
    }
    for name, fine in agree.items():
        if not fine:
            raise ValueError(f"{name!r} does not agree with {state.n_batches} batches")


def _count(value, name):
    return whole_number(value, repr(name), minimum=0)
