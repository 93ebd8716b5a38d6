"""Whether a run diverged: counts that no orderly inference of the stimulus can give.

Inference in continuous time goes downhill on |x - Phi r|^2 + 2 sigma2 b.r (twice sigma2 times what
the network minimises, without constants), and the mean of that over any time T from a start at
rates r0 exceeds what silence would give, |x|^2, by no more than 2 sigma2 sum(r0 / eta) / T. That is
exact for rates (it is the regret of mirror descent); what is added here is for spikes, which are
random, and for time steps, which overshoot.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.errors import DivergenceError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.noise import Noise
from ipvae_brian.network.presentation import Presentation

# By how much a run may exceed the bound: overshoot and chance. A runaway does so by far more.
FACTOR = 4.0
# Spikes that may come together without a reason.
CHANCE = 10
# Looked at together: few enough that their numbers stay in the cache.
COPIES_AT_A_TIME = 64


class Bound:
    """What the counts of one presentation may not exceed.

    Parameters
    ----------
    parameters : Parameters
    frames : numpy.ndarray, shape (n_copies, n_frames, n_pixels)
        All that is shown.
    window_steps : int
        Time steps in a window of tau.
    start : numpy.ndarray, shape (n_copies, n_neurons), optional
        Potentials from which inference begins; by default those at rest.
    starts_per_window : float, default 1
        How often potentials return to rest in a window, at most.
    reach : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.
    noise : Noise, optional
        Of the drive.
    """

    def __init__(
        self,
        parameters: Parameters,
        frames: NDArray,
        window_steps: int,
        start: NDArray | None = None,
        starts_per_window: float = 1.0,
        reach: str = "all",
        noise: Noise | None = None,
    ):
        self.parameters = p = parameters
        self.window_steps = window_steps
        self.reach = reach
        self.noise = noise
        # Neurons never fall silent altogether.
        floor = np.full(p.n_neurons, math.exp(p.lowest_potential))
        # In double precision at once: other products would convert them one by one.
        explained, seen = self._explained(floor), self._seen(frames).astype(float)
        energy = np.einsum("sfp,sfp->sf", seen, seen)
        energy += (explained**2).sum() - 2 * (seen @ explained)
        silence = energy.max(axis=1) + self._cost(floor)
        at_rest = np.exp(p.resting_potential)[None]
        rates = at_rest if start is None else np.maximum(np.exp(start), at_rest)
        price = 2 * p.noise_variance / p.natural_gradient_step
        # In the first time step, rates are those of the start whatever they lead to.
        first_step = (self._explained(rates) ** 2).sum(axis=1) + self._cost(rates)
        self.per_start = starts_per_window * (
            rates @ price + np.maximum(first_step / window_steps, 0)
        )
        self.per_tau = silence + p.leak * (at_rest @ price)

    @classmethod
    def of(
        cls,
        presentation: Presentation,
        parameters: Parameters,
        window_steps: int,
        start: NDArray | None,
        reach: str = "all",
        noise: Noise | None = None,
    ) -> "Bound":
        """Return the bound of a presentation; `start` is for one that does not begin at rest."""
        shortest = int(np.min(presentation.frame_steps))
        starts = 1 + window_steps / shortest if presentation.reset_frames else 1.0
        start = None if presentation.reset else start
        return cls(parameters, presentation.frames, window_steps, start, starts, reach, noise)

    def _seen(self, stimuli):
        """Return what neurons explain together, or each alone what it sees of the stimulus."""
        p = self.parameters
        if self.reach == "all":
            return p.scaled(stimuli)
        return p.drive(stimuli) * p.noise_variance / np.where(p.spike_sizes > 0, p.spike_sizes, 1)

    def _explained(self, counts, decoded=None):
        """Return what counts (..., n_neurons) explain of it."""
        p = self.parameters
        if self.reach == "all":
            return p.scaled(p.decode(counts) if decoded is None else decoded)
        return counts * p.spike_sizes

    def _cost(self, rates):
        """Return 2 sigma2 b.r."""
        p = self.parameters
        per_spike = 2 * p.noise_variance * p.threshold
        if p.half_threshold_rate is not None:
            # The threshold falls the more a neuron spikes: this is its integral.
            half = p.half_threshold_rate
            return half * np.log1p(rates / half) @ per_spike
        return rates @ per_spike

    def _driven_by_noise(self, stimuli, counts):
        """Return 2 sigma2 d.z for the most by which noise may have raised the drive."""
        if self.noise is None:
            return 0.0
        part, besides = self.noise.extra_drive()
        p = self.parameters
        seen = np.maximum(p.drive(stimuli) * p.noise_variance, 0)
        return 2 * ((part * seen + besides * p.spike_sizes) * counts).sum(axis=1)

    def exceeded(
        self, stimuli: NDArray, counts: NDArray, decoded: NDArray, n_steps: int
    ) -> NDArray[np.bool_]:
        """Return which copies ran away in a time of some steps, (n_copies,).

        Parameters
        ----------
        stimuli : numpy.ndarray, shape (n_copies, n_pixels)
            Mean of what was shown in this time.
        counts : numpy.ndarray of int, shape (n_copies, n_neurons)
        decoded : numpy.ndarray, shape (n_copies, n_pixels)
            The dictionary times the counts.
        n_steps : int
        """
        if self.reach == "off":
            # Nothing feeds back, so only a leak beyond the limit of Euler's method runs away.
            return np.full(len(counts), self.parameters.leak > 2 * self.window_steps)
        seen = self._seen(stimuli)
        explained = self._explained(counts, decoded)
        length = n_steps / self.window_steps
        driven = length * self._driven_by_noise(stimuli, counts)
        difference = length * seen - explained
        missed = np.einsum("sp,sp->s", difference, difference, dtype=float)
        noise, cost = np.empty(len(counts)), np.empty(len(counts))
        # Products need counts as floating-point numbers: of all copies these are large arrays.
        for begin in range(0, len(counts), COPIES_AT_A_TIME):
            part = slice(begin, begin + COPIES_AT_A_TIME)
            some = counts[part].astype(float)
            # Even rates that are right miss this much, as their spikes are random.
            noise[part] = some @ self.parameters.spike_sizes**2
            cost[part] = self._cost(some)
        reached = missed - noise + length * cost - driven
        bound = length * (length * self.per_tau + self.per_start)
        chance = (CHANCE * self.parameters.spike_sizes.max()) ** 2
        # Not a number exceeds everything.
        return ~(reached <= FACTOR * bound + chance)


def too_many_spikes(
    stimuli: NDArray,
    counts: NDArray,
    parameters: Parameters,
    reach: str = "all",
    noise: Noise | None = None,
) -> NDArray[np.bool_]:
    """Return which copies fired more in a window than any code needs, (n_copies,).

    Spikes that excite each other without end may cancel in the reconstruction. The bound is that of
    `Bound`, roughly: what neurons fire at rest, and what a code of the stimulus can need.

    Parameters
    ----------
    stimuli : numpy.ndarray, shape (n_copies, n_pixels)
    counts : numpy.ndarray of int, shape (n_copies, n_neurons)
    parameters : Parameters
    reach : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits. Without inhibition there is no code to be exceeded.
    noise : Noise, optional
        Of the drive.
    """
    if reach == "off":
        return np.zeros(len(counts), bool)
    smallest = max(parameters.spike_sizes.min(), 1e-30)
    seen = np.linalg.norm(parameters.scaled(stimuli), axis=1)
    if noise is not None:
        part, besides = noise.extra_drive()
        seen = (1 + part) * seen + besides * np.sqrt(parameters.n_neurons)
    needed = np.sqrt(parameters.n_neurons) * seen / smallest
    if reach == "self":
        # Every neuron explains alone what it sees.
        needed *= np.linalg.norm(parameters.scaled_dictionary, 2) / smallest
    at_rest = np.exp(parameters.resting_potential).sum()
    return counts.sum(axis=1) > 4 * (needed + at_rest) + CHANCE * parameters.n_neurons


def raise_if_diverged(
    counts: NDArray,
    diverged: NDArray[np.bool_],
    parameters: Parameters,
    dt_seconds: float | None,
    first_stimulus: int,
    advice: Callable[[], str] | None = None,
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
    advice : callable, optional
        Returns what to do about it, where there is a time step.
    """
    which = np.flatnonzero(diverged)
    if not len(which):
        return
    wild = counts[which[0]]
    tau_ms = float(parameters.tau) * 1e3
    seen = f"within the first window of tau = {tau_ms:g} ms"
    if len(wild):
        seen = (
            f"up to {wild.max()} spikes of one neuron and {wild.sum(axis=1).max()} of all in a "
            f"window of tau = {tau_ms:g} ms"
        )
    what = (
        f"the simulation diverged for {len(which)} of {len(counts)} stimuli, first number "
        f"{first_stimulus + which[0]}: {seen}"
    )
    if dt_seconds is None:
        raise DivergenceError(
            f"{what}, in continuous time; try a smaller natural_gradient_step, or check that "
            "stimuli are z-scored"
        )
    advised = "use a smaller dt" if advice is None else advice()
    raise DivergenceError(
        f"{what}, at dt = {dt_seconds * 1e3:.3g} ms; {advised}, or a smaller "
        "natural_gradient_step or delay, or check that stimuli are z-scored"
    )
