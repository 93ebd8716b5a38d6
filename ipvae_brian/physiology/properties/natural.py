"""The code of natural images, and activity without a stimulus."""

from __future__ import annotations

import numpy as np
from brian2.only import ms

from ipvae_brian.physiology.laboratories import deviation_percentiles, with_percentiles
from ipvae_brian.physiology.measured import Biology, Check
from ipvae_brian.physiology.natural import natural_responses, spectrum
from ipvae_brian.physiology.properties.conditions import require
from ipvae_brian.physiology.properties.specification import Sample, Specification, sample, single
from ipvae_brian.physiology.trials import counts_in, group_trials
from ipvae_brian.recordings.recording import Recording

# Images that sparseness and a spectrum need.
FEWEST_IMAGES = 20
# Images of the published spectrum, of which the exponent depends on the number.
PUBLISHED_IMAGES = 2800
SPONTANEOUS_MS = 100.0


def _responses(recording: Recording):
    if "stimulus" not in recording.conditions:
        require(recording, "image")
    n = len(group_trials(recording))
    if n < FEWEST_IMAGES:
        raise ValueError(f"it needs at least {FEWEST_IMAGES} different images, there are {n}")
    return natural_responses(recording)


def lifetime_sparseness(recording: Recording) -> Sample:
    """Return the sparseness of every unit over images."""
    found = _responses(recording)
    return sample(found.lifetime_sparseness, note=f"{len(found.rates)} images")


def population_sparseness(recording: Recording) -> Sample:
    """Return the sparseness of every image over units."""
    found = _responses(recording)
    return sample(found.population_sparseness, note=f"{found.rates.shape[1]} units")


def rate_spread(recording: Recording) -> Sample:
    """Return how many decades each unit's mean rate is from the median of all units."""
    rates = _responses(recording).rates.mean(axis=0)
    logs = np.log10(np.where(rates > 0, rates, np.nan))
    deviation = float(np.nanstd(logs))
    note = f"median {10 ** np.nanmedian(logs):.3g} Hz, sd of log10 rates {deviation:.2f}"
    return sample(np.abs(logs - np.nanmedian(logs)), note=note)


def _deviations(one: Biology) -> Biology:
    found = deviation_percentiles(one.percentiles)
    return with_percentiles(
        one, found, "decades from the median of log10 spontaneous rates; not of responses to images"
    )


def spontaneous_rate(recording: Recording) -> Sample:
    """Return the log10 rate of every unit before the stimulus."""
    before = recording.timing.before * 1e3
    if before < SPONTANEOUS_MS:
        raise ValueError(
            f"it needs {SPONTANEOUS_MS:g} ms before the onset of the stimulus, there are {before:g}"
        )
    # What is left of the last stimulus decays in the first half.
    counts, duration = counts_in(recording, (-before / 2 * ms, 0 * ms))
    rates = counts.mean(axis=0) / duration
    # A unit without a spike fires less than once in all this time.
    lowest = 0.5 / (duration * recording.n_trials)
    note = f"median {np.median(rates):.3g} Hz; silent units count as {lowest:.2g} Hz"
    return sample(np.log10(np.maximum(rates, lowest)), note=note)


def spectrum_exponent(recording: Recording) -> Sample:
    """Return alpha of the cross-validated spectrum."""
    n = len(_responses(recording).rates)
    found = spectrum(recording, fit_from=max(2, n // 25), fit_to=n // 4)
    first, last = found.fitted
    check = Check(
        "size",
        n,
        PUBLISHED_IMAGES / 4,
        n >= PUBLISHED_IMAGES / 4,
        f"{n} images, of the published spectrum {PUBLISHED_IMAGES}; the exponent depends on them",
    )
    note = f"components {first} to {last}, R2 of the line {found.r_squared:.2f}"
    return single(found.exponent, check, note=note)


_GROUP = "Natural images and spontaneous activity"

PROPERTIES = (
    Specification(
        "lifetime_sparseness",
        "Lifetime sparseness",
        "",
        _GROUP,
        "Treves-Rolls sparseness of a neuron over images. A sparse code is sparser than cortex by "
        "construction; it depends on number and kind of images.",
        "natural_images",
        lifetime_sparseness,
    ),
    Specification(
        "population_sparseness",
        "Population sparseness",
        "",
        _GROUP,
        "Treves-Rolls sparseness of an image over neurons.",
        "natural_images",
        population_sparseness,
    ),
    Specification(
        "rate_spread",
        "Spread of rates over neurons",
        "decades",
        _GROUP,
        "Decades between a neuron's mean rate and the median of all: large in cortex, whose rates "
        "are roughly log-normal.",
        "natural_images",
        rate_spread,
        references=("log10_spontaneous_rate_excitatory",),
        adapt=_deviations,
    ),
    Specification(
        "spontaneous_rate",
        "Spontaneous rate",
        "log10 Hz",
        _GROUP,
        "log10 of the rate during grey, in the second half before the onset.",
        "natural_images",
        spontaneous_rate,
        references=("log10_spontaneous_rate_excitatory", "log10_spontaneous_rate_pv"),
    ),
    Specification(
        "spectrum_exponent",
        "Exponent of the spectrum of the code",
        "",
        _GROUP,
        "alpha of variance = constant n^-alpha of cross-validated principal components. Our input "
        "is whitened, which makes it flatter.",
        "natural_images",
        spectrum_exponent,
        single=True,
    ),
)
