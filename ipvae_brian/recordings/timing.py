"""The timing of a trial: time steps, windows, and the frames of the stimulus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import index, number, seconds, whole_number
from ipvae_brian._tools.types import Time

# Of a time step: how far a time may be from the step it is meant to be.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Timing:
    """Times of a trial, in seconds from the onset of the stimulus.

    A trial begins `before` seconds before the stimulus, and is cut into time steps and, from its
    beginning on, into windows of equal length in which spikes are counted. What is left after the
    last whole window is in the spike times only.

    Parameters
    ----------
    dt : float
        Length of a time step.
    n_steps : int
        Time steps in a trial, those before the stimulus included.
    steps_per_window : int
        Time steps in a window of counts. For a network a window is tau.
    tau : float, optional
        Membrane time constant of the network; None for a biological recording.
    frame_steps : sequence of int, optional
        Time steps of every frame of the stimulus, one after the other from its onset; by default
        there is one, which lasts to the end of the trial.
    before : float, default 0
        Seconds of the trial before the onset of the stimulus, a whole number of time steps.

    Raises
    ------
    TypeError, ValueError
        If a value has the wrong type or range, or the frames outlast the trial.

    Examples
    --------
    >>> from ipvae_brian import Timing
    >>> timing = Timing(dt=0.001, n_steps=300, steps_per_window=20, before=0.1)
    >>> timing.duration, timing.n_windows
    (0.3, 15)
    >>> timing.windows_between(0, 0.05)
    slice(5, 7, None)
    """

    dt: float
    n_steps: int
    steps_per_window: int
    tau: float | None = None
    frame_steps: Sequence[int] = ()
    before: float = 0.0

    def __post_init__(self):
        def store(name, value):
            object.__setattr__(self, name, value)

        store("dt", number(self.dt, "dt", above=0))
        store("n_steps", whole_number(self.n_steps, "n_steps"))
        store("steps_per_window", whole_number(self.steps_per_window, "steps_per_window"))
        if self.tau is not None:
            store("tau", number(self.tau, "tau", above=0))
        store("before", number(self.before, "before", minimum=0))
        if abs(self.onset_step * self.dt - self.before) > ROUNDING * self.dt:
            raise ValueError(
                f"before must be a whole number of time steps of {self.dt:g} s, got {self.before:g}"
            )
        left = self.n_steps - self.onset_step
        if left < 1:
            raise ValueError(
                f"before must be shorter than the trial of {self.duration:g} s, got {self.before:g}"
            )
        frames = tuple(whole_number(n, "frame_steps") for n in self.frame_steps) or (left,)
        if sum(frames) > left:
            raise ValueError(
                f"frame_steps must add up to at most the {left} time steps from the onset of the "
                f"stimulus, got {sum(frames)}"
            )
        store("frame_steps", frames)

    @classmethod
    def from_durations(
        cls,
        duration: Time,
        window: Time,
        *,
        dt: Time | None = None,
        before: Time | None = None,
        tau: Time | None = None,
    ) -> Timing:
        """Return the timing of trials from their lengths with units.

        Parameters
        ----------
        duration : Quantity
            Length of a trial, `before` included.
        window : Quantity
            Width of the windows in which spikes are counted.
        dt : Quantity, optional
            Resolution of the times; all others are whole numbers of it. By default 1 ms.
        before : Quantity, optional
            Part of the trial before the onset of the stimulus; by default there is none.
        tau : Quantity, optional
            Membrane time constant of a network.

        Raises
        ------
        TypeError, ValueError
            If a time has no units, or is not a whole number of `dt`.
        """
        step = 0.001 if dt is None else seconds(dt, "dt")
        lengths = {"duration": seconds(duration, "duration"), "window": seconds(window, "window")}
        lengths["before"] = 0.0 if before is None else seconds(before, "before", allow_zero=True)
        steps = {name: whole_steps(length, step, name) for name, length in lengths.items()}
        return cls(
            dt=step,
            n_steps=steps["duration"],
            steps_per_window=steps["window"],
            tau=None if tau is None else seconds(tau, "tau"),
            before=steps["before"] * step,
        )

    @property
    def duration(self) -> float:
        """Length of a trial, from its beginning to its end."""
        return self.n_steps * self.dt

    @property
    def onset_step(self) -> int:
        """The time step with which the stimulus begins."""
        return round(self.before / self.dt)

    @property
    def window(self) -> float:
        """Length of a window of counts; tau for a network."""
        return self.steps_per_window * self.dt

    @property
    def n_windows(self) -> int:
        """Whole windows in a trial."""
        return self.n_steps // self.steps_per_window

    @property
    def step_times(self) -> NDArray[np.floating]:
        """Beginning of every time step, (n_steps,)."""
        return (np.arange(self.n_steps) - self.onset_step) * self.dt

    @property
    def window_starts(self) -> NDArray[np.floating]:
        """Beginning of every window, (n_windows,)."""
        return self._from_onset(np.arange(self.n_windows) * self.window)

    @property
    def window_ends(self) -> NDArray[np.floating]:
        """End of every window, (n_windows,)."""
        return self._from_onset(np.arange(1, self.n_windows + 1) * self.window)

    def _from_onset(self, times):
        # Without a time before the stimulus, not a bit changes.
        return times - self.before if self.before else times

    @cached_property
    def frame_edges(self) -> NDArray[np.integer]:
        """First time step of every frame, and the one after the last, (n_frames + 1,)."""
        edges = self.onset_step + np.concatenate([[0], np.cumsum(self.frame_steps)])
        edges.flags.writeable = False
        return edges

    @property
    def frame_onsets(self) -> NDArray[np.floating]:
        """When every frame of the stimulus begins, (n_frames,)."""
        return (self.frame_edges[:-1] - self.onset_step) * self.dt

    @property
    def windows_of_stimulus(self) -> slice:
        """The windows that lie wholly within the frames: all, if nothing is before or after them.

        Raises
        ------
        ValueError
            If there is none.
        """
        self.index_of_window(0)
        first = -(-self.onset_step // self.steps_per_window)
        last = int(self.frame_edges[-1]) // self.steps_per_window
        if first >= last:
            raise ValueError(
                f"no whole window of {self.window * 1e3:g} ms while the stimulus is shown, for "
                f"{sum(self.frame_steps) * self.dt * 1e3:g} ms"
            )
        return slice(first, last)

    def windows_between(self, begin: float, end: float) -> slice:
        """Return the windows that lie wholly between two times.

        Parameters
        ----------
        begin, end : float
            Seconds from the onset of the stimulus.

        Returns
        -------
        slice
            For the axis of windows, such as ``recording.counts[:, timing.windows_between(0, 1)]``.

        Raises
        ------
        ValueError
            If there is no such window.
        """
        begin, end = number(begin, "begin"), number(end, "end")
        first = np.ceil((begin + self.before) / self.window - ROUNDING)
        last = np.floor((end + self.before) / self.window + ROUNDING)
        first, last = int(max(first, 0)), int(min(last, self.n_windows))
        if first >= last:
            raise ValueError(
                f"no whole window of {self.window:g} s between {begin:g} and {end:g} s in a trial "
                f"from {-self.before:g} to {self.duration - self.before:g} s"
            )
        return slice(first, last)

    def frame_in(self, window: int) -> int:
        """Return the number of the frame that is shown longest in a window."""
        begin = self.index_of_window(window) * self.steps_per_window
        edges = np.clip(self.frame_edges, begin, begin + self.steps_per_window)
        return int(np.argmax(np.diff(edges)))

    def steps_of(self, times: NDArray) -> NDArray[np.integer]:
        """Return the time steps, from the beginning of the trial, in which times from onset lie."""
        slack: float | NDArray = ROUNDING
        if times.dtype.itemsize < 8:
            # Times of few bits may be a little before the step that they are meant to be in.
            slack = np.maximum(ROUNDING, np.spacing(np.abs(times)).astype(float) / self.dt)
        return np.floor((times.astype(float) + self.before) / self.dt + slack).astype(np.int64)

    def index_of_window(self, window: int) -> int:
        """Return the place of a window, counted from the end if it is negative.

        Raises
        ------
        TypeError, ValueError
            If it is no whole number, there is no such window, or no whole window at all.
        """
        if self.n_windows == 0:
            name = "" if self.tau is None else "tau = "
            raise ValueError(
                f"no whole window of {name}{self.window * 1e3:g} ms in a duration of "
                f"{self.duration * 1e3:g} ms: present for longer"
            )
        return index(window, "window", self.n_windows, "windows", from_end=True)


def whole_steps(length: float, dt: float, name: str) -> int:
    """Return how many time steps a length of time is, both in seconds."""
    steps = round(length / dt)
    if abs(steps * dt - length) > ROUNDING * dt or steps == 0 < length:
        raise ValueError(
            f"{name} must be a whole number of time steps of {dt * 1e3:g} ms, "
            f"got {length * 1e3:g} ms"
        )
    return steps


def stimulus_between(
    frames: NDArray, frame_edges: NDArray[np.integer], begin: int, end: int
) -> NDArray[np.floating]:
    """Return the mean of what is shown between two time steps.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_stimuli, n_frames, n_pixels)
    frame_edges : numpy.ndarray of int, shape (n_frames + 1,)
        First time step of every frame, and the time step after the last frame.
    begin, end : int
        The mean is over the time steps from `begin` to before `end`. Before the first frame and
        after the last nothing is shown, which is zero.

    Returns
    -------
    numpy.ndarray, shape (n_stimuli, n_pixels)
        A view of `frames` where there is one frame only.
    """
    first = max(int(np.searchsorted(frame_edges, begin, side="right")) - 1, 0)
    last = min(int(np.searchsorted(frame_edges, end, side="left")), len(frame_edges) - 1)
    edges = frame_edges[first : last + 1]
    if len(edges) == 2 and edges[0] <= begin and end <= edges[1]:
        return frames[:, first]
    share = np.diff(np.clip(edges, begin, end)) / (end - begin)
    return np.einsum("f,sfp->sp", share, frames[:, first : first + len(share)])
