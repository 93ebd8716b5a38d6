"""State of the whole process: whose turn it is, Brian2's random state, garbage collection."""

import gc
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brian2.only as brian
import numpy as np


def current_device() -> Any:
    """Return Brian2's device; type checkers take it for None."""
    return brian.get_device()


# Brian2, its random numbers and the threads of compiled code belong to the process.
_turn = threading.RLock()


def _new_turn():
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    # Whoever had it has no thread in the child, and could not give it back.
    os.register_at_fork(after_in_child=_new_turn)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one thread of the process build and run networks at a time."""
    with _turn:
        yield


def brian2_seed(seed: int) -> int:
    """Return a seed that Brian2 takes, below 2**32, for any that NumPy's SeedSequence takes."""
    return seed if seed < 2**32 else int(np.random.SeedSequence(seed).generate_state(1)[0])


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed Brian2's random numbers inside the block and give them back as they were after it.

    With None nothing is touched: numbers follow the user's own `brian2.seed`.
    """
    device = current_device()
    if seed is None:
        yield
        return
    state = device.get_random_state()
    device.seed(brian2_seed(seed))
    try:
        yield
    finally:
        device.set_random_state(state)


# What has been built and started since the last full collection of garbage, and how many networks
# there were after it.
_made = 0
_alive = 0
_networks: weakref.WeakSet = weakref.WeakSet()
# A network is a few thousand objects in circles, and several megabytes.
OF_A_NETWORK, OF_A_START, ENOUGH = 10, 1, 100


def count_network(network: Any) -> None:
    """Remember that the Brian2 objects of a network were made, for `quick_start`."""
    global _made
    _networks.add(network)
    _made += OF_A_NETWORK


@contextmanager
def quick_start() -> Iterator[None]:
    """Let Brian2 collect garbage among new objects only, and all of it now and then.

    It does so at the beginning of every run, and walking through every object of the process
    takes longer than all the rest of a start. Objects that are passed over count as old ones, which
    Python by itself would hardly ever look at again: so all are looked at once there may be ten
    more networks, or half as many again.
    """
    global _made, _alive
    if gc.get_freeze_count():
        yield
        return
    _made += OF_A_START
    if _made > ENOUGH + OF_A_NETWORK * _alive // 2:
        gc.collect()
        _made, _alive = 0, len(_networks)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
