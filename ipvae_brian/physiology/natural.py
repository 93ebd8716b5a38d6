"""Responses to natural images: sparseness, rates of neurons, and the spectrum of the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import counts_in, group_trials
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response import metrics


@dataclass(frozen=True)
class NaturalResponses:
    """Mean rates for each image, and how sparse they are.

    Attributes
    ----------
    rates : numpy.ndarray, shape (n_stimuli, n_neurons)
        Mean over repeats, in Hz.
    n_trials : numpy.ndarray of int, shape (n_stimuli,)
    """

    rates: NDArray[np.floating]
    n_trials: NDArray[np.integer]

    @property
    def lifetime_sparseness(self) -> NDArray[np.floating]:
        """Sparseness of each neuron over images, (n_neurons,); NaN if it never fires.

        It depends on the number and kind of images: compare with as many.
        """
        return metrics.lifetime_sparseness(self.rates)

    @property
    def population_sparseness(self) -> NDArray[np.floating]:
        """Sparseness of each image over neurons, (n_stimuli,); NaN if nothing fires."""
        return metrics.population_sparseness(self.rates)

    @property
    def rate_distribution(self) -> RateDistribution:
        """How rates of neurons, means over images, are distributed."""
        return rate_distribution(self.rates.mean(axis=0))


def natural_responses(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
) -> NaturalResponses:
    """Return the mean rates for each image.

    Parameters
    ----------
    recording : Recording
    by : str or sequence of str, optional
        What tells images apart: by default all that was varied, or else the number of the
        stimulus.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.

    Raises
    ------
    TypeError, ValueError
        If there is no such condition or window, or there is only one image.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import natural_responses
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=200)
    >>> counts = np.array([[8, 2], [0, 2]])[:, None]
    >>> responses = natural_responses(Recording(counts, timing, conditions={"image": [0, 1]}))
    >>> responses.rates, responses.lifetime_sparseness
    (array([[40., 10.], [ 0., 10.]]), array([1., 0.]))
    """
    groups = group_trials(recording, by)
    if len(groups) < 2:
        raise ValueError(f"recording must have at least 2 images, got {len(groups)}")
    counts, duration = counts_in(recording, window)
    return NaturalResponses(groups.mean(counts) / duration, groups.n_trials)


@dataclass(frozen=True)
class RateDistribution:
    """Rates of neurons on a logarithmic scale.

    Attributes
    ----------
    log10_rates : numpy.ndarray, shape (n_firing,)
        Of the neurons that fired at all.
    n_silent : int
        Those that did not. They have no logarithm, and are in neither mean nor deviation.
    """

    log10_rates: NDArray[np.floating]
    n_silent: int

    @property
    def mean(self) -> float:
        """Mean of log10 rates: of a log-normal distribution, the log10 of its median."""
        return float(self.log10_rates.mean())

    @property
    def sd(self) -> float:
        """Standard deviation of log10 rates, in decades."""
        return float(self.log10_rates.std(ddof=1))


def rate_distribution(rates: ArrayLike) -> RateDistribution:
    """Return how the rates of neurons are distributed.

    Parameters
    ----------
    rates : array_like, shape (n_neurons,)
        In Hz, at least 0.

    Raises
    ------
    TypeError, ValueError
        If rates are negative or fewer than two neurons fire.

    Examples
    --------
    >>> from ipvae_brian.physiology import rate_distribution
    >>> distribution = rate_distribution([1, 10, 100, 0])
    >>> distribution.mean, distribution.sd, distribution.n_silent
    (1.0, 1.0, 1)
    """
    rates = finite_array(rates, "rates", ndim=1)
    if (rates < 0).any():
        raise ValueError(f"rates must not be negative, got {rates.min():g}")
    firing = rates[rates > 0]
    if len(firing) < 2:
        raise ValueError(f"rates must be of at least 2 neurons that fire, got {len(firing)}")
    return RateDistribution(np.log10(firing), len(rates) - len(firing))


@dataclass(frozen=True)
class Spectrum:
    """Variance of the code that repeats share, by principal component.

    Attributes
    ----------
    variances : numpy.ndarray, shape (n_components,)
        By falling variance in the repeats from which components were taken. Where there is noise
        only, they scatter around 0.
    exponent : float
        alpha of variance = constant n^-alpha, over the components that were fitted.
    r_squared : float
        Of the straight line through log variance over log component.
    fitted : (int, int)
        First and last component of the fit, counted from 1.
    """

    variances: NDArray[np.floating]
    exponent: float
    r_squared: float
    fitted: tuple[int, int]


def cross_validated_spectrum(
    first: ArrayLike, second: ArrayLike, *, fit_from: int = 11, fit_to: int | None = None
) -> Spectrum:
    """Return the spectrum of what two repeats of the same images share, and its exponent.

    Principal components of the first repeat; their variance is the covariance of both repeats'
    projections, in which noise that is independent between them averages out. The line is fitted
    with weights 1/n, so that each octave of components counts the same.

    Parameters
    ----------
    first, second : array_like, shape (n_stimuli, n_neurons)
        Responses to the same images in two repeats, or in halves of them.
    fit_from : int, default 11
        First component of the fit, counted from 1.
    fit_to : int, optional
        The last; by default the one before the first whose variance is not positive.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, or fewer than five components with positive variance are left to fit.

    References
    ----------
    Stringer et al. 2019, Nature 571:361.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import cross_validated_spectrum
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(500, 100)) / np.arange(1, 101) ** 0.5
    >>> first, second = (signal + 0.05 * rng.normal(size=signal.shape) for _ in range(2))
    >>> round(cross_validated_spectrum(first, second, fit_from=2, fit_to=30).exponent, 1)
    1.0
    """
    first = finite_array(first, "first", ndim=2)
    second = finite_array(second, "second", shape=first.shape)
    fit_from = whole_number(fit_from, "fit_from")
    centred = first - first.mean(axis=0)
    other = second - second.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    shared = ((centred @ axes.T) * (other @ axes.T)).sum(axis=0) / max(len(first) - 1, 1)
    not_positive = np.flatnonzero(shared[fit_from - 1 :] <= 0)
    last = fit_from - 1 + not_positive[0] if len(not_positive) else len(shared)
    if fit_to is not None:
        last = min(last, whole_number(fit_to, "fit_to"))
    if last - fit_from + 1 < 5:
        raise ValueError(
            f"{max(last - fit_from + 1, 0)} components from {fit_from} on come before the first "
            "without positive variance, fewer than 5 to fit: give more images, repeats or neurons "
            f"than {first.shape}, or another fit_from or fit_to"
        )
    component = np.arange(fit_from, last + 1)
    x, y = np.log(component), np.log(shared[fit_from - 1 : last])
    weights = 1 / component
    slope, intercept = np.polyfit(x, y, 1, w=np.sqrt(weights))
    error = np.average((y - slope * x - intercept) ** 2, weights=weights)
    total = np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)
    return Spectrum(shared, float(-slope), float(1 - error / total), (fit_from, int(last)))


def spectrum(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
    fit_from: int = 11,
    fit_to: int | None = None,
    seed: int | None = 0,
) -> Spectrum:
    """Return the cross-validated spectrum of a recording, its repeats divided at random in two.

    Parameters
    ----------
    recording : Recording
    by, window
        As for `natural_responses`.
    fit_from, fit_to
        As for `cross_validated_spectrum`.
    seed : int, optional
        Of the division.

    Raises
    ------
    TypeError, ValueError
        As for `cross_validated_spectrum`, or if an image was shown only once.
    """
    groups = group_trials(recording, by)
    groups.require_repeats(2)
    counts, duration = counts_in(recording, window)
    # Each group's trials in random order, in turn to one half and the other.
    order = np.lexsort((np.random.default_rng(seed).random(len(counts)), groups.number))
    starts = np.searchsorted(groups.number[order], np.arange(len(groups)))
    in_group = np.arange(len(order)) - starts[groups.number[order]]
    half = np.empty(len(order), int)
    half[order] = in_group % 2
    halves = [
        type(groups)(groups.conditions, np.where(half == h, groups.number, -1)).mean(counts)
        for h in (0, 1)
    ]
    return cross_validated_spectrum(
        halves[0] / duration, halves[1] / duration, fit_from=fit_from, fit_to=fit_to
    )
