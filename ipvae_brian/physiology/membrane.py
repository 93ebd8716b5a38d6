"""Membrane potentials in millivolts, by a map that is stated, and how they vary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
from brian2.only import Quantity, get_dimensions, mV, volt
from numpy.typing import NDArray

from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import group_trials, two_times
from ipvae_brian.response.response import Response

# What a rate of one spike per tau lies at, and by how much a potential rises where the rate grows
# e-fold: of an exponential escape rate fitted to cortical neurons.
THRESHOLD = cast(Quantity, -50 * mV)
PER_UNIT = cast(Quantity, 4 * mV)


@dataclass(frozen=True)
class Millivolts:
    """A straight map from the model's potential u, a log rate, to millivolts.

    Parameters
    ----------
    threshold : Quantity, default -50 mV
        What u = 0, a rate of one spike per tau, stands for.
    per_unit : Quantity, default 4 mV
        By how much the potential is higher where u is higher by 1: the rate is then e times as
        high. It is not known for cortical neurons in general; all millivolts scale with it.

    Raises
    ------
    TypeError, ValueError
        If they are no voltages, or `per_unit` is not positive.

    References
    ----------
    Jolivet, Rauch, Luscher & Gerstner 2006, J. Comput. Neurosci. 21:35: an escape rate that grows
    e-fold within a few millivolts.

    Examples
    --------
    >>> from ipvae_brian.physiology import Millivolts
    >>> Millivolts().of([-8, -2, 0])
    array([-82., -58., -50.])
    """

    threshold: Quantity = field(default_factory=lambda: THRESHOLD)
    per_unit: Quantity = field(default_factory=lambda: PER_UNIT)

    def __post_init__(self):
        for name in ("threshold", "per_unit"):
            value = getattr(self, name)
            if not isinstance(value, Quantity) or get_dimensions(value) != get_dimensions(volt):
                raise TypeError(f"{name} must be a voltage, such as 4*mV, got {value!r}")
        if not float(self.per_unit) > 0:
            raise ValueError(f"per_unit must be > 0 mV, got {self.per_unit!s}")

    def of(self, potentials: NDArray | list[float]) -> NDArray[np.floating]:
        """Return potentials u in millivolts."""
        u = np.asarray(potentials, float)
        return float(self.threshold / mV) + float(self.per_unit / mV) * u


@dataclass(frozen=True)
class MembraneStatistics:
    """Potentials of recorded neurons in a stretch of time, (n_recorded,) each, in millivolts.

    Attributes
    ----------
    neurons : numpy.ndarray of int
    mean : numpy.ndarray
        Over time and trials.
    sd_over_time : numpy.ndarray
        Within a trial, of the mean over trials.
    variance_over_trials : numpy.ndarray
        Between repeats of the same condition at the same time, in mV^2, mean over both; NaN
        without repeats.
    skewness : numpy.ndarray
        Of all values.
    at_bound : numpy.ndarray
        Part of the time at the lowest potential that the model allows: it says nothing there.
    """

    neurons: NDArray[np.integer]
    mean: NDArray[np.floating]
    sd_over_time: NDArray[np.floating]
    variance_over_trials: NDArray[np.floating]
    skewness: NDArray[np.floating]
    at_bound: NDArray[np.floating]


def membrane_statistics(
    response: Response,
    *,
    window: tuple[Time, Time] | None = None,
    scale: Millivolts | None = None,
) -> MembraneStatistics:
    """Return mean, variability and shape of membrane potentials.

    Parameters
    ----------
    response : Response
        With potentials: ``SpikingNetwork(..., record_potentials=...)``.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.
    scale : Millivolts, optional
        The map to millivolts; by default `Millivolts`.

    Raises
    ------
    TypeError, ValueError
        If there are no potentials, or no time step in the window.

    Examples
    --------
    How much repeats differ before and after the onset of a grating:

    >>> from brian2 import ms
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> from ipvae_brian.physiology import membrane_statistics
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.flashed_gratings(
    ...     orientations=0, spatial_frequencies=2, repeats=10, duration=100 * ms, dt=1 * ms
    ... )
    >>> network = SpikingNetwork(
    ...     load_model("photographs-512"), n_copies=10, record_potentials=range(20)
    ... )
    >>> response = network.present_session(session, seed=0, progress=False)
    >>> before = membrane_statistics(response, window=(-100 * ms, 0 * ms))
    >>> after = membrane_statistics(response)
    >>> bool(after.variance_over_trials.mean() > before.variance_over_trials.mean())
    True
    """
    if not isinstance(response, Response):
        raise TypeError(f"response must be a Response, got {type(response).__name__}")
    if response.potentials is None:
        raise ValueError(
            "response has no membrane potentials: use SpikingNetwork(..., record_potentials=...)"
        )
    scale = Millivolts() if scale is None else scale
    timing = response.timing
    begin, end = 0.0, float(timing.frame_edges[-1] - timing.onset_step) * timing.dt
    if window is not None:
        begin, end = two_times(window)
    times = timing.step_times
    inside = (times > begin - timing.dt / 2) & (times < end - timing.dt / 2)
    if not inside.any():
        raise ValueError(f"window must hold a time step, got {begin:g} to {end:g} s")
    u = response.potentials[:, :, inside].astype(float)
    v = scale.of(u)
    groups = group_trials(response) if _has_conditions(response) else None
    n = response.n_trials if groups is None else int(groups.n_trials.min())
    over_trials = np.full(v.shape[1], np.nan)
    if n > 1:
        variance = v.var(axis=0, ddof=1)[None] if groups is None else groups.variance(v)
        over_trials = variance.mean(axis=(0, 2))
    centred = v - v.mean(axis=(0, 2), keepdims=True)
    sd = centred.std(axis=(0, 2))
    third = (centred**3).mean(axis=(0, 2))
    by_condition = v if groups is None else groups.mean(v)
    lowest = response.parameters.lowest_potential
    return MembraneStatistics(
        neurons=np.array(response.recorded_neurons),
        mean=v.mean(axis=(0, 2)),
        sd_over_time=by_condition.std(axis=2).mean(axis=0),
        variance_over_trials=over_trials,
        skewness=np.divide(third, sd**3, out=np.full(len(sd), np.nan), where=sd > 0),
        at_bound=(u <= lowest + 1e-3).mean(axis=(0, 2)),
    )


def _has_conditions(response: Response) -> bool:
    return response.stimulus_numbers is not None or bool(response.conditions)
