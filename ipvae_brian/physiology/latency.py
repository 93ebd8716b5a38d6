"""When responses come: histograms over time, their shift and scale, time to half maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from brian2.only import ms
from numpy.typing import NDArray

from ipvae_brian._tools.checks import seconds, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import counts_over_time
from ipvae_brian.recordings.recording import Recording

# Shifts that are tried within one window of the histogram.
SHIFTS_PER_WINDOW = 10
# Times that responses are aligned with their mean, which hardly changes after the second.
ALIGNMENTS = 3


@dataclass(frozen=True)
class Psth:
    """Mean rate over trials in the course of time (peristimulus time histogram).

    Attributes
    ----------
    times : numpy.ndarray, shape (n_times,)
        Middle of each window, in seconds from the onset of the stimulus.
    rates : numpy.ndarray, shape (n_times, n_neurons)
        In Hz.
    width : float
        Of the windows, in seconds.
    n_trials : int
    """

    times: NDArray[np.floating]
    rates: NDArray[np.floating]
    width: float
    n_trials: int

    @property
    def n_spikes(self) -> NDArray[np.floating]:
        """Spikes of each neuron in all trials, (n_neurons,)."""
        return np.round(self.rates.sum(axis=0) * self.width * self.n_trials)


def psth(
    recording: Recording,
    *,
    width: Time = 5 * ms,
    where: Mapping[str, object] | None = None,
    window: tuple[Time, Time] | None = None,
) -> Psth:
    """Return the mean rate over trials in the course of time.

    Parameters
    ----------
    recording : Recording
    width : Quantity, default 5*ms
        Of the windows; without spike times a whole number of the recording's own. The stimulus
        should begin with one of them.
    where : mapping of str to object, optional
        Only trials with these conditions.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default the whole trial.

    Raises
    ------
    TypeError, ValueError
        If there are no such trials, or fewer than two windows.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import psth
    >>> timing = Timing(dt=0.001, n_steps=30, steps_per_window=10, before=0.01)
    >>> recording = Recording.from_spike_times([[[0.002, 0.013]], [[0.004]]], timing)
    >>> histogram = psth(recording, width=10 * ms)
    >>> histogram.times, histogram.rates.ravel()
    (array([-0.005, 0.005, 0.015]), array([ 0., 100., 50.]))
    """
    if where is not None:
        recording = recording.select(recording.trials_where(**where))
    counts, times, length = counts_over_time(recording, width, window)
    return Psth(times, counts.mean(axis=0) / length, length, recording.n_trials)


@dataclass(frozen=True)
class LatencyShift:
    """The shift and the scale that turn one response into another, (n_neurons,) each.

    Attributes
    ----------
    shift : numpy.ndarray
        Seconds by which the response comes later than that which it is compared with. NaN, as the
        others, for a neuron with too few spikes.
    scale : numpy.ndarray
        What the other is multiplied by.
    explained : numpy.ndarray
        Part of the variance over time that the shifted and scaled response explains.
    at_limit : numpy.ndarray of bool
        Whether the shift is the largest that was tried, so that it says nothing.
    """

    shift: NDArray[np.floating]
    scale: NDArray[np.floating]
    explained: NDArray[np.floating]
    at_limit: NDArray[np.bool_]


def latency_shift(
    response: Psth, reference: Psth, *, largest: Time = 100 * ms, minimum_spikes: int = 50
) -> LatencyShift:
    """Return how much later a response comes than another, by the best shift and scale.

    Every shift is tried, in tenths of a window; for each the scale is that of least squares.
    Between windows, rates are interpolated linearly; beyond the ends of the histogram they stay as
    they are there, so let it begin before the onset.

    Parameters
    ----------
    response : Psth
        Such as that to a low contrast.
    reference : Psth
        At the same times, such as that to the highest contrast.
    largest : Quantity, default 100*ms
        Shift, earlier or later.
    minimum_spikes : int, default 50
        That a neuron needs in both.

    Raises
    ------
    TypeError, ValueError
        If times differ, `largest` is not shorter than the histograms, or no neuron has enough
        spikes.

    References
    ----------
    Albrecht, Geisler, Frazor & Crane 2002, J. Neurophysiol. 88:888.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import Psth, latency_shift
    >>> times = np.arange(-0.1, 0.3, 0.005)
    >>> early = Psth(times, 80 * np.exp(-(((times - 0.08) / 0.02) ** 2))[:, None], 0.005, 50)
    >>> late = Psth(times, 40 * np.exp(-(((times - 0.11) / 0.02) ** 2))[:, None], 0.005, 50)
    >>> found = latency_shift(late, early)
    >>> found.shift.round(3), found.scale.round(2), found.explained.round(2)
    (array([0.03]), array([0.5]), array([1.]))
    """
    enough, n = _compared(response, [reference], "reference", largest, minimum_spikes)
    rates = response.rates
    best, scale, least = _best_shift(rates, reference.rates, n)
    explained = _explained(least, ((rates - rates.mean(axis=0)) ** 2).sum(axis=0))
    shift = best * response.width / SHIFTS_PER_WINDOW
    at_limit = (np.abs(best) == n) & enough
    kept = (np.where(enough, part, np.nan) for part in (shift, scale, explained))
    return LatencyShift(*kept, at_limit=at_limit)


def scaled_and_shifted(
    responses: Sequence[Psth], *, largest: Time = 100 * ms, minimum_spikes: int = 50
) -> NDArray[np.floating]:
    """Return which part of all responses their mean explains, shifted and scaled for each.

    The mean is that of the responses once they are aligned, so that those that are strong say most
    of its shape. What is explained is variance over time and over responses together, as it was
    published for responses to different contrasts.

    Parameters
    ----------
    responses : sequence of Psth
        At the same times, such as those to several contrasts.
    largest : Quantity, default 100*ms
        Shift, earlier or later.
    minimum_spikes : int, default 50
        That a neuron needs in each.

    Returns
    -------
    numpy.ndarray, shape (n_neurons,)
        At most 1; NaN for a neuron with too few spikes.

    Raises
    ------
    TypeError, ValueError
        As for `latency_shift`, or if there are fewer than two responses.

    References
    ----------
    Albrecht, Geisler, Frazor & Crane 2002, J. Neurophysiol. 88:888.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import Psth, scaled_and_shifted
    >>> times = np.arange(-0.1, 0.3, 0.005)
    >>> def burst(latency, rate):
    ...     rates = rate * np.exp(-(((times - latency) / 0.02) ** 2))
    ...     return Psth(times, rates[:, None], 0.005, 50)
    >>> scaled_and_shifted([burst(0.11, 40), burst(0.095, 60), burst(0.08, 80)]).round(2)
    array([1.])
    """
    if len(responses) < 2:
        raise ValueError(f"responses must be at least 2, got {len(responses)}")
    first, *others = responses
    enough, n = _compared(first, others, "responses", largest, minimum_spikes)
    rates = np.stack([one.rates for one in responses])
    mean = rates[rates.sum(axis=1).argmax(axis=0), :, np.arange(rates.shape[2])].T
    for _ in range(ALIGNMENTS):
        shifts = [_best_shift(one, mean, n)[0] for one in rates]
        aligned = [
            _shifted(one, -by / SHIFTS_PER_WINDOW) for one, by in zip(rates, shifts, strict=True)
        ]
        mean = np.mean(aligned, axis=0)
    left = sum(_best_shift(one, mean, n)[2] for one in rates)
    explained = _explained(left, ((rates - rates.mean(axis=(0, 1))) ** 2).sum(axis=(0, 1)))
    return np.where(enough, explained, np.nan)


def _compared(first, others, name, largest, minimum_spikes):
    """Return which neurons have enough spikes in all responses, and the largest shift.

    It is in tenths of a window. Raises an error unless the responses can be compared.
    """
    for one in others:
        _require_same_times(one, first, name)
    longest = _longest(first, largest)
    n_spikes = np.min([one.n_spikes for one in (first, *others)], axis=0)
    enough = _require_spikes(n_spikes, minimum_spikes)
    return enough, round(longest / first.width * SHIFTS_PER_WINDOW)


def _explained(left, total):
    """Return which part of all squares is not left; NaN where there are none."""
    return 1 - np.divide(left, total, out=np.full(len(total), np.nan), where=total > 0)


def _best_shift(rates, mean, n):
    """Return the best shift in tenths of a window, its scale, and the squares that are left."""
    error = np.full((2 * n + 1, rates.shape[1]), np.inf)
    scales = np.zeros_like(error)
    for i, shift in enumerate(range(-n, n + 1)):
        moved = _shifted(mean, shift / SHIFTS_PER_WINDOW)
        square = (moved**2).sum(axis=0)
        product = (moved * rates).sum(axis=0)
        np.divide(product, square, out=scales[i], where=square > 0)
        error[i] = ((rates - scales[i] * moved) ** 2).sum(axis=0)
    best = error.argmin(axis=0)[None]
    least, scale = (np.take_along_axis(part, best, axis=0)[0] for part in (error, scales))
    return best[0] - n, scale, least


def _shifted(rates, windows):
    """Return rates some windows later, interpolated; beyond the ends they stay as they are.

    One number of windows for all neurons, or one for each.
    """
    at = np.arange(len(rates))[:, None] - np.broadcast_to(windows, rates.shape[1])
    at = np.clip(at, 0, len(rates) - 1)
    below = np.minimum(at.astype(int), len(rates) - 2)
    part, neurons = at - below, np.arange(rates.shape[1])
    return (1 - part) * rates[below, neurons] + part * rates[below + 1, neurons]


def _longest(response, largest):
    """Return the largest shift in seconds, if it is within the histograms."""
    longest = seconds(largest, "largest")
    duration = len(response.times) * response.width
    if longest >= duration:
        raise ValueError(
            f"largest must be shorter than the histograms of {duration * 1e3:g} ms, got {largest!s}"
        )
    return longest


def _require_same_times(other, response, name):
    """Raise ValueError unless both histograms are of the same times and neurons."""
    same = other.rates.shape == response.rates.shape
    if not same or not np.allclose(other.times, response.times):
        raise ValueError(
            f"{name} must have the times and neurons of response, "
            f"{response.rates.shape}, got {other.rates.shape}"
        )


def time_to_half_maximum(response: Psth, *, minimum_spikes: int = 50) -> NDArray[np.floating]:
    """Return when the rate first reaches half of its maximum after the onset of the stimulus.

    Half between the mean rate before the onset, 0 if that was not recorded, and the highest after
    it; interpolated linearly between the middles of windows.

    Parameters
    ----------
    response : Psth
    minimum_spikes : int, default 50
        That a neuron needs.

    Returns
    -------
    numpy.ndarray, shape (n_neurons,)
        Seconds from the onset; NaN for a neuron with too few spikes, or whose rate does not rise.

    Raises
    ------
    TypeError, ValueError
        If nothing was recorded after the onset, or no neuron has enough spikes.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.physiology import Psth, time_to_half_maximum
    >>> times = np.arange(-0.095, 0.3, 0.01)
    >>> ramp = np.clip((times - 0.05) / 0.1, 0, 1)
    >>> time_to_half_maximum(Psth(times, 60 * ramp[:, None], 0.01, 50)).round(3)
    array([0.1])
    """
    # A window belongs to what is after the onset if most of it is.
    first = int(np.searchsorted(response.times, 0))
    if first >= len(response.times):
        raise ValueError(
            f"response must have times after the onset, got up to {response.times[-1]:g} s"
        )
    enough = _require_spikes(response.n_spikes, minimum_spikes)
    before, after = response.rates[:first], response.rates[first:]
    baseline = before.mean(axis=0) if first else np.zeros(after.shape[1])
    half = (baseline + after.max(axis=0)) / 2
    reached = (after >= half).argmax(axis=0) + first
    neurons = np.arange(len(half))
    previous = np.maximum(reached - 1, 0)
    low, high = response.rates[previous, neurons], response.rates[reached, neurons]
    part = np.divide(half - low, high - low, out=np.ones(len(half)), where=high > low)
    times = response.times[reached] - (1 - np.clip(part, 0, 1)) * response.width
    times = np.where(previous == reached, response.times[reached], times)
    return np.where(enough & (after.max(axis=0) > baseline), times, np.nan)


def _require_spikes(n_spikes, minimum):
    """Return which neurons have enough, if any."""
    minimum = whole_number(minimum, "minimum_spikes")
    enough = n_spikes >= minimum
    if not enough.any():
        raise ValueError(f"no neuron has {minimum} spikes; the most is {n_spikes.max():.0f}")
    return enough
