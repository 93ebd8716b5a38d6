"""The engine "numpy": the same time step as "brian2", in few passes over many copies, in float32.

It is fast without any approximation:

- Counts come from the time-rescaling of a Poisson process. Each neuron holds how much expected
  count (the integral of its rate) is left until its next spike, an exponential number; a step
  takes rate*dt off it. Only neurons that cross zero cost random numbers: each crossing is a spike
  and adds a new exponential number, until the sum is above zero again. In single precision, rates
  of less than about a thousandth per tau are rounded by up to a quarter.
- Few spikes: their rows of the weights are added up; many: one dense matrix product.

Here the step is NumPy; the engine "numba" has it compiled, for all cores.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import brian2.only as brian
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import array_of
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.equations import COPIES
from ipvae_brian.network.lateral import within_reach
from ipvae_brian.network.noisy_drive import NoisyDrive

# Share of neurons that spike in a step above which the dense product is the cheaper one.
DENSE_ABOVE = 0.06
# Neurons that still have to spike in a step below which the rest is drawn at once.
FEW = 256


class NumpyCopies(Circuit):
    """Draws, membrane, lateral inhibition and bounds of all copies in two operations a step.

    Parameters as for `Circuit`.
    """

    engine = "numpy"
    label = "numpy"
    equations = COPIES
    precisions = ("single", "double")
    own_state: ClassVar[tuple[str, ...]] = ("left", "active", "active_counts")
    """Arrays that a step hands to the next, besides Brian2's variables."""

    def __init__(self, parameters: Parameters, clock: Any, target: Any = None, **options: Any):
        super().__init__(parameters, clock, target, **options)
        # The two operations do what these would.
        self.neurons.state_updater.active = False
        self.neurons.thresholder["spike"].active = False
        # Time step in units of tau.
        self.step = 1 / round(float(parameters.tau) / float(clock.dt))
        self.potential = array_of(self.neurons, "u")
        self.counts = array_of(self.neurons, "z")
        self.drive = array_of(self.neurons, "drive")
        self.recent_rate = array_of(self.neurons, "recent_rate")
        self.spikespace = array_of(self.neurons, "_spikespace")
        self.dtype = self.potential.dtype
        # Expected count until the next spike.
        self.left = np.empty_like(self.potential)
        self.close_window()
        self._allocate()
        operations = [
            brian.NetworkOperation(
                operation, clock=clock, when=when, name=f"{self.neurons.name}_{operation.__name__}"
            )
            for operation, when in ((self.draw, "start"), (self.update, "synapses"))
        ]
        self.objects += operations
        self.lateral = operations[1]
        self.noisy_drive: Any = self._make_noise(parameters)
        self.set_parameters(parameters)
        self.reseed(None)

    def _make_noise(self, parameters):
        """Return the drive with noise, and have it change before everything else in a step."""
        if self.noise is None:
            return None
        clock = self.options["clock"]
        name = f"{self.neurons.name}_noise"
        change = brian.NetworkOperation(self.change, clock=clock, when="start", order=-1, name=name)
        self.objects.append(change)
        return NoisyDrive(self.noise, parameters, self.n_copies, float(clock.dt), self.dtype)

    def change(self) -> None:
        """Let the noise of the drive change."""
        if self.noisy_drive.put_into(self._copies(self.drive)):
            self._take_drive()
        self.noisy_drive.go_on()

    def _allocate(self):
        shape = self.potential.shape
        self.expected = np.empty(shape, self.dtype)
        self.input = np.empty(shape, self.dtype)
        self.spiking = np.empty(shape, bool)
        self.active = np.empty(0, np.intp)
        self.active_counts = np.empty(0, np.int32)
        self.copy_starts = np.arange(self.n_copies + 1) * self.n_neurons

    def set_parameters(self, parameters: Parameters) -> None:
        """Work out weights and constants in the precision of the potentials."""
        self.parameters = p = parameters
        if self.noisy_drive is not None:
            self.noisy_drive.set_parameters(p)
        # A column of the dictionary in each row.
        self.columns = np.ascontiguousarray(p.dictionary.T, self.dtype)
        self.scaled_columns = p.scaled(self.columns)
        # Row i: what one spike of neuron i takes from every neuron.
        weights = self.scaled_columns @ self.scaled_columns.T
        self.inhibition = within_reach(weights, self.reach)
        self.inhibition *= (p.natural_gradient_step / p.noise_variance).astype(self.dtype)
        # What drive is multiplied by, and what threshold and leak add to the potential in a step.
        self.drive_scale = (self.step * p.natural_gradient_step).astype(self.dtype)
        threshold = p.natural_gradient_step * p.threshold
        # What a threshold that follows the recent rate takes in a step, with no recent spikes.
        self.threshold = (self.step * threshold).astype(self.dtype)
        constant = p.leak * p.resting_potential - (0 if self.adaptive else threshold)
        self.offset = (self.step * constant).astype(self.dtype)
        self.kept = self.dtype.type(1 - self.step * p.leak)
        remembered = math.exp(-self.step / p.threshold_memory)
        # The recent rate at half the threshold (0 for constant ones); what is left of a recent
        # rate after a step, and what a spike adds to it.
        self.memory = tuple(
            self.dtype.type(value)
            for value in (p.half_threshold_rate or 0, remembered, (1 - remembered) / self.step)
        )

    def reseed(self, seed: Any) -> None:
        """Restart the random numbers, and draw how much is left until the next spikes."""
        self.rng = np.random.default_rng(seed)
        if self.noisy_drive is not None:
            self.noisy_drive.reseed(seed)
        self.rng.standard_exponential(dtype=self.dtype, out=self.left)

    def follow_brian2(self) -> None:
        """Take a seed from Brian2's random numbers."""
        self.reseed(int(np.random.randint(2**31)))  # noqa: NPY002 (Brian2's are NumPy's)

    def before_run(self) -> None:
        """Take the drive as it is in Brian2's variables."""
        self._take_drive()

    def state(self) -> dict[str, Any]:
        """Return copies of the waits, the last spikes and the state of the random numbers."""
        arrays = {name: getattr(self, name).copy() for name in self.own_state}
        noise = {} if self.noisy_drive is None else self.noisy_drive.state()
        numbers = {"random_numbers": self.rng.bit_generator.state}
        return super().state() | arrays | numbers | noise

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Put them back."""
        super().restore_state(state)
        for name in self.own_state:
            setattr(self, name, state[name].copy())
        self.rng.bit_generator.state = state["random_numbers"]
        if self.noisy_drive is not None:
            self.noisy_drive.restore_state(state)

    def rest(self) -> None:
        """Put every potential at rest, and let new trials begin."""
        super().rest()
        if self.noisy_drive is not None:
            self.noisy_drive.rest()

    def state_of_neurons(self) -> list[NDArray]:
        """Return copies of potentials, what else is carried, and noise."""
        noise = [] if self.noisy_drive is None else self.noisy_drive.arrays
        return [*super().state_of_neurons(), *(array.copy() for array in noise)]

    def put_state_of_neurons(self, state: Sequence[NDArray]) -> None:
        """Put them back."""
        noise = [] if self.noisy_drive is None else self.noisy_drive.arrays
        n_others = len(state) - len(noise)
        super().put_state_of_neurons(state[:n_others])
        for array, values in zip(noise, state[n_others:], strict=True):
            array[:] = values

    def open_window(self, counts: NDArray, expected_counts: NDArray) -> None:
        """Add up in these arrays."""
        self.window_counts = counts.reshape(-1)
        self.window_expected = expected_counts.reshape(-1)

    def after_step(self) -> None:
        """Do nothing: spikes are counted when they are drawn."""

    def show(self, stimuli: NDArray) -> None:
        """Set the drive of every copy."""
        shape = (self.n_copies, self.n_neurons)
        scaled = self.parameters.scaled(np.asarray(stimuli, self.dtype))
        drive = np.matmul(scaled, self.scaled_columns.T, out=self.drive.reshape(shape))
        drive /= self.dtype.type(self.parameters.noise_variance)
        if self.noisy_drive is not None:
            self.noisy_drive.show(np.asarray(stimuli), drive)
        self._take_drive()

    def _take_drive(self):
        """Work out what drive, threshold and leak add to the potential in a step."""
        shape = (self.n_copies, self.n_neurons)
        change = self.input.reshape(shape)
        np.multiply(self.drive.reshape(shape), self.drive_scale, out=change)
        change += self.offset

    def draw(self) -> None:
        """Draw the counts of this step from the potentials before they change."""
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
        """Return the spikes of neurons with nothing left, and fill `left` up in place."""
        counts = np.ones(len(left), np.int32)
        left += self.rng.standard_exponential(len(left), dtype=self.dtype)
        pending = np.flatnonzero(left <= 0)
        while len(pending) > FEW:
            counts[pending] += 1
            left[pending] += self.rng.standard_exponential(len(pending), dtype=self.dtype)
            pending = pending[left[pending] <= 0]
        rest = left[pending]
        counts[pending] += self._more(rest)
        left[pending] = rest
        return counts

    def _more(self, left):
        """Return more spikes of neurons with nothing left, all at once; fill `left` up in place."""
        # One spike at the end of the wait, others in what went beyond it, and a new wait, which is
        # exponential whatever was before.
        more = 1 + self.rng.poisson(-left).astype(np.int32)
        self.rng.standard_exponential(dtype=self.dtype, out=left)
        return more

    def update(self) -> None:
        """Take the potentials to the next step."""
        potential = self.potential
        if self.parameters.leak:
            potential *= self.kept
        potential += self.input
        if self.adaptive:
            potential -= self._adapt()
        potential -= self.inhibit().reshape(-1)
        p = self.parameters
        np.clip(potential, p.lowest_potential, p.highest_potential, out=potential)

    def _adapt(self):
        """Return what thresholds take in this step, and bring recent rates up to date."""
        half_rate, remembered, jump = self.memory
        taken = (self.threshold / (1 + self._copies(self.recent_rate) / half_rate)).reshape(-1)
        self.recent_rate *= remembered
        self.recent_rate[self.active] += jump * self.active_counts.astype(self.dtype)
        return taken

    def _copies(self, array):
        return array.reshape(self.n_copies, self.n_neurons)

    def inhibit(self) -> NDArray:
        """Return the sum of the inhibition by this step's spikes, (n_copies, n_neurons)."""
        shape = (self.n_copies, self.n_neurons)
        if len(self.active) < DENSE_ABOVE * self.potential.size:
            first = np.searchsorted(self.active, self.copy_starts)
            columns = self.active % self.n_neurons
            counts = self.active_counts.astype(self.dtype)
            return csr_array((counts, columns, first), shape=shape) @ self.inhibition
        return self.counts.reshape(shape).astype(self.dtype) @ self.inhibition
