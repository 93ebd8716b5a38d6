"""Noise in Brian2 equations: trials and pixels as groups of units, and what they do to neurons."""

from typing import Any

import brian2.only as brian
import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network import equations
from ipvae_brian.network.noise import Noise


def names_of_noise(noise: Noise, dt_seconds: float) -> dict[str, Any]:
    """Return the names that the equations of noise need: sizes, and what is left at a change."""
    kept = {f"{name}_kept": value for name, value in noise.kept(dt_seconds).items()}
    sizes = {"gain_size": noise.gain, "shared_gain": noise.shared_gain, "pixel_size": noise.pixel}
    return kept | sizes | {"steps_between_changes": noise.steps_between_changes(dt_seconds)}


class NoiseUnits:
    """The units that hold the noise of a circuit in Brian2 equations.

    Parameters
    ----------
    circuit : EquationCircuit
        Whose neurons have the equations of `equations.with_noise`.

    Attributes
    ----------
    trials : brian2.NeuronGroup
        One unit for each copy: the age of its trial, and the gain of all its neurons.
    pixels : brian2.NeuronGroup or None
        The noise of all pixels of all copies.
    """

    def __init__(self, circuit: Any):
        self.noise = noise = circuit.noise
        neurons, n_copies = circuit.neurons, circuit.n_copies
        self.neurons = neurons
        names = names_of_noise(noise, float(circuit.options["clock"].dt))

        def group(n, text, kind):
            one = brian.NeuronGroup(
                n,
                text,
                namespace=names,
                name=f"{neurons.name}_{kind}",
                dtype=circuit.rate_type,
                **circuit.options,
            )
            circuit.objects.append(one)
            return one

        self.trials = group(n_copies, equations.TRIAL, "trials")
        self.trials.trial_gain = self.trials.pixel_share = 1
        # First of all in a step, so that it has the noise of its own time.
        circuit.regularly(self.trials, equations.BEGIN_TRIAL, "start", order=-2)
        circuit.regularly(self.trials, equations.AGE, "end")
        self.pixels = None
        if noise.pixel:
            self.pixels = group(n_copies * circuit.parameters.n_pixels, equations.PIXEL, "pixels")
            self.link(self.pixels, "age")
            circuit.regularly(self.pixels, equations.fluctuation("pixel"), "start", order=-1)
        self.terms = [name for name in circuit.noise_of_neurons if getattr(noise, name)]
        private = [name for name in self.terms if name in ("drive", "gain")]
        if private:
            self.link(neurons, "age")
        if "shared_gain" in self.terms:
            self.link(neurons, "trial_gain")
        if "pixel" in self.terms:
            self.link(neurons, "pixel_share")
        for name in private:
            circuit.regularly(neurons, equations.fluctuation(name), "start", order=-1)
        self.carried = {self.trials.age: 0, self.trials.trial_gain: 1}
        self.carried |= {getattr(neurons, f"{name}_noise"): 0 for name in private}
        if self.pixels is not None:
            self.carried |= {self.pixels.pixel_noise: 0}

    def link(self, group: Any, variable: str) -> None:
        """Let units of a group, as many for each copy, see a variable of their trial."""
        per_copy = len(group) // len(self.trials)
        index = np.repeat(np.arange(len(self.trials)), per_copy)
        setattr(group, variable, brian.linked_var(self.trials, variable, index=index))

    def values_for(self, stimuli: NDArray) -> dict[Any, NDArray]:
        """Return the Brian2 variables that depend on the stimuli (n_copies, n_pixels)."""
        if self.pixels is None or self.noise.semisaturation is None:
            return {}
        return {self.trials.pixel_share: self.noise.pixel_shares(stimuli)}

    def set_parameters(self, parameters: Parameters) -> None:
        """Take the sizes of the dictionary's columns."""
        if "drive" in self.terms:
            sizes = self.noise.drive * parameters.spike_sizes / parameters.noise_variance
            self.neurons.drive_size = np.tile(sizes, len(self.trials))
