"""What takes the time steps of many copies, and what of it is installed."""

import os
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec

from ipvae_brian._tools.checks import known_name
from ipvae_brian._tools.threads import one_blas_thread

# The fastest first; "brian2" are Brian2's own objects and need no class of their own.
ENGINES = ("numba", "numpy", "brian2")


def default_engine():
    """The fastest engine for many copies that is installed."""
    return "numba" if find_spec("numba") else "numpy"


def available_engine(engine):
    """The name of an engine, checked.

    Raises
    ------
    ValueError
        If there is none of that name.
    ImportError
        If what it needs is not installed.
    """
    known_name(engine, "engine", ENGINES)
    if engine == "numba" and not find_spec("numba"):
        raise ImportError("engine 'numba' needs Numba: pip install 'ipvae-brian[fast]'")
    return engine


def engine_class(engine):
    """The class of an engine, imported when it is used: Numba takes as long as all of SciPy."""
    if engine == "numba":
        from ipvae_brian.network.engines.numba import NumbaCopies

        return NumbaCopies
    from ipvae_brian.network.engines.numpy import NumpyCopies

    return NumpyCopies


def threads(engine):
    """A context in which the threads of an engine are not disturbed by others.

    Those of OpenBLAS keep a core busy for a while after each product, waiting for the next one.
    """
    return _threads_of_numba() if engine == "numba" else nullcontext()


@contextmanager
def _threads_of_numba():
    """As many as OMP_NUM_THREADS allows: Dask and batch systems set it, and Numba does not ask."""
    import numba

    before = numba.get_num_threads()
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    with one_blas_thread():
        if "NUMBA_NUM_THREADS" not in os.environ and allowed.isdecimal():
            numba.set_num_threads(max(1, min(before, int(allowed))))
        try:
            yield
        finally:
            numba.set_num_threads(before)
