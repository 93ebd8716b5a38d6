"""Presentations, which all copies of a network see for some time, and their outcomes.

One Brian2 run takes any number of presentations, because starting a run is costly. They come from
an iterator that is asked for the next one when the last has ended; whatever the iterator does in
between, such as learning, happens inside the run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.network.settling import Settling
from ipvae_brian.recordings.timing import stimulus_between


@dataclass
class Presentation:
    """What all copies of a network see from one point in time to another.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_copies, n_frames, n_pixels)
    frame_steps : numpy.ndarray of int, shape (n_frames,)
        How many time steps each frame lasts.
    reset : bool
        Whether potentials start at rest (else they are carried over from the last presentation).
    reset_frames : bool
        Whether potentials return to rest at every frame.
    seed : optional
        Where to restart the circuit's random numbers, for `numpy.random.default_rng`.
    used : int, optional
        How many of the copies are shown a stimulus; the others are not checked.
    counts, expected_counts : numpy.ndarray, shape (n_windows, n_copies, n_neurons), optional
        Where counts and expected counts of the whole windows are put; by default new arrays.
    after_window : callable, optional
        Called without arguments when a window of tau is over, where something can happen between
        two time steps: to show progress.
    settled : callable, optional
        Called with the counts (n_copies, n_neurons) of each whole window; if it returns True, the
        presentation ends there.
    """

    frames: NDArray
    frame_steps: NDArray
    reset: bool = True
    reset_frames: bool = False
    seed: Any = None
    used: int | None = None
    counts: NDArray | None = None
    expected_counts: NDArray | None = None
    after_window: Callable[[], object] | None = None
    settled: Callable[[NDArray], bool] | None = None

    @cached_property
    def frame_edges(self) -> NDArray[np.integer]:
        """First time step of every frame, and the one after the last, (n_frames + 1,)."""
        return np.concatenate([[0], np.cumsum(self.frame_steps)])

    def stimulus_between(self, begin: int, end: int) -> NDArray[np.floating]:
        """Return the mean stimulus of some time steps, (n_copies, n_pixels)."""
        return stimulus_between(self.frames, self.frame_edges, begin, end)


@dataclass
class Outcome:
    """What a presentation gave.

    Parameters
    ----------
    counts, expected_counts : numpy.ndarray, shape (n_copies, n_windows, n_neurons)
        Of the whole windows.
    diverged : numpy.ndarray of bool, shape (n_copies,)
        Whether rates ran away in any window.
    """

    counts: NDArray
    expected_counts: NDArray
    diverged: NDArray


def in_waves(
    frames: NDArray,
    frame_steps: NDArray,
    counts: NDArray,
    expected_counts: NDArray,
    n_copies: int,
    *,
    reset: bool,
    reset_frames: bool,
    seed: int | None,
    first_wave: int = 0,
    after_window: Callable[[], object] | None = None,
    settling: Settling | None = None,
    window_steps: int = 1,
) -> Iterator[Presentation]:
    """Divide stimuli among waves of copies, and yield a presentation for each.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_stimuli, n_frames, n_pixels)
        Copies of the last wave for which none are left see grey.
    frame_steps : numpy.ndarray of int, shape (n_frames,)
    counts, expected_counts : numpy.ndarray, shape (n_windows, n_waves * n_copies, n_neurons)
        Which the presentations are to fill.
    n_copies : int
    reset, reset_frames
        As for `Presentation`.
    seed : int or None
        Each wave has random numbers of its own, made of this and its number.
    first_wave : int, default 0
        Number of the first wave.
    after_window
        As for `Presentation`.
    settling : Settling, optional
        Ends the first presentation early; all others then last as long.
    window_steps : int, default 1
        Time steps in a window of tau.
    """
    for wave, begin in enumerate(range(0, len(frames), n_copies)):
        copies = slice(begin, begin + n_copies)
        part = frames[copies]
        used = len(part)
        if used < n_copies:
            part = np.concatenate([part, np.zeros((n_copies - used, *part.shape[1:]))])
        first, lasting = wave == 0, frame_steps
        if settling is not None and not first and settling.n_windows is not None:
            lasting = np.array([settling.n_windows * window_steps])
        yield Presentation(
            part,
            lasting,
            reset,
            reset_frames,
            seed=None if seed is None else [seed, first_wave + wave],
            used=used,
            counts=counts[:, copies],
            expected_counts=expected_counts[:, copies],
            after_window=after_window,
            settled=settling if first else None,
        )
