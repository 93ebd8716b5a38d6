"""The engine "brian2": many copies in Brian2 equations, with one matrix of weights for all."""

from typing import Any

import brian2.only as brian
import numpy as np

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import array_of
from ipvae_brian.network.circuits import EquationCircuit
from ipvae_brian.network.lateral import within_reach


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
        if self.noise and self.noise.pixel:
            self.objects.append(
                brian.NetworkOperation(
                    self.project,
                    clock=clock,
                    when="start",
                    order=1,
                    name=f"{self.neurons.name}_from_pixels",
                )
            )
        self.set_parameters(parameters)

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in the constants and the weights."""
        super().set_parameters(parameters)
        # Row i: what one spike of neuron i takes from every neuron.
        weights = within_reach(parameters.lateral_weights, self.reach)
        self.inhibition = weights * parameters.natural_gradient_step
        if self.noise:
            self.from_pixels = self.noise.pixel * parameters.drive(np.eye(parameters.n_pixels))

    def inhibit(self) -> None:
        """Take from every potential what the spikes of this step inhibit."""
        counts, potential = self._by_copy("z"), self._by_copy("u")
        potential -= counts.astype(self.inhibition.dtype) @ self.inhibition

    def project(self) -> None:
        """Work out what the noise of pixels drives."""
        noise = array_of(self.noise_units.pixels, "pixel_noise").reshape(self.n_copies, -1)
        self._by_copy("pixel_drive")[:] = noise @ self.from_pixels
