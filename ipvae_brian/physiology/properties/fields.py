"""Receptive fields and tuning for spatial frequency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.laboratories import (
    deviation_percentiles,
    histogram_percentiles,
    with_percentiles,
)
from ipvae_brian.physiology.measured import Biology
from ipvae_brian.physiology.properties.conditions import angle_of, best_curves, varied
from ipvae_brian.physiology.properties.specification import (
    Sample,
    Specification,
    least,
    most,
    sample,
)
from ipvae_brian.physiology.receptive_fields import GaborFit, fit_gabor, spike_triggered_average
from ipvae_brian.physiology.tuning import SpatialFrequencyTuning, spatial_frequency_tuning
from ipvae_brian.recordings.recording import Recording

# Fits that explain less are of no Gabor function, and of so many units none should be.
WELL_FITTED = 0.5
LEAST_FITTED = 0.5
# Units that may respond at more than half of their peak to the highest frequency shown: what they
# prefer, and how broadly, is then not known.
MOST_WITHOUT_CUTOFF = 0.35


def _frequencies(recording: Recording) -> SpatialFrequencyTuning:
    """Return the tuning of every unit at its best orientation."""
    varied(recording, "spatial_frequency", 3)
    angle = angle_of(recording)
    best = best_curves(recording, angle)
    tunings = [np.full(recording.n_neurons, np.nan) for _ in range(3)]
    peak = np.where(best.responsive, np.nan_to_num(best.rates).argmax(axis=0), -1)
    for place in np.unique(peak[peak >= 0]):
        units = np.flatnonzero(peak == place)
        part = recording.select(recording.trials_where(**{angle: best.values[place]}))
        curves = best_curves(Recording.select(part, None, units), "spatial_frequency")
        found = spatial_frequency_tuning(np.nan_to_num(curves.rates), curves.values)
        for out, name in zip(tunings, ("preferred", "low", "high"), strict=True):
            out[units] = getattr(found, name)
    return SpatialFrequencyTuning(*tunings)


def _cutoff(found: SpatialFrequencyTuning):
    known = ~np.isnan(found.preferred)
    if not known.any():
        raise ValueError("no unit fires enough")
    part = float(found.no_upper_cutoff[known].mean())
    text = "units respond at more than half of their peak to the highest frequency shown"
    return most("responses near Nyquist", part, MOST_WITHOUT_CUTOFF, text)


def bandwidth(recording: Recording) -> Sample:
    """Return the octaves at half height of tuning for spatial frequency."""
    found = _frequencies(recording)
    return sample(found.bandwidth, _cutoff(found))


def preferred_spread(recording: Recording) -> Sample:
    """Return how many octaves each unit's preferred spatial frequency is from the median."""
    found = _frequencies(recording)
    return sample(_octaves_from_median(found.preferred), _cutoff(found))


def _octaves_from_median(values: NDArray) -> NDArray[np.floating]:
    return np.abs(np.log2(values / np.nanmedian(values)))


def _octaves(one: Biology) -> Biology:
    """Return the histogram of a laboratory as octaves from its median."""
    edges = np.log2(np.array(one.values["bin_edges"], float))
    counts = np.array(one.values["counts"])
    found = deviation_percentiles(histogram_percentiles(edges, counts))
    return replace(
        with_percentiles(one, found, "octaves from the median, of the histogram of cells"),
        n=int(counts.sum()),
    )


def gabor_fits(recording: Recording) -> list[GaborFit | None]:
    """Return a Gabor fit for the spike-triggered average of every unit."""
    frames = recording._known_frames()
    if frames.shape[1] < 50:
        raise ValueError(f"it needs at least 50 frames of noise in a trial, got {frames.shape[1]}")
    averages = spike_triggered_average(recording, n_lags=3)
    side = round(frames.shape[2] ** 0.5)
    if side**2 != frames.shape[2]:
        raise ValueError(f"it needs square frames, got {frames.shape[2]} pixels")
    fields = averages.fields.reshape(-1, side, side)
    return [None if np.isnan(field).any() else fit_gabor(field) for field in fields]


def _of_fits(name: str):
    def measure(recording: Recording) -> Sample:
        fits = gabor_fits(recording)
        good = [fit is not None and fit.r_squared > WELL_FITTED for fit in fits]
        values = [getattr(f, name) if ok else np.nan for f, ok in zip(fits, good, strict=True)]
        part = float(np.mean(good))
        text = f"spike-triggered averages fit a Gabor function (R2 above {WELL_FITTED:g})"
        return sample(np.array(values, float), least("Gabor fits", part, LEAST_FITTED, text))

    return measure


def _marginal(axis: int):
    def adapt(one: Biology) -> Biology:
        counts = np.array(one.values["joint_counts"]).sum(axis=axis)
        found = histogram_percentiles(np.array(one.values["bin_edges"], float), counts)
        return with_percentiles(one, found, one.statistic)

    return adapt


_GROUP = "Receptive fields and spatial frequency"

PROPERTIES = (
    Specification(
        "gabor_nx",
        "Width of receptive fields in cycles",
        "cycles",
        _GROUP,
        "nx = sigma_x f of a Gabor function fitted to the spike-triggered average: how many "
        "subfields lie side by side.",
        "white_noise",
        _of_fits("nx"),
        references=("gabor_size",),
        adapt=_marginal(1),
    ),
    Specification(
        "gabor_ny",
        "Length of receptive fields in cycles",
        "cycles",
        _GROUP,
        "ny = sigma_y f: how long subfields are. Long fields have narrow orientation tuning.",
        "white_noise",
        _of_fits("ny"),
        references=("gabor_size",),
        adapt=_marginal(0),
    ),
    Specification(
        "spatial_frequency_bandwidth",
        "Bandwidth of tuning for spatial frequency",
        "octaves",
        _GROUP,
        "Octaves between the frequencies at which the response falls to half of its peak.",
        "gratings",
        bandwidth,
        ("columns",),
    ),
    Specification(
        "preferred_spatial_frequency",
        "Spread of preferred spatial frequencies",
        "octaves",
        _GROUP,
        "Octaves between the spatial frequency that a unit prefers and the median of all units: "
        "cycles per patch and per degree cannot be compared themselves.",
        "gratings",
        preferred_spread,
        ("columns",),
        adapt=_octaves,
    ),
)
