"""Lines for the figures of a comparison, one for each set of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.comparison import Curve
from ipvae_brian.physiology.experiments import CONTRASTS, Subject
from ipvae_brian.physiology.properties.contrast import contrast_responses
from ipvae_brian.physiology.properties.orientation import orientation_curves

Line = tuple[NDArray, NDArray]


def of_subjects(subjects: Mapping[str, Subject]) -> tuple[Curve, ...]:
    """Return the curves that could be measured."""
    kinds: list[tuple[tuple[str, str, str, str], Callable[[Subject], Line]]] = [
        (
            ("contrast_response", "Response to contrast, median neuron", "Contrast", "Rate (Hz)"),
            _contrast,
        ),
        (
            (
                "orientation",
                "Tuning for orientation, mean neuron",
                "Orientation from preferred (degrees)",
                "Rate (part of the peak)",
            ),
            _orientation,
        ),
    ]
    curves = []
    for names, function in kinds:
        lines = []
        for key, subject in subjects.items():
            try:
                x, y = function(subject)
            except ValueError:  # the property says why
                continue
            lines.append((key, np.asarray(x, float).tolist(), np.asarray(y, float).tolist()))
        if lines:
            curves.append(Curve(*names, tuple(lines)))
    return tuple(curves)


def _contrast(subject: Subject) -> Line:
    _, rates = contrast_responses(subject.recording("contrasts"))
    known = rates[:, np.isfinite(rates[0])]
    if not known.size:
        raise ValueError("no neuron responds")
    return np.array(CONTRASTS), np.median(known, axis=1)


def _orientation(subject: Subject) -> Line:
    """Return the mean curve around the preferred orientation, which other trials have given.

    The highest of many noisy rates is higher than its mean: if the same trials said where the peak
    is and how high, there would be one however broad tuning is.
    """
    recording = subject.recording("gratings")
    repeats = recording.conditions["repeat"]
    halves = [
        orientation_curves(recording.select(repeats % 2 == i))
        for i in range(min(2, len(set(repeats))))
    ]
    curves = []
    for one, other in zip(halves, halves[::-1], strict=True):
        both = one.responsive & other.responsive
        n, peak = len(one.rates), one.rates[:, both].argmax(axis=0)
        scaled = other.rates[:, both] / one.rates[:, both].max(axis=0)
        curves += [np.roll(rates, n // 2 - at) for rates, at in zip(scaled.T, peak, strict=True)]
    if not curves:
        raise ValueError("no neuron responds")
    mean = np.mean(curves, axis=0)
    n = len(mean)
    return (np.arange(n) - n // 2) * 180 / n, mean / mean.max()
