"""Orientation, direction, and modulation by drifting gratings."""

from __future__ import annotations

import numpy as np
from brian2.only import Hz
from numpy.typing import NDArray

from ipvae_brian.physiology import orientation as tuning
from ipvae_brian.physiology.measured import Check
from ipvae_brian.physiology.properties.conditions import (
    Curves,
    angle_of,
    best_curves,
    require,
    varied,
    without_mask,
)
from ipvae_brian.physiology.properties.specification import Sample, Specification, most, sample
from ipvae_brian.physiology.trials import group_trials
from ipvae_brian.physiology.tuning import f1_f0
from ipvae_brian.recordings.recording import Recording

# A second peak this high, of the first, and in more of the units than this, is no tuning for one
# orientation.
SECOND_PEAK = 1 / 3
MOST_SECOND_PEAKS = 0.2
# Of a step between orientations: half-bandwidths below are not resolved.
RESOLVED = 0.75
# Units whose width is not resolved.
MOST_UNRESOLVED = 0.25


def orientation_curves(recording: Recording) -> Curves:
    """Return rates over orientation, directions half a circle apart together."""
    return best_curves(recording, angle_of(recording), period=180)


def _smoothed(function):
    """Return a function of tuning curves that smooths them first, as published ones were.

    Single trials that are stronger than others are no peaks then.
    """
    return lambda rates, values: function(tuning.smoothed(rates, values), values)


def _one_peak(curves: Curves) -> Check:
    second = curves.apply(_smoothed(tuning.second_peak), curves.values)
    part = (
        float(np.mean(second[np.isfinite(second)] > SECOND_PEAK)) if curves.responsive.any() else 1
    )
    text = f"tuning curves have a second peak of more than {SECOND_PEAK:.0%} of the first"
    return most("second peaks", part, MOST_SECOND_PEAKS, text)


def circular_variance(recording: Recording) -> Sample:
    """Return 1 - abs(sum R exp(2i theta)) / sum R."""
    curves = orientation_curves(recording)
    return sample(curves.apply(tuning.circular_variance, curves.values), _one_peak(curves))


def half_bandwidth(recording: Recording) -> Sample:
    """Return half the width of the smoothed tuning curve at 1 / sqrt(2) of its peak, in degrees."""
    curves = orientation_curves(recording)
    widths = curves.apply(_smoothed(tuning.half_bandwidth), curves.values)
    step = 180 / len(curves.values)
    narrow = float(np.mean(widths[np.isfinite(widths)] < RESOLVED * step))
    text = f"half-bandwidths are below {RESOLVED:.2g} of the step of {step:.3g} degrees"
    return sample(widths, _one_peak(curves), most("resolution", narrow, MOST_UNRESOLVED, text))


def orthogonal_preferred_ratio(recording: Recording) -> Sample:
    """Return the rate at the orthogonal over that at the preferred orientation."""
    curves = orientation_curves(recording)
    ratios = curves.apply(tuning.orthogonal_preferred_ratio, curves.values)
    return sample(ratios, _one_peak(curves))


def direction_selectivity(recording: Recording) -> Sample:
    """Return abs(sum R exp(i theta)) / sum R over directions."""
    varied(recording, "direction", 4)
    curves = best_curves(recording, "direction", period=360)
    return sample(curves.apply(tuning.direction_selectivity, curves.values))


def _at_two_contrasts(recording: Recording) -> tuple[Curves, Curves]:
    """Return curves at the lowest and the highest contrast, each at its best other conditions."""
    contrasts = varied(recording, "contrast", 2)
    contrasts = contrasts[contrasts > 0]
    if len(contrasts) < 2:
        raise ValueError("it needs at least 2 contrasts above 0")
    low, high = (
        orientation_curves(recording.select(recording.trials_where(contrast=contrast)))
        for contrast in (contrasts[0], contrasts[-1])
    )
    return low, high


def _in_both(low: Curves, high: Curves) -> NDArray[np.bool_]:
    if not np.array_equal(low.values, high.values):
        raise ValueError("it needs the same orientations at the lowest and the highest contrast")
    return low.responsive & high.responsive


def contrast_invariance(recording: Recording) -> Sample:
    """Return the width at the lowest over that at the highest contrast."""
    low, high = _at_two_contrasts(recording)
    both = _in_both(low, high)
    ratios = np.full(len(both), np.nan)
    if both.any():
        ratios[both] = tuning.contrast_invariance(
            low.rates[:, both], high.rates[:, both], low.values
        )
    return sample(ratios)


def variance_change(recording: Recording) -> Sample:
    """Return the circular variance at the lowest contrast minus that at the highest."""
    low, high = _at_two_contrasts(recording)
    _in_both(low, high)
    change = low.apply(tuning.circular_variance, low.values) - high.apply(
        tuning.circular_variance, high.values
    )
    return sample(change)


def modulation(recording: Recording) -> Sample:
    """Return F1/F0 at each unit's best drifting grating."""
    require(recording, "temporal_frequency")
    recording = without_mask(recording)
    varied(recording, "direction", 2)
    names = ["direction", "temporal_frequency"]
    # With gratings of different phases together, cycles would cancel.
    for name in ("spatial_frequency", "contrast", "diameter", "phase"):
        if name in recording.conditions:
            names.append(name)
    shown = np.isfinite(recording.conditions["direction"].astype(float))
    recording = recording.select(shown)
    groups = group_trials(recording, names)
    windows = recording.timing.windows_of_stimulus
    counts = groups.mean(recording.counts[:, windows].sum(axis=1).astype(float))
    best = counts.argmax(axis=0)
    enough = counts.max(axis=0) * groups.n_trials[best] >= 10
    out = np.full(recording.n_neurons, np.nan)
    for group in np.unique(best[enough]):
        units = np.flatnonzero(enough & (best == group))
        frequency = float(groups.conditions["temporal_frequency"][group]) * Hz
        part = Recording.select(recording, np.flatnonzero(groups.number == group), units)
        out[units] = f1_f0(part, frequency, unbiased=True)
    return sample(out)


_COLUMNS = ("columns",)
_GROUP = "Orientation and direction"

PROPERTIES = (
    Specification(
        "circular_variance",
        "Circular variance of orientation tuning",
        "",
        _GROUP,
        "1 - |sum R exp(2i theta)| / sum R of mean rates: 0 for a neuron that fires at one "
        "orientation only, 1 for one without preference.",
        "gratings",
        circular_variance,
        _COLUMNS,
    ),
    Specification(
        "half_bandwidth",
        "Half-bandwidth of orientation tuning",
        "degrees",
        _GROUP,
        "Half the width of the tuning curve at 1/sqrt(2) of its peak, smoothed as the published "
        "ones were, with a Hanning window of 13.5 degrees: a single point comes out 9.8 wide.",
        "gratings",
        half_bandwidth,
        _COLUMNS,
    ),
    Specification(
        "orthogonal_preferred_ratio",
        "Response at the orthogonal orientation",
        "",
        _GROUP,
        "Rate at right angles to the preferred orientation over that at it.",
        "gratings",
        orthogonal_preferred_ratio,
        _COLUMNS,
    ),
    Specification(
        "contrast_invariance",
        "Width of orientation tuning at low over that at high contrast",
        "",
        _GROUP,
        "Half-bandwidth at the lowest contrast over that at the highest; 1 if contrast does not "
        "change it.",
        "gratings_by_contrast",
        contrast_invariance,
        _COLUMNS,
    ),
    Specification(
        "circular_variance_change",
        "Change of circular variance with contrast",
        "",
        _GROUP,
        "Circular variance at the lowest contrast minus that at the highest: above 0 if tuning "
        "gets broader as contrast falls.",
        "gratings_by_contrast",
        variance_change,
        _COLUMNS,
    ),
    Specification(
        "direction_selectivity",
        "Direction selectivity",
        "",
        _GROUP,
        "|sum R exp(i theta)| / sum R over directions: 0 without preference. Static filters have "
        "none but by noise.",
        "gratings",
        direction_selectivity,
    ),
    Specification(
        "f1_f0",
        "Modulation by the best drifting grating, F1/F0",
        "",
        _GROUP,
        "First harmonic of the response over its mean, without what few spikes add by chance: "
        "above 1 for simple cells. Biology has two "
        "peaks; neurons with a linear field have one, near 1.6.",
        "pooled_gratings",
        modulation,
    ),
)
