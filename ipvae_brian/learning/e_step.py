"""The E-step of learning: batches are cut into chunks, simulated, and summed up.

A chunk is a set of stimuli that the copies of one network see at the same time. Each chunk has its
own random numbers, derived from the training's seed, the batch number and the chunk number, so it
does not matter which process simulates it, in which order, or how often.
"""

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import NDArray

from ipvae_brian._tools.parallel import OneNetwork
from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.statistics import BatchStatistics
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.presentation import Outcome, Presentation
from ipvae_brian.network.spiking import SpikingNetwork


def training_parameters(
    settings: TrainingSettings, dictionary: NDArray, **others: Any
) -> Parameters:
    """Return the parameters of the network that is trained.

    Parameters
    ----------
    settings : TrainingSettings
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
    **others
        Further arguments of `Parameters`, or other values than those of training.
    """
    values = {
        "gain": settings.training_gain,
        "sparsity": settings.training_sparsity,
        "highest_potential": settings.training_highest_potential,
        "half_threshold_rate": settings.training_half_threshold_rate,
    }
    return Parameters.from_unit_dictionary(
        dictionary,
        spike_size=settings.spike_size,
        noise_penalty=settings.noise_penalty,
        leak=settings.leak,
        threshold_memory=settings.threshold_memory,
        lowest_potential=settings.lowest_potential,
        tau=settings.tau_seconds * second,
        **(values | others),
    )


def training_network(
    settings: TrainingSettings, dictionary: NDArray, steps_per_tau: int
) -> SpikingNetwork:
    """Return a network of as many copies as there are stimuli in a chunk."""
    return SpikingNetwork(
        training_parameters(settings, dictionary),
        n_copies=settings.chunk_size,
        dt=settings.tau_seconds / steps_per_tau * second,
        engine=settings.engine,
        name="ipvae_training",
    )


def chunks(
    settings: TrainingSettings,
    stimuli: NDArray,
    n_batch: int,
    steps_per_tau: int,
    first_chunk: int = 0,
) -> Iterator[Presentation]:
    """Yield the chunks of a batch, or of a part of it that begins with chunk `first_chunk`."""
    size = settings.chunk_size
    steps = np.array([settings.n_windows * steps_per_tau])
    shape = (settings.n_windows, size, settings.n_neurons)
    # Used again by every chunk, whose statistics are taken before the next begins.
    counts, expected = np.empty(shape, np.int32), np.empty(shape, np.float32)
    for chunk, begin in enumerate(range(0, len(stimuli), size), first_chunk):
        part = stimuli[begin : begin + size]
        frames = np.zeros((size, 1, stimuli.shape[1]), np.float32)
        frames[: len(part), 0] = part
        seed = [settings.seed, 1, n_batch, chunk]
        yield Presentation(
            frames, steps, seed=seed, used=len(part), counts=counts, expected_counts=expected
        )


def statistics_of(
    presentation: Presentation, outcome: Outcome, settings: TrainingSettings, dictionary: NDArray
) -> BatchStatistics:
    """Return the statistics of a simulated chunk, ready to be added to those of others."""
    used = len(presentation.frames) if presentation.used is None else presentation.used
    fit = np.flatnonzero(~outcome.diverged[:used])
    return BatchStatistics.of(
        presentation.frames[fit, 0],
        outcome.counts[fit],
        dictionary,
        windows_left_out=settings.windows_left_out,
        n_diverged=used - len(fit),
    ).rounded()


_kept = OneNetwork()


def simulate_chunks(
    settings: TrainingSettings,
    dictionary: NDArray,
    stimuli: NDArray,
    n_batch: int,
    steps_per_tau: int,
    first_chunk: int,
) -> BatchStatistics:
    """Simulate a part of a batch in a worker.

    Parameters
    ----------
    settings : TrainingSettings
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons)
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    n_batch : int
        Number of the batch.
    steps_per_tau : int
    first_chunk : int
        Number of the first of these chunks within it.

    Returns
    -------
    BatchStatistics
        Of all of them.
    """
    done = []

    def collect(presentation, outcome):
        done.append(statistics_of(presentation, outcome, settings, dictionary))

    def build():
        return training_network(settings, dictionary, steps_per_tau)

    key = settings, steps_per_tau, stimuli.shape[1]
    with _kept.use(key, build) as network, one_blas_thread():
        network.set_parameters(training_parameters(settings, dictionary))
        presentations = chunks(settings, stimuli, n_batch, steps_per_tau, first_chunk)
        network.run(presentations, collect)
    return reduce(add, done)
