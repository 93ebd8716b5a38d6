"""Circuits: a population of neurons with its lateral inhibition, from the stimulus to the counts.

A circuit makes its own Brian2 objects and is all that a presentation talks to, so neither the
network nor the presenter asks which one it is. `Circuit` says what every circuit has;
`EquationCircuit` is the base of those whose time step is written in Brian2 equations. The circuits
of one population are in `pathways`, those of many copies of it in `engines`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, ClassVar

import brian2.only as brian
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import known_name
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import array_of
from ipvae_brian.network.divergence import Bound
from ipvae_brian.network.equations import (
    ADAPTIVE_MEMBRANE,
    BOUND,
    DRAW,
    MEMBRANE,
    REMEMBER,
    SPIKE,
    namespace,
    with_noise,
)
from ipvae_brian.network.lateral import LATERAL
from ipvae_brian.network.noise import TERMS, Noise
from ipvae_brian.network.noise_units import NoiseUnits, names_of_noise


class Circuit(ABC):
    """A population, or many copies of it, with its lateral inhibition.

    Parameters
    ----------
    parameters : Parameters
    clock : brian2.Clock
        Of all Brian2 objects of the circuit.
    target : type or None
        Class of their code objects, see `codeobj_class` in Brian2.
    n_copies : int, default 1
    rate_type : type, default float64
        NumPy type of potentials and expected counts.
    reach : {"all", "self", "off"}, default "all"
        Which neurons a spike inhibits.
    noise : Noise, optional
    name : str, default "ipvae"
        Beginning of the names of the Brian2 objects.

    Attributes
    ----------
    neurons : brian2.NeuronGroup
        `n_copies` populations, one after the other.
    lateral : brian2.Synapses or brian2.NetworkOperation
        What inhibits.
    objects : list of brian2.BrianObject
        All that a Brian2 network needs to run the circuit, `neurons` included.
    """

    engine: ClassVar[str]
    """Name of what takes the time steps."""
    equations: str
    """Brian2 equations of the neurons."""
    label: ClassVar[str]
    """The circuit in a word, for users."""
    precisions: ClassVar[tuple[str, ...]] = ("double",)
    """Precisions that the potentials may have, the default first."""
    takes_delay: ClassVar[bool] = False
    """Whether spikes may take time to inhibit: argument `delay`, in Brian2 units."""
    reaches: ClassVar[tuple[str, ...]] = LATERAL
    """Which neurons a spike may inhibit, of `LATERAL`."""
    noises: ClassVar[tuple[str, ...]] = TERMS
    """What noise the circuit may have."""
    in_continuous_time: ClassVar[bool] = False
    """Whether spikes inhibit at their very time, so that no time step is too coarse for it."""
    count_type: ClassVar[type] = np.int32
    """NumPy type of counts in windows, a float where activity is graded."""
    spike: ClassVar[str | None] = SPIKE
    """Condition for an event of a neuron; None where activity is graded."""

    lateral: Any

    def __init__(
        self,
        parameters: Parameters,
        clock: Any,
        target: Any = None,
        *,
        n_copies: int = 1,
        rate_type: type = np.float64,
        reach: str = "all",
        noise: Noise | None = None,
        name: str = "ipvae",
    ):
        self.parameters = parameters
        self.n_copies = n_copies
        self.n_neurons = parameters.n_neurons
        self.rate_type = rate_type
        self.reach = known_name(reach, "lateral", self.reaches)
        self.noise = noise if noise else None
        # For every Brian2 object: this clock and this target, no global default.
        self.target = target
        self.options = {"clock": clock, "codeobj_class": target}
        self.neurons = brian.NeuronGroup(
            n_copies * self.n_neurons,
            self.equations,
            method="euler",
            threshold=self.spike,
            reset=self.spike and "",  # self-inhibition takes the place of a reset
            namespace=self._names(parameters),
            name=f"{name}_neurons",
            dtype=rate_type,
            **self.options,
        )
        if self.spike is not None:
            self.neurons.resetter["spike"].active = False  # nothing to run
        self.objects: list[Any] = [self.neurons]

    def _names(self, parameters: Parameters) -> dict[str, Any]:
        """Return what the equations of the neurons need to know by name."""
        return namespace(parameters)

    @property
    def adaptive(self) -> bool:
        """Whether thresholds follow the neurons' recent rates."""
        return self.parameters.half_threshold_rate is not None

    @property
    def carried(self) -> Mapping[Any, Any]:
        """Brian2 variables besides the potential that keep something of the last stimulus.

        With the value that each has at rest.
        """
        return {self.neurons.recent_rate: 0} if self.adaptive else {}

    @abstractmethod
    def set_parameters(self, parameters: Parameters) -> None:
        """Put in a new dictionary and new constants, of the same shape."""

    @abstractmethod
    def show(self, stimuli: NDArray) -> None:
        """Set the stimulus of every copy, (n_copies, n_pixels)."""

    def stimulus_values(self, stimuli: NDArray) -> dict[Any, NDArray]:
        """Return the Brian2 variables that hold the stimulus, with their values.

        For standalone programs, in which the stimulus is an argument.
        """
        raise NotImplementedError(f"{type(self).__name__} does not run in C++ standalone mode")

    def rest(self) -> None:
        """Put every potential at rest, and forget what is carried from the last stimulus."""
        self._by_copy("u")[:] = self.parameters.resting_potential
        for variable, value in self.carried.items():
            variable[:] = value

    def state_of_neurons(self) -> list[NDArray]:
        """Return copies of the potentials and of what else is carried."""
        return [np.array(v[:]) for v in (self.neurons.u, *self.carried)]

    def put_state_of_neurons(self, state: Sequence[NDArray]) -> None:
        """Put back what `state_of_neurons` returned, maybe of a circuit with another time step."""
        for variable, values in zip((self.neurons.u, *self.carried), state, strict=True):
            # Axons are as long as their delay in time steps; spikes in them are lost.
            if variable.shape == values.shape:
                variable[:] = values

    def _by_copy(self, variable: str) -> NDArray:
        """Return the memory of a variable of the neurons, as (n_copies, n_neurons)."""
        return array_of(self.neurons, variable).reshape(self.n_copies, self.n_neurons)

    # What Brian2 does with a network

    def before_run(self) -> None:  # noqa: B027 (most have nothing to do)
        """Take over what the user may have written into Brian2's variables since the last run."""

    def after_run(self) -> None:  # noqa: B027
        """Bring Brian2's variables up to date at the end of a run."""

    def state(self) -> dict[str, Any]:
        """Return copies of what is kept outside Brian2's variables, for its ``store()``."""
        return {"parameters": self.parameters}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned, in Brian2's ``restore()``."""
        if state["parameters"] is not self.parameters:
            self.set_parameters(state["parameters"])

    # Random numbers

    seeds_brian2: ClassVar[bool] = False
    """Whether `reseed` seeds Brian2, whose state has to be given back after a run."""

    @abstractmethod
    def reseed(self, seed: Any) -> None:
        """Restart the random numbers; `seed` is anything that NumPy's default_rng takes."""

    @abstractmethod
    def follow_brian2(self) -> None:
        """Let generators of the circuit's own go on from the state of Brian2's.

        Called when a presentation begins, so that without a seed it follows `brian2.seed`.
        """

    def threads(self) -> AbstractContextManager:
        """Return a context in which the threads that take the steps are not disturbed by others."""
        return nullcontext()

    # Windows

    @abstractmethod
    def open_window(self, counts: NDArray, expected_counts: NDArray) -> None:
        """Add up counts and expected counts of every step from now on in these arrays.

        Parameters
        ----------
        counts, expected_counts : numpy.ndarray, shape (n_copies, n_neurons)
            Zero at the beginning.
        """

    def close_window(self) -> None:
        """Add up from now on in arrays that nobody reads, for runs without a presentation."""
        self.open_window(*self._nowhere)

    @cached_property
    def _nowhere(self) -> tuple[NDArray, NDArray]:
        shape = self.n_copies, self.n_neurons
        return np.zeros(shape, self.count_type), np.zeros(shape, self.rate_type)

    def look_ahead(self, n_steps: int) -> None:
        """Learn that nothing is shown, recorded or looked at before so many steps are over.

        A circuit may take them all in the first one.
        """
        return None

    # Spikes

    def record_spikes(self) -> None:
        """Forget spikes whose times were kept, and keep those from now on if they are exact."""
        return None

    def exact_spikes(self) -> tuple[NDArray, NDArray] | None:
        """Return index in the group and time, in steps since `record_spikes`, of each spike.

        None where spikes are known by their time step only.
        """
        return None

    @abstractmethod
    def after_step(self) -> None:
        """Count the spikes of this time step, unless that has been done already."""

    def decode(self, counts: ArrayLike) -> NDArray:
        """Return the stimuli that counts (n, n_neurons) stand for, (n, n_pixels)."""
        # Single precision will do for what this is needed for: to tell whether a run diverged.
        return self.parameters.decode(counts, np.float32)

    def diverged(
        self, stimuli: NDArray, counts: NDArray, bound: Bound, n_steps: int
    ) -> NDArray[np.bool_]:
        """Return which copies ran away in some time steps, (n_copies,).

        Parameters
        ----------
        stimuli : numpy.ndarray, shape (n_copies, n_pixels)
            Mean of what was shown in these steps.
        counts : numpy.ndarray of int, shape (n_copies, n_neurons)
        bound : Bound
            Of the presentation.
        n_steps : int
        """
        return bound.exceeded(stimuli, counts, self.decode(counts), n_steps)

    def potentials(self) -> NDArray:
        """Return a copy of the membrane potentials, (n_copies, n_neurons)."""
        return np.array(self.neurons.u[:], float).reshape(self.n_copies, self.n_neurons)


class EquationCircuit(Circuit):
    """A circuit whose time step is written in Brian2 equations.

    A term is added in a subclass: its strings to `equations`, its constants to `constants`, what it
    does besides to `operations`, and its state to `carried`.
    """

    engine = "brian2"
    seeds_brian2 = True
    equations = MEMBRANE
    operations: ClassVar[tuple[tuple[str, str], ...]] = (
        (DRAW, "start"),
        (BOUND, "end"),
    )
    """Statements that are run in every step, and the slot of each."""
    constants: ClassVar[tuple[str, ...]] = (
        "threshold",
        "resting_potential",
        "natural_gradient_step",
    )
    """Fields of the parameters that are variables of the neurons."""
    noise_of_neurons: ClassVar[tuple[str, ...]] = TERMS
    """Noise that is in the neurons' own drive."""

    def __init__(self, parameters: Parameters, clock: Any, target: Any = None, **options: Any):
        operations = self.operations
        if parameters.half_threshold_rate is not None:
            self.equations = ADAPTIVE_MEMBRANE
            operations = (*operations, (REMEMBER, "end"))
        if noise := options.get("noise"):
            terms = [name for name in self.noise_of_neurons if getattr(noise, name)]
            self.equations = with_noise(self.equations, terms)
        super().__init__(parameters, clock, target, **options)
        self.noise_units: Any = NoiseUnits(self) if self.noise else None
        for statement, when in operations:
            self.regularly(self.neurons, statement, when)

    def _names(self, parameters: Parameters) -> dict[str, Any]:
        names = super()._names(parameters)
        if self.noise:
            names |= names_of_noise(self.noise, float(self.options["clock"].dt))
        return names

    def regularly(self, group: Any, statement: str, when: str, order: int = 0) -> None:
        """Run a statement of a group in every time step."""
        target = self.target
        self.objects.append(
            group.run_regularly(statement, when=when, order=order, codeobj_class=target)
        )

    @property
    def carried(self) -> Mapping[Any, Any]:
        """What neurons carry, and noise."""
        noise = {} if self.noise_units is None else self.noise_units.carried
        return {**super().carried, **noise}

    def set_parameters(self, parameters: Parameters) -> None:
        """Put the constants into the neurons; the weights are for the subclass."""
        self.parameters = parameters
        for name in self.constants:
            setattr(self.neurons, name, np.tile(getattr(parameters, name), self.n_copies))
        if self.noise_units is not None:
            self.noise_units.set_parameters(parameters)

    def show(self, stimuli: NDArray) -> None:
        """Set the stimulus of every copy, (n_copies, n_pixels)."""
        for variable, values in self.stimulus_values(np.asarray(stimuli)).items():
            variable[:] = values

    def stimulus_values(self, stimuli: NDArray) -> dict[Any, NDArray]:
        """Return the Brian2 variables that hold the stimulus and its noise, with their values."""
        noise = {} if self.noise_units is None else self.noise_units.values_for(stimuli)
        return dict([self._shown(stimuli)]) | noise

    def _shown(self, stimuli: NDArray) -> tuple[Any, NDArray]:
        """Return the variable that stands for the stimuli, the neurons' drive, and its values."""
        return self.neurons.drive, self.parameters.drive(stimuli).ravel()

    def reseed(self, seed: Any) -> None:
        """Seed Brian2, whose own state is given back by whoever runs the network."""
        brian.seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))

    def follow_brian2(self) -> None:
        """Do nothing: the random numbers are Brian2's."""

    # Found once, as they are needed in every step; there are none before a standalone run.
    @cached_property
    def _step_counts(self) -> NDArray:
        return array_of(self.neurons, "z")

    @cached_property
    def _expected_count(self) -> NDArray:
        return array_of(self.neurons, "expected_count")

    def open_window(self, counts: NDArray, expected_counts: NDArray) -> None:
        """Add up in these arrays, and start the integral of the rate anew."""
        self._counts = counts.reshape(-1)
        self._expected_counts = expected_counts.reshape(-1)
        self._expected_count[:] = 0  # a sum for ever would lose its last digits

    def after_step(self) -> None:
        """Read the counts of this time step from the neurons."""
        self._counts += self._step_counts
        self._expected_counts[:] = self._expected_count
