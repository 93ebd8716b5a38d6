"""The statistics of simulated stimuli from which dictionaries are learned, and running averages.

Online EM on the free energy. At the fixed point of inference its derivative through the dynamics
vanishes, so these local sums are the whole gradient, with no back-propagation through time.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ipvae_brian.response.metrics import r_squared

# About the rounding error of sums over a chunk in single precision.
GRID = 2.0**-20
# Stimuli of a chunk that are kept for reviving silent neurons: those reconstructed worst.
N_WORST = 16


@dataclass(frozen=True)
class BatchStatistics:
    """Statistics of simulated stimuli; those of different processes or machines add up.

    Parameters
    ----------
    stimulus_by_count : numpy.ndarray, shape (n_pixels, n_neurons)
        Sum of x z^T over stimuli and windows.
    count_by_count : numpy.ndarray, shape (n_neurons, n_neurons)
        Sum of z z^T; its diagonal holds the Poisson noise.
    counts : numpy.ndarray, shape (n_neurons,)
        Sum of z.
    squared_error : float
        Sum of |x - Phi z|^2.
    n_counted : int
        Number of stimuli times windows in these sums.
    n_stimuli, n_varied, n_diverged : int
        Stimuli summed up, those of them with any variance, and those left out because their
        simulation diverged.
    r2, zeros, spikes : float
        Sums over stimuli, of the last window; r2 over those with any variance.
    worst_stimuli : numpy.ndarray, shape (n_worst, n_pixels)
        The stimuli that are reconstructed worst.
    worst_counts : numpy.ndarray, shape (n_worst, n_neurons)
        Their counts in the last window.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.learning.statistics import BatchStatistics
    >>> stimuli, counts = np.eye(2), np.array([[[1, 0]], [[0, 3]]])
    >>> one = BatchStatistics.of(stimuli[:1], counts[:1], dictionary=np.eye(2))
    >>> both = one + BatchStatistics.of(stimuli[1:], counts[1:], dictionary=np.eye(2))
    >>> both.count_by_count
    array([[1., 0.],
           [0., 9.]])
    """

    stimulus_by_count: NDArray
    count_by_count: NDArray
    counts: NDArray
    squared_error: float
    n_counted: int
    n_stimuli: int
    n_varied: int
    n_diverged: int
    r2: float
    zeros: float
    spikes: float
    worst_stimuli: NDArray
    worst_counts: NDArray

    @classmethod
    def of(
        cls,
        stimuli: NDArray,
        counts: NDArray,
        dictionary: NDArray,
        *,
        windows_left_out: int = 0,
        n_diverged: int = 0,
    ) -> Self:
        """Sum up simulated stimuli.

        Parameters
        ----------
        stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
            Those that did not diverge.
        counts : numpy.ndarray, shape (n_stimuli, n_windows, n_neurons)
            Spike counts in response to them.
        dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
            Its type is that of the sums.
        windows_left_out : int, default 0
            First windows that do not count.
        n_diverged : int, default 0
            How many stimuli diverged.
        """
        stimuli = np.asarray(stimuli, dictionary.dtype)
        last = counts[:, -1]
        decoded = last.astype(dictionary.dtype) @ dictionary.T
        error = ((stimuli - decoded) ** 2).sum(axis=1)
        r2 = r_squared(stimuli, decoded) if len(stimuli) else np.zeros(0)
        worst = np.argsort(-error, kind="stable")[:N_WORST]

        counts = counts[:, windows_left_out:]
        n_stimuli, n_windows, n_neurons = counts.shape
        rows = counts.astype(dictionary.dtype).reshape(-1, n_neurons)
        residual = (rows @ dictionary.T).reshape(n_stimuli, n_windows, len(dictionary))
        residual -= stimuli[:, None]
        return cls(
            stimulus_by_count=stimuli.T @ rows.reshape(counts.shape).sum(axis=1),
            count_by_count=rows.T @ rows,
            counts=rows.sum(axis=0),
            squared_error=float(np.vdot(residual, residual)),
            n_counted=n_stimuli * n_windows,
            n_stimuli=n_stimuli,
            n_varied=int((~np.isnan(r2)).sum()),
            n_diverged=n_diverged,
            r2=float(np.nansum(r2)),
            zeros=float((last == 0).mean(axis=1).sum()),
            spikes=float(last.sum()),
            worst_stimuli=stimuli[worst],
            worst_counts=last[worst],
        )

    def rounded(self) -> Self:
        """Return the same in double precision with sums that add up exactly.

        They become whole multiples of `GRID`. Sums of these have no rounding error up to 2**33, so
        they do not depend on the order or the groups in which processes add them up.
        """
        sums = "stimulus_by_count", "count_by_count", "counts", "squared_error", "r2", "zeros"
        return replace(self, **{name: _rounded(getattr(self, name)) for name in sums})

    def __add__(self, other: Self) -> Self:
        def both(name) -> Any:
            pair = getattr(self, name), getattr(other, name)
            return np.concatenate(pair) if name.startswith("worst") else pair[0] + pair[1]

        return type(self)(**{field.name: both(field.name) for field in fields(self)})


def _rounded(value):
    return np.rint(np.asarray(value, np.float64) / GRID) * GRID


class RunningStatistics:
    """Running averages of batches per stimulus and window: A = E[x z^T], C = E[z z^T].

    Parameters
    ----------
    n_pixels, n_neurons : int
    dtype : numpy dtype, default float32

    Attributes
    ----------
    stimulus_by_count : numpy.ndarray, shape (n_pixels, n_neurons)
    count_by_count : numpy.ndarray, shape (n_neurons, n_neurons)
    mean_counts : numpy.ndarray, shape (n_neurons,)
    noise_variance : float
        Mean squared error per pixel: the M-step of sigma2.
    n_updates : int

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.learning.statistics import BatchStatistics, RunningStatistics
    >>> running = RunningStatistics(n_pixels=2, n_neurons=2)
    >>> counts = np.array([[[1, 0]], [[0, 3]]])
    >>> running.update(BatchStatistics.of(np.eye(2), counts, np.eye(2)), rate=0.1)
    >>> running.mean_counts
    array([0.5, 1.5], dtype=float32)
    """

    ARRAYS = ("stimulus_by_count", "count_by_count", "mean_counts")

    def __init__(self, n_pixels: int, n_neurons: int, dtype: DTypeLike = np.float32):
        self.stimulus_by_count = np.zeros((n_pixels, n_neurons), dtype)
        self.count_by_count = np.zeros((n_neurons, n_neurons), dtype)
        self.mean_counts = np.zeros(n_neurons, dtype)
        self.noise_variance = 0.0
        self.n_updates = 0

    def update(self, batch: BatchStatistics, rate: float) -> None:
        """Move towards the averages of a batch; a plain mean until `rate` is the larger step."""
        self.n_updates += 1
        rate, n = max(rate, 1 / self.n_updates), batch.n_counted
        n_pixels = len(self.stimulus_by_count)
        self.stimulus_by_count += rate * (batch.stimulus_by_count / n - self.stimulus_by_count)
        self.count_by_count += rate * (batch.count_by_count / n - self.count_by_count)
        self.mean_counts += rate * (batch.counts / n - self.mean_counts)
        self.noise_variance += rate * (batch.squared_error / n / n_pixels - self.noise_variance)

    def forget(self, neurons: NDArray) -> None:
        """Drop what is known of these neurons."""
        self.stimulus_by_count[:, neurons] = 0
        self.count_by_count[neurons] = 0
        self.count_by_count[:, neurons] = 0
        self.mean_counts[neurons] = 0
