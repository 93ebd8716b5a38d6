"""Choose the circuit and the engine, by what is asked for and what is installed."""

from importlib.util import find_spec

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import known_name
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.engines.brian2 import Copies
from ipvae_brian.network.engines.limits import not_in_continuous_time
from ipvae_brian.network.pathways import ErrorUnits, Synapses

# Circuits of one population.
PATHWAYS = {"synapses": Synapses, "error_units": ErrorUnits}
# What takes the time steps of many copies, the fastest first.
ENGINES = ("events", "numba", "numpy", "brian2")
# Those that Numba compiles.
COMPILED = ("events", "numba")


def stepping_engine() -> str:
    """Return the name of the fastest engine for many copies in time steps that is installed."""
    return "numba" if find_spec("numba") else "numpy"


def default_engine(parameters: Parameters, steps_per_tau: int | None = None) -> str:
    """Return the name of the fastest engine that is installed and can simulate many copies.

    Parameters
    ----------
    parameters : Parameters
    steps_per_tau : int, optional
        None if the step is still to be chosen. With 1, updates are discrete.

    Warns
    -----
    UserWarning
        If the parameters stand against "events".
    """
    if steps_per_tau == 1 or not find_spec("numba"):
        return stepping_engine()
    if reason := not_in_continuous_time(parameters, steps_per_tau):
        warn_user(f"simulated in time steps, with engine 'numba': {reason}", UserWarning)
        return "numba"
    return "events"


def available_engine(engine: str) -> str:
    """Return the name of an engine, checked.

    Raises
    ------
    ValueError
        If there is none of that name.
    ImportError
        If what it needs is not installed.
    """
    known_name(engine, "engine", ENGINES)
    if engine in COMPILED and not find_spec("numba"):
        raise ImportError(f"engine {engine!r} needs Numba: pip install 'ipvae-brian[fast]'")
    return engine


def choose_circuit(pathway: str | None, n_copies: int, engine: str) -> type[Circuit]:
    """Return the class of the circuit that a user asked for.

    Parameters
    ----------
    pathway : {"synapses", "error_units"} or None
        None is "synapses" for one population; copies have no pathway.
    n_copies : int
    engine : {"events", "numba", "numpy", "brian2"}

    Raises
    ------
    TypeError, ValueError, ImportError
        For what does not exist, does not go together or is not installed.
    """
    if pathway is not None:
        known_name(pathway, "pathway", tuple(PATHWAYS))
    available_engine(engine)
    if n_copies == 1 and engine == "brian2":
        return PATHWAYS[pathway or "synapses"]
    if pathway is not None:
        raise ValueError(
            f"pathway {pathway!r} needs n_copies 1 and engine 'brian2', got {n_copies} and "
            f"{engine!r}"
        )
    if engine == "brian2":
        return Copies
    # Imported when it is used: Numba takes as long as all of SciPy.
    if engine == "events":
        from ipvae_brian.network.engines.events import EventCopies

        return EventCopies
    if engine == "numba":
        from ipvae_brian.network.engines.numba import NumbaCopies

        return NumbaCopies
    from ipvae_brian.network.engines.numpy import NumpyCopies

    return NumpyCopies
