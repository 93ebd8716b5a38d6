"""Responses to contrast: how strong, how late, and what a second grating or a larger one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.only import ms, second
from numpy.typing import NDArray

from ipvae_brian.physiology.contrast import cross_orientation, fit_naka_rushton, size_tuning
from ipvae_brian.physiology.latency import Psth, latency_shift, psth, scaled_and_shifted
from ipvae_brian.physiology.measured import Check
from ipvae_brian.physiology.properties.conditions import (
    best_trials,
    contrasts_of,
    own_trials,
    require,
    targets,
    unmasked,
    varied,
)
from ipvae_brian.physiology.properties.specification import Sample, Specification, least, sample
from ipvae_brian.physiology.trials import counts_in
from ipvae_brian.recordings.recording import Recording

# Fits of a contrast response that explain less say nothing of it; so many should explain more.
GOOD_FIT, LEAST_GOOD_FITS = 0.8, 0.5
# Rate in Hz at the highest contrast that a unit needs.
LOWEST_RATE = 5.0
# Of histograms over time.
WIDTH_MS = 10.0
LARGEST_SHIFT = 120 * ms
FEWEST_SPIKES = 30


def contrast_responses(recording: Recording) -> tuple[NDArray, NDArray[np.floating]]:
    """Return contrasts, and rates (n_contrasts, n_units) at each unit's best other conditions."""
    contrasts = contrasts_of(recording, 5)
    contrasts = contrasts[np.isfinite(contrasts)]
    units = targets(recording)
    if not len(units):
        raise ValueError("it needs recorded units that stimuli were made for")
    counts, duration = counts_in(recording)
    alone = unmasked(recording)
    rates = np.full((len(contrasts), len(units)), np.nan)
    for place, unit in enumerate(units):
        own = alone & best_trials(recording, unit, counts[:, unit], "contrast")
        for i, contrast in enumerate(contrasts):
            some = own & (recording.conditions["contrast"] == contrast)
            rates[i, place] = _mean(counts[some, unit]) / duration
    known = np.isfinite(rates).all(axis=0)
    return contrasts, np.where(known & (rates[-1] >= LOWEST_RATE), rates, np.nan)


def _mean(counts: NDArray) -> float:
    """Return the mean over trials; NaN without any."""
    return float(counts.mean()) if len(counts) else np.nan


def _fits(recording: Recording):
    contrasts, rates = contrast_responses(recording)
    fired = np.isfinite(rates[0])
    if not fired.any():
        raise ValueError(f"no unit fires at {LOWEST_RATE:g} Hz at the highest contrast")
    fit = fit_naka_rushton(contrasts, rates[:, fired])
    good = fit.r_squared > GOOD_FIT
    part = float(good.mean())
    text = f"Naka-Rushton fits explain more than {GOOD_FIT:.0%} of the variance"
    checks = (
        least("fits", part, LEAST_GOOD_FITS, text),
        least(
            "saturation",
            float(fit.saturates[good].mean()) if good.any() else 0.0,
            LEAST_GOOD_FITS,
            "units reach half of their maximum at a contrast that was shown",
        ),
    )
    out = np.full((2, len(fired)), np.nan)
    out[:, np.flatnonzero(fired)[good]] = fit.exponent[good], fit.c50[good]
    return out, checks


def exponent(recording: Recording) -> Sample:
    """Return n of the Naka-Rushton function."""
    values, checks = _fits(recording)
    return sample(values[0], *checks)


def c50(recording: Recording) -> Sample:
    """Return the contrast at half the maximum."""
    values, checks = _fits(recording)
    return sample(values[1], *checks)


# Latency


@dataclass(frozen=True)
class Latencies:
    """How responses differ between contrasts, (n_units,) each.

    The shift is that from a low to the highest contrast; what is explained is the variance over
    time and over all contrasts from the low one on, by their mean, shifted and scaled.
    """

    low: float
    shift_ms: NDArray[np.floating]
    explained: NDArray[np.floating]
    at_limit: NDArray[np.bool_]


def latencies(recording: Recording, low: float = 0.1) -> Latencies:
    """Return how much later responses come at the contrast nearest to `low` than at the highest."""
    contrasts = contrasts_of(recording, 2)
    contrasts = contrasts[np.isfinite(contrasts) & (contrasts > 0)]
    weak, strong = contrasts[np.abs(contrasts - low).argmin()], contrasts[-1]
    if weak == strong:
        raise ValueError("it needs at least 2 contrasts above 0")
    shown = contrasts[contrasts >= weak]
    units = targets(recording)
    counts, alone = counts_in(recording)[0], unmasked(recording)
    values = np.full((3, len(units)), np.nan)
    options: dict[str, Any] = {"largest": LARGEST_SHIFT, "minimum_spikes": FEWEST_SPIKES}
    for place, unit in enumerate(units):
        own = alone & best_trials(recording, unit, counts[:, unit], "contrast")
        found = [
            _histogram(recording, unit, own & (recording.conditions["contrast"] == c))
            for c in shown
        ]
        fired = [one for one in found if one is not None and one.n_spikes[0] >= FEWEST_SPIKES]
        if len(fired) < 2 or fired[0] is not found[0] or fired[-1] is not found[-1]:
            continue
        moved = latency_shift(fired[0], fired[-1], **options)
        part = scaled_and_shifted(fired, **options)
        values[:, place] = moved.shift[0], part[0], moved.at_limit[0]
    return Latencies(float(weak), 1e3 * values[0], values[1], values[2] == 1)


def _histogram(recording: Recording, unit: int, own: NDArray[np.bool_]) -> Psth | None:
    if not own.any():
        return None
    part = Recording.select(recording, np.flatnonzero(own), [unit])
    timing = recording.timing
    # What comes after the stimulus is another response.
    end = timing.frame_onsets[0] + sum(timing.frame_steps) * timing.dt
    begin = -min(timing.before, 0.1)
    step = timing.dt if recording.spikes is not None else timing.window
    width = max(round(WIDTH_MS / (1e3 * step)), 1) * step * second
    return psth(part, width=width, window=(begin * second, end * second))


def _responsive(found: Latencies) -> NDArray[np.bool_]:
    """Return the units of which a shift is known."""
    return np.isfinite(found.shift_ms) & ~found.at_limit


def shift(recording: Recording) -> Sample:
    """Return how many milliseconds later responses come at low contrast."""
    found = latencies(recording)
    values = np.where(_responsive(found), found.shift_ms, np.nan)
    return sample(values, note=f"contrast {found.low:g} against the highest")


def explained(recording: Recording) -> Sample:
    """Return the variance over time and contrast that shift and scale explain."""
    found = latencies(recording)
    return sample(np.where(_responsive(found), found.explained, np.nan))


# Plaids and sizes


def _plaids(recording: Recording):
    require(recording, "contrast", "mask_contrast")
    first, mask = (recording.conditions[name] for name in ("contrast", "mask_contrast"))
    level = np.nanmax(first)
    both, one, other = (
        (first == level) & (mask == level),
        (first == level) & ~(mask > 0),
        ~(first > 0) & (mask == level),
    )
    if not (both.any() and one.any() and other.any()):
        raise ValueError(f"it needs a plaid and its two gratings at the contrast {level:g}")
    counts, duration = counts_in(recording)
    rates = []
    for unit in targets(recording):
        own = best_trials(recording, unit, counts[:, unit], "contrast", among=one)
        # A mask alone may not have the other conditions of the grating that is not there.
        alone = own & other if (own & other).any() else own_trials(recording, unit) & other
        some = own & both, own & one, alone
        rates.append([_mean(counts[trials, unit]) / duration for trials in some])
    rates = np.array(rates).reshape(-1, 3)
    fired = np.isfinite(rates).all(axis=1) & (rates[:, 1] >= LOWEST_RATE)
    return cross_orientation(*np.nan_to_num(rates).T), fired, rates


def to_mean(recording: Recording) -> Sample:
    """Return the rate for a plaid over the mean of those for its gratings."""
    found, fired, _ = _plaids(recording)
    return sample(np.where(fired, found.to_mean, np.nan))


def to_preferred(recording: Recording) -> Sample:
    """Return the rate for a plaid over that for the preferred grating alone."""
    _, fired, rates = _plaids(recording)
    return sample(np.where(fired, rates[:, 0] / np.where(fired, rates[:, 1], 1), np.nan))


def suppression(recording: Recording) -> Sample:
    """Return (peak - rate at the largest diameter) / peak."""
    diameters = varied(recording, "diameter", 3)
    units, column = targets(recording), recording.conditions["diameter"]
    (counts, duration), alone = counts_in(recording), unmasked(recording)
    rates = np.full((len(diameters), len(units)), np.nan)
    for place, unit in enumerate(units):
        own = alone & best_trials(recording, unit, counts[:, unit], "diameter")
        for i, diameter in enumerate(diameters):
            rates[i, place] = _mean(counts[own & (column == diameter), unit]) / duration
    fired = np.isfinite(rates).all(axis=0) & (np.nan_to_num(rates).max(axis=0) >= LOWEST_RATE)
    found = size_tuning(diameters, np.nan_to_num(rates)).suppression
    largest = float(diameters[-1])
    covered = _covers(recording, largest)
    return sample(np.where(fired, found, np.nan), covered)


def _covers(recording: Recording, largest: float) -> Check:
    """Return whether what is beyond the patch was shown at all."""
    side = recording.n_pixels**0.5 if recording.frames is not None else np.nan
    passed = not np.isfinite(side) or not np.isfinite(largest) or largest >= side
    text = f"the largest diameter is {largest:g} pixels, of a patch of {side:.3g}"
    return Check("surround", largest, side, passed, text)


_GROUP = "Contrast, latency and masking"


def _specification(
    name: str, title: str, unit: str, meaning: str, shown: str, measure: Callable, **others
) -> Specification:
    return Specification(name, title, unit, _GROUP, meaning, shown, measure, **others)


PROPERTIES = (
    _specification(
        "contrast_exponent",
        "Exponent of the contrast response",
        "",
        "n of the Naka-Rushton function R = Rmax c^n / (c^n + c50^n) + b.",
        "contrasts",
        exponent,
    ),
    _specification(
        "contrast_c50",
        "Contrast at half the maximal response",
        "",
        "c50 of the Naka-Rushton function. With whitened stimuli the code is linear in contrast; "
        "saturation comes from the front end.",
        "contrasts",
        c50,
    ),
    _specification(
        "latency_shift",
        "Delay of the response at low contrast",
        "ms",
        "The shift in time that best aligns, together with a factor, the response at contrast 0.1 "
        "with that at the highest contrast; after grey.",
        "flashes",
        shift,
    ),
    _specification(
        "latency_explained",
        "Variance that shift and scale explain",
        "",
        "Part of the variance over time and contrast, from 0.1 on, that the mean of the aligned "
        "responses explains, shifted and scaled for each contrast.",
        "flashes",
        explained,
    ),
    _specification(
        "cross_orientation_to_mean",
        "Response to a plaid over the mean of its gratings",
        "",
        "1 is what normalisation predicts.",
        "plaids",
        to_mean,
    ),
    _specification(
        "cross_orientation_to_preferred",
        "Response to a plaid over the preferred grating alone",
        "",
        "Below 1 where a grating at right angles suppresses. Here it comes from the front end's "
        "normalisation of contrast, not from competition between neurons.",
        "plaids",
        to_preferred,
    ),
    _specification(
        "surround_suppression",
        "Suppression by large gratings",
        "",
        "(Peak - rate at the largest diameter) / peak.",
        "sizes",
        suppression,
    ),
)
