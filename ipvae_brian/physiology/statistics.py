"""How sure a number is, and how far a sample is from a published distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from ipvae_brian._tools.checks import finite_array, number, whole_number


class ConfidenceInterval(NamedTuple):
    """A statistic of a sample of units, and where it may lie."""

    estimate: float
    """The statistic of the sample itself."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Units in the sample."""


def confidence_interval(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.median,
    *,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    seed: int | None = 0,
) -> ConfidenceInterval:
    """Return a bootstrap confidence interval over units (percentile method).

    Parameters
    ----------
    values : array_like, shape (n_units,)
        One number for each unit; NaN, a unit for which it is not defined, is left out.
    statistic : callable, default numpy.median
        From (n_units,) to a number; it has to take `axis`.
    confidence : float, default 0.95
    n_resamples : int, default 2000
    seed : int, optional
        Of the resamples; None for another one each time.

    Raises
    ------
    TypeError, ValueError
        If fewer than five units are left, or an argument has the wrong type or range.

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import confidence_interval
    >>> interval = confidence_interval(np.random.default_rng(0).normal(3, 1, 400), np.mean)
    >>> bool(interval.low < 3 < interval.high), interval.n
    (True, 400)
    """
    defined = _defined(values, "values")
    if len(defined) < 5:
        raise ValueError(f"values must have at least 5 units, got {len(defined)} (NaN left out)")
    confidence = number(confidence, "confidence", above=0, below=1)
    result = bootstrap(
        (defined,),
        statistic,
        confidence_level=confidence,
        n_resamples=whole_number(n_resamples, "n_resamples"),
        # Some thousand numbers at a time, whatever the size of the sample.
        batch=max(1, 1_000_000 // len(defined)),
        method="percentile",
        # SciPy's name for it before 1.15, which later ones take as well.
        random_state=np.random.default_rng(seed),  # pyright: ignore[reportCallIssue]
    ).confidence_interval
    return ConfidenceInterval(
        float(statistic(defined, axis=0)), float(result.low), float(result.high), len(defined)
    )


def distance_to_percentiles(values: ArrayLike, percentiles: Mapping[float, float]) -> float:
    """Return the Kolmogorov-Smirnov distance of a sample to published percentiles.

    It is the largest difference between the two cumulative distributions at the published values.
    In between, nothing is known: the true distance is at least this, and of percentiles from 5 to
    95 it is at most .95.

    Parameters
    ----------
    values : array_like, shape (n_units,)
        NaN, a unit for which it is not defined, is left out.
    percentiles : mapping of float to float
        From percent to value, both increasing.

    Raises
    ------
    ValueError
        If nothing is left of the sample, or the percentiles do not increase.

    Examples
    --------
    >>> from ipvae_brian.physiology import distance_to_percentiles
    >>> distance_to_percentiles([1, 2, 3, 4], {25: 1, 50: 2, 75: 3})
    0.0
    >>> distance_to_percentiles([7, 8], {25: 1, 50: 2, 75: 3})
    0.75
    """
    sample = np.sort(_defined(values, "values"))
    if not len(sample):
        raise ValueError("values has no unit for which it is defined")
    if not percentiles:
        raise ValueError("percentiles is empty")
    percent = finite_array(list(percentiles), "percentiles: percent", ndim=1)
    level = finite_array(list(percentiles.values()), "percentiles: values", ndim=1)
    if (np.diff(percent) <= 0).any() or (np.diff(level) < 0).any():
        raise ValueError("percentiles must increase, in percent and in value")
    if percent[0] <= 0 or percent[-1] >= 100:
        raise ValueError(f"percentiles must be between 0 and 100 %, got {list(percent)}")
    below = np.searchsorted(sample, level, side="right") / len(sample)
    return _largest_difference(below, percent / 100)


def distance_to_counts(values: ArrayLike, bin_edges: ArrayLike, counts: ArrayLike) -> float:
    """Return the Kolmogorov-Smirnov distance of a sample to a published histogram.

    It is the largest difference between the two cumulative distributions at the edges of the bins;
    within them, nothing is known. What lies beyond the outer edges counts as different.

    Parameters
    ----------
    values : array_like, shape (n_units,)
        NaN, a unit for which it is not defined, is left out.
    bin_edges : array_like, shape (n_bins + 1,)
        Increasing.
    counts : array_like, shape (n_bins,)

    Raises
    ------
    ValueError
        If nothing is left of the sample, edges do not increase, or counts do not fit them.

    Examples
    --------
    >>> from ipvae_brian.physiology import distance_to_counts
    >>> distance_to_counts([1.5, 2.5], [1, 2, 3], [5, 5])
    0.0
    >>> distance_to_counts([2.2, 2.5], [1, 2, 3], [5, 5])
    0.5
    """
    sample = np.sort(_defined(values, "values"))
    if not len(sample):
        raise ValueError("values has no unit for which it is defined")
    edges = finite_array(bin_edges, "bin_edges", ndim=1)
    if (np.diff(edges) <= 0).any():
        raise ValueError("bin_edges must increase")
    counts = finite_array(counts, "counts", shape=(len(edges) - 1,))
    if (counts < 0).any() or counts.sum() == 0:
        raise ValueError("counts must be >= 0, and not all of them 0")
    expected = np.concatenate([[0], counts.cumsum()]) / counts.sum()
    below = np.searchsorted(sample, edges, side="left") / len(sample)
    return _largest_difference(below, expected)


def _largest_difference(below, expected):
    # Parts of 1 that are equal but for rounding do not differ.
    return float(np.abs(below - expected).max().round(12))


def distance_interval(
    values: ArrayLike,
    percentiles: Mapping[float, float],
    *,
    confidence: float = 0.95,
    n_resamples: int = 500,
    seed: int | None = 0,
) -> tuple[float, float, float]:
    """Return the distance to published percentiles, and its bootstrap interval over units.

    The distance of a resample is on average larger than that of the sample, as every scatter adds
    to it; so the interval is the basic one, which is turned around the distance, within 0 and 1.

    Parameters
    ----------
    values, percentiles
        As for `distance_to_percentiles`.
    confidence, n_resamples, seed
        As for `confidence_interval`.

    Returns
    -------
    distance, low, high : float

    Raises
    ------
    TypeError, ValueError
        As for `distance_to_percentiles`.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import distance_interval
    >>> values = np.random.default_rng(0).uniform(0, 1, 200)
    >>> distance, low, high = distance_interval(values, {25: 0.45, 50: 0.7, 75: 0.95})
    >>> low < 0.2 < high
    True
    """
    sample = _defined(values, "values")
    distance = distance_to_percentiles(sample, percentiles)
    if len(sample) < 2:
        return distance, distance, distance
    percent = np.array(list(percentiles), float) / 100
    below = (sample[:, None] <= np.array(list(percentiles.values()), float)).astype(float)

    def largest(indices, axis=-1):
        # Of many resamples at a time: the part of units below each of the published values.
        parts = below[indices.astype(int)].mean(axis=axis - 1 if axis < 0 else axis)
        return np.abs(parts - percent).max(axis=-1)

    result = bootstrap(
        (np.arange(len(sample)),),
        largest,
        confidence_level=number(confidence, "confidence", above=0, below=1),
        n_resamples=whole_number(n_resamples, "n_resamples"),
        batch=max(1, 2_000_000 // below.size),
        method="basic",
        random_state=np.random.default_rng(seed),  # pyright: ignore[reportCallIssue]
    ).confidence_interval
    return distance, max(0.0, float(result.low)), min(1.0, float(result.high))


def _defined(values, name) -> NDArray[np.floating]:
    """Return the numbers that are defined."""
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise ValueError(f"{name} must have 1 dimension, got {array.ndim} (shape {array.shape})")
    if np.isinf(array).any():
        raise ValueError(f"{name} must not be infinite, got {int(np.isinf(array).sum())} of them")
    return array[~np.isnan(array)]
