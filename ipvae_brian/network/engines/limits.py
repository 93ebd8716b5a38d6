"""What simulation in continuous time cannot do, known without loading Numba."""

import numpy as np

from ipvae_brian.model.parameters import Parameters

# Beyond these potentials rates, or their sums, have no place in a float32.
LARGEST_POTENTIAL = 80
# Spikes of a population in one step above which it has run away: per neuron, and in all.
MOST_PER_NEURON, MOST_OF_FEW = 50, 10_000
# The step where none is given.
STEPS_PER_TAU = 20


def most_spikes(n_neurons: int) -> int:
    """Return the spikes of a population in one step above which it has run away."""
    return max(MOST_OF_FEW, MOST_PER_NEURON * n_neurons)


def not_in_continuous_time(parameters: Parameters, steps_per_tau: int | None = None) -> str:
    """Return what stands against the engine "events"; "" if nothing does.

    Parameters
    ----------
    parameters : Parameters
    steps_per_tau : int, optional
        None if the step is still to be chosen.
    """
    if steps_per_tau == 1:
        return "dt must be below tau in continuous time"
    for bound in ("lowest_potential", "highest_potential"):
        if abs(value := getattr(parameters, bound)) > LARGEST_POTENTIAL:
            return (
                f"{bound} must be within {LARGEST_POTENTIAL} of 0 in continuous time, got {value:g}"
            )
    at_rest = np.exp(parameters.resting_potential).sum()
    if at_rest / (steps_per_tau or STEPS_PER_TAU) > most_spikes(parameters.n_neurons) / 2:
        return (
            f"resting_potential must be lower in continuous time, got {at_rest:.3g} spikes per tau "
            "at rest"
        )
    return ""
