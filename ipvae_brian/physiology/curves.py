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
                "Orientation from preferred (degree)",
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
    found = orientation_curves(subject.recording("gratings"))
    rates = found.rates[:, found.responsive]
    if not rates.size:
        raise ValueError("no neuron responds")
    n = len(rates)
    shifts = n // 2 - rates.argmax(axis=0)
    rolled = [np.roll(r / r.max(), s) for r, s in zip(rates.T, shifts, strict=True)]
    return (np.arange(n) - n // 2) * 180 / n, np.mean(rolled, axis=0)
