"""In which time step the drive acts where spikes come in continuous time."""

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.network.loop_gain import N_SAMPLED, Loop
from ipvae_brian.network.stability_limit import STEPS_PER_TAU, warn_of_large_jumps

# By how much the drive may raise the potential of the most strongly driven neuron in one of the
# steps in which it acts, as a mean over stimuli: with three times as much, codes of 512 neurons are
# measurably worse, with a third of it no better.
LARGEST_RISE = 1.5


def choose_drive_dt(loop: Loop, stimuli: NDArray) -> float:
    """Return a time step in which drive can act in continuous time: tau/20, or less.

    There spikes inhibit at once, whatever the step, so its only limit is how far the drive may take
    a potential before it is looked at again.

    Parameters
    ----------
    loop : Loop
    stimuli : numpy.ndarray, shape (..., n_pixels)

    Returns
    -------
    float
        dt in seconds, a whole fraction of tau.
    """
    warn_of_large_jumps(loop)
    rise = _largest_rises(loop.parameters, stimuli).mean()
    steps = next((n for n in STEPS_PER_TAU if rise / n <= LARGEST_RISE), STEPS_PER_TAU[-1])
    return loop.tau / steps


def check_drive_dt(loop: Loop, stimuli: NDArray, dt_seconds: float) -> None:
    """Warn if a user's dt lets the drive of these stimuli act too coarsely in continuous time."""
    warn_of_large_jumps(loop)
    rise = _largest_rises(loop.parameters, stimuli).mean() * dt_seconds / loop.tau
    if rise > 3 * LARGEST_RISE:
        warn_user(
            f"dt = {dt_seconds * 1e3:.3g} ms is coarse for these stimuli: their drive raises a "
            f"potential by up to {rise:.2g} in one step, and up to {LARGEST_RISE:g} is accurate",
            StabilityWarning,
        )


def _largest_rises(parameters, stimuli):
    """Return by how much the drive of (a sample of) the stimuli raises a potential per tau."""
    stimuli = np.asarray(stimuli, float).reshape(-1, parameters.n_pixels)
    chosen = np.linspace(0, len(stimuli) - 1, min(len(stimuli), N_SAMPLED)).astype(int)
    drive = parameters.drive(stimuli[chosen]) - parameters.threshold
    return np.maximum(parameters.natural_gradient_step * drive, 0).max(axis=1)
