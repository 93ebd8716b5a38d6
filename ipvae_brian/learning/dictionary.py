"""The M-step: a new dictionary from the statistics, and the revival of silent neurons."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from ipvae_brian.learning.statistics import RunningStatistics

# Keeps the M-step defined before anything has spiked.
SMALLEST_RIDGE = 1e-3


def m_step(
    dictionary: NDArray,
    statistics: RunningStatistics,
    *,
    step: float | np.floating,
    ridge: float,
    spike_size: float | np.floating | None,
    weight_cost: float = 0,
) -> NDArray:
    """Take one step towards the dictionary that explains the stimuli best given the counts.

    Phi + step * (A - Phi C) (C + ridge)^-1, then weights shrunk by the cost of having them, and
    columns scaled to `spike_size`. With step 1, no ridge, no cost and no scaling it is the
    least-squares solution A C^-1.

    Parameters
    ----------
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
    statistics : RunningStatistics
    step : float
    ridge : float
        In units of the mean diagonal of C.
    spike_size : float or None
        Wanted length of the columns; None leaves them.
    weight_cost : float, default 0
        By how much a step of 1 shrinks every weight, in units of the root mean square of its
        column.

    Returns
    -------
    numpy.ndarray, shape (n_pixels, n_neurons)
    """
    by_count = statistics.count_by_count
    gradient = statistics.stimulus_by_count - dictionary @ by_count
    regularised = by_count.copy()
    amount = ridge * np.trace(by_count) / len(by_count) + (SMALLEST_RIDGE if ridge else 0)
    regularised[np.diag_indices_from(regularised)] += amount
    factor = cho_factor(regularised, overwrite_a=True, check_finite=False)
    change = cho_solve(factor, gradient.T, overwrite_b=True, check_finite=False).T
    changed = dictionary + step * change
    if weight_cost:
        changed = shrunk(changed, step * weight_cost)
    return scaled(changed, spike_size)


def shrunk(dictionary: NDArray, amount: float | np.floating) -> NDArray:
    """Move weights towards 0, and no further, by `amount` times the rms of their column.

    It is the proximal step of a cost on the sum of absolute weights: small weights vanish, and
    what is left of a column is local. Below an amount of 1, no column vanishes.
    """
    lengths = np.linalg.norm(dictionary, axis=0) / math.sqrt(len(dictionary))
    threshold = (amount * lengths).astype(dictionary.dtype)
    return np.sign(dictionary) * np.maximum(np.abs(dictionary) - threshold, 0)


def scaled(dictionary: NDArray, spike_size: float | np.floating | None) -> NDArray:
    """Return columns scaled to one length; None leaves them."""
    if spike_size is None:
        return dictionary
    lengths = np.linalg.norm(dictionary, axis=0)
    return dictionary * (spike_size / np.maximum(lengths, np.finfo(dictionary.dtype).tiny))


def random_dictionary(
    n_pixels: int, n_neurons: int, spike_size: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw random columns of one length."""
    dictionary = rng.normal(size=(n_pixels, n_neurons)).astype(np.float32)
    return scaled(dictionary, np.float32(spike_size))


def revive(
    dictionary: NDArray,
    neurons: NDArray,
    stimuli: NDArray,
    counts: NDArray,
    spike_size: float | np.floating,
) -> NDArray[np.intp]:
    """Re-seed silent neurons from the stimuli that are reconstructed worst.

    Parameters
    ----------
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
        Changed in place.
    neurons : numpy.ndarray of int
        No more than there are stimuli with an error are revived.
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    counts : numpy.ndarray, shape (n_stimuli, n_neurons)
    spike_size : float

    Returns
    -------
    numpy.ndarray of int
        The neurons that were revived.
    """
    residual = (stimuli - counts @ dictionary.T).astype(dictionary.dtype)
    error = (residual**2).sum(axis=1)
    worst = np.argsort(-error, kind="stable")[: len(neurons)]
    worst = worst[error[worst] > 0]
    revived = neurons[: len(worst)]
    dictionary[:, revived] = scaled(residual[worst].T, spike_size)
    return revived
