"""Divide work among processes or machines with joblib; the division does not affect the results.

Whatever backend joblib is told to use runs the tasks: processes of this machine by default, a
cluster inside ``joblib.parallel_config(backend="dask")``. Every part of a job has its own random
numbers, derived from the job's seed and the part's number, so one process and ten give the same.
"""

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, Self

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.progress import progress_bar

# How often tasks are given out again after a worker process was killed.
ATTEMPTS = 3
# How long workers outlive the process that started them.
SECONDS_TO_LEAVE = 2.0


def n_workers(n_jobs: int | None) -> int:
    """Return how many tasks run at a time; 1 means this process alone.

    Parameters
    ----------
    n_jobs : int or None
        As everywhere with joblib: None is 1 unless a `joblib.parallel_config` says otherwise,
        -1 is all cores.
    """
    return effective_n_jobs(n_jobs)  # pyright: ignore[reportArgumentType]


class Workers:
    """Processes or threads that run tasks, kept from one lot of tasks to the next.

    A context manager: at its end they have nothing more to do. They stay for a while, for others
    to use, and leave soon after the process that started them has ended, however it ended.

    Parameters
    ----------
    n_jobs : int or None

    Examples
    --------
    >>> from ipvae_brian._tools.parallel import Workers
    >>> with Workers(n_jobs=None) as workers:
    ...     workers.run(divmod, [(7, 2), (9, 4)])
    [(3, 1), (2, 1)]
    """

    def __init__(self, n_jobs: int | None):
        self.n_jobs = n_jobs
        self._entered: Any = None

    def __enter__(self) -> Self:
        # Arrays go through pipes: as files, joblib waits a tenth of a second to delete them. One
        # pool for all tasks, because each leaves a folder in shared memory until the process ends.
        options: dict[str, Any] = {"n_jobs": self.n_jobs, "max_nbytes": None}
        try:
            self._entered = Parallel(**options, return_as="generator")
        except ValueError as error:
            if "return_as" not in str(error):
                raise
            # The backend hands over results when it has all of them.
            self._entered = Parallel(**options)
        self._entered.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._entered.__exit__(*error)

    def run(
        self,
        function: Callable[..., Any],
        tasks: Sequence[tuple],
        *,
        progress: bool | None = False,
    ) -> list[Any]:
        """Return the results of ``function(*task)`` for every task, in their order.

        Tasks are pure, so those of a worker that was killed are simply given out again.

        Parameters
        ----------
        function : callable
        tasks : list of tuple
        progress : bool, optional
            Whether to show a progress bar of tasks; see `progress_bar`.

        Raises
        ------
        TerminatedWorkerError
            If workers die again and again, for want of memory for example.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                results = self._entered(
                    delayed(_call)(function, task, os.getpid()) for task in tasks
                )
                return list(progress_bar(len(tasks), "parts", progress, iterable=results))
            except TerminatedWorkerError as error:
                self.__exit__(type(error), error, None)
                self.__enter__()
                if attempt == ATTEMPTS:
                    raise
                warn_user(
                    f"a worker process was killed; its tasks are done again (attempt {attempt + 1} "
                    f"of {ATTEMPTS})",
                    RuntimeWarning,
                )
        raise AssertionError("unreachable")


def run_tasks(
    function: Callable[..., Any],
    tasks: Sequence[tuple],
    n_jobs: int | None,
    *,
    progress: bool | None = False,
) -> list[Any]:
    """Return the results of ``function(*task)`` for every task; see `Workers.run`."""
    with Workers(n_jobs) as workers:
        return workers.run(function, tasks, progress=progress)


def _call(function, task, owner):
    # Arguments travel as one tuple: arrays of their own would be put onto one worker of a Dask
    # cluster beforehand, and be lost with it.
    if os.getppid() == owner:
        _leave_with(owner)
    return function(*task)


@cache
def _leave_with(owner):
    """End this worker soon after the process that started it, which may not be able to say so."""

    def watch():
        while os.getppid() == owner:
            time.sleep(SECONDS_TO_LEAVE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="ipvae_brian_leave").start()


class OneNetwork:
    """The network that a process keeps between tasks, as building one takes longer than a task.

    Only the last one is kept, because a worker serves one job at a time.
    """

    def __init__(self):
        self._key = None
        self._network = None
        # Brian2's run loop is not made for threads; some backends put tasks into them.
        self._lock = threading.Lock()

    @contextmanager
    def use(self, key: Hashable, build: Callable[[], Any]) -> Iterator[Any]:
        """Lend the network for a key, built by ``build()`` if it is not the last one."""
        with self._lock:
            if key != self._key:
                self._network = build()
                self._key = key
            yield self._network


def parts(n: int, size: int, n_parts: int) -> list[tuple[int, int]]:
    """Split n items into at most n_parts ranges of like lengths, multiples of `size` but the last.

    Returns
    -------
    list of (int, int)
        Begin and end of every range.
    """
    waves = -(-n // size)
    n_parts = min(n_parts, waves)
    # The longer ones first.
    edges = [size * -(-waves * part // n_parts) for part in range(n_parts)] + [n]
    return list(pairwise(edges))
