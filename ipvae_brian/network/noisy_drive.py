"""The drive of many copies with noise, for engines that take the time step themselves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.noise import Noise


class NoisyDrive:
    """Noise of all copies, in standard deviations, and the drive that it makes of a clean one.

    Parameters
    ----------
    noise : Noise
    parameters : Parameters
    n_copies : int
    dt_seconds : float
    dtype : numpy.dtype
        Of the drive.

    Attributes
    ----------
    clean : numpy.ndarray, shape (n_copies, n_neurons)
        What the stimuli drive without noise.
    every : int
        For how many steps the noise stays the same.
    fluctuations : dict of str to numpy.ndarray
        Noise of pixels (n_copies, n_pixels), and of drive and gain (n_copies, n_neurons); what
        there is of them.
    shares : numpy.ndarray, shape (n_copies, 1)
        Part of the noise of pixels that a normalisation leaves beside each stimulus.
    deviations : numpy.ndarray, shape (n_copies, 1)
        Logarithm of the shared gains, in standard deviations from that of a typical trial.
    """

    def __init__(
        self,
        noise: Noise,
        parameters: Parameters,
        n_copies: int,
        dt_seconds: float,
        dtype: DTypeLike,
    ):
        self.noise = noise
        self.dtype: Any = np.dtype(dtype)
        self.every, self.kept = noise.steps_between_changes(dt_seconds), noise.kept(dt_seconds)
        width = {"pixel": parameters.n_pixels}
        self.fluctuations = {
            name: np.zeros((n_copies, width.get(name, parameters.n_neurons)), self.dtype)
            for name in noise.fluctuating
        }
        self.deviations = np.zeros((n_copies, 1), self.dtype)
        self.shares = np.ones((n_copies, 1), self.dtype)
        self.clean = np.zeros((n_copies, parameters.n_neurons), self.dtype)
        # Steps since the trial began, an array so that it can be kept and put back as others are.
        self.age = np.zeros(1, np.int64)
        self._changed = True
        self.set_parameters(parameters)
        self.reseed(None)

    def set_parameters(self, parameters: Parameters) -> None:
        """Take the sizes of the dictionary's columns, and the columns."""
        p, noise = parameters, self.noise
        self._from_pixels = (noise.pixel * p.drive(np.eye(p.n_pixels))).astype(self.dtype)
        self._size = (noise.drive * p.spike_sizes / p.noise_variance).astype(self.dtype)
        self._changed = True

    def reseed(self, seed: Any) -> None:
        """Restart the random numbers; `seed` is anything that NumPy's default_rng takes."""
        # Others than those of the spikes, which the same seed starts.
        (self.rng,) = np.random.default_rng(seed).spawn(1)

    def rest(self) -> None:
        """Let another trial begin."""
        self.age[:] = 0

    def show(self, stimuli: NDArray, drive: NDArray) -> None:
        """Take other stimuli (n_copies, n_pixels) and their drive (n_copies, n_neurons)."""
        self.clean[:] = drive
        self.shares[:, 0] = self.noise.pixel_shares(stimuli)
        self._changed = True

    @property
    def steps_left(self) -> int:
        """For how many steps the noise will stay as `put_into` leaves it."""
        return self.every - int(self.age[0]) % self.every

    def put_into(self, drive: NDArray) -> bool:
        """Put the drive of the next step into an array, and return whether it has changed."""
        if self.age[0] % self.every == 0:
            self._fluctuate()
        changed, self._changed = self._changed, False
        if changed:
            self._compose(drive)
        return changed

    def go_on(self, n_steps: int = 1) -> None:
        """Let time pass, at most `steps_left`."""
        self.age += n_steps

    def _fluctuate(self):
        begins = self.age[0] == 0
        if begins and self.noise.shared_gain:
            self.rng.standard_normal(dtype=self.dtype, out=self.deviations)
            self._changed = True
        for name, values in self.fluctuations.items():
            kept = 0.0 if begins else self.kept[name]
            fresh = self.rng.standard_normal(values.shape, self.dtype)
            values *= self.dtype.type(kept)
            fresh *= self.dtype.type(np.sqrt(1 - kept**2))
            values += fresh
            self._changed = True

    def _compose(self, drive):
        noise, states = self.noise, self.fluctuations
        drive[:] = self.clean
        if "pixel" in states:
            drive += (self.shares * states["pixel"]) @ self._from_pixels
        if noise.shared_gain:
            drive *= _gains(self.deviations, noise.shared_gain)
        if "gain" in states:
            drive *= _gains(states["gain"], noise.gain)
        if "drive" in states:
            drive += self._size * states["drive"]

    @property
    def arrays(self) -> list[NDArray]:
        """What a step hands to the next, but for the random numbers."""
        return [self.age, self.deviations, *self.fluctuations.values()]

    def state(self) -> dict[str, Any]:
        """Return a copy of all that changes in the course of a simulation."""
        arrays = [array.copy() for array in (self.clean, self.shares, *self.arrays)]
        return {"noise": (arrays, self.rng.bit_generator.state)}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `state` returned."""
        arrays, self.rng.bit_generator.state = state["noise"]
        for array, values in zip((self.clean, self.shares, *self.arrays), arrays, strict=True):
            array[:] = values
        self._changed = True


def _gains(deviations, size):
    """Return gains of mean 1 for standard normal deviations of their logarithm."""
    size = deviations.dtype.type(size)
    return np.exp(size * deviations - size**2 / 2)
