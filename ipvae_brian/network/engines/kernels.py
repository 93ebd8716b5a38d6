"""Functions compiled by Numba, run in as many threads as the work is worth."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import numba
from numba import njit
from numba.np.ufunc import parallel as numba_threads

# Below so many neurons (of all copies) a further thread costs more than it takes off.
NEURONS_OF_A_THREAD = 20_000
PARTS_OF_A_THREAD = 4
# How often a thread of GNU OpenMP looks for work before it sleeps: some 50 us, from one step of a
# network to the next. By default it looks for milliseconds, and takes a core from all others.
LOOKS_FOR_WORK = "5000"
# With either of these users say how threads wait.
WAITING = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"

_here = threading.local()


class Kernel:
    """A function over copies, compiled for several threads and for one, which round alike.

    One thread has no others to wait for: it is faster where there is little to do, or where other
    programs keep the cores busy, and it is all that works in a fork of a process with threads.
    Inside of `several_threads` calls go to the former, elsewhere to the latter; each is compiled at
    its first call.

    Parameters
    ----------
    function : callable
        With a `prange` over copies.
    fastmath : set of str
        As for `numba.njit`.
    error_model : {"python", "numpy"}, default "python"
        As for `numba.njit`.
    """

    def __init__(
        self, function: Callable[..., Any], fastmath: set[str], error_model: str = "python"
    ):
        # Numba names the file that keeps what was compiled after the function.
        name = f"{function.__name__}_in_one_thread"
        alone = FunctionType(function.__code__, function.__globals__, name)
        alone.__qualname__ = name
        self.__doc__ = function.__doc__
        options: dict[str, Any] = {"fastmath": fastmath, "error_model": error_model}
        self.in_threads = compiled(function, parallel=True, **options)
        self.in_one_thread = compiled(alone, **options)

    def __call__(self, *arguments: Any) -> Any:
        """Call the one or the other."""
        chosen = self.in_threads if getattr(_here, "several", False) else self.in_one_thread
        return chosen(*arguments)


def kernel(
    fastmath: set[str], error_model: str = "python"
) -> Callable[[Callable[..., Any]], Kernel]:
    """Return a decorator that compiles a function as a `Kernel`."""
    return lambda function: Kernel(function, fastmath, error_model)


def compiled(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Return a function compiled by Numba, which keeps it for other processes if it can."""
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        # There is no folder to keep it in: neither beside the file nor in the user's home.
        return njit(**options)(function)


_forked_with_threads = False


def _after_fork():
    global _forked_with_threads
    _forked_with_threads |= numba_threads._is_initialized


if hasattr(os, "register_at_fork"):
    # Their threads are not in the child, where Numba's libraries wait for them or abort.
    os.register_at_fork(after_in_child=_after_fork)


def threads_that_pay(n_neurons: int) -> int:
    """Return how many threads are of use for so many neurons, of all copies.

    No more than OMP_NUM_THREADS: Dask and batch systems set it, and Numba does not ask.
    """
    n_threads = n_neurons // NEURONS_OF_A_THREAD
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    if "NUMBA_NUM_THREADS" not in os.environ and allowed.isdecimal():
        n_threads = min(n_threads, int(allowed))
    config: Any = getattr(numba, "config")  # noqa: B009 (checkers do not find it)
    n_threads = min(n_threads, config.NUMBA_NUM_THREADS)
    return 1 if _forked_with_threads else max(1, n_threads)


def _start_threads():
    """Let Numba start its threads, which sleep soon where there is nothing to do."""
    if numba_threads._is_initialized or any(name in os.environ for name in WAITING):
        return
    # OpenMP reads it once, when it is loaded; it is nobody else's to find.
    os.environ["GOMP_SPINCOUNT"] = LOOKS_FOR_WORK
    try:
        numba.get_num_threads()
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def parts_of(n_copies: int) -> int:
    """Return into how many parts to divide copies: a few for each thread."""
    if not getattr(_here, "several", False):
        return 1
    return min(n_copies, PARTS_OF_A_THREAD * numba.get_num_threads())


@contextmanager
def several_threads(n_neurons: int) -> Iterator[None]:
    """Use as many threads as pay for so many neurons."""
    n_threads = threads_that_pay(n_neurons)
    if n_threads == 1:
        # Numba is not asked how many it has, because it starts them to answer.
        yield
        return
    _start_threads()
    before = numba.get_num_threads()
    numba.set_num_threads(min(n_threads, before))
    _here.several = True
    try:
        yield
    finally:
        _here.several = False
        numba.set_num_threads(before)
