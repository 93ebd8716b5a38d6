"""How well a model codes held-out stimuli: one dictionary of figures."""

import time
from dataclasses import replace

import numpy as np
from brian2.only import ms, second

from ipvae_brian._checks import number, whole_number
from ipvae_brian.arguments import as_stimuli
from ipvae_brian.metrics import distance
from ipvae_brian.network import SpikingNetwork
from ipvae_brian.parallel import OneNetwork, n_workers, parts, run_tasks
from ipvae_brian.response import Response
from ipvae_brian.stability import choose_dt, with_halvings

COPIES = 200
# Results of one part travel while the next is simulated.
PARTS_PER_WORKER = 5


def evaluate(
    parameters,
    stimuli,
    *,
    windows=16,
    dt=None,
    seed=0,
    engine=None,
    n_copies=COPIES,
    n_jobs=None,
    progress=None,
):
    """Simulate held-out stimuli and measure the code of the last window of tau.

    Parameters
    ----------
    parameters : Parameters
    stimuli : array_like, shape (n_stimuli, n_pixels)
        On the scale that the model takes.
    windows : int, default 16
        Windows of tau for each stimulus.
    dt : Quantity, optional
        Time step; by default one that is stable for these stimuli.
    seed : int, default 0
    engine : {"compiled", "fused", "equations"}, optional
        See `SpikingNetwork`; by default the fastest that is installed.
    n_copies : int, default 200
        Stimuli simulated at once.
    n_jobs : int, optional
        Processes, see `ipvae_brian.parallel`; the figures do not depend on it.
    progress : bool, optional

    Returns
    -------
    figures : dict
        JSON-able: r2, r2_rates, zeros, distance, spikes_per_tau, free_energy (its terms),
        lifetime_sparseness and population_sparseness (medians), convergence (lists with one
        entry for each window), n_stimuli, windows, tau_ms, dt_ms, seed, seconds.
    response : Response

    Raises
    ------
    DivergenceError, MemoryLimitError, TypeError, ValueError
        As for `SpikingNetwork.present`.
    """
    windows = whole_number(windows, "windows")
    start = time.perf_counter()
    response = simulate_many(
        parameters,
        stimuli,
        windows * parameters.tau,
        dt=dt,
        seed=seed,
        engine=engine,
        n_copies=min(n_copies, len(stimuli)),
        n_jobs=n_jobs,
        progress=progress,
    )
    r2, r2_rates = (np.nanmean(response.r2(source=s)) for s in ("counts", "rates"))
    zeros = response.zeros().mean()
    free_energy = response.free_energy()
    convergence = response.convergence()
    figures = {
        "r2": float(r2),
        "r2_rates": float(r2_rates),
        "zeros": float(zeros),
        "distance": float(distance(r2, zeros)),
        "spikes_per_tau": float(response.spikes_per_window()[:, -1].mean()),
        "free_energy": {name: float(np.mean(getattr(free_energy, name))) for name in FREE_ENERGY},
        "lifetime_sparseness": float(np.nanmedian(response.lifetime_sparseness())),
        "population_sparseness": float(np.nanmedian(response.population_sparseness())),
        "convergence": {
            "time_ms": [round(t * 1e3, 6) for t in convergence.time],
            "r2": [float(v) for v in convergence.r2],
            "zeros": [float(v) for v in convergence.zeros],
            "distance": [float(v) for v in convergence.distance],
            "spikes_per_tau": [float(v) for v in convergence.spikes],
        },
        "n_stimuli": response.n_stimuli,
        "windows": windows,
        "tau_ms": float(parameters.tau / ms),
        "dt_ms": response.clock.dt * 1e3,
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    return figures, response


def simulate_many(
    parameters,
    stimuli,
    duration,
    *,
    seed,
    dt=None,
    engine=None,
    n_copies=COPIES,
    n_jobs=None,
    progress=None,
):
    """Present many static stimuli to copies of a network, on as many processes as are asked for.

    Parameters are those of `evaluate` and `SpikingNetwork`; `seed` has to be given.

    Returns
    -------
    Response
        Counts and rates; no spike times and potentials.
    """
    if n_workers(n_jobs) == 1:
        network = _network(parameters, n_copies, dt, engine)
        return network.present(stimuli, duration, seed=seed, progress=progress)
    stimuli = as_stimuli(stimuli, parameters, "stimuli")

    def run(step):
        tasks = [
            (parameters, stimuli[begin:end], duration, step, seed, engine, n_copies, begin)
            for begin, end in parts(len(stimuli), n_copies, PARTS_PER_WORKER * n_workers(n_jobs))
        ]
        results = run_tasks(_simulate_part, tasks, n_jobs)
        clock = results[0][0]
        shape = (clock.n_windows, len(stimuli), parameters.n_neurons)
        counts, rates = np.empty(shape, np.int32), np.empty(shape, results[0][2].dtype)
        for (*_, begin), (_, part_counts, part_rates) in zip(tasks, results, strict=True):
            part = slice(begin, begin + part_counts.shape[1])
            counts[:, part], rates[:, part] = part_counts, part_rates
        return Response(
            parameters, stimuli[:, None, :], clock, counts.swapaxes(0, 1), rates.swapaxes(0, 1)
        )

    if dt is not None:
        return run(dt)
    # One step for all parts, chosen and halved as one network does it.
    return with_halvings(lambda step: run(step * second), choose_dt(parameters, stimuli))


_kept = OneNetwork()


def _simulate_part(parameters, stimuli, duration, dt, seed, engine, n_copies, first):
    # Equal parameters are another object in every task, so the key is what they hold.
    arrays, metadata = parameters.to_arrays()
    held = b"".join(array.tobytes() for array in arrays.values()), repr(metadata)
    key = hash(held), float(dt), engine, n_copies
    with _kept.use(key, lambda: _network(parameters, n_copies, dt, engine)) as network:
        response = network.present(
            stimuli, duration, seed=seed, first_stimulus=first, progress=False
        )
    # Window by window as they are in memory, and counts in as few bytes as they need: what travels
    # between processes takes a good part of the time.
    counts, rates = response.counts.swapaxes(0, 1), response.rates.swapaxes(0, 1)
    return response.clock, counts.astype(np.min_scalar_type(counts.max(initial=0))), rates


def _network(parameters, n_copies, dt, engine):
    return SpikingNetwork(
        parameters, pathway="shared", n_copies=n_copies, dt=dt, engine=engine, record_spikes=False
    )


FREE_ENERGY = ("total", "reconstruction", "noise", "normalisation", "kl")


def with_gain(parameters, gain):
    """The same model with another gain kappa: the natural gradient step times spike size.

    The step that `Parameters.with_noise_variance` has folded sigma2 into is undone first.

    Parameters
    ----------
    parameters : Parameters
    gain : float
    """
    gain = number(gain, "gain", above=0)
    step = gain * parameters.noise_variance / parameters.spike_sizes
    return replace(parameters, natural_gradient_step=step)
