"""Simulate many stimuli with copies of a network, in one process or several, here or elsewhere."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import seconds
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.parallel import OneNetwork, n_workers, parts, run_tasks
from ipvae_brian._tools.shared_arrays import SharedArrays
from ipvae_brian._tools.types import Time
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.arguments import as_stimuli, steps_per_tau, whole_fraction
from ipvae_brian.network.engines.choice import default_engine
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.network.stability import with_halvings
from ipvae_brian.response.response import Response

COPIES = 200
Measure = Callable[[Response, Callable[[NDArray], NDArray]], dict[str, NDArray]]
# So that no worker waits long for the last one.
PARTS_PER_WORKER = 5


def simulate_many(
    parameters: Parameters, stimuli: ArrayLike, duration: Time, **options: Any
) -> Response:
    """Present many static stimuli to copies of a network, on as many processes as are asked for.

    Parameters
    ----------
    parameters, stimuli, duration, **options
        As for `simulate_and_measure`.

    Returns
    -------
    Response
        Counts and expected counts; no spike times and potentials.
    """
    return simulate_and_measure(parameters, stimuli, duration, **options)[0]


def simulate_and_measure(
    parameters: Parameters,
    stimuli: ArrayLike,
    duration: Time,
    measure: Measure | None = None,
    *,
    seed: int,
    until: float | None = None,
    dt: Time | None = None,
    engine: str | None = None,
    n_copies: int = COPIES,
    n_jobs: int | None = None,
    progress: bool | None = None,
    **controls: Any,
) -> tuple[Response, dict[str, NDArray]]:
    """Simulate many static stimuli, and measure the response where it is simulated.

    Parameters
    ----------
    parameters, stimuli, duration
        As for `SpikingNetwork.present`.
    measure : callable, optional
        Gets the response to as many stimuli as are simulated at once, and a function that decodes
        counts (n, n_neurons) fast, in single precision; returns a dict of arrays with an entry for
        each stimulus.
    seed : int
    until, dt, engine, n_copies, n_jobs, progress
        As for `evaluate`.
    **controls
        `lateral` and `noise`, as for `SpikingNetwork`.

    Returns
    -------
    response : Response
        Counts and expected counts; no spike times and potentials.
    measured : dict of numpy.ndarray
        What `measure` gave, for all stimuli.

    Raises
    ------
    DivergenceError, MemoryLimitError, TypeError, ValueError
        As for `SpikingNetwork.present`.
    """
    if engine is None:
        # Named also where it is the default, which for one copy is another circuit.
        engine = default_engine(parameters, steps_per_tau(dt, parameters))
    if n_workers(n_jobs) == 1:
        network = _network(parameters, n_copies, dt, engine, controls)
        response = network.present(stimuli, duration, until=until, seed=seed, progress=progress)
        return response, _joined(_measured(measure, response, network))
    stimuli = as_stimuli(stimuli, parameters, "stimuli")
    ranges = parts(len(stimuli), n_copies, PARTS_PER_WORKER * n_workers(n_jobs))
    duration_seconds = seconds(duration, "duration")
    # One that simulates nothing, but knows what it would simulate and how.
    network = _network(parameters, n_copies, None, engine, controls)
    rate_type = network.rate_type

    def run(step):
        n_steps = round(duration_seconds / step)
        if until is not None:
            # How long is found with the stimuli that one network would show first.
            first = _network(parameters, n_copies, step * second, engine, controls)
            first.checked_energy = math.inf
            shown = stimuli[:n_copies]
            found = first.present(shown, duration, until=until, seed=seed, progress=False)
            n_steps = found.timing.n_steps
        n_windows = n_steps // round(float(parameters.tau) / step)
        shape = (n_windows, len(stimuli), parameters.n_neurons)
        numbers = math.prod(shape)
        require_memory(
            {"counts": 4 * numbers, "expected counts": rate_type().itemsize * numbers},
            "present fewer stimuli",
        )
        with SharedArrays([(shape, np.int32), (shape, rate_type)]) as shared:
            length = n_steps * step * second
            given = length, measure, step, seed, engine, n_copies, controls, shared
            tasks = [(parameters, stimuli[begin:end], begin, *given) for begin, end in ranges]
            done = run_tasks(_simulate_part, tasks, n_jobs, progress=progress)
            counts, expected_counts = shared.arrays()
        for (begin, end), (*_, sent) in zip(ranges, done, strict=True):
            if sent is not None:
                counts[:, begin:end], expected_counts[:, begin:end] = sent
        by_trial = (array.swapaxes(0, 1) for array in (counts, expected_counts))
        frames = stimuli[:, None, :].copy()  # the user's array may change
        response = Response(parameters, frames, done[0][0], *by_trial, copy=False)
        return response, _joined([one for _, measured, _ in done for one in measured])

    # One step for all parts, chosen or checked as one network does it.
    if dt is None:
        network.build(stimuli)
        step = network._dt_seconds
        return run(step) if network.circuit.in_continuous_time else with_halvings(run, step)
    step = whole_fraction(seconds(dt, "dt"), parameters)
    network.check_dt(stimuli, step)
    return run(step)


_kept = OneNetwork()


def _simulate_part(
    parameters,
    stimuli,
    first,
    duration,
    measure,
    dt_seconds,
    seed,
    engine,
    n_copies,
    controls,
    shared,
):
    """Return timing, what was measured, and counts that cannot be put where they belong."""
    # Equal parameters are another object in every task, so the key is what they hold.
    arrays, metadata = parameters.to_arrays()
    held = b"".join(array.tobytes() for array in arrays.values()), repr(metadata)
    key = hash(held), dt_seconds, engine, n_copies, repr(controls)
    dt = dt_seconds * second
    with _kept.use(key, lambda: _network(parameters, n_copies, dt, engine, controls)) as network:
        network.checked_energy = math.inf  # the step was checked for all parts
        response = network.present(
            stimuli, duration, seed=seed, first_stimulus=first, progress=False
        )
        measured = _measured(measure, response, network)
    # Window by window as they are in memory.
    counts, expected_counts = (
        array.swapaxes(0, 1) for array in (response.counts, response.expected_counts)
    )
    if (arrays := shared.arrays()) is None:
        # In as few bytes as they need.
        counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
        return response.timing, measured, (counts, expected_counts)
    for array, part in zip(arrays, (counts, expected_counts), strict=True):
        array[:, first : first + len(stimuli)] = part
    return response.timing, measured, None


def _measured(measure, response, network):
    """Return what `measure` gives for every `n_copies` stimuli."""
    # The same numbers at a time whichever process does it: sums of other lengths round otherwise.
    if measure is None:
        return []
    size, decode = network.n_copies, network.circuit.decode
    parts = (slice(begin, begin + size) for begin in range(0, response.n_stimuli, size))
    return [measure(response.select(part), decode) for part in parts]


def _joined(measured):
    """Join dicts of arrays to one dict of longer arrays."""
    names = measured[0] if measured else ()
    return {name: np.concatenate([one[name] for one in measured]) for name in names}


def _network(parameters, n_copies, dt, engine, controls):
    return SpikingNetwork(
        parameters, n_copies=n_copies, dt=dt, engine=engine, record_spikes=False, **controls
    )
