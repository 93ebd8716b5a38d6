"""Build the Brian2 objects of a network as soon as the time step is known."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self, cast

import brian2.only as brian
from brian2.only import Quantity, second
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import seconds, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.model.parameters import Fitted, Parameters
from ipvae_brian.network._brian import belong_to, is_standalone
from ipvae_brian.network._process import count_network, one_at_a_time
from ipvae_brian.network.arguments import (
    Neurons,
    as_stimuli,
    largest_energy,
    recorded_neurons,
    whole_fraction,
)
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.monitors import Monitors
from ipvae_brian.network.presenter import RuntimeRunner
from ipvae_brian.network.runner import Runner
from ipvae_brian.network.standalone import StandaloneRunner

# Brian2 numbers the neurons of a group by 32-bit integers, and so do the engines.
LARGEST_GROUP = 2**31 - 1
# What is built into the Brian2 objects and stays as it is.
FIXED = (
    *("n_pixels", "n_neurons", "tau", "leak", "lowest_potential", "highest_potential"),
    *("noise_variance", "half_threshold_rate", "threshold_memory"),
)


@dataclass(frozen=True)
class Built:
    """The Brian2 objects of a network, which exist once the time step is known."""

    dt: Any
    """A quantity."""
    clock: Any
    circuit: Circuit
    monitors: Monitors
    runner: Runner
    brian_network: Any


class Building(ABC):
    """A network's parameters, its circuit, monitors and runner, and the user's own objects.

    A kind of network sets `rate_type`, makes the circuit and knows which time step is stable; at
    the end of its ``__init__`` it calls `_build_at`.

    Parameters
    ----------
    parameters : Parameters
    n_copies : int
    target : {"numpy", "cython"} or None
    record_potentials : iterable of int, slice, bool or "all"
    record_spikes : bool or None
    name : str
        All as for `SpikingNetwork`.
    """

    rate_type: type
    """NumPy type of potentials and expected counts."""

    def __init__(
        self,
        parameters: Parameters | Fitted,
        *,
        n_copies: int,
        target: str | None,
        record_potentials: Neurons,
        record_spikes: bool | None,
        name: str,
    ):
        parameters = cast(Parameters, getattr(parameters, "parameters_", parameters))
        if not isinstance(parameters, Parameters):
            raise TypeError(
                "parameters must be a Parameters or a fitted IPVAE, got "
                f"{type(parameters).__name__}"
            )
        self._parameters = parameters
        self.n_copies = whole_number(n_copies, "n_copies")
        if self.n_copies * parameters.n_neurons > LARGEST_GROUP:
            raise ValueError(
                f"n_copies must be at most {LARGEST_GROUP // parameters.n_neurons} for "
                f"{parameters.n_neurons} neurons, got {n_copies}"
            )
        self._runner_class = StandaloneRunner if is_standalone() else RuntimeRunner
        self.target = self._runner_class.code_object_class(target)
        self.recorded = recorded_neurons(record_potentials, parameters.n_neurons)
        self.record_spikes = n_copies == 1 if record_spikes is None else bool(record_spikes)
        self.name = name
        self.checked_energy = 0.0
        self._checked_stimuli = 0
        self._additions: list[Any] = []
        self._built: Built | None = None
        # Whether the time step was chosen here, and what stands against choosing it again.
        self._chosen = False
        self._handed_out = ""
        self._has_run = False

    # What a kind of network supplies

    @abstractmethod
    def _make_circuit(self, clock: Any) -> Circuit:
        """Make the circuit, with all its Brian2 objects."""

    @abstractmethod
    def _stable_dt(self, stimuli: NDArray, start: NDArray | None = None) -> float:
        """Return a time step in seconds that is stable for stimuli (n_stimuli, n_pixels).

        `start` has the potentials (n_copies, n_neurons) if inference does not begin at rest.
        """

    @abstractmethod
    def check_dt(self, stimuli: NDArray, dt_seconds: float, start: NDArray | None = None) -> None:
        """Warn if the time step may not be stable for stimuli (n_stimuli, n_pixels)."""

    @abstractmethod
    def check_start(self, start: NDArray, dt_seconds: float) -> None:
        """Warn if the time step may not be stable for potentials (n_copies, n_neurons)."""

    @abstractmethod
    def advice(self, stimuli: NDArray, dt_seconds: float) -> str:
        """Return what to do if stimuli (n_stimuli, n_pixels) diverged at a time step."""

    # Building

    def build(self, stimuli: ArrayLike) -> Self:
        """Create the Brian2 objects with a time step that is stable for these stimuli.

        Needed only to reach the objects before the first presentation without giving `dt`.

        Parameters
        ----------
        stimuli : array_like
            As for `present`.

        Returns
        -------
        SpikingNetwork
            Itself.
        """
        shown = as_stimuli(stimuli, self.parameters, "stimuli")
        if self._built is None:
            self._chosen = True
            self._build(self._stable_dt(shown))
            self.checked_energy, self._checked_stimuli = largest_energy(shown), len(shown)
        return self

    def _build_at(self, dt: Time | None) -> None:
        """Build at once if the user gave a time step."""
        if dt is not None:
            self._build(whole_fraction(seconds(dt, "dt"), self.parameters))

    @one_at_a_time()
    def _build(self, dt_seconds: float) -> None:
        count_network(self)
        dt = dt_seconds * second
        clock = brian.Clock(dt, name=f"{self.name}_clock")
        circuit = self._make_circuit(clock)
        record_spikes = self.record_spikes or self._runner_class.needs_spikes
        monitors = Monitors(circuit, self.recorded, record_spikes, self.name)
        brian_network = brian.Network(name=f"{self.name}_network")
        steps_per_tau = round(float(self.parameters.tau) / dt_seconds)
        runner = self._runner_class(circuit, monitors, brian_network, steps_per_tau)
        brian_network.add(circuit.objects, monitors.objects, runner.objects, self._additions)
        belong_to(brian_network, [*circuit.objects, *monitors.objects, *runner.objects])
        self._built = Built(dt, clock, circuit, monitors, runner, brian_network)

    def _rebuild(self, dt_seconds: float, state: list[NDArray]) -> None:
        """Make all objects anew with another time step, and give the neurons a state."""
        self._build(dt_seconds)
        self._objects("neurons").circuit.put_state_of_neurons(state)

    def _fixed_by(self, after_run: bool = False) -> str:
        """Return why the objects cannot be made anew with another time step; "" if they can.

        `after_run` says that a presentation will have run before.
        """
        if not self._chosen:
            return "dt was given"
        if not self._runner_class.can_rebuild:
            return "it was compiled"
        if self._handed_out:
            return f"its {self._handed_out!r} was asked for"
        if self._additions and (after_run or self._has_run):
            return "your own objects have run in it"
        return ""

    def _hand_out(self, name: str) -> Built:
        """Return the objects, one of which the user will hold from now on."""
        built = self._objects(name)
        self._handed_out = self._handed_out or name
        return built

    def _objects(self, name: str) -> Built:
        """Return the Brian2 objects, of which the user asked for one by this name."""
        if self._built is None:
            raise AttributeError(
                f"{name}: the Brian2 objects do not exist yet, because dt is not known: it is "
                f"chosen at the first presentation. Give dt to {type(self).__name__}, or call "
                "build(stimuli) to have it chosen for these stimuli"
            )
        return self._built

    @property
    def parameters(self) -> Parameters:
        """What is simulated; Brian2's ``restore()`` brings old ones back."""
        return self._parameters if self._built is None else self._built.circuit.parameters

    @property
    def dt(self) -> Quantity | None:
        """The time step; None until it is known."""
        return None if self._built is None else self._built.dt

    @property
    def _dt_seconds(self) -> float:
        return float(self._objects("dt").dt)

    @property
    def steps_per_tau(self) -> int:
        """Time steps in a window of tau."""
        return self._objects("steps_per_tau").runner.window_steps

    @property
    def circuit(self) -> Circuit:
        """The circuit; its `objects` are all its Brian2 objects, such as the error units."""
        return self._hand_out("circuit").circuit

    @property
    def neurons(self) -> Any:
        """The population, or all copies of it one after the other, a brian2.NeuronGroup."""
        return self._hand_out("neurons").circuit.neurons

    @property
    def lateral(self) -> Any:
        """What inhibits, brian2.Synapses or a brian2.NetworkOperation."""
        return self._hand_out("lateral").circuit.lateral

    @property
    def spike_monitor(self) -> Any:
        """The network's own brian2.SpikeMonitor, or None."""
        return self._hand_out("spike_monitor").monitors.spikes

    @property
    def potential_monitor(self) -> Any:
        """The network's own brian2.StateMonitor, or None."""
        return self._hand_out("potential_monitor").monitors.potentials

    @property
    def clock(self) -> Any:
        """The brian2.Clock of all objects."""
        return self._hand_out("clock").clock

    @property
    def brian_network(self) -> Any:
        """The brian2.Network that holds all of them; `add` puts your own objects there."""
        return self._hand_out("brian_network").brian_network

    def add(self, *objects: Any) -> Self:
        """Add your own Brian2 objects (groups, synapses, monitors, operations) to the network."""
        self._additions.extend(objects)
        if self._built is not None:
            self._built.brian_network.add(*objects)
        return self

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in a new dictionary (and constants), keeping the shape, tau, leak and bounds.

        Raises
        ------
        ValueError
            If something that is built into the network differs.
        """
        for field in FIXED:
            if getattr(parameters, field) != getattr(self.parameters, field):
                raise ValueError(f"parameters: {field} differs from the network's; build a new one")
        self._parameters = parameters
        self.checked_energy = 0.0
        if self._built is not None:
            self._built.circuit.set_parameters(parameters)
