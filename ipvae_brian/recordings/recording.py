"""Recording: spikes by trial, simulated or recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from brian2.only import Hz, Quantity, get_dimensions, second
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import chosen, index, refuse_wrappers, seconds
from ipvae_brian._tools.frozen import frozen, restore_frozen
from ipvae_brian._tools.html import table
from ipvae_brian._tools.types import Time
from ipvae_brian.recordings.conversions import Conversions
from ipvae_brian.recordings.parts import (
    checked_columns,
    checked_counts,
    checked_frames,
    checked_stimulus_numbers,
)
from ipvae_brian.recordings.sources import Sources
from ipvae_brian.recordings.spikes import (
    Spikes,
    checked_spikes,
    counts_of,
    raster_picture,
    require_within_trial,
    same_counts,
    spikes_of_trials,
)
from ipvae_brian.recordings.timing import Timing, stimulus_between, whole_steps


class Recording(Sources, Conversions):
    """Spikes of neurons in trials, from an experiment or a simulation: what every analysis takes.

    A trial is one repeat of one condition. All trials of a recording last equally long.

    Parameters
    ----------
    counts : array_like of int, shape (n_trials, n_windows, n_neurons)
        Spikes in every window of the trial.
    timing : Timing
        Time step, windows and frames.
    spikes : Spikes, optional
        Spike times, where there are any.
    conditions : mapping of str to array_like, shape (n_trials,), optional
        What was varied: orientation, contrast, number of the repeat, ...
    units : mapping of str to array_like, shape (n_neurons,), optional
        What is known of the neurons: depth, quality, channel, ...
    frames : array_like, shape (n_stimuli, n_frames, n_pixels), optional
        What was shown. A static stimulus has one frame.
    stimulus_numbers : array_like of int, shape (n_trials,), optional
        Which of `frames` was shown in each trial; by default trial i showed stimulus i.
    copy : bool, default True
        Whether to copy the arrays. Otherwise nothing else may write into them.

    Attributes
    ----------
    counts, timing, spikes, conditions, units, frames, stimulus_numbers
        As given; arrays and dicts are read-only.

    Raises
    ------
    TypeError, ValueError
        If a value has the wrong type, shape or range, or two of them do not agree; the message
        names it.

    Examples
    --------
    Three trials of two neurons, in windows of 100 ms; the stimulus begins after the first.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> timing = Timing(dt=0.001, n_steps=300, steps_per_window=100, before=0.1)
    >>> counts = np.zeros((3, 3, 2), int)
    >>> counts[0, 1:, 0] = 4, 3
    >>> counts[1, 1:, 1] = 6, 5
    >>> recording = Recording(counts, timing, conditions={"orientation": [0, 90, 0]})
    >>> recording.firing_rates()[0]
    array([23.33333333,  0.        ]) * hertz
    >>> recording.select(recording.trials_where(orientation=0)).n_trials
    2
    """

    _advice = ""
    # Whether counts may be graded activity.
    _graded = False

    def __init__(
        self,
        counts: ArrayLike,
        timing: Timing,
        *,
        spikes: Spikes | None = None,
        conditions: Mapping[str, ArrayLike] | None = None,
        units: Mapping[str, ArrayLike] | None = None,
        frames: ArrayLike | None = None,
        stimulus_numbers: ArrayLike | None = None,
        copy: bool = True,
    ):
        if not isinstance(timing, Timing):
            raise TypeError(f"timing must be a Timing, got {type(timing).__name__}")
        self.timing = timing
        self.counts = checked_counts(counts, timing, copy, self._graded)
        self.spikes = None
        if spikes is not None:
            shape = self.n_trials, self.n_neurons
            self.spikes = checked_spikes(spikes, timing, *shape, copy=copy)
            # Parts that are given up come from our own code, which counts once.
            if copy and not same_counts(self.counts, self.spikes, timing):
                raise ValueError("counts must be those of spikes in the windows of timing")
        self.conditions = checked_columns(conditions, "conditions", self.n_trials, "trials")
        self.units = checked_columns(units, "units", self.n_neurons, "neurons")
        self.frames = checked_frames(frames, timing, copy)
        self.stimulus_numbers = checked_stimulus_numbers(
            stimulus_numbers, self.frames, self.n_trials
        )

    @classmethod
    def from_spike_times(
        cls,
        times: Sequence[Sequence[ArrayLike]],
        timing: Timing,
        *,
        conditions: Mapping[str, ArrayLike] | None = None,
        units: Mapping[str, ArrayLike] | None = None,
        frames: ArrayLike | None = None,
        stimulus_numbers: ArrayLike | None = None,
    ) -> Recording:
        """Return the recording of these spike times.

        Parameters
        ----------
        times : sequence of sequences of array_like
            For every trial and in it for every neuron, spike times from the onset of the stimulus:
            numbers in seconds, or Brian2 quantities. They are kept as they are; times outside the
            trial are refused.
        timing : Timing
            Its time step is the resolution of `counts_in_windows`.
        conditions, units, frames, stimulus_numbers
            As for `Recording`.

        Raises
        ------
        TypeError, ValueError
            As for `Recording`, or if trials have different numbers of neurons.

        Examples
        --------
        >>> from ipvae_brian import Recording, Timing
        >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=100)
        >>> Recording.from_spike_times([[[0.013, 0.15], [0.02]]], timing).counts
        array([[[1, 1],
                [1, 0]]], dtype=int32)
        """
        n_neurons = {len(trial) for trial in times}
        if len(n_neurons) != 1:
            raise ValueError(
                f"times must have the same neurons in every trial, got {sorted(n_neurons)} of them"
            )
        shape = len(times), n_neurons.pop()
        each = [np.sort(_seconds(one)) for trial in times for one in trial]
        lengths = [len(one) for one in each]
        trial, neuron = (np.repeat(a.ravel(), lengths) for a in np.indices(shape))
        time = np.concatenate([*each, np.empty(0)])
        order = np.lexsort((time, trial))
        spikes = Spikes(trial[order], neuron[order], time[order], np.ones(len(time), np.int32))
        require_within_trial(spikes.time, timing)
        counts = counts_of(spikes, timing, timing.steps_per_window, *shape)
        return cls(
            counts,
            timing,
            spikes=spikes,
            conditions=conditions,
            units=units,
            frames=frames,
            stimulus_numbers=stimulus_numbers,
        )

    @classmethod
    def _made(cls, parts, cut=None):
        # Of a response, too, a recording: there is nothing to decode it with.
        recording = Recording(**parts, copy=False)
        if cut is not None:
            cut.findings.warn()
        return recording

    def __setstate__(self, state):
        # Copies and pickles of read-only arrays are not read-only by themselves.
        restore_frozen(self, state)

    # Sizes and parts

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return self.counts.shape[0]

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.counts.shape[2]

    @property
    def n_stimuli(self) -> int:
        """Number of different stimuli (or movies); 0 where they are not known."""
        return 0 if self.frames is None else len(self.frames)

    def trials_where(self, **conditions: Any) -> NDArray[np.integer]:
        """Return the numbers of the trials with these conditions.

        Parameters
        ----------
        **conditions
            Name of a condition and the one value that it has to have.

        Raises
        ------
        TypeError, ValueError
            If there is no such condition or no such trial, or a condition has several values.
        """
        fit = np.ones(self.n_trials, bool)
        for name, value in conditions.items():
            if name not in self.conditions:
                known = ", ".join(self.conditions) or "none"
                raise ValueError(f"{name} is no condition of this recording; there are: {known}")
            column = self.conditions[name]
            if np.ndim(value) or column.ndim > 1:
                raise TypeError(
                    f"{name} must be one value in each trial, got {value!r} for a column of shape "
                    f"{column.shape}; for several, select by a mask, as of np.isin"
                )
            # NaN, of blanks, is a value like others.
            real = isinstance(value, float | np.floating)
            blank = column.dtype.kind == "f" and real and np.isnan(value)
            fit &= np.isnan(column) if blank else column == value
        if not fit.any():
            raise ValueError(f"no trial has {conditions}")
        return np.flatnonzero(fit)

    def select(
        self, trials: ArrayLike | slice | None = None, neurons: ArrayLike | slice | None = None
    ) -> Recording:
        """Return the recording of some trials, of some neurons, or both.

        Parameters
        ----------
        trials, neurons : slice, array_like of int or of bool, optional
            Which, in this order; a trial may come twice, as in a bootstrap. By default all.

        Raises
        ------
        TypeError, ValueError
            If there is no such trial or neuron, or none is left.
        """
        selected = self._selected_trials(trials)
        if neurons is None:
            return Recording(**selected, copy=False)
        kept = chosen(neurons, "neurons", self.n_neurons, "neurons")
        if len(set(kept.tolist())) != len(kept):
            raise ValueError("neurons must not name a neuron twice")
        selected["counts"] = selected["counts"][:, :, kept]
        selected["units"] = {name: column[kept] for name, column in self.units.items()}
        if (spikes := selected["spikes"]) is not None:
            place = np.full(self.n_neurons, -1)
            place[kept] = np.arange(len(kept))
            own = place[spikes.neuron] >= 0
            trial, neuron, time, count = (a[own] for a in spikes)
            selected["spikes"] = Spikes(trial, place[neuron], time, count)
        return Recording(**selected, copy=False)

    def _selected_trials(self, trials):
        """Arguments of `Recording` for some of the trials."""
        parts = {name: getattr(self, name) for name in ("timing", "units", "frames")}
        if trials is None:
            names = ("counts", "spikes", "conditions", "stimulus_numbers")
            return parts | {name: getattr(self, name) for name in names}
        kept = chosen(trials, "trials", self.n_trials, "trials")
        numbers = None
        if self.frames is not None and self.stimulus_numbers is not None:
            # Only the stimuli of these trials.
            shown, numbers = np.unique(self.stimulus_numbers[kept], return_inverse=True)
            parts["frames"] = self.frames[as_slice(shown)]
        return parts | {
            "counts": self.counts[as_slice(kept)],
            "spikes": None
            if self.spikes is None
            else spikes_of_trials(self.spikes, kept, self.n_trials),
            "conditions": {name: column[kept] for name, column in self.conditions.items()},
            "stimulus_numbers": numbers,
        }

    def __len__(self) -> int:
        return self.n_trials

    def __getitem__(self, trials: int | slice | ArrayLike) -> Any:
        """Return the recording of one trial, a slice or a list of trials.

        One trial may be counted from the end, as in lists.
        """
        if isinstance(trials, Integral) and not isinstance(trials, bool):
            try:
                one = index(trials, "trial", self.n_trials, "trials", from_end=True)
            except ValueError as error:
                raise IndexError(str(error)) from None
            return self.select([one])
        return self.select(trials)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self.n_trials))

    # What it shows of itself

    def _facts(self) -> dict[str, object]:
        """Return what a notebook shows of the recording."""
        timing = self.timing
        begin, end = 0 - timing.before * 1e3, (timing.duration - timing.before) * 1e3
        facts: dict[str, object] = {
            "trials": f"{self.n_trials:,}, from {begin:g} to {end:g} ms",
            "windows": f"{timing.n_windows:,} of {timing.window * 1e3:g} ms",
            "neurons": f"{self.n_neurons:,}",
        }
        if timing.n_windows:
            mean = self.counts.mean() / timing.window
            facts["spikes"] = f"{self.counts.sum():,}; mean rate {mean:.2f} Hz"
        if self.conditions:
            facts["conditions"] = ", ".join(self.conditions)
        return facts

    def _repr_html_(self) -> str:
        picture = raster_picture(self.counts, self.spikes, self.timing)
        return table(type(self).__name__, self._facts(), picture)

    # Spikes and counts

    def spike_times(self, neuron: int, trial: int = 0) -> NDArray[np.floating]:
        """Return the spike times of one neuron in one trial.

        Parameters
        ----------
        neuron, trial : int

        Returns
        -------
        numpy.ndarray
            Seconds from the onset of the stimulus; a time step with two spikes comes twice.

        Raises
        ------
        TypeError, ValueError
            If spikes were not recorded, or there is no such neuron or trial.
        """
        spikes = self._recorded_spikes()
        neuron = index(neuron, "neuron", self.n_neurons, "neurons")
        trial = index(trial, "trial", self.n_trials, "trials")
        own = (spikes.neuron == neuron) & (spikes.trial == trial)
        return np.sort(np.repeat(spikes.time[own], spikes.count[own]))

    def _recorded_spikes(self):
        if self.spikes is None:
            raise ValueError(f"spike times were not recorded{self._advice}")
        return self.spikes

    def counts_in_windows(self, width: Time) -> NDArray[np.integer]:
        """Return spike counts in windows of any width, from the beginning of the trial on.

        Parameters
        ----------
        width : Quantity
            A time; whole multiples of the recording's own window need no spike times.

        Returns
        -------
        numpy.ndarray of int, shape (n_trials, n_windows, n_neurons)
            An incomplete last window is left out.

        Raises
        ------
        TypeError, ValueError
            If it is no time, or no whole number of time steps.
        """
        steps = whole_steps(seconds(width, "width"), self.timing.dt, "width")
        per_window = self.timing.steps_per_window
        if steps % per_window:
            spikes = self._recorded_spikes()
            shape = self.n_trials, self.n_neurons
            return counts_of(spikes, self.timing, steps, *shape)
        together = steps // per_window
        n_windows = self.timing.n_windows // together
        shape = (self.n_trials, n_windows, together, self.n_neurons)
        return self.counts[:, : n_windows * together].reshape(shape).sum(axis=2)

    def spikes_per_window(self) -> NDArray[np.integer]:
        """Return the spikes of all neurons in each window, (n_trials, n_windows)."""
        return self.counts.sum(axis=2)

    def firing_rates(self) -> Quantity:
        """Return firing rates in Hz over the whole windows, (n_trials, n_neurons).

        Raises
        ------
        ValueError
            If a trial is shorter than one window.
        """
        self.timing.index_of_window(0)
        return self.counts.mean(axis=1) / self.timing.window * Hz

    # Stimuli

    @property
    def stimuli(self) -> NDArray[np.floating]:
        """The stimulus in every window, (n_trials, n_windows, n_pixels).

        In a movie the mean of the frames that fall into the window, weighted by their time; before
        and after the stimulus, zero.
        """
        timing = self.timing
        windows = [self.stimulus_in(w) for w in range(timing.n_windows)]
        last = timing.n_windows * timing.steps_per_window
        edges = timing.frame_edges
        if windows and len(edges) == 2 and edges[0] == 0 and edges[1] >= last:
            return np.broadcast_to(windows[0][:, None], (len(self), len(windows), self.n_pixels))
        return np.stack(windows, axis=1) if windows else np.empty((len(self), 0, self.n_pixels))

    @property
    def n_pixels(self) -> int:
        """Number of pixels of a stimulus."""
        return self._known_frames().shape[2]

    def stimulus_in(self, window: int) -> NDArray[np.floating]:
        """Return the stimulus of every trial in one window, (n_trials, n_pixels)."""
        begin = self.timing.index_of_window(window) * self.timing.steps_per_window
        end = begin + self.timing.steps_per_window
        shown = stimulus_between(self._known_frames(), self.timing.frame_edges, begin, end)
        return frozen(self._by_trial(shown))

    def _known_frames(self):
        if self.frames is None:
            raise ValueError("the stimuli of this recording are not known: give frames")
        return self.frames

    def _by_trial(self, of_stimuli):
        """Return what each trial has of (n_stimuli, ...): the same array if each was shown once."""
        numbers = self.stimulus_numbers
        if numbers is None or np.array_equal(numbers, np.arange(len(of_stimuli))):
            return of_stimuli
        return of_stimuli[numbers]

    def _kept(self):
        """Return what there is besides counts, for the repr."""
        return "" if self.spikes is None else ", with spikes"

    def __repr__(self):
        trials = "1 trial" if self.n_trials == 1 else f"{self.n_trials} trials"
        return (
            f"<{type(self).__name__} {trials} x {self.timing.n_windows} windows of "
            f"{self.timing.window * 1e3:g} ms x {self.n_neurons} neurons{self._kept()}>"
        )


def _seconds(times):
    """Return spike times in seconds, (n_spikes,)."""
    if isinstance(times, Quantity) and get_dimensions(times) == get_dimensions(second):
        times = np.asarray(times / second)
    refuse_wrappers(times, "times")
    return np.asarray(times, float).ravel()


def as_slice(numbers):
    """Return a slice where it gives the same: it takes no memory."""
    first, n = numbers[0], len(numbers)
    if np.array_equal(numbers, np.arange(first, first + n)):
        return slice(int(first), int(first) + n)
    return numbers
