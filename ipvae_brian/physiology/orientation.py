"""Tuning for orientation and direction: how narrow, how selective, how many peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import circulant
from scipy.signal import find_peaks

from ipvae_brian._tools.checks import finite_array, number

# Of the mean step: how uneven steps may be. Files often have angles in whole degrees.
UNEVEN = 0.1
# In degrees, of the Hanning window with which published curves were smoothed.
HALF_WIDTH = 13.5


def circular_variance(rates: ArrayLike, orientations: ArrayLike) -> NDArray[np.floating]:
    """Return the circular variance, 1 - abs(sum R exp(2i theta)) / sum R.

    Parameters
    ----------
    rates : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
        At least 0, in any unit.
    orientations : array_like, shape (n_orientations,)
        In degrees, evenly spaced over 180.

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        0 for a neuron that fires at one orientation only, 1 for one without preference; NaN for
        one that never fires.

    Raises
    ------
    TypeError, ValueError
        If rates are negative, shapes do not agree, or orientations are not evenly spaced.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639.

    Examples
    --------
    >>> from ipvae_brian.physiology import circular_variance
    >>> round(float(circular_variance([8, 4, 2, 4], [0, 45, 90, 135])), 3)
    0.667
    """
    rates, angles = _circle(rates, orientations, 180, "orientations")
    return 1 - _vector_strength(rates, 2 * angles)


def direction_selectivity(rates: ArrayLike, directions: ArrayLike) -> NDArray[np.floating]:
    """Return the direction selectivity, abs(sum R exp(i theta)) / sum R.

    Parameters
    ----------
    rates : array_like, shape (n_directions,) or (n_directions, n_neurons)
    directions : array_like, shape (n_directions,)
        In degrees, evenly spaced over 360.

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        0 without preference, 1 for one direction only; NaN for a neuron that never fires.

    Raises
    ------
    TypeError, ValueError
        As for `circular_variance`.

    Examples
    --------
    >>> from ipvae_brian.physiology import direction_selectivity
    >>> float(direction_selectivity([6, 2, 2, 2], [0, 90, 180, 270]).round(3))
    0.333
    """
    rates, angles = _circle(rates, directions, 360, "directions")
    return _vector_strength(rates, angles)


def half_bandwidth(
    rates: ArrayLike, orientations: ArrayLike, level: float = 1 / np.sqrt(2)
) -> NDArray[np.floating]:
    """Return half the width of the tuning curve at a fraction of its peak, in degrees.

    The peak is the highest rate that was measured; on both sides of it the curve is interpolated
    linearly to where it first falls to `level` of the peak.

    Parameters
    ----------
    rates : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
    orientations : array_like, shape (n_orientations,)
        In degrees, evenly spaced over 180.
    level : float, default 1/sqrt(2)

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        Mean of both sides; NaN for a curve that does not fall that far within 90 degrees.

    Raises
    ------
    TypeError, ValueError
        As for `circular_variance`, or if `level` is not between 0 and 1.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639.

    Examples
    --------
    >>> from ipvae_brian.physiology import half_bandwidth
    >>> float(half_bandwidth([2, 10, 2, 0, 0, 0], range(0, 180, 30), level=0.5))
    18.75
    """
    rates, angles = _circle(rates, orientations, 180, "orientations")
    level = number(level, "level", above=0, below=1)
    curves = rates[np.argsort(np.mod(angles, np.pi))]
    curves = curves.reshape(len(curves), -1)
    widths = [_half_width(_from_peak(curve), level) for curve in curves.T]
    return (np.array(widths) * 180 / len(curves)).reshape(rates.shape[1:])


def _from_peak(curve):
    """Return a circular curve from its peak once around to its peak again."""
    return np.append(np.roll(curve, -curve.argmax()), curve.max())


def _half_width(curve, level):
    """In samples, of a circular curve from peak to peak; NaN if it is too broad."""
    sides = []
    for side in (curve, curve[::-1]):
        low = np.flatnonzero(side[: len(curve) // 2 + 1] < level * side[0])
        if not len(low):
            return np.nan
        before, after = side[low[0] - 1], side[low[0]]
        sides.append(low[0] - 1 + (before - level * side[0]) / (before - after))
    return np.mean(sides)


def smoothed(
    rates: ArrayLike, orientations: ArrayLike, half_width: float = HALF_WIDTH
) -> NDArray[np.floating]:
    """Return tuning curves smoothed with a Hanning window.

    Published half-bandwidths are those of smoothed curves: a curve of one point comes out 9.8
    degrees wide at 1/sqrt(2) of its peak.

    Parameters
    ----------
    rates : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
    orientations : array_like, shape (n_orientations,)
        In degrees, evenly spaced over 180.
    half_width : float, default 13.5
        Of the window in degrees, where it is half as high as in its middle; below 45.

    Returns
    -------
    numpy.ndarray
        As many rates, with the same mean.

    Raises
    ------
    TypeError, ValueError
        As for `circular_variance`, or if `half_width` is out of range.

    References
    ----------
    Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639.

    Examples
    --------
    >>> from ipvae_brian.physiology import smoothed
    >>> smoothed([0, 12, 0, 0, 0, 0, 0, 0, 0], range(0, 180, 20), half_width=20)
    array([3., 6., 3., 0., 0., 0., 0., 0., 0.])
    """
    rates, angles = _circle(rates, orientations, 180, "orientations")
    half_width = number(half_width, "half_width", above=0, below=45)
    order = np.argsort(np.mod(angles, np.pi))
    off = np.arange(len(rates)) * 180 / len(rates)
    off = np.minimum(off, 180 - off)
    window = np.where(off < 2 * half_width, np.cos(np.pi * off / (4 * half_width)) ** 2, 0)
    out = np.empty(rates.shape)
    out[order] = circulant(window / window.sum()) @ rates[order]
    return out


def orthogonal_preferred_ratio(rates: ArrayLike, orientations: ArrayLike) -> NDArray[np.floating]:
    """Return the rate at right angles to the preferred orientation over that at it.

    Parameters
    ----------
    rates : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
    orientations : array_like, shape (n_orientations,)
        In degrees, an even number of them, evenly spaced over 180.

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        NaN for a neuron that never fires.

    Raises
    ------
    TypeError, ValueError
        As for `circular_variance`, or if the number of orientations is odd.

    Examples
    --------
    >>> from ipvae_brian.physiology import orthogonal_preferred_ratio
    >>> float(orthogonal_preferred_ratio([8, 4, 2, 4], [0, 45, 90, 135]))
    0.25
    """
    rates, angles = _circle(rates, orientations, 180, "orientations")
    if len(rates) % 2:
        raise ValueError(
            f"orientations must be an even number, so that each has one at right angles to it, got "
            f"{len(rates)}"
        )
    curves = rates[np.argsort(np.mod(angles, np.pi))]
    best = curves.argmax(axis=0)[None]
    orthogonal = (best + len(curves) // 2) % len(curves)
    high, low = (np.take_along_axis(curves, at, axis=0)[0] for at in (best, orthogonal))
    return np.divide(low, high, out=np.full(high.shape, np.nan), where=high > 0)


def second_peak(rates: ArrayLike, orientations: ArrayLike) -> NDArray[np.floating]:
    """Return how far the second peak of the tuning curve rises, as a part of the first.

    A curve with several peaks can have the circular variance of a broad one. What rises by a tenth
    or so is noise; by a third, the neuron has no one orientation.

    Parameters
    ----------
    rates : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
    orientations : array_like, shape (n_orientations,)
        In degrees, evenly spaced over 180.

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        Height of the second peak above the valley that parts it from the first, over the height
        of the first: 0 for a curve with one peak; NaN for a neuron that never fires.

    Raises
    ------
    TypeError, ValueError
        As for `circular_variance`.

    Examples
    --------
    >>> from ipvae_brian.physiology import second_peak
    >>> float(second_peak([10, 2, 1, 5, 1, 2], range(0, 180, 30)))
    0.4
    """
    rates, angles = _circle(rates, orientations, 180, "orientations")
    curves = rates[np.argsort(np.mod(angles, np.pi))].reshape(len(rates), -1)
    rises = [_second_rise(_from_peak(curve)) for curve in curves.T]
    return np.array(rises).reshape(rates.shape[1:])


def _second_rise(curve):
    if curve[0] <= 0:
        return np.nan
    _, found = find_peaks(curve, prominence=0)
    return found["prominences"].max(initial=0) / curve[0]


def contrast_invariance(
    low: ArrayLike, high: ArrayLike, orientations: ArrayLike, level: float = 1 / np.sqrt(2)
) -> NDArray[np.floating]:
    """Return the width of tuning at low contrast over that at high contrast.

    Parameters
    ----------
    low, high : array_like, shape (n_orientations,) or (n_orientations, n_neurons)
        Rates at the two contrasts.
    orientations, level
        As for `half_bandwidth`.

    Returns
    -------
    numpy.ndarray, shape () or (n_neurons,)
        1 if contrast does not change the width; NaN where a width is not defined.

    Raises
    ------
    TypeError, ValueError
        As for `half_bandwidth`.

    Examples
    --------
    >>> from ipvae_brian.physiology import contrast_invariance
    >>> low, high = [0, 4, 0, 0, 0, 0], [4, 8, 4, 0, 0, 0]
    >>> float(contrast_invariance(low, high, range(0, 180, 30), level=0.6))
    0.5
    """
    return half_bandwidth(low, orientations, level) / half_bandwidth(high, orientations, level)


def _circle(rates, angles, period, name):
    """Return rates and angles in radians, if these are evenly spaced around the circle."""
    angles = finite_array(angles, name, ndim=1)
    rates = finite_array(rates, "rates", ndim=(1, 2))
    if len(rates) != len(angles):
        raise ValueError(
            f"rates must have a row for each of the {len(angles)} {name}, got shape {rates.shape}"
        )
    if (rates < 0).any():
        raise ValueError(f"rates must not be negative, got {rates.min():g}")
    if len(angles) < 3:
        raise ValueError(f"{name} must be at least 3, got {len(angles)}")
    around = np.sort(np.mod(angles, period))
    steps = np.diff(np.append(around, around[0] + period))
    if np.abs(steps * len(angles) / period - 1).max() > UNEVEN:
        raise ValueError(
            f"{name} must be evenly spaced over {period} degrees, each once, got steps from "
            f"{steps.min():g} to {steps.max():g}"
        )
    return rates, np.deg2rad(angles)


def _vector_strength(rates, angles):
    total = rates.sum(axis=0)
    vector = np.abs(np.tensordot(np.exp(1j * angles), rates, axes=(0, 0)))
    return np.divide(vector, total, out=np.full(total.shape, np.nan), where=total > 0)
