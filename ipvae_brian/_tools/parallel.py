"""Work split over processes or machines with joblib; results do not depend on how it is split.

Whatever backend joblib is told to use runs the tasks: processes of this machine by default, a
cluster inside ``joblib.parallel_config(backend="dask")``. Every part of a job has random numbers of
its own, made of the job's seed and the number of the part, so one process and ten give the same.
"""

import threading
import warnings
from contextlib import contextmanager
from itertools import pairwise

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ipvae_brian._tools.progress import progress_bar

# How often tasks are given out again after a worker process was killed.
ATTEMPTS = 3


def n_workers(n_jobs):
    """How many tasks run at a time; 1 means this process alone.

    Parameters
    ----------
    n_jobs : int or None
        As everywhere with joblib: None is 1 unless a `joblib.parallel_config` says otherwise,
        -1 is all cores.
    """
    return effective_n_jobs(n_jobs)


def run_tasks(function, tasks, n_jobs, *, progress=False):
    """Results of ``function(*task)`` for every task, in their order.

    Tasks are pure, so those of a worker that was killed are simply given out again.

    Parameters
    ----------
    function : callable
    tasks : list of tuple
    n_jobs : int or None
    progress : bool, optional
        Whether to show a progress bar of tasks; see `progress_bar`.

    Raises
    ------
    TerminatedWorkerError
        If workers die again and again, for want of memory for example.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            # Arrays go through pipes: as files, joblib waits a tenth of a second to delete them.
            parallel = Parallel(n_jobs=n_jobs, max_nbytes=None, return_as="generator")
            results = parallel(delayed(_call)(function, task) for task in tasks)
            return list(progress_bar(len(tasks), "parts", progress, iterable=results))
        except TerminatedWorkerError:
            if attempt == ATTEMPTS:
                raise
            warnings.warn(
                f"a worker process was killed; its tasks are done again (attempt {attempt + 1} of "
                f"{ATTEMPTS})",
                RuntimeWarning,
                stacklevel=2,
            )
    raise AssertionError("unreachable")


def _call(function, task):
    # Arguments travel as one tuple: arrays of their own would be put onto one worker of a Dask
    # cluster beforehand, and be lost with it.
    return function(*task)


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
    def use(self, key, build):
        """The network for a key, built by ``build()`` if it is not the last one."""
        with self._lock:
            if key != self._key:
                self._network = build()
                self._key = key
            yield self._network


def parts(n, size, n_parts):
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
