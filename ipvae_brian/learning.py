"""Learning the dictionary from accumulated spike counts: statistics, M-step, revival.

Online EM on the free energy. At the fixed point of inference its derivative through the dynamics
vanishes, so these local sums are the whole gradient, with no back-propagation through time.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

# Keeps the M-step defined before anything has spiked.
SMALLEST_RIDGE = 1e-3
# About the rounding error of sums over a shard in single precision.
GRID = 2.0**-20


@dataclass
class Sums:
    """Sums over stimuli and windows; those of different processes or machines add up.

    Parameters
    ----------
    stimulus_by_count : numpy.ndarray, shape (n_pixels, n_neurons)
        Sum of x z^T.
    count_by_count : numpy.ndarray, shape (n_neurons, n_neurons)
        Sum of z z^T; its diagonal holds the Poisson noise.
    counts : numpy.ndarray, shape (n_neurons,)
        Sum of z.
    squared_error : float
        Sum of |x - Phi z|^2.
    n : int
        Number of stimuli times windows.
    """

    stimulus_by_count: np.ndarray
    count_by_count: np.ndarray
    counts: np.ndarray
    squared_error: float
    n: int

    @classmethod
    def of(cls, stimuli, counts, dictionary):
        """Sums of a batch.

        Parameters
        ----------
        stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
        counts : numpy.ndarray, shape (n_stimuli, n_windows, n_neurons)
        dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
        """
        n_stimuli, n_windows, n_neurons = counts.shape
        stimuli = np.asarray(stimuli, dictionary.dtype)
        rows = counts.astype(dictionary.dtype).reshape(-1, n_neurons)
        residual = (rows @ dictionary.T).reshape(n_stimuli, n_windows, len(dictionary))
        residual -= stimuli[:, None]
        return cls(
            stimuli.T @ rows.reshape(counts.shape).sum(axis=1),
            rows.T @ rows,
            rows.sum(axis=0),
            float(np.vdot(residual, residual)),
            n_stimuli * n_windows,
        )

    def rounded(self):
        """In double precision, with numbers that add up exactly, see `rounded`."""
        return Sums(
            *(rounded(getattr(self, f)) for f in list(self.__dataclass_fields__)[:-1]), self.n
        )

    def __add__(self, other):
        return Sums(*(getattr(self, f) + getattr(other, f) for f in self.__dataclass_fields__))


def rounded(value):
    """Whole multiples of `GRID` in double precision.

    Sums of these have no rounding error up to 2**33, so they do not depend on the order or the
    groups in which processes add them up.
    """
    return np.rint(np.asarray(value, np.float64) / GRID) * GRID


class Statistics:
    """Running averages of `Sums` per stimulus and window: A = E[x z^T], C = E[z z^T].

    Attributes
    ----------
    stimulus_by_count : numpy.ndarray, shape (n_pixels, n_neurons)
    count_by_count : numpy.ndarray, shape (n_neurons, n_neurons)
    mean_counts : numpy.ndarray, shape (n_neurons,)
    noise_variance : float
        Mean squared error per pixel: the M-step of sigma2.
    n_updates : int
    """

    ARRAYS = ("stimulus_by_count", "count_by_count", "mean_counts")

    def __init__(self, n_pixels, n_neurons, dtype=np.float32):
        self.stimulus_by_count = np.zeros((n_pixels, n_neurons), dtype)
        self.count_by_count = np.zeros((n_neurons, n_neurons), dtype)
        self.mean_counts = np.zeros(n_neurons, dtype)
        self.noise_variance = 0.0
        self.n_updates = 0

    def update(self, sums, rate):
        """Move towards the averages of `sums`; a plain mean until `rate` is the larger step."""
        self.n_updates += 1
        rate = max(rate, 1 / self.n_updates)
        n_pixels = len(self.stimulus_by_count)
        self.stimulus_by_count += rate * (sums.stimulus_by_count / sums.n - self.stimulus_by_count)
        self.count_by_count += rate * (sums.count_by_count / sums.n - self.count_by_count)
        self.mean_counts += rate * (sums.counts / sums.n - self.mean_counts)
        self.noise_variance += rate * (sums.squared_error / sums.n / n_pixels - self.noise_variance)

    def forget(self, neurons):
        """Drop what is known of these neurons."""
        self.stimulus_by_count[:, neurons] = 0
        self.count_by_count[neurons] = 0
        self.count_by_count[:, neurons] = 0
        self.mean_counts[neurons] = 0


def m_step(dictionary, statistics, *, step, ridge, spike_size):
    """One step towards the dictionary that explains the stimuli best given the counts.

    Phi + step * (A - Phi C) (C + ridge)^-1, then columns scaled to `spike_size`. With step 1,
    no ridge and no scaling it is the least-squares solution A C^-1.

    Parameters
    ----------
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
    statistics : Statistics
    step : float
    ridge : float
        In units of the mean diagonal of C.
    spike_size : float or None
        Wanted length of the columns; None leaves them.

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
    return scaled(dictionary + step * change, spike_size)


def scaled(dictionary, spike_size):
    """Columns scaled to one length; None leaves them."""
    if spike_size is None:
        return dictionary
    lengths = np.linalg.norm(dictionary, axis=0)
    return dictionary * (spike_size / np.maximum(lengths, np.finfo(dictionary.dtype).tiny))


def random_dictionary(n_pixels, n_neurons, spike_size, rng):
    """Random columns of one length, float32."""
    dictionary = rng.normal(size=(n_pixels, n_neurons)).astype(np.float32)
    return scaled(dictionary, np.float32(spike_size))


def revive(dictionary, neurons, stimuli, counts, spike_size):
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
