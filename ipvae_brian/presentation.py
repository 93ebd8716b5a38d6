"""Presenting stimuli: trials are fed to a running network, counts come back in windows of tau.

One Brian2 run takes any number of trials, because every run has a start-up cost of its own.
Trials come from an iterator that is asked for the next one when the last has ended; what the
iterator does in between, such as learning, happens inside the run.
"""

from dataclasses import dataclass

import brian2.only as brian
import numpy as np

from ipvae_brian._brian import array_of
from ipvae_brian.errors import DivergenceError
from ipvae_brian.stability import largest_stable_dt

# Spikes that may come together without a reason; see `diverged_copies`.
CHANCE = 10
# Time steps after which divergence is looked for, in whole windows and at their end.
CHECK_STEPS = 10


@dataclass
class Trial:
    """What all copies of a network see from one point in time to another.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_copies, n_frames, n_pixels)
    frame_steps : numpy.ndarray of int, shape (n_frames,)
        How many time steps each frame lasts.
    reset : bool
        Whether potentials start at rest (else they are carried over from the last trial).
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
    """What a trial gave: counts and expected counts, (n_copies, n_windows, n_neurons) each.

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


def window_stimuli(frames, frame_steps, window_steps):
    """The stimulus of every whole window: the mean of its frames, weighted by their time.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_stimuli, n_frames, n_pixels)
    frame_steps : numpy.ndarray of int, shape (n_frames,)
    window_steps : int

    Returns
    -------
    numpy.ndarray, shape (n_stimuli, n_windows, n_pixels)
    """
    n_windows = int(frame_steps.sum()) // window_steps
    if len(frame_steps) == 1:
        return np.broadcast_to(frames, (len(frames), n_windows, frames.shape[2]))
    ends = np.cumsum(frame_steps)
    edges = np.arange(n_windows + 1) * window_steps
    upper = np.minimum(ends[None, :], edges[1:, None])
    lower = np.maximum((ends - frame_steps)[None, :], edges[:-1, None])
    share = np.clip(upper - lower, 0, None) / window_steps
    return np.einsum("wf,sfp->swp", share, frames)


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


class Presenter:
    """Steps trials through a network, as its last operation of every time step.

    Parameters
    ----------
    network : SpikingNetwork
        Has `show`, `rest`, `decode`, `rate_type`, `parameters`, `counter` and `brian_network`.
    window_steps : int
        Time steps in a window of tau.
    """

    def __init__(self, network, window_steps):
        self.network = network
        self.window_steps = window_steps
        self.trials = None
        self.trial = None
        self.error = None
        self.operation = brian.NetworkOperation(
            self._after_step,
            clock=network.clock,
            when="end",
            order=1,
            name=f"{network.neurons.name}_presenter",
        )

    def begin(self, trials, collect):
        """Take the first trial from the iterator; `collect(trial, outcome)` gets each result."""
        self.error = None
        self.trials = iter(trials)
        self.collect = collect
        return self._next_trial()

    @property
    def finished(self):
        """Whether every trial was presented to its end."""
        return self.trial is None

    def _next_trial(self):
        self.trial = trial = next(self.trials, None)
        if trial is None:
            self.trials = self.collect = None
            return False
        self.frame = -1
        self.steps_left = int(trial.frame_steps.sum())
        self.n_windows = self.steps_left // self.window_steps
        self.counts, self.expected = trial.counts, trial.expected
        if self.counts is None:
            # Window by window, as they are filled.
            self.counts, self.expected = self._new_windows(self.n_windows)
        self.window = -1
        self.window_stimuli = window_stimuli(trial.frames, trial.frame_steps, self.window_steps)
        self.diverged = np.zeros(len(trial.frames), bool)
        if trial.reset:
            self.network.rest()
        if trial.seed is not None:
            self.network.counter.reseed(trial.seed)
        self._next_window()
        self._next_frame()
        return True

    def _next_frame(self):
        self.frame += 1
        self.frame_left = int(self.trial.frame_steps[self.frame])
        if self.frame and self.trial.reset_frames:
            self.network.rest()
        self.network.show(self.trial.frames[:, self.frame])

    def _after_step(self):
        # An error inside Brian2's loop would leave its global state "running": stop, raise later.
        try:
            self._advance()
        except BaseException as error:
            self.error = error
            self.network.brian_network.stop()

    def _advance(self):
        if self.network.counter_is_separate:
            self.network.counter.after_step()
        self.steps_left -= 1
        self.window_left -= 1
        self.frame_left -= 1
        if self.window_left == 0:
            self._check_window()
            if self.steps_left:
                self._next_window()
        if self.steps_left == 0:
            if self.window == self.n_windows:
                self._look_for_divergence(self.trial.frames[:, -1])
            trial, self.trial = self.trial, None
            self.collect(trial, self._outcome())
            if not self._next_trial():
                self.network.brian_network.stop()
        elif self.frame_left == 0:
            self._next_frame()

    def _new_windows(self, n):
        shape = (n, len(self.trial.frames), self.network.parameters.n_neurons)
        return np.empty(shape, np.int32), np.empty(shape, self.network.rate_type)

    def _next_window(self):
        self.window += 1
        self.window_left = self.window_steps
        if self.window < self.n_windows:
            self.open = self.counts[self.window], self.expected[self.window]
        else:
            # What is left after the whole windows is looked at, but not kept.
            self.open = [array[0] for array in self._new_windows(1)]
        for array in self.open:
            array[:] = 0
        self.network.counter.open_window(*self.open)

    def _check_window(self):
        # A runaway lasts, so windows of few steps need not all be looked at.
        last = self.window == self.n_windows - 1
        if last or self.window % max(1, CHECK_STEPS // self.window_steps) == 0:
            self._look_for_divergence(self.window_stimuli[:, self.window])

    def _look_for_divergence(self, stimuli):
        decoded = self.network.decode(self.open[0])
        self.diverged |= diverged_copies(stimuli, decoded, self.network.parameters)

    def _outcome(self):
        return Outcome(self.counts.swapaxes(0, 1), self.expected.swapaxes(0, 1), self.diverged)


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
