"""Measures of a good code: reconstruction, sparseness, rate and free energy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from ipvae_brian._tools.checks import finite_array
from ipvae_brian.model.parameters import Parameters


def r_squared(stimuli: ArrayLike, reconstructions: ArrayLike) -> NDArray[np.floating]:
    """Return R2, the part of the variance of each stimulus that its reconstruction explains.

    Parameters
    ----------
    stimuli, reconstructions : array_like, shape (n_stimuli, n_pixels)

    Returns
    -------
    numpy.ndarray, shape (n_stimuli,)
        1 - sum of squared errors / sum of squares about the stimulus' own mean; NaN for a
        stimulus without variance.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    stimuli = finite_array(stimuli, "stimuli", ndim=2)
    reconstructions = finite_array(reconstructions, "reconstructions", shape=stimuli.shape)
    error = _sum_of_squares(stimuli - reconstructions)
    total = _sum_of_squares(stimuli - stimuli.mean(axis=1, keepdims=True))
    # Of equal numbers the mean is rounded, so their total need not be zero.
    varied = (np.ptp(stimuli, axis=1) > 0) & (total > 0)
    return np.divide(-error, total, out=np.full(len(total), np.nan), where=varied) + 1


def _sum_of_squares(rows):
    return np.einsum("sp,sp->s", rows, rows)


def mean_r_squared(r2: ArrayLike, axis: int | None = None) -> Any:
    """Return the mean R2 of the stimuli for which it is defined; NaN if there are none.

    Parameters
    ----------
    r2 : array_like
        NaN for stimuli without variance, as `r_squared` gives it.
    axis : int, optional
        The axis of stimuli; by default the mean is over all values.
    """
    r2 = np.asarray(r2)
    defined = ~np.isnan(r2)
    with np.errstate(invalid="ignore"):
        return np.where(defined, r2, 0).sum(axis=axis) / defined.sum(axis=axis)


def fraction_of_zeros(counts: ArrayLike) -> NDArray[np.floating]:
    """Return the fraction of neurons without a spike, (n_stimuli, n_neurons) -> (n_stimuli,)."""
    return (finite_array(counts, "counts", ndim=2) == 0).mean(axis=1)


def distance(r2: ArrayLike, zeros: ArrayLike) -> Any:
    """Return the distance from a perfect and empty code, sqrt((1 - R2)^2 + (1 - zeros)^2).

    Parameters
    ----------
    r2, zeros : float or numpy.ndarray
        Means over stimuli, as in Vafaii, Galor & Yates 2025 (arXiv 2410.19315); 0 is best.
    """
    return np.hypot(1 - np.asarray(r2), 1 - np.asarray(zeros))


def sparseness(rates: ArrayLike, axis: int) -> NDArray[np.floating]:
    """Return the Treves-Rolls sparseness along an axis; 0 is dense, 1 is sparse.

    It is (1 - <r>^2 / <r^2>) / (1 - 1/n) of n rates, and does not depend on their unit.

    Raises
    ------
    ValueError
        If rates are negative or there are fewer than two along the axis.

    References
    ----------
    Treves & Rolls 1991, Network 2:371; in this form Vinje & Gallant 2000, Science 287:1273.
    """
    rates = finite_array(rates, "rates")
    n = rates.shape[axis]
    if n < 2:
        raise ValueError(f"rates must have at least 2 values along axis {axis}, got {n}")
    if (rates < 0).any():
        raise ValueError("rates must not be negative")
    square, mean_square = rates.mean(axis=axis) ** 2, (rates**2).mean(axis=axis)
    ratio = np.divide(square, mean_square, out=np.full(square.shape, np.nan), where=mean_square > 0)
    return (1 - ratio) / (1 - 1 / n)


def lifetime_sparseness(rates: ArrayLike) -> NDArray[np.floating]:
    """Return the sparseness of each neuron over stimuli: (n_stimuli, n_neurons) -> (n_neurons,).

    NaN for a neuron that never fires.
    """
    return sparseness(finite_array(rates, "rates", ndim=2), axis=0)


def population_sparseness(rates: ArrayLike) -> NDArray[np.floating]:
    """Return the sparseness of each response over neurons: (n_stimuli, n_neurons) -> (n_stimuli,).

    NaN for a stimulus to which nothing fires.
    """
    return sparseness(finite_array(rates, "rates", ndim=2), axis=1)


class FreeEnergy(NamedTuple):
    """The terms of the variational free energy in nats, (n_stimuli,) each.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Parameters, metrics
    >>> model = Parameters(dictionary=np.eye(2))
    >>> energy = metrics.free_energy([[1.0, 0.0]], [[0.8, 0.1]], model)
    >>> energy.reconstruction, energy.noise
    (array([0.025]), array([0.45]))
    """

    reconstruction: NDArray[np.floating]
    """|x - Phi r|^2 / (2 sigma2): what the mean code misses."""
    noise: NDArray[np.floating]
    """sum_j r_j |phi_j|^2 / (2 sigma2): what the Poisson noise of the code costs."""
    normalisation: NDArray[np.floating]
    """(M/2) log(2 pi sigma2)."""
    kl: NDArray[np.floating]
    """beta times the divergence of the Poisson posterior from the prior."""

    @property
    def total(self) -> NDArray[np.floating]:
        """The sum of the terms, (n_stimuli,)."""
        return self.reconstruction + self.noise + self.normalisation + self.kl


def poisson_kl(rates: ArrayLike, prior_rates: ArrayLike) -> NDArray[np.floating]:
    """Return the divergence of Poisson(rates) from Poisson(prior_rates) in nats.

    Element by element, and equal to r0 (1 + e^d (d - 1)) with d = log(r / r0): the factor is the
    prior rate.
    """
    rates = np.asarray(rates)
    return xlogy(rates, rates) - rates * np.log(prior_rates) - rates + prior_rates


def free_energy(
    stimuli: ArrayLike,
    expected_counts: ArrayLike,
    parameters: Parameters,
    *,
    prior_rates: ArrayLike | None = None,
    beta: float = 1.0,
) -> FreeEnergy:
    """Return the variational free energy of Poisson posteriors under a Gaussian likelihood.

    Parameters
    ----------
    stimuli : array_like, shape (n_stimuli, n_pixels)
    expected_counts : array_like, shape (n_stimuli, n_neurons)
        Posterior rates: expected spikes per tau, at least 0.
    parameters : Parameters
    prior_rates : float or array_like, shape (n_neurons,), optional
        Expected spikes per tau without a stimulus; by default the exponential of the resting
        potential.
    beta : float, default 1
        Weight of the divergence.

    Returns
    -------
    FreeEnergy

    Raises
    ------
    ValueError
        For negative expected counts, non-positive prior rates or wrong shapes.

    References
    ----------
    Vafaii, Galor & Yates 2025, arXiv 2410.19315: free energy of a linear decoder.
    """
    stimuli = finite_array(stimuli, "stimuli", shape=(None, parameters.n_pixels))
    shape = (len(stimuli), parameters.n_neurons)
    rates = finite_array(expected_counts, "expected_counts", shape=shape)
    if prior_rates is None:
        prior_rates = np.exp(parameters.resting_potential)
    prior_rates = finite_array(prior_rates, "prior_rates", ndim=(0, 1))
    if prior_rates.ndim and len(prior_rates) != parameters.n_neurons:
        raise ValueError(
            f"prior_rates must be one number or have shape ({parameters.n_neurons},), "
            f"got {prior_rates.shape}"
        )
    if (rates < 0).any():
        raise ValueError("expected_counts must not be negative")
    if (prior_rates <= 0).any():
        raise ValueError("prior_rates must be > 0")
    double_variance = 2 * parameters.noise_variance
    residual = parameters.scaled(stimuli - parameters.decode(rates))
    constant = parameters.n_pixels / 2 * np.log(np.pi * double_variance)
    if parameters.pixel_noise is not None:
        constant += np.log(parameters.pixel_noise).sum()
    return FreeEnergy(
        reconstruction=(residual**2).sum(axis=1) / double_variance,
        noise=rates @ parameters.spike_sizes**2 / double_variance,
        normalisation=np.full(len(stimuli), constant),
        kl=beta * poisson_kl(rates, prior_rates).sum(axis=1),
    )
