"""Populations in continuous time: the state of `event_loop` for a model and many stimuli."""

import math
from typing import Any

import numpy as np

from ipvae_brian.network.engines import event_loop
from ipvae_brian.network.engines.kernels import parts_of
from ipvae_brian.network.engines.limits import most_spikes
from ipvae_brian.network.lateral import within_reach

# By how much a potential may rise at once: rates times exp of this have a place in a float32.
LARGEST_CHANGE = 60
# In bytes.
CACHE_LINE = 64
# Arrays that change in the course of a simulation.
CHANGING = (
    *("rates", "recent_rates", "drive", "input", "growth", "ran_away"),
    *("left", "streams", "counts", "n_spikes"),
)


def aligned(shape, dtype):
    """Return an array of zeros that begins where a line of the cache does.

    Vectors that lie across two lines take twice as long to load and to store.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE, np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    return memory[begin : begin + size].view(dtype).reshape(shape)


class Populations:
    """Copies of a population, each with a stimulus, random numbers and rates of its own.

    Parameters
    ----------
    parameters : Parameters
    n_copies : int
    step : float
        Length of the steps in which drive, threshold and leak act, in units of tau.
    dtype : numpy.dtype
        Of the rates.
    reach : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.

    Attributes
    ----------
    rates, recent_rates : numpy.ndarray, shape (n_copies, n_neurons)
        In spikes per tau.
    drive : numpy.ndarray, shape (n_copies, n_neurons)
        Phi^T x / sigma2.
    ran_away : numpy.ndarray of bool, shape (n_copies,)
        Populations whose rates grew without bound; they stand still until `rest`.
    counts : numpy.ndarray of int32, shape (n_copies, n_neurons)
        Spikes of the last step.
    """

    def __init__(self, parameters, n_copies, step, dtype, reach="all"):
        shape = n_copies, parameters.n_neurons
        self.step, self.dtype, self.reach = step, np.dtype(dtype), reach
        self.rates, self.expected, self.recent_rates, self.drive, self.input = (
            aligned(shape, dtype) for _ in range(5)
        )
        self.sums = aligned((n_copies, 2 * event_loop.COLUMNS), dtype)
        self.table: Any = None
        self.most_spikes = most_spikes(parameters.n_neurons)
        self.ran_away = np.zeros(n_copies, bool)
        self.left, self.streams = np.empty(n_copies), np.empty((n_copies, 2), np.uint64)
        self.counts = np.zeros(shape, np.int32)
        self.n_spikes = np.zeros(n_copies, np.int64)
        self.spike_times = np.empty((n_copies, 0))
        self.spike_neurons = np.empty((n_copies, 0), np.int32)
        self.set_parameters(parameters)
        self.rest()
        self.reseed(None)

    def record_spikes(self, wanted):
        """Keep the times and neurons of the spikes of each step, or no longer."""
        shape = len(self.ran_away), self.most_spikes if wanted else 0
        if self.spike_times.shape != shape:
            # Pages that are never written to take no memory.
            self.spike_times, self.spike_neurons = np.empty(shape), np.empty(shape, np.int32)

    def set_parameters(self, parameters):
        """Put in other parameters of the same shape."""
        self.parameters = p = parameters
        # By what each neuron's spikes multiply rates; by what drive and threshold do those of each
        # copy; and room for what a leak makes of it.
        n_copies, n_neurons = self.rates.shape
        n_rows = n_neurons + n_copies * (2 if p.leak else 1)
        if self.table is None or len(self.table) != n_rows:
            self.table = aligned((n_rows, n_neurons), self.dtype)
            self.factors = self.table[:n_neurons]
            self.growth = self.table[n_neurons : n_neurons + n_copies]
        # A column of the dictionary in each row.
        self.columns = np.ascontiguousarray(p.dictionary.T, self.dtype)
        self.scaled_columns = p.scaled(self.columns)
        inhibition = within_reach(self.scaled_columns @ self.scaled_columns.T, self.reach)
        inhibition *= (p.natural_gradient_step / p.noise_variance).astype(self.dtype)
        np.exp(np.minimum(-inhibition, LARGEST_CHANGE), out=self.factors)
        # Half a step leaves this much of the distance from the resting potential ...
        kept = math.exp(-p.leak * self.step / 2)
        # ... and so much of a change per tau.
        half = (1 - kept) / p.leak if p.leak else self.step / 2
        self.drive_scale = (half * p.natural_gradient_step).astype(self.dtype)
        self.threshold = (half * p.natural_gradient_step * p.threshold).astype(self.dtype)
        self.pull = ((1 - kept) * p.resting_potential).astype(self.dtype)
        self.adaptive = p.half_threshold_rate is not None
        memory = p.threshold_memory
        constants = (
            self.step,
            kept,
            math.exp(p.lowest_potential),
            math.exp(p.highest_potential),
            p.half_threshold_rate if self.adaptive else 0.0,
            math.exp(-self.step / memory),
            1 / memory,
        )
        self.constants = tuple(self.dtype.type(value) for value in constants)
        self.grow()

    def reseed(self, seed):
        """Restart the random numbers; `seed` is anything that NumPy's default_rng takes."""
        rng = np.random.default_rng(seed)
        rng.standard_exponential(out=self.left)
        self.streams[:] = rng.integers(2**64, size=self.streams.shape, dtype=np.uint64)
        self.streams[:, 1] |= np.uint64(1)

    def rest(self):
        """Put every population at rest, without recent spikes."""
        self.rates[:] = np.exp(self.parameters.resting_potential)
        if self.adaptive:
            self.recent_rates[:] = 0
        self.ran_away[:] = False
        self.grow()

    def show(self, stimuli):
        """Show each population its stimulus, (n_copies, n_pixels)."""
        stimuli = self.parameters.scaled(np.asarray(stimuli, self.dtype))
        np.matmul(stimuli, self.scaled_columns.T, out=self.drive)
        self.drive /= self.dtype.type(self.parameters.noise_variance)
        self.grow()

    def state(self):
        """Return copies of all arrays that change in the course of a simulation."""
        if self._growth_is_due:
            self._grow()
        return {name: getattr(self, name).copy() for name in CHANGING}

    def restore_state(self, state):
        """Put back what `state` returned."""
        for name in CHANGING:
            getattr(self, name)[:] = state[name]
        self._growth_is_due = False

    def spikes_of_last_step(self):
        """Return copy, neuron, and time since its beginning in tau, of each spike of the last step.

        In order copy by copy.
        """
        copy = np.repeat(np.arange(len(self.n_spikes)), self.n_spikes)
        first = np.cumsum(self.n_spikes) - self.n_spikes
        place = np.arange(len(copy)) - np.repeat(first, self.n_spikes)
        return copy, self.spike_neurons[copy, place], self.spike_times[copy, place]

    def grow(self):
        """Let the rates grow by drive and threshold as they are from now on."""
        self._growth_is_due = True

    def _grow(self):
        """Work out by what drive and threshold multiply rates in half a step from now."""
        self._growth_is_due = False
        # Arrays that a model does not need are never written to, so that they take no memory.
        pushed = self.input if self.adaptive else self.growth
        np.multiply(self.drive, self.drive_scale, out=pushed)
        pushed += self.pull
        if not self.adaptive:
            self.growth -= self.threshold
            np.minimum(self.growth, LARGEST_CHANGE, out=self.growth)
            np.exp(self.growth, out=self.growth)
        else:
            half_rate = self.constants[4]
            event_loop.grow(self.recent_rates, self.input, self.threshold, half_rate, self.growth)

    def advance(self, n_steps, window_counts, window_expected):
        """Simulate some steps.

        Parameters
        ----------
        n_steps : int
        window_counts, window_expected : numpy.ndarray, shape (n_copies, n_neurons)
            Spikes and expected spikes (integrals of the rates) are added to these.
        """
        if self._growth_is_due:
            self._grow()
        event_loop.advance(
            self.rates,
            self.expected,
            self.sums,
            (self.growth, self.recent_rates, self.input, self.threshold),
            self.table,
            self.constants,
            n_steps,
            self.left,
            self.streams,
            (window_counts, window_expected),
            self.most_spikes,
            self.ran_away,
            self.counts,
            self.spike_times,
            self.spike_neurons,
            self.n_spikes,
            parts_of(len(self.rates)),
        )
