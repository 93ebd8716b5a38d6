"""The engine "brian2": many copies in Brian2 equations, with one matrix of weights for all."""

from typing import Any

import brian2.only as brian
import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.circuits import EquationCircuit


class Copies(EquationCircuit):
    """Inhibition within each of many copies of the population, by one matrix product a step.

    Parameters as for `Circuit`.
    """

    label = "brian2"
    precisions = ("double", "single")

    def __init__(self, parameters: Parameters, clock: Any, target: Any = None, **options: Any):
        super().__init__(parameters, clock, target, **options)
        self.lateral = brian.NetworkOperation(
            self.inhibit, clock=clock, when="synapses", name=f"{self.neurons.name}_lateral"
        )
        self.objects.append(self.lateral)
        self.set_parameters(parameters)

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in the constants and the weights."""
        super().set_parameters(parameters)
        # Row i: what one spike of neuron i takes from every neuron.
        self.inhibition = parameters.lateral_weights * parameters.natural_gradient_step

    def inhibit(self) -> None:
        """Take from every potential what the spikes of this step inhibit."""
        counts, potential = self._by_copy("z"), self._by_copy("u")
        potential -= counts.astype(self.inhibition.dtype) @ self.inhibition

    def show(self, stimuli: NDArray) -> None:
        """Set the drive of every copy."""
        self._by_copy("drive")[:] = self.parameters.drive(np.asarray(stimuli))
