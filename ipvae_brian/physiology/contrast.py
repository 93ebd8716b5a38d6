"""Responses to contrast, to two gratings at once, and to size."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import curve_fit

from ipvae_brian._tools.checks import finite_array

# Bounds of a fit. The exponent of a cell is hardly known beyond 10, the contrast at half the
# maximum hardly beyond 5 (500 %), where nothing saturates.
EXPONENTS = 0.1, 10.0
HALF_CONTRASTS = 0.005, 5.0
# It may be this many times the highest rate.
HIGHEST_MAXIMUM = 50.0


@dataclass(frozen=True)
class NakaRushton:
    """Fits of R(c) = maximum c^n / (c^n + c50^n) + baseline, (n_neurons,) each.

    Attributes
    ----------
    maximum, baseline : numpy.ndarray
        In the unit of the rates.
    exponent, c50 : numpy.ndarray
        n, and the contrast at half the maximum. Where the response does not saturate, c50 and the
        maximum are hardly determined: see `saturates`.
    r_squared : numpy.ndarray
        Part of the variance over contrasts that the fit explains.
    highest_contrast : float
        Of those shown.
    """

    maximum: NDArray[np.floating]
    exponent: NDArray[np.floating]
    c50: NDArray[np.floating]
    baseline: NDArray[np.floating]
    r_squared: NDArray[np.floating]
    highest_contrast: float

    def rates(self, contrasts: ArrayLike) -> NDArray[np.floating]:
        """Return the rates of the fit, (n_contrasts,) -> (n_contrasts, n_neurons)."""
        contrasts = finite_array(contrasts, "contrasts", ndim=1)[:, None]
        return naka_rushton(contrasts, self.maximum, self.exponent, self.c50, self.baseline)

    @property
    def saturates(self) -> NDArray[np.bool_]:
        """Whether half the maximum is reached at a contrast that was shown, (n_neurons,)."""
        return self.c50 <= self.highest_contrast


def naka_rushton(
    contrasts: ArrayLike,
    maximum: ArrayLike,
    exponent: ArrayLike,
    c50: ArrayLike,
    baseline: ArrayLike = 0.0,
) -> NDArray[np.floating]:
    """Return maximum c^n / (c^n + c50^n) + baseline; arrays are broadcast.

    Examples
    --------
    >>> from ipvae_brian.physiology import naka_rushton
    >>> naka_rushton([0, 0.3, 1e9], 20, 2, 0.3, 1)
    array([ 1., 11., 21.])
    """
    c, top, n, half, base = (
        np.asarray(value, dtype=np.float64)
        for value in (contrasts, maximum, exponent, c50, baseline)
    )
    powered = c**n
    return top * powered / (powered + half**n) + base


def fit_naka_rushton(contrasts: ArrayLike, rates: ArrayLike) -> NakaRushton:
    """Return the Naka-Rushton fit of the contrast response of every neuron.

    Least squares within bounds, from several starts.

    Parameters
    ----------
    contrasts : array_like, shape (n_contrasts,)
        At least five different ones, from 0 on.
    rates : array_like, shape (n_contrasts,) or (n_contrasts, n_neurons)
        Mean rates, at least 0.

    Returns
    -------
    NakaRushton
        NaN for a neuron whose rate does not change.

    Raises
    ------
    TypeError, ValueError
        If there are too few contrasts, or shapes do not agree.

    References
    ----------
    Albrecht & Hamilton 1982, J. Neurophysiol. 48:217.

    Examples
    --------
    >>> from ipvae_brian.physiology import fit_naka_rushton, naka_rushton
    >>> contrasts = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8]
    >>> fit = fit_naka_rushton(contrasts, naka_rushton(contrasts, 20, 2.5, 0.3, 1))
    >>> fit.exponent.round(2), fit.c50.round(2), fit.r_squared.round(2)
    (array([2.5]), array([0.3]), array([1.]))
    """
    contrasts = finite_array(contrasts, "contrasts", ndim=1)
    rates = _rows(rates, "rates", len(contrasts), "contrasts")
    different = len(np.unique(contrasts))
    if different < 5:
        raise ValueError(f"contrasts must be at least 5 different ones, got {different}")
    if contrasts.min() < 0:
        raise ValueError(f"contrasts must not be negative, got {contrasts.min():g}")
    curves = rates.reshape(len(rates), -1)
    fits = np.array([_fit(contrasts, curve) for curve in curves.T])
    return NakaRushton(*fits.T, highest_contrast=float(contrasts.max()))


def _fit(contrasts, rates):
    """Return the four parameters and R2."""
    top = rates.max()
    total = ((rates - rates.mean()) ** 2).sum()
    if not np.ptp(rates) > 1e-9 * top:
        return np.full(5, np.nan)
    lower = [0, EXPONENTS[0], HALF_CONTRASTS[0], 0]
    upper = [HIGHEST_MAXIMUM * top, EXPONENTS[1], HALF_CONTRASTS[1], top]
    best, least = np.full(4, np.nan), np.inf
    for exponent, c50 in product((1.5, 3), (0.15, 0.5)):
        start = [np.ptp(rates), exponent, c50, rates.min()]
        try:
            found, _ = curve_fit(
                naka_rushton, contrasts, rates, start, bounds=(lower, upper), max_nfev=2000
            )
        except RuntimeError:  # it did not converge from here
            continue
        error = ((naka_rushton(contrasts, *found) - rates) ** 2).sum()
        if error < least:
            best, least = found, error
    return np.append(best, 1 - least / total)


@dataclass(frozen=True)
class CrossOrientation:
    """Responses to a plaid against those to its two gratings, (n_neurons,) each.

    Attributes
    ----------
    to_mean, to_sum, to_best : numpy.ndarray
        Rate for the plaid over the mean, the sum and the larger of the rates for the gratings
        alone. Normalisation predicts about 1 for the mean, a linear neuron 1 for the sum; below 1
        for the larger, the other grating suppresses. NaN for a neuron that fires to neither.
    """

    to_mean: NDArray[np.floating]
    to_sum: NDArray[np.floating]
    to_best: NDArray[np.floating]


def cross_orientation(plaid: ArrayLike, first: ArrayLike, second: ArrayLike) -> CrossOrientation:
    """Return how the response to a plaid compares with those to its components.

    Parameters
    ----------
    plaid, first, second : array_like, shape (n_neurons,)
        Rates, at least 0.

    Raises
    ------
    TypeError, ValueError
        If rates are negative or shapes differ.

    References
    ----------
    Carandini, Heeger & Movshon 1997, J. Neurosci. 17:8621.

    Examples
    --------
    >>> from ipvae_brian.physiology import cross_orientation
    >>> cross_orientation([12], [20], [4])
    CrossOrientation(to_mean=array([1.]), to_sum=array([0.5]), to_best=array([0.6]))
    """
    plaid = np.atleast_1d(_rates(plaid, "plaid", (0, 1)))
    parts = [np.atleast_1d(_rates(r, n, (0, 1))) for r, n in ((first, "first"), (second, "second"))]
    for part, name in zip(parts, ("first", "second"), strict=True):
        if part.shape != plaid.shape:
            raise ValueError(
                f"{name} must have the shape of plaid, {plaid.shape}, got {part.shape}"
            )
    total = parts[0] + parts[1]
    return CrossOrientation(
        _ratio(plaid, total / 2), _ratio(plaid, total), _ratio(plaid, np.maximum(*parts))
    )


@dataclass(frozen=True)
class SizeTuning:
    """Preferred size and suppression by what is beyond it, (n_neurons,) each.

    Attributes
    ----------
    preferred : numpy.ndarray
        The diameter with the highest rate.
    suppression : numpy.ndarray
        (peak - rate at the largest diameter) / peak: 0 without suppression; NaN for a neuron that
        never fires. The peak is the largest of several means, so noise alone gives some: compare
        with a control.
    """

    preferred: NDArray[np.floating]
    suppression: NDArray[np.floating]


def size_tuning(diameters: ArrayLike, rates: ArrayLike) -> SizeTuning:
    """Return preferred size and suppression index.

    Parameters
    ----------
    diameters : array_like, shape (n_diameters,)
        Positive and increasing, at least three; the last may be infinite, for a full field.
    rates : array_like, shape (n_diameters,) or (n_diameters, n_neurons)
        Mean rates, at least 0.

    Raises
    ------
    TypeError, ValueError
        If diameters are not as described, rates are negative or shapes do not agree.

    References
    ----------
    Cavanaugh, Bair & Movshon 2002, J. Neurophysiol. 88:2530.

    Examples
    --------
    >>> from ipvae_brian.physiology import size_tuning
    >>> size_tuning([1, 2, 4, 8], [3, 10, 9, 4])
    SizeTuning(preferred=array([2.]), suppression=array([0.6]))
    """
    diameters = np.asarray(diameters, float)
    if diameters.ndim != 1 or len(diameters) < 3:
        raise ValueError(f"diameters must be at least 3, got shape {diameters.shape}")
    # Not `np.diff`: from one infinity to another it is NaN.
    if not diameters[0] > 0 or not (diameters[1:] > diameters[:-1]).all():
        raise ValueError(f"diameters must be positive and increase, got {diameters.tolist()}")
    rates = _rows(rates, "rates", len(diameters), "diameters").reshape(len(diameters), -1)
    peak = rates.max(axis=0)
    preferred = np.where(peak > 0, diameters[rates.argmax(axis=0)], np.nan)
    return SizeTuning(preferred, _ratio(peak - rates[-1], peak))


def _rates(rates, name, ndim):
    rates = finite_array(rates, name, ndim=ndim)
    if (rates < 0).any():
        raise ValueError(f"{name} must not be negative, got {rates.min():g}")
    return rates


def _rows(rates, name, n, things):
    rates = _rates(rates, name, (1, 2))
    if len(rates) != n:
        raise ValueError(
            f"{name} must have a row for each of the {n} {things}, got shape {rates.shape}"
        )
    return rates


def _ratio(over, under):
    return np.divide(over, under, out=np.full(np.shape(under), np.nan), where=under > 0)
