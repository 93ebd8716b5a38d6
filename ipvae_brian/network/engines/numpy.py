"""The same time step as `equations`, written for many copies at once: few passes, float32.

What makes it fast is exact, not an approximation:

- Counts come from the time-rescaling of a Poisson process. Each neuron holds how much expected
  count (the integral of its rate) is left until its next spike, an exponential number; a step
  takes rate*dt off it. Only neurons that cross zero cost random numbers: each crossing is a spike
  and adds a new exponential number, until the sum is above zero again. In single precision, rates
  of less than about a thousandth per tau are rounded by up to a quarter.
- Few spikes: their rows of the weights are added up; many: one dense matrix product.

Here the step is NumPy; the engine "numba" has it compiled, for all cores.
"""

import brian2.only as brian
import numpy as np
from scipy.sparse import csr_array

from ipvae_brian.network._brian import array_of

# Share of neurons that spike in a step above which the dense product is the cheaper one.
DENSE_ABOVE = 0.06
# Neurons that still have to spike in a step below which the rest is drawn at once.
FEW = 256


class NumpyCopies:
    """Draws, membrane, lateral inhibition and bounds of all copies in two operations a step.

    Parameters
    ----------
    neurons : brian2.NeuronGroup
        n_copies populations, one after the other, of `equations.COPIES`.
    parameters : Parameters
    options : dict
        Passed to the Brian2 objects: clock.
    n_copies : int
    step : float
        Time step in units of tau.
    """

    carried = ()

    def __init__(self, neurons, parameters, options, n_copies, step):
        self.step = step
        self.n_copies = n_copies
        self.n_neurons = len(neurons) // n_copies
        self.potential = array_of(neurons, "u")
        self.counts = array_of(neurons, "z")
        self.drive = array_of(neurons, "drive")
        self.spikespace = array_of(neurons, "_spikespace")
        self.dtype = self.potential.dtype
        # Expected count until the next spike.
        self.left = np.empty_like(self.potential)
        # Where counts and expected counts of the present window are added up.
        self.window_counts = self.window_expected = None
        self._allocate()
        self.objects = [
            brian.NetworkOperation(
                operation,
                clock=options["clock"],
                when=when,
                name=f"{neurons.name}_{operation.__name__}",
            )
            for operation, when in ((self.draw, "start"), (self.update, "synapses"))
        ]
        self.lateral = self.objects[1]
        self.set_parameters(parameters)
        self.reseed(None)

    def _allocate(self):
        shape = self.potential.shape
        self.expected = np.empty(shape, self.dtype)
        self.input = np.empty(shape, self.dtype)
        self.spiking = np.empty(shape, bool)
        self.active = np.empty(0, np.intp)
        self.active_counts = np.empty(0, np.int32)
        self.copy_starts = np.arange(self.n_copies + 1) * self.n_neurons

    def set_parameters(self, parameters):
        self.parameters = p = parameters
        # A column of the dictionary in each row.
        self.columns = np.ascontiguousarray(p.dictionary.T, self.dtype)
        # Row i: what one spike of neuron i takes from every neuron.
        self.inhibition = self.columns @ self.columns.T
        self.inhibition *= (p.natural_gradient_step / p.noise_variance).astype(self.dtype)
        # What drive is multiplied by, and what threshold and leak add to the potential in a step.
        self.drive_scale = (self.step * p.natural_gradient_step).astype(self.dtype)
        constant = p.leak * p.resting_potential - p.natural_gradient_step * p.threshold
        self.offset = (self.step * constant).astype(self.dtype)
        self.kept = self.dtype.type(1 - self.step * p.leak)

    def reseed(self, seed):
        """Restart the random numbers; `seed` is anything that NumPy's default_rng takes."""
        self.rng = np.random.default_rng(seed)
        self.rng.standard_exponential(dtype=self.dtype, out=self.left)

    def open_window(self, counts, expected):
        """Add counts and expected counts of every step from now on to these, of all copies."""
        self.window_counts = counts.reshape(-1)
        self.window_expected = expected.reshape(-1)

    def show(self, stimuli):
        """Set the drive of every copy."""
        shape = (self.n_copies, self.n_neurons)
        stimuli = np.asarray(stimuli, self.dtype)
        drive = np.matmul(stimuli, self.columns.T, out=self.drive.reshape(shape))
        drive /= self.dtype.type(self.parameters.noise_variance)
        self._take_drive()

    def _take_drive(self):
        """What drive, threshold and leak add to the potential in a step."""
        shape = (self.n_copies, self.n_neurons)
        change = self.input.reshape(shape)
        np.multiply(self.drive.reshape(shape), self.drive_scale, out=change)
        change += self.offset

    def draw(self):
        """Counts of this step from the potentials before they change."""
        np.exp(self.potential, out=self.expected)
        self.expected *= self.dtype.type(self.step)
        self.window_expected += self.expected
        self.left -= self.expected
        np.less_equal(self.left, 0, out=self.spiking)
        self.counts[self.active] = 0
        self.active = active = np.flatnonzero(self.spiking)
        left = self.left[active]
        self.active_counts = self._count(left)
        self.left[active] = left
        self.counts[active] = self.active_counts
        self.window_counts[active] += self.active_counts
        # Brian2 finds the neurons that spiked here: monitors and synapses of the user work.
        self.spikespace[: len(active)] = active
        self.spikespace[-1] = len(active)

    def _count(self, left):
        """Spikes of neurons with nothing left, shape as `left`, which is filled up in place."""
        counts = np.ones(len(left), np.int32)
        left += self.rng.standard_exponential(len(left), dtype=self.dtype)
        pending = np.flatnonzero(left <= 0)
        while len(pending) > FEW:
            counts[pending] += 1
            left[pending] += self.rng.standard_exponential(len(pending), dtype=self.dtype)
            pending = pending[left[pending] <= 0]
        rest = left[pending]
        counts[pending] += self._rest(rest)
        left[pending] = rest
        return counts

    def _rest(self, left):
        """More spikes of neurons with nothing left, all at once; `left` is filled up in place."""
        # One spike at the end of the wait, others in what went beyond it, and a new wait, which is
        # exponential whatever was before.
        more = 1 + self.rng.poisson(-left).astype(np.int32)
        self.rng.standard_exponential(dtype=self.dtype, out=left)
        return more

    def update(self):
        """Potentials of the next step."""
        potential = self.potential
        if self.parameters.leak:
            potential *= self.kept
        potential += self.input
        potential -= self.inhibit().reshape(-1)
        p = self.parameters
        np.clip(potential, p.lowest_potential, p.highest_potential, out=potential)

    def inhibit(self):
        """Sum of the inhibition by this step's spikes, (n_copies, n_neurons)."""
        shape = (self.n_copies, self.n_neurons)
        if len(self.active) < DENSE_ABOVE * self.potential.size:
            first = np.searchsorted(self.active, self.copy_starts)
            columns = self.active % self.n_neurons
            counts = self.active_counts.astype(self.dtype)
            return csr_array((counts, columns, first), shape=shape) @ self.inhibition
        return self.counts.reshape(shape).astype(self.dtype) @ self.inhibition
