"""Batches of stimuli: shuffled from one array, or in their order from a stream of arrays."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


def is_stream(X: Any) -> bool:
    """Return whether X is an iterable of arrays rather than one array."""
    array_like = hasattr(X, "shape") or hasattr(X, "__array__") or isinstance(X, list | tuple | str)
    return isinstance(X, Iterable) and not array_like


def begin_stream(
    X: Iterable, check: Callable[[Any, bool], NDArray], batch_size: int, n_epochs: int
) -> tuple[NDArray, Iterator[NDArray]]:
    """Return the first array of a stream, and all of its batches, that array's included.

    Parameters
    ----------
    X : iterable of array_like, shape (any, n_pixels)
    check : callable
        Gets an array and whether it is the first, and returns it checked.
    batch_size, n_epochs : int

    Raises
    ------
    ValueError
        If it is empty, or cannot be read as often as is asked for.
    """
    if iter(X) is X and n_epochs > 1:
        raise ValueError(
            f"n_epochs must be 1 for an iterator, which cannot be read twice, got {n_epochs}; "
            "give an object that can be iterated over again"
        )
    arrays = chain.from_iterable(X for _ in range(n_epochs))
    first = next(arrays, None)
    if first is None:
        raise ValueError("X is an iterator without any array of stimuli")
    first = check(first, True)

    def batches():
        for array in chain([first], (check(array, False) for array in arrays)):
            for begin in range(0, len(array), batch_size):
                yield array[begin : begin + batch_size]

    return first, batches()
