"""Monitors: the network's own spike and state monitor, and what they hold as plain arrays."""

from typing import Any

import brian2.only as brian
import numpy as np
from brian2.only import second
from numpy.typing import NDArray

from ipvae_brian.network._brian import clear
from ipvae_brian.network.circuits import Circuit


class Monitors:
    """What a network records of its circuit.

    Parameters
    ----------
    circuit : Circuit
    recorded : tuple of int
        Neurons whose potentials are recorded, in every copy.
    record_spikes : bool
    name : str
        Beginning of the names of the Brian2 objects.

    Attributes
    ----------
    spikes : brian2.SpikeMonitor or None
    potentials : brian2.StateMonitor or None
    """

    def __init__(self, circuit: Circuit, recorded: tuple[int, ...], record_spikes: bool, name: str):
        self.dt = float(circuit.options["clock"].dt)
        self.circuit = circuit
        self.spikes: Any = None
        self.potentials: Any = None
        if record_spikes:
            self.spikes = brian.SpikeMonitor(
                circuit.neurons,
                variables="z",
                name=f"{name}_spike_monitor",
                codeobj_class=circuit.target,
            )
        if recorded:
            copies = np.arange(circuit.n_copies)[:, None] * circuit.n_neurons
            # After the draw: u[t] is the potential from which z[t] was drawn.
            self.potentials = brian.StateMonitor(
                circuit.neurons,
                ["u", "z"],
                record=(copies + np.array(recorded)).ravel(),
                when="start",
                order=1,
                name=f"{name}_potential_monitor",
                **circuit.options,
            )

    @property
    def objects(self) -> list[Any]:
        """The Brian2 objects that there are."""
        # An empty monitor is false.
        return [m for m in (self.spikes, self.potentials) if m is not None]

    def clear(self) -> None:
        """Forget what was recorded."""
        for monitor in self.objects:
            clear(monitor)
        if self.spikes is not None:
            self.circuit.record_spikes()

    def events(self, start: float = 0.0) -> tuple[NDArray, NDArray, NDArray] | None:
        """Return index in the group, time step and count of each event.

        Time steps are counted from `start`, in seconds. Those of spikes in continuous time are no
        whole numbers.
        """
        if self.spikes is None:
            return None
        exact = self.circuit.exact_spikes()
        if exact is not None:
            index, step = exact
            return index, step, np.ones(len(index), np.int32)
        step = np.round((np.asarray(self.spikes.t / second) - start) / self.dt)
        return np.array(self.spikes.i), step.astype(int), np.array(self.spikes.z)

    def traces(self) -> tuple[NDArray, NDArray] | None:
        """Return potentials and counts, (n_copies * n_recorded, n_steps) each."""
        if self.potentials is None:
            return None
        return np.array(self.potentials.u), np.array(self.potentials.z)
