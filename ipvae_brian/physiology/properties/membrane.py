"""Membrane potentials: where they lie, and how they differ between repeats of an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2.only import ms, mV
from numpy.typing import NDArray

from ipvae_brian.physiology.measured import Check
from ipvae_brian.physiology.membrane import (
    PER_UNIT,
    THRESHOLD,
    MembraneStatistics,
    membrane_statistics,
)
from ipvae_brian.physiology.properties.natural import SPONTANEOUS_MS
from ipvae_brian.physiology.properties.specification import Sample, Specification, most, sample
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response.response import Response

# Of the time, over all neurons, at the lowest potential that the model allows.
MOST_AT_BOUND = 0.5
# In mV^2; below it a neuron's potential is the same in all repeats but for rounding.
LEAST_VARIANCE = 1e-6
MAP = f"{THRESHOLD / mV:g} mV is one spike per tau, {PER_UNIT / mV:g} mV an e-fold of the rate"


def _response(recording: Recording) -> Response:
    if not isinstance(recording, Response) or recording.potentials is None:
        raise ValueError("it needs membrane potentials, and this is a recording of spikes")
    return recording


def _at_bound(found: MembraneStatistics, when: str) -> Check:
    text = f"the time {when} is spent at the lowest potential that the model allows"
    return most(f"bound {when}", float(found.at_bound.mean()), MOST_AT_BOUND, text)


def _during_images(values: Callable[[MembraneStatistics], NDArray], note: str = MAP):
    def measure(recording: Recording) -> Sample:
        found = membrane_statistics(_response(recording))
        return sample(values(found), _at_bound(found, "during images"), note=f"{note}.")

    return measure


def onset_ratio(recording: Recording) -> Sample:
    """Return how much more repeats differ during images than before them, as a ratio."""
    response = _response(recording)
    before = response.timing.before * 1e3
    if before < SPONTANEOUS_MS:
        raise ValueError(
            f"it needs {SPONTANEOUS_MS:g} ms before the onset of the stimulus, there are {before:g}"
        )
    # As for the spontaneous rate: what is left of rest decays in the first half.
    grey = membrane_statistics(response, window=(-before / 2 * ms, 0 * ms))
    shown = membrane_statistics(response)
    first, then = grey.variance_over_trials, shown.variance_over_trials
    ratio = np.divide(then, first, out=np.full(len(then), np.nan), where=first > LEAST_VARIANCE)
    checks = _at_bound(grey, "before images"), _at_bound(shown, "during images")
    sds = f"median of {np.sqrt(np.median(first)):.2g} mV before and {np.sqrt(np.median(then)):.2g} "
    return sample(np.sqrt(ratio), *checks, note=f"{sds}mV during images.")


_GROUP = "Membrane potential"
_EXPERIMENT = "membrane_potentials"
_NONE = "No laboratory's values are at hand, so that it is told and not judged."

PROPERTIES = (
    Specification(
        "membrane_potential",
        "Membrane potential",
        "mV",
        _GROUP,
        "Mean over time and repeats of natural images. The model's potential is the logarithm of a "
        f"rate; millivolts come from a map that is chosen and not measured. {_NONE}",
        _EXPERIMENT,
        _during_images(lambda found: found.mean),
    ),
    Specification(
        "membrane_variability",
        "Variability of the membrane potential",
        "mV",
        _GROUP,
        "Standard deviation between repeats of the same image, at the same time after its onset; "
        f"it scales with the map to millivolts. {_NONE}",
        _EXPERIMENT,
        _during_images(lambda found: np.sqrt(found.variance_over_trials)),
    ),
    Specification(
        "membrane_skewness",
        "Skewness of the membrane potential",
        "",
        _GROUP,
        "Of all values during images: above 0 where a neuron rests and is depolarised now and "
        f"then. It does not depend on the map to millivolts. {_NONE}",
        _EXPERIMENT,
        _during_images(lambda found: found.skewness, "Of all time steps and repeats"),
    ),
    Specification(
        "membrane_onset_ratio",
        "Change of the variability of the membrane potential at the onset",
        "",
        _GROUP,
        "Standard deviation between repeats during images over that before them: below 1 where the "
        f"onset quenches variability. It does not depend on the map to millivolts. {_NONE}",
        _EXPERIMENT,
        onset_ratio,
    ),
)
