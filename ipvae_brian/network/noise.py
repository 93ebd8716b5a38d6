"""Noise: by what the same stimulus drives neurons differently from moment to moment and trial.

The drive Phi^T x / sigma2 of neuron j becomes

    g exp(gain n_j - gain^2 / 2) (phi_j . (x + a pixel n)) / sigma2 + drive |phi_j| n'_j / sigma2

where every n is an Ornstein-Uhlenbeck process of variance 1 of its own, for each pixel or neuron
of each copy, and g = exp(shared_gain m - shared_gain^2 / 2) with one standard normal number m for
each trial. Both gains have a mean of 1. With a `semisaturation` s, a = 1 / sqrt(1 + (c / s)^2) for
a stimulus of contrast c, its root mean square; without, a = 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2.only import Quantity, ms, second
from numpy.typing import NDArray

from ipvae_brian._tools.checks import known_name, number, seconds
from ipvae_brian._tools.types import Time

# Terms that change in the course of a trial.
FLUCTUATING = ("pixel", "drive", "gain")
TERMS = (*FLUCTUATING, "shared_gain")
# How often noise changes in the shortest of its time constants, unless time steps are longer.
CHANGES = 25
# Standard deviations within which noise stays nearly always, in all neurons of a trial.
EXTREME = 4.0
# Those of a strong trial, for which the time step is chosen.
STRONG = 2.0
# Stimuli of which the strongest with noise is looked for.
N_SAMPLED = 2048


def _default(value: Any) -> Any:
    """Return a default that is checked as what is given."""
    return field(default_factory=lambda: value)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise of the stimulus, of each neuron's drive and gain, and of the gain of all neurons.

    Parameters
    ----------
    pixel : float, default 0
        Standard deviation of the noise of every pixel, in units of the stimulus.
    drive : float, default 0
        Standard deviation of each neuron's private noise, in units of the stimulus along its
        dictionary column: pixel noise of the same size makes a drive vary as much.
    gain : float, default 0
        Standard deviation of the logarithm of each neuron's private gain, which multiplies its
        drive.
    shared_gain : float, default 0
        Standard deviation of the logarithm of the gain that multiplies the drive of all neurons.
        It is drawn when potentials start at rest, and stays for that trial.
    semisaturation : float, optional
        Of the contrast normalisation that pixel noise goes through, as does the noise of retina and
        thalamus: the contrast (root mean square over pixels, in units of the stimulus) at which it
        has half of its variance. Noise is then strongest while nothing is shown. By default it
        does not depend on the stimulus.
    time_constant : Quantity or mapping of str to Quantity, default 50*ms
        Time over which the correlation of `pixel`, `drive` and `gain` falls to 1/e; a mapping has
        one for each of those three that are above zero.

    Raises
    ------
    TypeError, ValueError
        If a size is negative or no number, `semisaturation` is not above zero, or a time constant
        is no positive time or missing.

    Notes
    -----
    Noise is an Ornstein-Uhlenbeck process at points of time, 1/25 of the shortest time constant
    apart or one time step if that is longer, and is constant in between. It is stationary from the
    beginning of a trial. All copies of a network have noise of their own, which follows the seed.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import Noise, SpikingNetwork, load_model
    >>> model = load_model("photographs-512")
    >>> noise = Noise(drive=0.2, shared_gain=0.3, time_constant=50 * ms)
    >>> network = SpikingNetwork(model, n_copies=10, noise=noise)
    """

    pixel: float = 0.0
    drive: float = 0.0
    gain: float = 0.0
    shared_gain: float = 0.0
    semisaturation: float | None = None
    time_constant: Quantity | Mapping[str, Quantity] = _default(50 * ms)

    if TYPE_CHECKING:
        # What may be given, where it is not what is kept.
        def __init__(
            self,
            *,
            pixel: float = 0.0,
            drive: float = 0.0,
            gain: float = 0.0,
            shared_gain: float = 0.0,
            semisaturation: float | None = None,
            time_constant: Time | Mapping[str, Time] = ...,
        ) -> None: ...

    def __post_init__(self):
        for name in TERMS:
            object.__setattr__(self, name, number(getattr(self, name), name, minimum=0))
        if self.semisaturation is not None:
            checked_contrast = number(self.semisaturation, "semisaturation", above=0)
            object.__setattr__(self, "semisaturation", checked_contrast)
        constants = self.time_constant
        if isinstance(constants, Mapping):
            for name in constants:
                known_name(name, "time_constant: noise", FLUCTUATING)
            missing = [name for name in self.fluctuating if name not in constants]
            if missing:
                raise ValueError(f"time_constant has none for {missing[0]!r}")
            checked = {
                n: seconds(t, f"time_constant[{n!r}]") * second for n, t in constants.items()
            }
        else:
            checked = seconds(constants, "time_constant") * second
        object.__setattr__(self, "time_constant", checked)

    def __bool__(self) -> bool:
        """Whether there is any noise."""
        return any(getattr(self, name) > 0 for name in TERMS)

    @property
    def fluctuating(self) -> tuple[str, ...]:
        """Terms above zero that change in the course of a trial."""
        return tuple(name for name in FLUCTUATING if getattr(self, name) > 0)

    def time_constants(self) -> dict[str, float]:
        """Return the time constant of each term that changes, in seconds."""
        constants = self.time_constant
        return {
            name: float(constants[name] if isinstance(constants, Mapping) else constants)
            for name in self.fluctuating
        }

    def steps_between_changes(self, dt_seconds: float) -> int:
        """Return for how many time steps noise stays the same."""
        shortest = min(self.time_constants().values(), default=dt_seconds)
        return max(1, math.floor(shortest / CHANGES / dt_seconds * (1 + 1e-9)))

    def kept(self, dt_seconds: float) -> dict[str, float]:
        """Return what is left of each term when noise changes, its correlation."""
        between = self.steps_between_changes(dt_seconds) * dt_seconds
        return {name: math.exp(-between / t) for name, t in self.time_constants().items()}

    def pixel_shares(self, stimuli: NDArray) -> NDArray:
        """Return the part of the pixel noise that a normalisation leaves beside each stimulus.

        Parameters
        ----------
        stimuli : numpy.ndarray, shape (n, n_pixels)

        Returns
        -------
        numpy.ndarray, shape (n,)
        """
        if self.semisaturation is None:
            return np.ones(len(stimuli))
        energy = np.mean(np.square(stimuli, dtype=float), axis=1)
        return 1 / np.sqrt(1 + energy / self.semisaturation**2)

    # What the strongest noise does

    def at_its_strongest(self, stimuli: NDArray) -> NDArray:
        """Return some of the stimuli (n, n_pixels) with noise as of a strong trial.

        For choosing a time step: the same every time.
        """
        if not self:
            return stimuli
        energies = np.einsum("sp,sp->s", stimuli, stimuli)
        spread = np.linspace(0, len(stimuli) - 1, min(len(stimuli), N_SAMPLED)).astype(int)
        chosen = stimuli[np.union1d(spread, np.argsort(-energies, kind="stable")[:16])]
        added = np.random.default_rng(0).standard_normal(chosen.shape)
        size = np.hypot(self.pixel * self.pixel_shares(chosen), self.drive)
        return self._gain(STRONG) * (chosen + size[:, None] * added)

    def extra_drive(self) -> tuple[float, float]:
        """Return by which part, and by what besides, noise can raise a drive, nearly always.

        Returns
        -------
        part : float
            Of the drive by the stimulus.
        besides : float
            In units of |phi_j| / sigma2.
        """
        gain = self._gain(EXTREME)
        return gain - 1, EXTREME * math.hypot(gain * self.pixel, self.drive)

    def _gain(self, deviations):
        """Return a gain so many standard deviations above the mean."""
        size = math.hypot(self.gain, self.shared_gain)
        return math.exp(max(0.0, deviations * size - size**2 / 2))
