"""Whether a run diverged: counts that decode to something else than any code of the stimulus."""

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.errors import DivergenceError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.stability import largest_stable_dt

# Spikes that may come together without a reason; see `diverged_copies`.
CHANCE = 10


def diverged_copies(
    stimuli: NDArray, decoded: NDArray, parameters: Parameters
) -> NDArray[np.bool_]:
    """Return which copies ran away in a window, (n_copies,).

    A reconstruction misses at most the stimulus, what neurons at rest predict, and the Poisson
    noise of spikes: at rest, and while coding (whose rates, by Cauchy-Schwarz, need no more than
    sqrt(K) |x| / |phi| spikes). A runaway exceeds the sum by orders of magnitude; the factor 4 is
    for overshoot, and `CHANCE` spikes in one direction are for chance.

    Parameters
    ----------
    stimuli, decoded : numpy.ndarray, shape (n_copies, n_pixels)
    parameters : Parameters
    """
    sizes = parameters.spike_sizes
    energy = np.einsum("bp,bp->b", stimuli, stimuli)
    rates_at_rest = np.exp(parameters.resting_potential)
    at_rest = ((parameters.dictionary @ rates_at_rest) ** 2).sum() + rates_at_rest @ sizes**2
    noise_of_code = np.sqrt(parameters.n_neurons * energy) * sizes.max()
    residual = decoded - stimuli
    residual = np.einsum("bp,bp->b", residual, residual)
    return residual > 4 * (energy + at_rest + noise_of_code) + (CHANCE * sizes.max()) ** 2


def too_many_spikes(stimuli: NDArray, counts: NDArray, parameters: Parameters) -> NDArray[np.bool_]:
    """Return which copies fired more in a window than any code needs, (n_copies,).

    Spikes that excite each other without end may cancel in the reconstruction. The bound is that of
    `diverged_copies`: what neurons fire at rest, and what a code of the stimulus can need.

    Parameters
    ----------
    stimuli : numpy.ndarray, shape (n_copies, n_pixels)
    counts : numpy.ndarray of int, shape (n_copies, n_neurons)
    parameters : Parameters
    """
    needed = np.sqrt(parameters.n_neurons) * np.linalg.norm(stimuli, axis=1)
    needed /= np.maximum(parameters.spike_sizes.min(), 1e-30)
    at_rest = np.exp(parameters.resting_potential).sum()
    return counts.sum(axis=1) > 4 * (needed + at_rest) + CHANCE * parameters.n_neurons


def raise_if_diverged(
    counts: NDArray,
    diverged: NDArray[np.bool_],
    parameters: Parameters,
    dt_seconds: float | None,
    first_stimulus: int,
) -> None:
    """Raise DivergenceError with the numbers if any copy ran away.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (n_copies, n_windows, n_neurons)
    diverged : numpy.ndarray of bool, shape (n_copies,)
    parameters : Parameters
    dt_seconds : float or None
        None in continuous time, where no smaller step would help.
    first_stimulus : int
        Number of the stimulus of the first copy.
    """
    which = np.flatnonzero(diverged)
    if not len(which):
        return
    wild, calm = counts[which[0]], counts[~diverged]
    tau_ms = float(parameters.tau) * 1e3
    seen = f"within the first window of tau = {tau_ms:g} ms"
    if len(wild):
        seen = (
            f"up to {wild.max()} spikes of one neuron and {wild.sum(axis=1).max()} of all in a "
            f"window of tau = {tau_ms:g} ms"
        )
    if dt_seconds is None:
        raise DivergenceError(
            f"the simulation diverged for {len(which)} of {len(counts)} stimuli, first number "
            f"{first_stimulus + which[0]}: {seen}, in continuous time; try a smaller "
            "natural_gradient_step, or check that stimuli are z-scored"
        )
    advice = f"try dt={dt_seconds / 2 * 1e3:.3g}*ms"
    if calm.size:
        limit = largest_stable_dt(parameters, calm[:, -1].mean(axis=0))
        advice += f" (limit at the mean rates of the others: {limit * 1e3:.3g} ms)"
    raise DivergenceError(
        f"the simulation diverged for {len(which)} of {len(counts)} stimuli, first number "
        f"{first_stimulus + which[0]}: {seen}, at dt = {dt_seconds * 1e3:.3g} ms; {advice}, or a "
        "smaller natural_gradient_step or delay, or check that stimuli are z-scored"
    )
