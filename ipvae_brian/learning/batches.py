"""Batches of stimuli, shuffled from one array or taken in order from a stream of arrays."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.learning.settings import TrainingSettings, decided

# Rows that are read at a time, since stimuli may be more than fit into memory.
ROWS = 10_000


class ShuffledArray:
    """Batches of one array, in every epoch in an order of its own.

    Parameters
    ----------
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
    settings : TrainingSettings

    Attributes
    ----------
    first : numpy.ndarray, shape (n_stimuli, n_pixels)
        What the standardisation is taken from: all of it.
    n_total : int
        Batches of the whole training.
    """

    def __init__(self, stimuli: NDArray, settings: TrainingSettings):
        self.first = stimuli
        self.settings = settings
        n_epochs = decided(settings.n_epochs)
        self.n_total = n_epochs * math.ceil(len(stimuli) / settings.batch_size)
        self._fingerprint: str | None = None

    def batches(self, done: int) -> Iterator[NDArray]:
        """Yield the batches after the first `done`."""
        s = self.settings
        n_epochs, seed = decided(s.n_epochs), decided(s.seed)
        return shuffled_batches(self.first, s.batch_size, n_epochs, seed, done)

    def fingerprint(self, n_batches: int) -> str:
        """Return a text that differs between data sets, whichever row differs."""
        if self._fingerprint is None:
            self._fingerprint = f"array {self.first.shape} {checksum(self.first)}"
        return self._fingerprint


class Stream:
    """Batches of an iterable of arrays, in their order.

    Parameters
    ----------
    X : iterable of array_like, shape (any, n_pixels)
    settings : TrainingSettings
    check : callable
        Gets an array and whether it is the first, and returns it checked.

    Attributes
    ----------
    first : numpy.ndarray, shape (any, n_pixels)
        The first array, which the standardisation is taken from.
    n_total : None
        Nobody knows where it ends.

    Raises
    ------
    ValueError
        If it is empty, or cannot be read as often as is asked for.
    """

    n_total = None

    def __init__(
        self, X: Iterable, settings: TrainingSettings, check: Callable[[Any, bool], NDArray]
    ):
        n_epochs = decided(settings.n_epochs)
        if iter(X) is X and n_epochs > 1:
            raise ValueError(
                "n_epochs must be 1 for an iterator, which cannot be read twice, got "
                f"{n_epochs}; give an object that can be iterated over again"
            )
        arrays = chain.from_iterable(X for _ in range(n_epochs))
        first = next(arrays, None)
        if first is None:
            raise ValueError("X is an iterator without any array of stimuli")
        self.first = check(first, True)
        arrays = chain([self.first], (check(array, False) for array in arrays))
        self._rest = self._cut(arrays, settings.batch_size)
        # Of everything up to each batch, so that a training goes on with what it began with.
        self._fingerprints = [f"stream {self.first.shape}"]

    def _cut(self, arrays, batch_size):
        for array in arrays:
            for begin in range(0, len(array), batch_size):
                batch = array[begin : begin + batch_size]
                self._fingerprints.append(checksum(batch, self._fingerprints[-1]))
                yield batch

    def batches(self, done: int) -> Iterator[NDArray]:
        """Yield the batches after the first `done`."""
        self.fingerprint(done)
        return self._rest

    def fingerprint(self, n_batches: int) -> str:
        """Return a text that differs if any of the first batches does; reads up to there."""
        while len(self._fingerprints) <= n_batches and next(self._rest, None) is not None:
            pass
        return self._fingerprints[min(n_batches, len(self._fingerprints) - 1)]


def checksum(stimuli: NDArray, before: str = "") -> str:
    """Return a checksum of all rows, of their type and of a text."""
    digest = hashlib.blake2b(f"{before} {stimuli.dtype.str}".encode(), digest_size=16)
    for begin in range(0, len(stimuli), ROWS):
        digest.update(np.ascontiguousarray(stimuli[begin : begin + ROWS]).data)
    return digest.hexdigest()


def shuffled_batches(
    stimuli: NDArray, batch_size: int, n_epochs: int, seed: int, first: int = 0
) -> Iterator[NDArray]:
    """Yield batches of every epoch in an order of its own, from batch number `first` on.

    Yields
    ------
    numpy.ndarray, shape (at most batch_size, n_pixels)
    """
    per_epoch = -(-len(stimuli) // batch_size)
    for epoch in range(first // per_epoch, n_epochs):
        order = np.random.default_rng([seed, 2, epoch]).permutation(len(stimuli))
        start = first - epoch * per_epoch if epoch == first // per_epoch else 0
        for batch in range(start, per_epoch):
            chosen = order[batch * batch_size : (batch + 1) * batch_size]
            yield np.asarray(stimuli[np.sort(chosen)])


def is_stream(X: Any) -> TypeGuard[Iterable]:
    """Return whether X is an iterable of arrays rather than one array."""
    array_like = hasattr(X, "shape") or hasattr(X, "__array__") or isinstance(X, list | tuple | str)
    return isinstance(X, Iterable) and not array_like
