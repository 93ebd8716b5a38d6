"""How well a model codes held-out stimuli: one dictionary of figures."""

import time
from dataclasses import replace

import numpy as np
from brian2.only import ms

from ipvae_brian._checks import number, whole_number
from ipvae_brian.metrics import distance
from ipvae_brian.network import SpikingNetwork

COPIES = 200


def evaluate(
    parameters, stimuli, *, windows=16, dt=None, seed=0, engine=None, n_copies=COPIES, progress=None
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
    engine : {"fused", "equations"}, optional
        See `SpikingNetwork`.
    n_copies : int, default 200
        Stimuli simulated at once.
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
    network = SpikingNetwork(
        parameters,
        pathway="shared",
        n_copies=min(n_copies, len(stimuli)),
        dt=dt,
        engine=engine,
        record_spikes=False,
    )
    response = network.present(stimuli, windows * parameters.tau, seed=seed, progress=progress)
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
        "dt_ms": float(network.dt / ms),
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    return figures, response


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
