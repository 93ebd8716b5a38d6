"""Measure how well a model codes held-out stimuli."""

import time
from collections.abc import Sized
from typing import Any, cast

import numpy as np
from brian2.only import ms
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.batch import COPIES, simulate_and_measure
from ipvae_brian.network.noise import Noise
from ipvae_brian.response.metrics import distance, mean_r_squared, r_squared
from ipvae_brian.response.response import Response

FREE_ENERGY = ("total", "reconstruction", "noise", "normalisation", "kl")


def evaluate(
    parameters: Parameters,
    stimuli: ArrayLike,
    *,
    windows: int = 16,
    until: float | None = None,
    dt: Time | None = None,
    seed: int = 0,
    engine: str | None = None,
    n_copies: int = COPIES,
    n_jobs: int | None = None,
    progress: bool | None = None,
    lateral: str = "all",
    noise: Noise | None = None,
) -> tuple[dict[str, Any], Response]:
    """Simulate held-out stimuli and measure the code of the last window of tau.

    Parameters
    ----------
    parameters : Parameters
    stimuli : array_like, shape (n_stimuli, n_pixels)
        On the scale that the model takes.
    windows : int, default 16
        Windows of tau for each stimulus.
    until : float, optional
        End after fewer windows, when the mean R2 of the first `n_copies` stimuli changes by less
        than this from one window to the next; the figures tell how many it took.
    dt : Quantity, optional
        Time step; by default one that is stable for these stimuli.
    seed : int, default 0
    engine : {"events", "numba", "numpy", "brian2"}, optional
        See `SpikingNetwork`; by default the fastest that is installed.
    n_copies : int, default 200
        Stimuli simulated at once.
    n_jobs : int, optional
        Processes; the figures do not depend on it.
    progress : bool, optional
    lateral, noise
        As for `SpikingNetwork`.

    Returns
    -------
    figures : dict
        JSON-able: r2, r2_expected_counts, zeros, distance, spikes_per_tau, free_energy (its terms),
        lifetime_sparseness and population_sparseness (medians; the former NaN for a single
        stimulus), convergence (lists with one entry for each window), n_stimuli, windows, tau_ms,
        dt_ms, seed, seconds.
    response : Response

    Raises
    ------
    DivergenceError, MemoryLimitError, TypeError, ValueError
        As for `SpikingNetwork.present`.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Parameters, evaluate
    >>> parameters = Parameters(dictionary=0.4 * np.eye(4), natural_gradient_step=10)
    >>> figures, response = evaluate(parameters, np.eye(4), windows=2, progress=False)
    >>> figures["n_stimuli"], response.counts.shape
    (4, (4, 2, 4))
    """
    windows = whole_number(windows, "windows")
    seed = whole_number(seed, "seed", minimum=0)
    start = time.perf_counter()
    response, measured = simulate_and_measure(
        parameters,
        stimuli,
        windows * parameters.tau,
        _each_stimulus,
        until=until,
        dt=dt,
        seed=seed,
        engine=engine,
        n_copies=min(n_copies, len(cast(Sized, stimuli))),
        n_jobs=n_jobs,
        progress=progress,
        lateral=lateral,
        noise=noise,
    )
    r2, zeros = mean_r_squared(measured["r2"], axis=0), measured["zeros"].mean(axis=0)
    spikes, distances = measured["spikes"].mean(axis=0), distance(r2, zeros)
    free_energy = measured["free_energy"].mean(axis=0)
    figures = {
        "r2": float(r2[-1]),
        "r2_expected_counts": float(mean_r_squared(measured["r2_expected_counts"])),
        "zeros": float(zeros[-1]),
        "distance": float(distances[-1]),
        "spikes_per_tau": float(spikes[-1]),
        "free_energy": dict(zip(FREE_ENERGY, free_energy.tolist(), strict=True)),
        "lifetime_sparseness": _lifetime_sparseness(response),
        "population_sparseness": float(np.nanmedian(measured["population_sparseness"])),
        "convergence": {
            "time_ms": [round(t * 1e3, 6) for t in response.timing.window_ends],
            "r2": r2.tolist(),
            "zeros": zeros.tolist(),
            "distance": distances.tolist(),
            "spikes_per_tau": spikes.tolist(),
        },
        "n_stimuli": response.n_stimuli,
        "windows": response.timing.n_windows,
        "tau_ms": float(parameters.tau / ms),
        "dt_ms": response.timing.dt * 1e3,
        "seed": seed,
        "seconds": time.perf_counter() - start,
    }
    return figures, response


def _lifetime_sparseness(response):
    """Return the median over neurons; NaN for a single stimulus, of which there is none."""
    if response.n_stimuli < 2:
        return float("nan")
    return float(np.nanmedian(response.lifetime_sparseness()))


def _each_stimulus(response, decode):
    """Return measures of each stimulus: arrays with stimuli first, then windows or terms."""
    stimuli, free_energy = response.stimulus_in(-1), response.free_energy()
    # A copy, as compiled functions take arrays that cannot be written to for another type.
    windows = [counts.copy() for counts in response.counts.swapaxes(0, 1)]
    zeros = [1 - np.count_nonzero(counts, axis=1) / counts.shape[1] for counts in windows]
    return {
        "r2": np.stack([r_squared(stimuli, decode(counts)) for counts in windows], axis=1),
        "zeros": np.stack(zeros, axis=1),
        "spikes": response.spikes_per_window(),
        "r2_expected_counts": response.r2(source="expected_counts"),
        "free_energy": np.stack([getattr(free_energy, term) for term in FREE_ENERGY], axis=1),
        "population_sparseness": response.population_sparseness(),
    }
