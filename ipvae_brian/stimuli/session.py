"""Session: what is shown in an experiment, trial by trial, as an experimenter describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

import numpy as np
from brian2.only import ms, second
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, known_name, seconds, whole_number
from ipvae_brian._tools.frozen import FrozenDict, freeze, restore_frozen
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.types import Time
from ipvae_brian.stimuli.drawings import Drawing, Grid
from ipvae_brian.stimuli.front_end import FrontEnd
from ipvae_brian.stimuli.patches import patch_shape

# Of a time step: how far a time may be from the step it is meant to be.
ROUNDING = 1e-6
# Frames that are drawn, and go through the front end, at a time.
FRAMES_AT_ONCE = 256


class Session:
    """Stimuli, the table of trials and all times of an experiment.

    A model runs it, a recording fills it in, and an analysis sees no difference. Every trial
    begins with a grey screen, then shows its stimulus, then grey again. Nothing is drawn before
    it is asked for, so a session of many conditions takes no memory by itself.

    Parameters
    ----------
    name : str
        What kind of experiment it is.
    drawings : sequence of Drawing
        One for each stimulus; see `ipvae_brian.stimuli.drawings`.
    conditions : mapping of str to array_like, shape (n_stimuli,)
        What was varied, one entry for each stimulus.
    shape : (int, int)
        Height and width of a patch in pixels.
    frame_durations : Quantity or sequence of Quantity
        Of the frames of the stimulus, one after the other; the same for all stimuli. One time is
        a single frame.
    units : mapping of str to str, optional
        Of the conditions, for axes and tables: degree, cycles/patch, ...
    repeats : int, default 1
        How often each condition is shown: trials go through all conditions, then again.
    grey_before, grey_after : Quantity, default 200*ms and 0*ms
        Without grey before, a network starts from its resting potential, which is not how it is
        in between stimuli: latencies come out too short.
    dt : Quantity, default 0.05*ms
        The one time step of all trials. Frames begin at the step nearest to their time, counted
        from the onset, so that rounding does not add up.

    Attributes
    ----------
    conditions : dict of str to ndarray, shape (n_trials,)
        The table of trials: what was varied, and ``repeat``. Read-only.
    stimulus_numbers : ndarray of int, shape (n_trials,)
        Which stimulus is shown in each trial. Read-only.
    frame_steps : ndarray of int, shape (n_frames,)
        Time steps of the stimulus's frames, without grey. Read-only.
    name, drawings, units, shape, repeats, dt
        As given.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range, or two of them do not agree; the
        message names it.

    See Also
    --------
    ipvae_brian.stimuli.protocols : sessions of the usual experiments.

    Examples
    --------
    Two orientations, four repeats; 200 ms of grey, then 100 ms of grating.

    >>> from brian2 import ms
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.flashed_gratings(
    ...     orientations=[0, 90], spatial_frequencies=2, duration=100 * ms, repeats=4
    ... )
    >>> session
    <Session of flashed gratings: 2 conditions x 4 repeats, trials of 300 ms, 16 x 16 pixels>
    >>> session.conditions["orientation"]
    array([ 0., 90.,  0., 90.,  0., 90.,  0., 90.])

    As a model sees it, through its front end: stimuli, frames (grey first), pixels.

    >>> from ipvae_brian import load_model
    >>> session.movies(load_model("photographs-512").front_end).shape, session.durations
    ((2, 2, 256), array([200., 100.]) * msecond)
    """

    def __init__(
        self,
        name: str,
        drawings: Sequence[Drawing],
        conditions: Mapping[str, ArrayLike],
        *,
        shape: tuple[int, int] = (16, 16),
        frame_durations: Time | Sequence[Time],
        units: Mapping[str, str] | None = None,
        repeats: int = 1,
        grey_before: Time = 200 * ms,
        grey_after: Time = 0 * ms,
        dt: Time = 0.05 * ms,
    ):
        self.name = str(name)
        self.drawings = tuple(drawings)
        if not self.drawings or not all(hasattr(drawing, "draw") for drawing in self.drawings):
            raise TypeError("drawings must be at least one, each with a method draw")
        self.shape = patch_shape(shape)
        self.repeats = whole_number(repeats, "repeats")
        self._step = seconds(dt, "dt")
        self._before = _steps(grey_before, "grey_before", self._step)
        self._after = _steps(grey_after, "grey_after", self._step)
        self.frame_steps = freeze(_frame_steps(frame_durations, self._step))
        numbers = np.tile(np.arange(self.n_stimuli), self.repeats)
        self.stimulus_numbers = freeze(numbers)
        table = _table(conditions, self.n_stimuli)
        repeat = np.repeat(np.arange(self.repeats), self.n_stimuli)
        columns = {key: freeze(column[numbers]) for key, column in table.items()}
        self.conditions = FrozenDict(columns | {"repeat": freeze(repeat)})
        self.units = FrozenDict(units or {})
        for key in self.units:
            known_name(key, "units: condition", tuple(self.conditions))
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if getattr(self, "_complete", False):
            raise AttributeError(f"a session cannot be changed: {name}")
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Copies and pickles of read-only arrays are not read-only by themselves.
        restore_frozen(self, state)

    def renamed(self, name: str) -> Session:
        """Return the same session under another name."""
        other = copy(self)
        other.__dict__["name"] = str(name)
        return other

    @property
    def n_stimuli(self) -> int:
        """Number of different stimuli."""
        return len(self.drawings)

    @property
    def n_trials(self) -> int:
        """Number of trials: stimuli times repeats."""
        return self.n_stimuli * self.repeats

    @property
    def n_pixels(self) -> int:
        """Number of pixels of a patch."""
        return self.shape[0] * self.shape[1]

    @property
    def dt(self) -> Time:
        """The time step."""
        return self._step * second

    @property
    def grey_before(self) -> Time:
        """Grey before the stimulus of each trial: the onset of the stimulus."""
        return self._before * self._step * second

    @property
    def grey_after(self) -> Time:
        """Grey after the stimulus of each trial."""
        return self._after * self._step * second

    @property
    def movie_steps(self) -> NDArray[np.int64]:
        """Time steps of all frames of a trial, grey included, as `movies` has them."""
        grey = [[n] if n else [] for n in (self._before, self._after)]
        return np.concatenate([grey[0], self.frame_steps, grey[1]]).astype(np.int64)

    @property
    def durations(self) -> Time:
        """Durations of all frames of a trial, grey included, as `movies` has them."""
        return self.movie_steps * self._step * second

    @property
    def trial_duration(self) -> Time:
        """How long a trial lasts, grey included."""
        return int(self.movie_steps.sum()) * self._step * second

    @property
    def duration(self) -> Time:
        """How long all trials last, one after the other."""
        return self.n_trials * self.trial_duration

    def frames(self, stimulus: int, margin: int = 0) -> NDArray[np.float64]:
        """Return one stimulus as contrast, without grey before and after.

        Parameters
        ----------
        stimulus : int
            Number of the stimulus.
        margin : int, default 0
            Pixels to draw beyond each side of the patch.

        Returns
        -------
        frames : ndarray (n_frames, height + 2 * margin, width + 2 * margin)
            0 is grey, 1 twice as bright, -1 black.
        """
        if not 0 <= whole_number(stimulus, "stimulus", minimum=0) < self.n_stimuli:
            raise ValueError(f"stimulus must be below {self.n_stimuli}, got {stimulus}")
        grid = Grid(self.shape, whole_number(margin, "margin", minimum=0))
        return self.drawings[stimulus].draw(grid, self._onsets())

    def pictures(self) -> NDArray[np.float64]:
        """Return the middle frame of each stimulus as contrast, (n_stimuli, height, width)."""
        middle = len(self.frame_steps) // 2
        onset = self._onsets()[middle : middle + 1]
        grid = Grid(self.shape)
        return np.concatenate([d.draw(grid, onset, middle) for d in self.drawings])

    def memory_needed(self) -> int:
        """Return the bytes of `movies` of all stimuli."""
        return 4 * self.n_stimuli * len(self.movie_steps) * self.n_pixels

    def movies(
        self, front_end: FrontEnd | None, stimuli: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """Return stimuli as a model takes them, frame by frame, grey included.

        Parameters
        ----------
        front_end : FrontEnd or None
            What light goes through, such as ``model.front_end``. None shows stimuli in whitened
            space: as if they were the front end's output, gratings of contrast 1 with the root
            mean square of natural patches, 1. Contrast is then not normalised, and pictures are
            taken as they are.
        stimuli : array_like of int, optional
            Numbers of stimuli; by default all of them, once each. Those of all trials are in
            `stimulus_numbers`.

        Returns
        -------
        movies : ndarray of float32 (n_stimuli, n_frames, n_pixels)
            Their `durations` are the same for all of them.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or range, or pictures are smaller than the front
            end needs.
        MemoryLimitError
            If they do not fit into the free memory; see `memory_needed`.
        """
        if not isinstance(front_end, FrontEnd | None):
            raise TypeError(f"front_end must be a FrontEnd or None, got {front_end!r}")
        numbers = self._chosen(stimuli)
        n_frames = len(self.movie_steps)
        require_memory(
            {"movies": 4 * len(numbers) * n_frames * self.n_pixels},
            "ask for some of the stimuli at a time, or for longer frames",
        )
        movies = np.empty((len(numbers), n_frames, self.n_pixels), np.float32)
        grid = Grid(self.shape, 0 if front_end is None else front_end.margin)
        movies[:] = self._seen(np.zeros((1, *grid.frame_shape)), front_end, 1.0)
        onsets, before = self._onsets(), int(self._before > 0)
        for movie, number in zip(movies, numbers, strict=True):
            drawing = self.drawings[number]
            for first in range(0, len(onsets), FRAMES_AT_ONCE):
                times = onsets[first : first + FRAMES_AT_ONCE]
                drawn = drawing.draw(grid, times, first)
                shown = slice(before + first, before + first + len(times))
                movie[shown] = self._seen(drawn, front_end, drawing.whitened_scale)
        return movies

    def _chosen(self, stimuli: ArrayLike | None) -> NDArray:
        if stimuli is None:
            return np.arange(self.n_stimuli)
        numbers = finite_array(stimuli, "stimuli", ndim=1)
        if (numbers != numbers.astype(int)).any():
            raise TypeError(f"stimuli must be whole numbers, got {stimuli!r}")
        if numbers.min() < 0 or numbers.max() >= self.n_stimuli:
            raise ValueError(f"stimuli must be from 0 to {self.n_stimuli - 1}, got {stimuli!r}")
        return numbers.astype(int)

    def _onsets(self) -> NDArray:
        """Seconds from the onset of the stimulus to that of each of its frames."""
        return (np.cumsum(self.frame_steps) - self.frame_steps) * self._step

    def _seen(self, frames: NDArray, front_end: FrontEnd | None, scale: float) -> NDArray:
        seen = scale * frames if front_end is None else front_end.apply(frames)
        return seen.reshape(len(frames), -1)

    def __repr__(self) -> str:
        repeats = f" x {self.repeats} repeats" if self.repeats > 1 else ""
        return (
            f"<Session of {self.name}: {self.n_stimuli} conditions{repeats}, trials of "
            f"{float(self.trial_duration / ms):g} ms, {self.shape[0]} x {self.shape[1]} pixels>"
        )


def _steps(time: Time, name: str, step: float) -> int:
    """How many time steps a time is."""
    length = seconds(time, name, allow_zero=True)
    steps = round(length / step)
    if abs(steps * step - length) > ROUNDING * step:
        raise ValueError(
            f"{name} must be a whole number of time steps of {step * 1e3:g} ms, "
            f"got {length * 1e3:g} ms"
        )
    return steps


def _frame_steps(durations: Time | Sequence[Time], step: float) -> NDArray[np.int64]:
    """Time steps of frames whose ends are rounded to whole steps."""
    if np.ndim(durations) == 0:
        lengths = [seconds(durations, "frame_durations")]
    else:
        lengths = [seconds(d, f"frame_durations[{i}]") for i, d in enumerate(durations)]
    if not lengths:
        raise ValueError("frame_durations is empty")
    ends = np.round(np.cumsum(lengths) / step).astype(np.int64)
    steps = np.diff(ends, prepend=0)
    if steps.min() < 1:
        raise ValueError(
            f"frame_durations must be at least a time step of {step * 1e3:g} ms, "
            f"got {min(lengths) * 1e3:g} ms"
        )
    return steps


def _table(conditions: Mapping[str, ArrayLike], n_stimuli: int) -> dict[str, NDArray[Any]]:
    if not isinstance(conditions, Mapping):
        raise TypeError(f"conditions must be a dict of columns, got {conditions!r}")
    table = {}
    for name, column in conditions.items():
        array = np.array(column)
        if name == "repeat" or not isinstance(name, str):
            raise ValueError(f"conditions must not have a column {name!r}")
        if array.shape != (n_stimuli,) or array.dtype.kind not in "buifU":
            raise ValueError(
                f"conditions: {name} must have one number or text for each of the {n_stimuli} "
                f"stimuli, got dtype {array.dtype} and shape {array.shape}"
            )
        table[name] = array
    return table
