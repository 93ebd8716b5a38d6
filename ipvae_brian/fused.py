"""The same time step as `equations`, written for many copies at once: few passes, float32.

What makes it fast is exact, not an approximation:

- Counts come from the time-rescaling of a Poisson process. Each neuron holds how much expected
  count (the integral of its rate) is left until its next spike, an exponential number; a step
  takes rate*dt off it. Only neurons that cross zero cost random numbers: each crossing is a spike
  and adds a new exponential number, until the sum is above zero again. In single precision, rates
  of less than about a thousandth per tau are rounded by up to a quarter.
- Few spikes: their rows of the weights are added up; many: one dense matrix product.
"""

import brian2.only as brian
import numpy as np
from scipy.sparse import csr_array

from ipvae_brian._brian import array_of

# Share of neurons that spike in a step above which the dense product is the cheaper one.
DENSE_ABOVE = 0.06
# Spikes of a neuron in a step that are drawn one by one.
ONE_BY_ONE = 12


class FusedShared:
    """Draws, membrane, lateral inhibition and bounds of all copies in two operations a step.

    Parameters
    ----------
    neurons : brian2.NeuronGroup
        n_copies populations, one after the other.
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
        shape, self.dtype = self.potential.shape, self.potential.dtype
        self.left = np.empty(shape, self.dtype)
        self.rates = np.empty(shape, self.dtype)
        self.input = np.empty(shape, self.dtype)
        self.spiking = np.empty(shape, bool)
        self.active = np.empty(0, np.intp)
        self.active_counts = np.empty(0, np.int32)
        self.copy_starts = np.arange(n_copies + 1) * self.n_neurons
        self.window_counts = np.zeros(shape, np.int32)
        self.window_rates = np.zeros(shape, self.dtype)
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

    def set_parameters(self, parameters):
        self.parameters = parameters
        p = parameters
        self.inhibition = (p.lateral_weights * p.natural_gradient_step).astype(self.dtype)
        self.leak = self.dtype.type(self.step * p.leak)

    def reseed(self, seed):
        """Restart the random numbers; `seed` is anything that NumPy's default_rng takes."""
        self.rng = np.random.default_rng(seed)
        self.left[:] = self._exponential(len(self.left))

    def show(self, stimuli):
        """Set the drive, and what drive and threshold add to the potential in a step."""
        p = self.parameters
        drive = p.drive(np.asarray(stimuli))
        self.drive[:] = drive.ravel()
        constant = p.natural_gradient_step * (drive - p.threshold) + p.leak * p.resting_potential
        self.input[:] = (self.step * constant).ravel()

    def draw(self):
        """Counts of this step from the potentials before they change."""
        np.exp(self.potential, out=self.rates)
        self.window_rates += self.rates
        self.left -= self.rates
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
        left += self._exponential(len(left))
        pending = np.flatnonzero(left <= 0)
        for _ in range(ONE_BY_ONE):
            if not len(pending):
                return counts
            counts[pending] += 1
            left[pending] += self._exponential(len(pending))
            pending = pending[left[pending] <= 0]
        # Of many spikes the rest at once; what is left after them is exponential whatever it was.
        counts[pending] += 1 + self.rng.poisson(-left[pending] * self.step).astype(np.int32)
        left[pending] = self._exponential(len(pending))
        return counts

    def _exponential(self, n):
        """Expected count until a spike, in units of what a rate of one adds in a step."""
        return self.rng.standard_exponential(n, dtype=self.dtype) * self.dtype.type(1 / self.step)

    def update(self):
        """Potentials of the next step."""
        potential = self.potential
        if self.leak:
            potential *= 1 - self.leak
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

    def take_window(self):
        """Counts and expected counts since the last call, (n_copies, n_neurons) each."""
        shape = (self.n_copies, self.n_neurons)
        counts = self.window_counts.reshape(shape).copy()
        expected = self.window_rates.reshape(shape) * self.dtype.type(self.step)
        self.window_counts[:] = 0
        self.window_rates[:] = 0
        return counts, expected
