"""Pathways: circuits of one population, which see one stimulus at a time.

- `Synapses`: every spike inhibits all neurons through the weights W = Phi^T Phi / sigma2.
- `ErrorUnits`: spikes predict the stimulus, explicit units hold the prediction error, and the
  error corrects the neurons: the predictive-coding circuit.

Both have the same outcome, step by step.
"""

from collections.abc import Mapping
from typing import Any

import brian2.only as brian
import numpy as np
from brian2.only import Quantity
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network import equations
from ipvae_brian.network.circuits import EquationCircuit
from ipvae_brian.network.lateral import within_reach
from ipvae_brian.recordings.timing import whole_steps


class Pathway(EquationCircuit):
    """A circuit of one population."""


class Synapses(Pathway):
    """Explicit lateral inhibition, with an optional delay.

    Parameters
    ----------
    parameters, clock, target, **options
        As for `Circuit`.
    delay : Quantity, optional
        Time from a spike to its inhibition; without it, within the same time step.
    """

    label = "synapses"
    takes_delay = True

    def __init__(
        self,
        parameters: Parameters,
        clock: Any,
        target: Any = None,
        *,
        delay: Quantity | None = None,
        **options: Any,
    ):
        super().__init__(parameters, clock, target, **options)
        self.axons = None
        delay_steps = 0
        if delay is not None:
            delay_steps = whole_steps(float(delay), float(clock.dt), "delay")
        if delay_steps:
            self.axons = self._conduct(delay_steps)
        self.lateral = brian.Synapses(
            self.neurons if self.axons is None else self.axons,
            self.neurons,
            equations.LATERAL_WEIGHT,
            on_pre=equations.LATERAL_INHIBITION,
            name=f"{self.neurons.name}_lateral",
            dtype=self.rate_type,
            **self.options,
        )
        # From every neuron, or the end of its axon, to all neurons: pre first, then post.
        every = np.arange(len(self.neurons))
        if self.reach == "all":
            self.lateral.connect(i=np.repeat(every, len(every)), j=np.tile(every, len(every)))
        else:
            self.lateral.connect(i=every, j=every)
        self.objects.append(self.lateral)
        self.from_pixels = None
        noise = self.noise
        if noise and noise.pixel:
            self.from_pixels = brian.Synapses(
                self.noise_units.pixels,
                self.neurons,
                equations.PIXEL_WEIGHT,
                name=f"{self.neurons.name}_from_pixels",
                dtype=self.rate_type,
                **self.options,
            )
            self.from_pixels.connect()
            self.objects.append(self.from_pixels)
        self.set_parameters(parameters)

    def _conduct(self, delay_steps: int) -> Any:
        """Make axons between the neurons and their synapses; their far ends come first."""
        n_neurons = len(self.neurons)
        axons = brian.NeuronGroup(
            n_neurons * delay_steps,
            equations.AXON,
            threshold=equations.SPIKE,
            reset="",
            name=f"{self.neurons.name}_axons",
            **self.options,
        )
        # From the far end to the neuron, so that each unit is read before it is overwritten.
        unit = np.arange(len(axons))
        axons.newest = unit >= len(axons) - n_neurons
        axons.fired = brian.linked_var(self.neurons, "z", index=unit % n_neurons)
        behind = np.minimum(unit + n_neurons, len(axons) - 1)
        axons.behind = brian.linked_var(axons, "z", index=behind)
        self.objects.append(axons)
        self.regularly(axons, equations.CONDUCT, "end")
        return axons

    @property
    def carried(self) -> Mapping[Any, Any]:
        """Spikes that are under way, and recent rates."""
        under_way = {} if self.axons is None else {self.axons.z: 0}
        return {**super().carried, **under_way}

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in the constants and the weights W."""
        super().set_parameters(parameters)
        weights = within_reach(parameters.lateral_weights, self.reach)
        self.lateral.weight = weights.T.ravel() if self.reach == "all" else np.diag(weights)
        if self.from_pixels is not None and self.noise is not None:
            per_pixel = parameters.drive(np.eye(parameters.n_pixels))
            self.from_pixels.weight = self.noise.pixel * per_pixel.ravel()


class ErrorUnits(Pathway):
    """Inhibition through explicit prediction-error units.

    Within a time step: spikes -> `predict` synapses -> error units -> `lateral` synapses.
    Parameters as for `Circuit`.
    """

    label = "error_units"
    # The error is one for all neurons: it can leave out no single one of them.
    reaches = ("all", "off")
    # Nor can it know of a gain of single neurons.
    noises = ("pixel", "drive", "shared_gain")
    noise_of_neurons = ("drive",)

    def __init__(self, parameters: Parameters, clock: Any, target: Any = None, **options: Any):
        super().__init__(parameters, clock, target, **options)
        names = self._names(parameters)
        terms = [name for name in self.noises if self.noise and getattr(self.noise, name)]
        self.units = brian.NeuronGroup(
            parameters.n_pixels,
            equations.error_unit_with_noise(terms),
            events={"mismatch": "prediction_error != 0"},
            namespace=names,
            name=f"{self.neurons.name}_error_units",
            dtype=self.rate_type,
            **self.options,
        )
        if "shared_gain" in terms:
            self.noise_units.link(self.units, "trial_gain")
        if "pixel" in terms:
            self.units.pixel_noise = brian.linked_var(self.noise_units.pixels, "pixel_noise")
            self.noise_units.link(self.units, "pixel_share")
        if "pixel" in terms or "shared_gain" in terms:
            self.regularly(self.units, equations.noisy_stimulus(terms), "start")
        self.predict = brian.Synapses(
            self.neurons,
            self.units,
            equations.PREDICTION_WEIGHT,
            on_pre=equations.PREDICT,
            name=f"{self.neurons.name}_predict",
            dtype=self.rate_type,
            **self.options,
        )
        self.lateral = brian.Synapses(
            self.units,
            self.neurons,
            equations.PREDICTION_WEIGHT,
            on_pre=equations.CORRECT,
            on_event="mismatch",
            namespace=names,
            name=f"{self.neurons.name}_lateral",
            dtype=self.rate_type,
            **self.options,
        )
        self.predict.connect()
        self.lateral.connect()
        # The error is known only after the predictions of this step have arrived.
        self.units.set_event_schedule("mismatch", when="synapses", order=1)
        self.lateral.pre.order = 2
        self.objects += [self.units, self.predict, self.lateral]
        self.regularly(self.units, equations.FORGET, "resets")
        self.set_parameters(parameters)

    def set_parameters(self, parameters: Parameters) -> None:
        """Put in the constants and the dictionary, for both kinds of synapses."""
        super().set_parameters(parameters)
        self.predict.weight = parameters.dictionary.T.ravel() * (self.reach == "all")
        # Errors count in units of their own pixel's noise.
        self.lateral.weight = parameters.scaled(parameters.scaled_dictionary.T).T.ravel()

    def _shown(self, stimuli: NDArray) -> tuple[Any, NDArray]:
        """Return the error units' stimulus, and its values."""
        return self.units.stimulus, stimuli[0]
