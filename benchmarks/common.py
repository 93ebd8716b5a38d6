"""What all measurements share: models, stimuli, how often and how long to measure."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from brian2.only import second

from benchmarks.machine import REPOSITORY
from ipvae_brian import SpikingNetwork, load_model
from ipvae_brian.stimuli import load_stimuli

FILE = "vanhateren16_train_val.npz"
# Copies of the network where a measurement does not vary them.
BATCH = 200
# kappa at dt = tau and at dt = tau / 20: two fifths of the stability limit of the shipped models
# for the strongest patches. Where rates settle, and so what a step costs, does not depend on it.
GAINS = {1: 0.05, 20: 1.0}


def default_data():
    """Return the file of van Hateren patches beside the repository, or None."""
    folder = Path(os.environ.get("IPVAE_SHARED", REPOSITORY.parent / "shared"))
    path = folder / "data" / FILE
    return path if path.is_file() else None


@dataclass
class Setup:
    """One run of the benchmarks.

    Parameters
    ----------
    data : path-like, optional
        The file of van Hateren patches; without it the photographs that come with the package.
    quick : bool
        Small sizes, to see that everything works: the figures mean nothing.
    repeats : int
    limit_minutes : float
        Of CPU for each training.
    folder : pathlib.Path
        For files that processes hand to each other.
    log : callable
        Gets lines of text on what was measured.
    """

    data: object = None
    quick: bool = False
    repeats: int = 5
    limit_minutes: float = 30.0
    folder: Path | None = None
    log: object = field(default=print, repr=False)

    @cached_property
    def patches(self):
        """Patches of the file, or of the photographs where there is none."""
        if self.data is not None:
            return load_stimuli(self.data)
        return load_stimuli("photographs", n_train=20_000, n_validation=2000)

    @property
    def source(self):
        """Which stimuli, in words."""
        if self.data is None:
            return "photographs of the package"
        return "van Hateren patches"

    @cached_property
    def model(self):
        """The shipped model of these stimuli, with its own gain."""
        return load_model("photographs-512" if self.data is None else "vanhateren-512")

    def stimuli(self, n):
        """Return the first n validation patches, some more than once if there are not as many."""
        validation = self.patches.validation
        return np.array(validation[np.arange(n) % len(validation)])


def network(parameters, n_copies, steps_per_tau=None, engine="numba"):
    """Our contestant: many stimuli at once, everything else by default."""
    dt = None if steps_per_tau is None else parameters.tau / steps_per_tau
    return SpikingNetwork(
        parameters,
        n_copies=n_copies,
        dt=dt,
        engine=engine,
        record_spikes=False,
    )


def at_step(parameters, steps_per_tau):
    """Return a model with the gain that belongs to tau / steps_per_tau."""
    return parameters.with_gain(GAINS[steps_per_tau])


def present(net, stimuli, n_steps, seed=0):
    """Present stimuli for a number of time steps."""
    return net.present(
        stimuli, n_steps * float(net.dt / second) * second, seed=seed, progress=False
    )
