"""The engine "events": many copies in continuous time, simulated spike by spike.

Inhibition acts at the very time of each spike, so there is no time step that could be too coarse
for it. The steps of the clock are those in which drive, threshold and leak act (`event_loop` says
how), and in which potentials and spikes are recorded. Between them, potentials are brought up to
date for Brian2, and what other objects have written into them is taken over.
"""

from collections.abc import Mapping
from typing import Any

import brian2.only as brian
import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import array_of
from ipvae_brian.network.divergence import Bound, too_many_spikes
from ipvae_brian.network.engines import event_loop
from ipvae_brian.network.engines.compiled import CompiledCopies
from ipvae_brian.network.engines.limits import not_in_continuous_time
from ipvae_brian.network.engines.populations import Populations
from ipvae_brian.network.equations import COPIES
from ipvae_brian.network.noisy_drive import NoisyDrive

# How far a spike keeps from the end of its step, in steps, so that rounding leaves it in there.
CLEARANCE = 1e-5


class EventCopies(CompiledCopies):
    """Copies of the population whose spikes come one at a time, in continuous time.

    Parameters as for `Circuit`.
    """

    engine = "events"
    label = "events"
    equations = COPIES
    precisions = ("single", "double")
    in_continuous_time = True

    def __init__(self, parameters: Parameters, clock: Any, target: Any = None, **options: Any):
        super().__init__(parameters, clock, target, **options)
        steps_per_tau = round(float(parameters.tau) / float(clock.dt))
        if reason := not_in_continuous_time(parameters, steps_per_tau):
            raise ValueError(f"{reason} (engine 'events')")
        # The two operations do what these would.
        self.neurons.state_updater.active = False
        self.neurons.thresholder["spike"].active = False
        self.populations = Populations(
            parameters,
            self.n_copies,
            1 / steps_per_tau,
            self.rate_type,
            self.reach,
        )
        self.noisy_drive: Any = None
        if self.noise:
            dt = float(clock.dt)
            self.noisy_drive = NoisyDrive(self.noise, parameters, self.n_copies, dt, self.rate_type)
        self.columns = self.populations.columns
        self.spikespace = array_of(self.neurons, "_spikespace")
        self.potential = self._by_copy("u")
        # Brian2's own memory.
        self.populations.drive = self._by_copy("drive")
        self.populations.recent_rates = self._by_copy("recent_rate")
        self.neurons.variables["z"].read_only = True
        # The same as it was when the populations went by it: what differs has been written to.
        self._known = [np.zeros_like(array) for array in self._writable]
        self._publish()
        # How many steps may be taken at once, and how many the clock is behind.
        self._ahead = self._taken = 0
        self._watched = True
        self.close_window()
        # Steps since spikes are kept.
        self._step = 0
        self._spikes: list[tuple[NDArray, NDArray]] = []
        operations = [
            brian.NetworkOperation(
                operation, clock=clock, when=when, name=f"{self.neurons.name}_{operation.__name__}"
            )
            for operation, when in ((self.fire, "start"), (self.update, "synapses"))
        ]
        self.objects += operations
        self.lateral = operations[1]

    @property
    def _writable(self):
        own = self.populations
        # Recent rates do nothing where thresholds are constant.
        return self.potential, own.drive, *([own.recent_rates] if own.adaptive else [])

    def _publish(self) -> None:
        """Put the potentials where Brian2 finds them."""
        event_loop.potentials_of(self.populations.rates, self.potential)
        self._know()

    def _know(self) -> None:
        for known, array in zip(self._known, self._writable, strict=True):
            known[:] = array

    def _take_over(self) -> None:
        """Go by what others have written."""
        potential, *inputs = self._known
        populations = self.populations
        if not np.array_equal(self.potential, potential):
            _, _, lowest, highest, *_ = populations.constants
            event_loop.follow_potentials(
                self.potential, potential, populations.rates, lowest, highest
            )
        if not all(map(np.array_equal, inputs, self._writable[1:])):
            populations.grow()
        self._know()

    def before_run(self) -> None:
        """Go by what was written into the neurons' variables."""
        self._take_over()

    def after_run(self) -> None:
        """Show potentials and the spikes of the last step."""
        self._publish()
        self._show_spikes()

    def potentials(self) -> NDArray:
        """Return a copy of the membrane potentials, (n_copies, n_neurons)."""
        self._take_over()
        self._publish()
        return super().potentials()

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in a new dictionary and new constants, of the same shape."""
        self.parameters = parameters
        self.populations.set_parameters(parameters)
        if self.noisy_drive is not None:
            self.noisy_drive.set_parameters(parameters)
        self.columns = self.populations.columns

    def state(self) -> dict[str, Any]:
        """Return copies of the populations' arrays."""
        noise = {} if self.noisy_drive is None else self.noisy_drive.state()
        known = {"known": [array.copy() for array in self._known]}
        return super().state() | self.populations.state() | known | noise

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Put them back."""
        super().restore_state(state)
        self.populations.restore_state(state)
        for known, array in zip(self._known, state["known"], strict=True):
            known[:] = array
        if self.noisy_drive is not None:
            self.noisy_drive.restore_state(state)

    def rest(self) -> None:
        """Put every population at rest, without recent spikes."""
        self.populations.rest()
        if self.noisy_drive is not None:
            self.noisy_drive.rest()
        self.potential[:] = self.parameters.resting_potential
        self._know()

    def show(self, stimuli: NDArray) -> None:
        """Set the drive of every copy."""
        self.populations.show(stimuli)
        if self.noisy_drive is not None:
            self.noisy_drive.show(np.asarray(stimuli), self.populations.drive)
        self._known[1][:] = self.populations.drive

    def reseed(self, seed: Any) -> None:
        """Restart the random numbers, those of every copy at a place of its own."""
        self.populations.reseed(seed)
        if self.noisy_drive is not None:
            self.noisy_drive.reseed(seed)

    def open_window(self, counts: NDArray, expected_counts: NDArray) -> None:
        """Add up in these arrays."""
        self._windows = counts, expected_counts
        self._ahead = self._taken = 0

    def after_step(self) -> None:
        """Do nothing: spikes are counted when they happen."""

    def follow_brian2(self) -> None:
        """Take a seed from Brian2's random numbers."""
        self.reseed(int(np.random.randint(2**31)))  # noqa: NPY002 (Brian2's are NumPy's)

    def look_ahead(self, n_steps: int) -> None:
        """Take these steps at once."""
        self._ahead = n_steps

    def diverged(
        self, stimuli: NDArray, counts: NDArray, bound: Bound, n_steps: int
    ) -> NDArray[np.bool_]:
        """Return which copies ran away in some time steps, (n_copies,)."""
        return (
            self.populations.ran_away
            | too_many_spikes(stimuli, counts, self.parameters, self.reach, self.noise)
            | super().diverged(stimuli, counts, bound, n_steps)
        )

    # Spikes with their times

    def record_spikes(self) -> None:
        """Keep the exact time of every spike from now on, and forget those before."""
        self._step, self._spikes = 0, []
        self.populations.record_spikes(True)

    def exact_spikes(self) -> tuple[NDArray, NDArray]:
        """Return index in the group and time of each spike since `record_spikes`, in order.

        Times are in time steps. Within a step, spikes are in order copy by copy.
        """
        none = (np.empty(0, np.int64), np.empty(0))
        index, time = zip(*self._spikes, strict=True) if self._spikes else ([none[0]], [none[1]])
        return np.concatenate(index), np.concatenate(time)

    def _keep_spikes(self) -> None:
        copy, neuron, time = self.populations.spikes_of_last_step()
        steps = np.minimum(time / self.populations.step, 1 - CLEARANCE)
        self._spikes.append((copy * self.n_neurons + neuron, self._step + steps))

    # Operations

    def fire(self) -> None:
        """Simulate this step, or this one and those that may be taken with it."""
        if self._taken == 0:
            self._watched = self._ahead == 0
            if self._watched:
                self._take_over()
            self._taken = max(1, self._ahead)
            if self.noisy_drive is not None:
                self._taken = min(self._taken, self.noisy_drive.steps_left)
                self._change()
            self._ahead = max(0, self._ahead - self._taken)
            self.populations.advance(self._taken, *self._windows)
            if self._watched:
                self._show_spikes()
            if self.populations.spike_times.shape[1]:
                self._keep_spikes()
        self._taken -= 1
        self._step += 1

    def _show_spikes(self):
        """Put the spikes of the last step where monitors and synapses find them."""
        self._by_copy("z")[:] = self.populations.counts
        event_loop.list_spikes(self.populations.counts, self.spikespace)

    def _change(self) -> None:
        """Let the noise of the drive change, and stay for the steps that are taken now."""
        if self.noisy_drive.put_into(self.populations.drive):
            self.populations.grow()
            self._known[1][:] = self.populations.drive
        self.noisy_drive.go_on(self._taken)

    def update(self) -> None:
        """Show the potentials at the end of the step, if anybody looks."""
        if self._watched:
            self._take_over()
            self._publish()
