"""Presentations are fed to a running network, and counts come back in windows of tau.

One Brian2 run takes any number of presentations, because every run has a start-up cost of its own.
Presentations come from an iterator that is asked for the next one when the last has ended; what the
iterator does in between, such as learning, happens inside the run.
"""

from dataclasses import dataclass

import brian2.only as brian
import numpy as np

from ipvae_brian.errors import DivergenceError
from ipvae_brian.network._brian import array_of
from ipvae_brian.network.stability import largest_stable_dt

# Spikes that may come together without a reason; see `diverged_copies`.
CHANCE = 10


@dataclass
class Presentation:
    """What all copies of a network see from one point in time to another.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_copies, n_frames, n_pixels)
    frame_steps : numpy.ndarray of int, shape (n_frames,)
        How many time steps each frame lasts.
    reset : bool
        Whether potentials start at rest (else they are carried over from the last presentation).
    reset_frames : bool
        Whether potentials return to rest at every frame.
    seed : optional
        Where to restart the network's own random numbers, for `numpy.random.default_rng`.
    used : int, optional
        How many of the copies are shown a stimulus; the others are not checked.
    counts, expected : numpy.ndarray, shape (n_windows, n_copies, n_neurons), optional
        Where counts and expected counts of the whole windows are put; by default new arrays.
    """

    frames: np.ndarray
    frame_steps: np.ndarray
    reset: bool = True
    reset_frames: bool = False
    seed: object = None
    used: int | None = None
    counts: np.ndarray | None = None
    expected: np.ndarray | None = None


@dataclass
class Outcome:
    """What a presentation gave: counts and expected counts, (n_copies, n_windows, n_neurons) each.

    `diverged` tells for each copy whether its rates ran away in any window.
    """

    counts: np.ndarray
    expected: np.ndarray
    diverged: np.ndarray


class WindowCounter:
    """Counts of a window for the step written in equations; the others count themselves."""

    def __init__(self, neurons):
        self.z = array_of(neurons, "z")
        self.expected = array_of(neurons, "expected_count")

    def after_step(self):
        self.window_counts += self.z
        self.window_expected[:] = self.expected

    def reseed(self, seed):
        """Restart Brian2's random numbers; `run` of the network gives the user's back."""
        brian.seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))

    def open_window(self, counts, expected):
        """Add counts and expected counts of every step from now on to these, of all copies."""
        self.window_counts = counts.reshape(-1)
        self.window_expected = expected.reshape(-1)
        self.expected[:] = 0  # a sum for ever would lose its last digits


def diverged_copies(stimuli, decoded, parameters):
    """Which copies ran away in a window, (n_copies,) of bool.

    A reconstruction misses at most the stimulus, what neurons at rest predict, and the Poisson
    noise of spikes: at rest, and while coding (whose rates, by Cauchy-Schwarz, need no more than
    sqrt(K) |x| / |phi| spikes). A runaway exceeds the sum by orders of magnitude; the factor 4 is
    for overshoot, and `CHANCE` spikes in one direction are for chance.
    """
    sizes = parameters.spike_sizes
    energy = np.einsum("bp,bp->b", stimuli, stimuli)
    rates_at_rest = np.exp(parameters.resting_potential)
    at_rest = ((parameters.dictionary @ rates_at_rest) ** 2).sum() + rates_at_rest @ sizes**2
    noise_of_code = np.sqrt(parameters.n_neurons * energy) * sizes.max()
    residual = decoded - stimuli
    residual = np.einsum("bp,bp->b", residual, residual)
    return residual > 4 * (energy + at_rest + noise_of_code) + (CHANCE * sizes.max()) ** 2


def raise_if_diverged(outcome, used, parameters, dt_seconds, first_stimulus):
    """Raise DivergenceError with the numbers if any of the first `used` copies ran away."""
    diverged = np.flatnonzero(outcome.diverged[:used])
    if not len(diverged):
        return
    tau = float(parameters.tau)
    counts = outcome.counts[diverged[0]]
    calm = outcome.counts[:used][~outcome.diverged[:used]]
    advice = f"try dt={dt_seconds / 2 * 1e3:.3g}*ms"
    if len(calm):
        limit = largest_stable_dt(parameters, calm[:, -1].mean(axis=0))
        advice += f" (limit at the mean rates of the others: {limit * 1e3:.3g} ms)"
    raise DivergenceError(
        f"the simulation diverged for {len(diverged)} of {used} stimuli, first number "
        f"{first_stimulus + diverged[0]}: up to {counts.max()} spikes of one neuron and "
        f"{counts.sum(axis=1).max()} of all in a window of tau = {tau * 1e3:g} ms, at "
        f"dt = {dt_seconds * 1e3:.3g} ms; {advice}, or a smaller natural_gradient_step "
        "or delay, or check that stimuli are z-scored"
    )
