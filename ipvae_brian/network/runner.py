"""Runners take presentations through a circuit; there is one for each kind of Brian2 device.

`RuntimeRunner` (in `presenter`) runs step by step in Python, `StandaloneRunner` (in `standalone`)
as a compiled C++ program. A network chooses one when it is created and never asks again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.monitors import Monitors
from ipvae_brian.network.presentation import Outcome, Presentation


class Runner(ABC):
    """Takes presentations through a circuit.

    Parameters
    ----------
    circuit : Circuit
    monitors : Monitors
    brian_network : brian2.Network
        To which circuit and monitors are added, and then the runner's `objects`.
    window_steps : int
        Time steps in a window of tau.
    """

    needs_spikes: ClassVar[bool]
    """Whether a spike monitor is needed even where nobody wants to see the spikes."""
    can_rebuild: ClassVar[bool]
    """Whether Brian2 objects can be made anew after a run, with another time step."""
    can_stop: ClassVar[bool]
    """Whether a presentation can end before its time."""

    def __init__(self, circuit: Circuit, monitors: Monitors, brian_network: Any, window_steps: int):
        self.circuit = circuit
        self.monitors = monitors
        self.brian_network = brian_network
        self.window_steps = window_steps
        self.objects: list[Any] = []

    # Before there is a circuit

    @classmethod
    @abstractmethod
    def code_object_class(cls, target: str | None) -> Any:
        """Return the class of Brian2's code objects for a `target` that users name."""

    @classmethod
    @abstractmethod
    def default_engine(
        cls, n_copies: int, parameters: Parameters, steps_per_tau: int | None
    ) -> str:
        """Return the name of the engine where the user does not name one.

        `steps_per_tau` is None where the time step is still to be chosen.
        """

    @classmethod
    @abstractmethod
    def require_circuit(cls, engine: str, n_copies: int) -> None:
        """Raise ValueError if the runner cannot run circuits of this engine."""

    # Running

    @abstractmethod
    def recording(self, seed: int | None, n_frames: int) -> AbstractContextManager:
        """Return a context that records from its beginning, with random numbers of this seed.

        Parameters
        ----------
        seed : int or None
            None follows `brian2.seed`.
        n_frames : int
            Frames that will be presented in it, of all presentations together.

        Raises
        ------
        ValueError
            If the runner cannot draw the numbers of that seed.
        """

    @abstractmethod
    def run(
        self,
        presentations: Iterable[Presentation],
        collect: Callable[[Presentation, Outcome], object],
    ) -> None:
        """Run presentations; see `BaseNetwork.run`."""

    @abstractmethod
    def recorded(self) -> tuple[Any, Any]:
        """Return events and traces of the last `recording`, as `Monitors` gives them."""
