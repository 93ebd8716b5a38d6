"""The E-step of learning: batches are cut into shards, simulated, and summed up.

A shard is what the copies of one network see at once. Each has random numbers of its own, made of
the training's seed, the number of the batch and its own, so it does not matter which process
simulates it, in which order, or how often.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from ipvae_brian._tools.parallel import OneNetwork
from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.learning.statistics import BatchSums, rounded

# Stimuli of a shard that are kept for reviving silent neurons: those reconstructed worst.
N_WORST = 16


@dataclass
class Shard:
    """What learning needs to know of a simulated shard, or of several added up.

    Parameters
    ----------
    sums : BatchSums
        Of the windows that count.
    n_stimuli, n_diverged : int
        Stimuli shown; those of them that ran away and are left out of all the rest.
    r2, zeros, spikes : float
        BatchSums over stimuli, of the last window.
    worst_stimuli : numpy.ndarray, shape (n_worst, n_pixels)
    worst_counts : numpy.ndarray, shape (n_worst, n_neurons)
        The stimuli that are reconstructed worst, and their counts in the last window.
    """

    sums: BatchSums
    n_stimuli: int
    n_diverged: int
    r2: float
    zeros: float
    spikes: float
    worst_stimuli: np.ndarray
    worst_counts: np.ndarray

    @classmethod
    def of(cls, trial, outcome, settings, dictionary):
        """Sum up a trial."""
        fit = np.flatnonzero(~outcome.diverged[: trial.used])
        stimuli, counts = trial.frames[fit, 0], outcome.counts[fit]
        last = counts[:, -1]
        error = ((stimuli - last.astype(dictionary.dtype) @ dictionary.T) ** 2).sum(axis=1)
        total = ((stimuli - stimuli.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        # A stimulus without variance counts as explained. (Of equal numbers the mean is rounded,
        # so their total need not be zero.)
        varied = np.ptp(stimuli, axis=1) > 0
        r2 = 1 - np.divide(error, total, out=np.zeros_like(error), where=varied)
        worst = np.argsort(-error, kind="stable")[:N_WORST]
        return cls(
            sums=BatchSums.of(
                stimuli, counts[:, settings.windows_left_out :], dictionary
            ).rounded(),
            n_stimuli=trial.used,
            n_diverged=trial.used - len(fit),
            r2=float(rounded(r2.sum())),
            zeros=float(rounded((last == 0).mean(axis=1).sum())),
            spikes=float(last.sum()),
            worst_stimuli=stimuli[worst],
            worst_counts=last[worst],
        )

    def __add__(self, other):
        def both(name):
            return getattr(self, name) + getattr(other, name)

        def stacked(name):
            return np.concatenate([getattr(self, name), getattr(other, name)])

        added = ("sums", "n_stimuli", "n_diverged", "r2", "zeros", "spikes")
        values = {name: both(name) for name in added}
        return Shard(
            **values,
            worst_stimuli=stacked("worst_stimuli"),
            worst_counts=stacked("worst_counts"),
        )


_kept = OneNetwork()


def simulate_shards(settings, dictionary, stimuli, n_batch, first_shard):
    """Simulate a part of a batch in a worker.

    Parameters
    ----------
    settings : TrainingSettings
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    n_batch : int
        Number of the batch.
    first_shard : int
        Number of the first of these shards within it.

    Returns
    -------
    Shard
        All of them added up.
    """
    shards = []

    def collect(trial, outcome):
        shards.append(Shard.of(trial, outcome, settings, dictionary))

    key = (settings, stimuli.shape[1])
    with _kept.use(key, lambda: settings.network(dictionary)) as network, one_blas_thread():
        network.set_parameters(settings.parameters(dictionary))
        network.run_trials(settings.trials(stimuli, n_batch, first_shard), collect)
    return reduce(add, shards)
