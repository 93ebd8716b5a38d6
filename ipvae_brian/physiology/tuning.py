"""Tuning curves of any condition; tuning for spatial frequency; modulation by drifting gratings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from brian2.only import Hz, Quantity, get_dimensions
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian._tools.types import Frequency, Time
from ipvae_brian.physiology.trials import counts_in, group_trials, windows_in
from ipvae_brian.recordings.recording import Recording

# Points per octave at which tuning curves for spatial frequency are interpolated.
POINTS_PER_OCTAVE = 100
# Windows in a cycle: with fewer, the first harmonic is hardly sampled.
WINDOWS_PER_CYCLE = 4


@dataclass(frozen=True)
class TuningCurve:
    """Mean rates by the value of one condition.

    Attributes
    ----------
    condition : str
        What was varied.
    values : numpy.ndarray, shape (n_values,)
        Its values, increasing.
    rates, standard_errors : numpy.ndarray, shape (n_values, n_neurons)
        Mean over trials, and its standard error, in Hz; of one trial the error is NaN.
    n_trials : numpy.ndarray of int, shape (n_values,)
    """

    condition: str
    values: NDArray
    rates: NDArray[np.floating]
    standard_errors: NDArray[np.floating]
    n_trials: NDArray[np.integer]

    @property
    def preferred(self) -> NDArray:
        """The value with the highest rate, (n_neurons,)."""
        return self.values[self.rates.argmax(axis=0)]


def tuning_curve(
    recording: Recording,
    condition: str,
    *,
    where: Mapping[str, object] | None = None,
    window: tuple[Time, Time] | None = None,
    period: float | None = None,
    minimum_trials: int = 1,
) -> TuningCurve:
    """Return the tuning curve of every neuron for one condition.

    Parameters
    ----------
    recording : Recording
    condition : str
        What was varied, such as ``"orientation"``. Trials in which it is NaN (blanks) are no part
        of the curve.
    where : mapping of str to object, optional
        Only trials in which other conditions have these values. Otherwise the mean is over all
        trials, whatever else was varied.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.
    period : float, optional
        Values a period apart are one: 180 turns directions into orientations.
    minimum_trials : int, default 1
        Trials that each value needs.

    Raises
    ------
    TypeError, ValueError
        If there is no such condition, trial or window, or a value has too few trials.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import tuning_curve
    >>> timing = Timing(dt=0.001, n_steps=500, steps_per_window=500)
    >>> counts = np.array([2, 9, 4, 11]).reshape(4, 1, 1)
    >>> recording = Recording(counts, timing, conditions={"orientation": [0, 90, 0, 90]})
    >>> curve = tuning_curve(recording, "orientation")
    >>> curve.values, curve.rates.ravel(), curve.standard_errors.ravel()
    (array([ 0, 90]), array([ 6., 20.]), array([2., 2.]))
    """
    groups = group_trials(recording, condition, where)
    column = groups.conditions[condition]
    if column.dtype.kind not in "biuf":
        raise TypeError(f"condition {condition!r} must hold numbers, got type {column.dtype}")
    shown = np.flatnonzero(~np.isnan(column.astype(float)))
    if not len(shown):
        raise ValueError(f"condition {condition!r} is NaN in all trials")
    values = column[shown] if period is None else _wrapped(column[shown], period)
    values, place = np.unique(values, return_inverse=True)
    # From the groups of single values to those that are a period apart.
    new = np.full(len(groups) + 1, -1)
    new[shown] = place
    merged = type(groups)({condition: values}, new[groups.number])
    merged.require_repeats(whole_number(minimum_trials, "minimum_trials"))
    counts, duration = counts_in(recording, window)
    rates = counts / duration
    n = merged.n_trials
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.sqrt(merged.variance(rates) / n[:, None])
    return TuningCurve(condition, values, merged.mean(rates), errors, n)


def _wrapped(values, period):
    period = number(period, "period", above=0)
    wrapped = np.round(np.mod(values.astype(float), period), 9)
    return np.where(wrapped >= period, 0.0, wrapped)


# Spatial frequency


@dataclass(frozen=True)
class SpatialFrequencyTuning:
    """Preferred spatial frequency and bandwidth of neurons.

    Attributes
    ----------
    preferred : numpy.ndarray, shape (n_neurons,)
        In the unit of the frequencies that were shown; NaN for a neuron that never fires.
    low, high : numpy.ndarray, shape (n_neurons,)
        Where the curve falls to half of its peak below and above that; NaN if it does not.
    """

    preferred: NDArray[np.floating]
    low: NDArray[np.floating]
    high: NDArray[np.floating]

    @property
    def bandwidth(self) -> NDArray[np.floating]:
        """Octaves at half height, (n_neurons,); NaN without a cut-off on both sides."""
        return np.log2(self.high / self.low)

    @property
    def no_upper_cutoff(self) -> NDArray[np.bool_]:
        """Which neurons respond at more than half of their peak to the highest frequency shown."""
        return ~np.isnan(self.preferred) & np.isnan(self.high)

    @property
    def no_lower_cutoff(self) -> NDArray[np.bool_]:
        """Which do so to the lowest frequency."""
        return ~np.isnan(self.preferred) & np.isnan(self.low)


def spatial_frequency_tuning(rates: ArrayLike, frequencies: ArrayLike) -> SpatialFrequencyTuning:
    """Return preferred spatial frequency and bandwidth at half height.

    Between the frequencies that were shown, curves are interpolated over log frequency by cubic
    pieces that do not overshoot.

    Parameters
    ----------
    rates : array_like, shape (n_frequencies,) or (n_frequencies, n_neurons)
        At least 0.
    frequencies : array_like, shape (n_frequencies,)
        Positive, increasing, at least three. Gratings near half a cycle per pixel change with
        their phase: leave them out.

    Raises
    ------
    TypeError, ValueError
        If rates are negative, shapes do not agree, or the frequencies are none.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import spatial_frequency_tuning
    >>> frequencies = 2.0 ** np.arange(-2, 3)
    >>> tuning = spatial_frequency_tuning([0, 4, 8, 4, 0], frequencies)
    >>> tuning.preferred, tuning.bandwidth
    (array([1.]), array([2.]))
    """
    frequencies = finite_array(frequencies, "frequencies", ndim=1)
    if len(frequencies) < 3 or (np.diff(frequencies) <= 0).any() or frequencies[0] <= 0:
        raise ValueError(
            f"frequencies must be at least 3, positive and increasing, got {frequencies.tolist()}"
        )
    rates = finite_array(rates, "rates", ndim=(1, 2))
    if len(rates) != len(frequencies):
        raise ValueError(
            f"rates must have a row for each of the {len(frequencies)} frequencies, got shape "
            f"{rates.shape}"
        )
    if (rates < 0).any():
        raise ValueError(f"rates must not be negative, got {rates.min():g}")
    octaves = np.log2(frequencies)
    n_fine = int(np.ceil(np.ptp(octaves) * POINTS_PER_OCTAVE)) + 1
    # The frequencies shown are among the points, so that the peak is one that was measured.
    fine = np.union1d(np.linspace(octaves[0], octaves[-1], n_fine), octaves)
    curves = PchipInterpolator(octaves, rates.reshape(len(rates), -1), axis=0)(fine)
    found = np.array([_half_height(curve, fine) for curve in curves.T]).T
    return SpatialFrequencyTuning(*2.0**found)


def _half_height(curve, octaves):
    """Return peak and half heights in octaves."""
    if curve.max() <= 0:
        return np.nan, np.nan, np.nan
    peak = curve.argmax()
    below = np.flatnonzero(curve[: peak + 1] <= curve[peak] / 2)
    above = peak + np.flatnonzero(curve[peak:] <= curve[peak] / 2)
    low = octaves[below[-1]] if len(below) else np.nan
    high = octaves[above[0]] if len(above) else np.nan
    return octaves[peak], low, high


# Phase


def f1_f0(
    recording: Recording,
    temporal_frequency: Frequency,
    *,
    where: Mapping[str, object] | None = None,
    window: tuple[Time, Time] | None = None,
    unbiased: bool = False,
) -> NDArray[np.floating]:
    """Return the first harmonic of the response to a drifting grating over its mean.

    The mean response over trials is fitted by a constant and a sine wave at the frequency of the
    grating, over as many whole cycles as there are. What counting in windows takes off the first
    harmonic is put back.

    Parameters
    ----------
    recording : Recording
    temporal_frequency : Quantity
        Of the grating, such as ``2 * Hz``.
    where : mapping of str to object, optional
        Only trials with these conditions: one grating, usually a neuron's best.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.
    unbiased : bool, default False
        Whether to take off what Poisson spikes add to the square of the first harmonic, so that a
        neuron with few spikes and no modulation has a ratio near 0.

    Returns
    -------
    numpy.ndarray, shape (n_neurons,)
        Above 1 for simple cells, up to 2; NaN for a neuron that never fires.

    Raises
    ------
    TypeError, ValueError
        If the window is shorter than a cycle, or a cycle has fewer than four windows of counts.

    References
    ----------
    Skottun et al. 1991, Vision Research 31:1079.

    Examples
    --------
    Spikes in the first half of each cycle only.

    >>> import numpy as np
    >>> from brian2 import Hz
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import f1_f0
    >>> counts = np.tile([3] * 25 + [0] * 25, 2)[None, :, None]
    >>> recording = Recording(counts, Timing(dt=0.01, n_steps=100, steps_per_window=1))
    >>> f1_f0(recording, 2 * Hz).round(2)
    array([1.27])
    """
    if not isinstance(temporal_frequency, Quantity) or get_dimensions(
        temporal_frequency
    ) != get_dimensions(Hz):
        raise TypeError(
            f"temporal_frequency must be a frequency, such as 2*Hz, got {temporal_frequency!r}"
        )
    frequency = number(float(temporal_frequency / Hz), "temporal_frequency", above=0)
    windows = windows_in(recording, window)
    width = recording.timing.window
    if frequency * width * WINDOWS_PER_CYCLE > 1:
        raise ValueError(
            f"temporal_frequency must be at most {1 / (WINDOWS_PER_CYCLE * width):g} Hz for "
            f"windows of {width * 1e3:g} ms, got {frequency:g} Hz"
        )
    length = (windows.stop - windows.start) * width
    n_cycles = int(length * frequency + 1e-6)
    if not n_cycles:
        raise ValueError(
            f"window must have at least one cycle of {1e3 / frequency:g} ms, got {length * 1e3:g} "
            "ms of whole windows of counts"
        )
    n_windows = round(n_cycles / frequency / width)
    trials = slice(None) if where is None else recording.trials_where(**where)
    every = recording.counts[trials, windows.start : windows.start + n_windows]
    counts = every.mean(axis=0)
    phase = 2 * np.pi * frequency * (np.arange(len(counts)) + 0.5) * width
    waves = np.stack([np.ones(len(counts)), np.cos(phase), np.sin(phase)], axis=1)
    mean, cosine, sine = np.linalg.lstsq(waves, counts, rcond=None)[0]
    square = cosine**2 + sine**2
    if unbiased:
        # Each of the two has 2 / n of the variance of a window's mean count, which is that count.
        square = np.maximum(square - 4 * mean / (len(counts) * len(every)), 0)
    harmonic = np.sqrt(square) / np.sinc(frequency * width)
    return np.divide(harmonic, mean, out=np.full(len(mean), np.nan), where=counts.any(axis=0))
