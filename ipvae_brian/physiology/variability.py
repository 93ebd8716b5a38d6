"""How spike counts vary from trial to trial: Fano factors, gain variance, noise correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2.only import ms
from numpy.typing import NDArray

from ipvae_brian._tools.checks import number, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import counts_in, counts_over_time, group_trials
from ipvae_brian.recordings.recording import Recording


@dataclass(frozen=True)
class CountStatistics:
    """Means and variances of spike counts over the repeats of each condition.

    Attributes
    ----------
    means, variances : numpy.ndarray, shape (n_conditions, n_neurons)
        Of spikes in `duration`; variances are unbiased.
    n_trials : numpy.ndarray of int, shape (n_conditions,)
    conditions : dict of str to numpy.ndarray, shape (n_conditions,)
    duration : float
        Length of the window, in seconds. Fano factors depend on it: say it with them.
    """

    means: NDArray[np.floating]
    variances: NDArray[np.floating]
    n_trials: NDArray[np.integer]
    conditions: dict[str, NDArray[Any]]
    duration: float

    def fano_factors(self) -> NDArray[np.floating]:
        """Return variance over mean of each condition, (n_conditions, n_neurons).

        NaN where there was no spike.
        """
        out = np.full(self.means.shape, np.nan)
        return np.divide(self.variances, self.means, out=out, where=self.means > 0)

    def fano_factor(
        self, minimum_mean: float = 0.2, minimum_conditions: int = 4
    ) -> NDArray[np.floating]:
        """Return the geometric mean over conditions of the Fano factor, (n_neurons,).

        Parameters
        ----------
        minimum_mean : float, default 0.2
            Spikes per trial that a condition needs to count.
        minimum_conditions : int, default 4
            Conditions with as many, and with some variance, that a neuron needs; of others it
            is NaN.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or range, or no neuron has enough conditions.
        """
        used = self._used(minimum_mean, minimum_conditions)
        logs = np.log(self.fano_factors(), where=used, out=np.zeros(used.shape))
        return _nan_mean(logs, used, np.exp)

    def gain_variance(
        self, minimum_mean: float = 0.2, minimum_conditions: int = 4
    ) -> NDArray[np.floating]:
        """Return sigma_G^2, the variance of a gain that multiplies the rate, (n_neurons,).

        It is the least squares fit of variance = mean + sigma_G^2 mean^2 over conditions: 0 for
        Poisson counts, below 0 for more regular ones.

        Parameters
        ----------
        minimum_mean, minimum_conditions
            As for `fano_factor`.

        Raises
        ------
        TypeError, ValueError
            As for `fano_factor`.

        References
        ----------
        Goris, Movshon & Simoncelli 2014, Nature Neuroscience 17:858.
        """
        used = self._used(minimum_mean, minimum_conditions)
        means = np.where(used, self.means, 0)
        excess = np.where(used, self.variances, 0) - means
        square = (means**4).sum(axis=0)
        out = np.full(len(square), np.nan)
        return np.divide((excess * means**2).sum(axis=0), square, out=out, where=square > 0)

    def _used(self, minimum_mean, minimum_conditions):
        """Which conditions count for which neurons: none for those that have too few."""
        minimum_mean = number(minimum_mean, "minimum_mean", minimum=0)
        least = whole_number(minimum_conditions, "minimum_conditions")
        used = (self.means > minimum_mean) & (self.variances > 0)
        enough = used.sum(axis=0) >= least
        if not enough.any():
            raise ValueError(
                f"no neuron has {least} conditions with more than {minimum_mean:g} spikes per "
                f"trial and some variance; there are {len(used)} conditions"
            )
        return used & enough


def _nan_mean(values, used, then):
    """Mean over conditions of what is used, NaN without any."""
    n = used.sum(axis=0)
    out = np.full(len(n), np.nan)
    means = np.divide(np.where(used, values, 0).sum(axis=0), n, out=out, where=n > 0)
    return then(means)


def count_statistics(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
    minimum_trials: int = 5,
) -> CountStatistics:
    """Return means and variances of spike counts over repeats, for each condition.

    Parameters
    ----------
    recording : Recording
    by : str or sequence of str, optional
        What tells conditions apart: by default all that was varied, or else the stimulus.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.
    minimum_trials : int, default 5
        Repeats that each condition needs.

    Raises
    ------
    TypeError, ValueError
        If there is no such condition or window, or one has too few repeats.

    Examples
    --------
    Poisson counts have a Fano factor of 1 and no gain variance.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import count_statistics
    >>> rng = np.random.default_rng(0)
    >>> image = np.repeat(np.arange(10), 400)
    >>> counts = rng.poisson(1 + image)[:, None, None]
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=200)
    >>> statistics = count_statistics(Recording(counts, timing, conditions={"image": image}))
    >>> statistics.fano_factor().round(1), abs(statistics.gain_variance()).round(1)
    (array([1.]), array([0.]))
    """
    groups = group_trials(recording, by)
    groups.require_repeats(max(2, whole_number(minimum_trials, "minimum_trials")))
    counts, duration = counts_in(recording, window)
    return CountStatistics(
        groups.mean(counts), groups.variance(counts), groups.n_trials, groups.conditions, duration
    )


@dataclass(frozen=True)
class NoiseCorrelations:
    """Correlations of the variability of pairs of neurons.

    Attributes
    ----------
    correlations : numpy.ndarray, shape (n_pairs,)
    pairs : numpy.ndarray of int, shape (n_pairs, 2)
        The two neurons of each.
    duration : float
        Length of the window, in seconds.
    """

    correlations: NDArray[np.floating]
    pairs: NDArray[np.integer]
    duration: float


def noise_correlations(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
    minimum_mean: float = 0.5,
    minimum_trials: int = 50,
) -> NoiseCorrelations:
    """Return the Pearson correlation of z-scored spike counts of every pair of neurons.

    Counts are z-scored over the repeats of each condition, so that what the stimulus does to both
    neurons is not counted. A condition in which one of the two does not vary is left out for them.

    Parameters
    ----------
    recording : Recording
    by, window
        As for `count_statistics`.
    minimum_mean : float, default 0.5
        Spikes per trial, over all conditions, that a neuron needs.
    minimum_trials : int, default 50
        Trials that a pair needs, in all conditions together.

    Raises
    ------
    TypeError, ValueError
        If there is no such condition or window, one was shown only once, or no pair is left.

    References
    ----------
    Cohen & Kohn 2011, Nature Neuroscience 14:811.

    Examples
    --------
    A gain that both neurons share.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import noise_correlations
    >>> rng = np.random.default_rng(0)
    >>> gain = rng.gamma(5, 0.2, size=(2000, 1, 1))
    >>> counts = rng.poisson(10 * gain * np.ones(2))
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=200)
    >>> recording = Recording(counts, timing, conditions={"image": np.repeat([0, 1], 1000)})
    >>> noise_correlations(recording).correlations.round(1)
    array([0.7])
    """
    minimum_mean = number(minimum_mean, "minimum_mean", minimum=0)
    least = whole_number(minimum_trials, "minimum_trials")
    groups = group_trials(recording, by)
    groups.require_repeats(2)
    counts, duration = counts_in(recording, window)
    neurons = np.flatnonzero(groups.mean(counts).mean(axis=0) > minimum_mean)
    counts = counts[:, neurons]
    sd = np.sqrt(groups.variance(counts))[groups.number]
    varied = (sd > 0).astype(float)
    z = np.divide(groups.deviations(counts), sd, out=np.zeros(counts.shape), where=sd > 0)
    # Of what is left, both means are 0, because whole conditions are left out.
    square = (z**2).T @ varied
    first, second = np.tril_indices(len(neurons), -1)
    kept = (varied.T @ varied)[first, second] >= least
    first, second = first[kept], second[kept]
    if not len(first):
        raise ValueError(
            f"no pair of neurons has {least} trials with more than {minimum_mean:g} spikes each: "
            f"{len(neurons)} of {recording.n_neurons} neurons fire that much, in "
            f"{recording.n_trials} trials"
        )
    r = (z.T @ z)[first, second] / np.sqrt(square[first, second] * square[second, first])
    return NoiseCorrelations(r, neurons[np.stack([first, second], axis=1)], duration)


@dataclass(frozen=True)
class FanoCourse:
    """The Fano factor in the course of a trial.

    Attributes
    ----------
    times : numpy.ndarray, shape (n_times,)
        Middle of each window, in seconds from the onset of the stimulus.
    matched : numpy.ndarray, shape (n_times,)
        Of neurons and conditions chosen so that mean counts are distributed equally at all times.
    raw : numpy.ndarray, shape (n_times,)
        Of all of them.
    mean_counts : numpy.ndarray, shape (n_times,)
        Spikes per window on average.
    n_matched : int
        How many neurons times conditions are left at each time.
    width : float
        Of the windows, in seconds.
    """

    times: NDArray[np.floating]
    matched: NDArray[np.floating]
    raw: NDArray[np.floating]
    mean_counts: NDArray[np.floating]
    n_matched: int
    width: float


def mean_matched_fano(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time],
    width: Time = 50 * ms,
    n_bins: int = 10,
    n_draws: int = 50,
    minimum_trials: int = 5,
    minimum_points: int = 10,
    seed: int | None = 0,
) -> FanoCourse:
    """Return the Fano factor over time, with mean counts matched between times.

    Where rates rise, the Fano factor of regular spikes falls for that reason alone. So at each time
    points (mean, variance) of neurons and conditions are drawn at random until their means have the
    distribution that all times have in common; the Fano factor is the slope of variance over mean
    through 0, and its mean over draws is returned.

    Parameters
    ----------
    recording : Recording
    by : str or sequence of str, optional
        As for `count_statistics`.
    window : (Quantity, Quantity)
        From before the onset to the end, from the onset of the stimulus.
    width : Quantity, default 50*ms
        Of the windows in which spikes are counted, one after another from the beginning of the
        trial. Without spike times, whole windows of the recording.
    n_bins : int, default 10
        Of the histogram of mean counts, over the range in which they are; the last is for what
        is as high or higher than 98% of them.
    n_draws : int, default 50
    minimum_trials : int, default 5
        Repeats that each condition needs.
    minimum_points : int, default 10
        Neurons times conditions that have to be left.
    seed : int, optional
        Of the draws.

    Raises
    ------
    TypeError, ValueError
        If there is no such condition or window, there are too few repeats, or distributions of mean
        counts have too little in common: without spikes before the onset nothing can be matched.

    References
    ----------
    Churchland et al. 2010, Nature Neuroscience 13:369.

    Examples
    --------
    Poisson neurons whose rate doubles at the onset.

    >>> import numpy as np
    >>> from brian2 import ms
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import mean_matched_fano
    >>> rng = np.random.default_rng(0)
    >>> rates = np.linspace(1, 6, 60) * np.array([[1], [2]])
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=100, before=0.1)
    >>> recording = Recording(
    ...     rng.poisson(rates, size=(200, 2, 60)), timing, conditions={"image": np.zeros(200)}
    ... )
    >>> course = mean_matched_fano(recording, window=(-100 * ms, 100 * ms), width=100 * ms)
    >>> course.matched.round(1)
    array([1., 1.])
    """
    groups = group_trials(recording, by)
    groups.require_repeats(max(2, whole_number(minimum_trials, "minimum_trials")))
    n_draws = whole_number(n_draws, "n_draws")
    counts, times, length = counts_over_time(recording, width, window)
    means, variances = (
        np.moveaxis(part, 1, 0).reshape(len(times), -1)
        for part in (groups.mean(counts), groups.variance(counts))
    )
    # Silence has no variance, and would be matched with silence.
    top = np.quantile(means, 0.98)
    edges = np.linspace(0, top if top > 0 else 1, whole_number(n_bins, "n_bins") + 1)
    place = np.where(means > 0, np.clip(np.digitize(means, edges) - 1, 0, n_bins - 1), -1)
    common = np.min([[(row == b).sum() for b in range(n_bins)] for row in place], axis=0)
    if common.sum() < whole_number(minimum_points, "minimum_points"):
        raise ValueError(
            f"mean counts at different times have {common.sum()} neurons times conditions in "
            f"common, fewer than {minimum_points}: {means.mean(axis=1).min():.3g} to "
            f"{means.mean(axis=1).max():.3g} spikes per window on average"
        )
    rng = np.random.default_rng(seed)
    matched = np.zeros(len(times))
    for t, row in enumerate(place):
        members = [np.flatnonzero(row == b) for b in range(n_bins)]
        for _ in range(n_draws):
            drawn = [rng.choice(m, n, replace=False) for m, n in zip(members, common, strict=True)]
            kept = np.concatenate(drawn)
            matched[t] += _slope(means[t, kept], variances[t, kept]) / n_draws
    raw = np.array([_slope(m, v) for m, v in zip(means, variances, strict=True)])
    return FanoCourse(times, matched, raw, means.mean(axis=1), int(common.sum()), length)


def _slope(means, variances):
    """Of variance over mean, through 0, by least squares; NaN without a spike."""
    square = (means**2).sum()
    return (means * variances).sum() / square if square > 0 else np.nan
