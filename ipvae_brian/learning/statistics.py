"""Learning the dictionary from accumulated spike counts: statistics, M-step, revival.

Online EM on the free energy. At the fixed point of inference its derivative through the dynamics
vanishes, so these local sums are the whole gradient, with no back-propagation through time.
"""

from dataclasses import dataclass

import numpy as np

# About the rounding error of sums over a shard in single precision.
GRID = 2.0**-20


@dataclass
class BatchSums:
    """BatchSums over stimuli and windows; those of different processes or machines add up.

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
        """BatchSums of a batch.

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
        return BatchSums(
            *(rounded(getattr(self, f)) for f in list(self.__dataclass_fields__)[:-1]), self.n
        )

    def __add__(self, other):
        return BatchSums(*(getattr(self, f) + getattr(other, f) for f in self.__dataclass_fields__))


def rounded(value):
    """Whole multiples of `GRID` in double precision.

    BatchSums of these have no rounding error up to 2**33, so they do not depend on the order or the
    groups in which processes add them up.
    """
    return np.rint(np.asarray(value, np.float64) / GRID) * GRID


class RunningStatistics:
    """Running averages of `BatchSums` per stimulus and window: A = E[x z^T], C = E[z z^T].

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
