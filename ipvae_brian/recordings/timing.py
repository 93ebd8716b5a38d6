"""Times of a recording: steps, windows of tau, frames."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Timing:
    """Times of a response in seconds, counted from the onset of each stimulus."""

    dt: float
    tau: float
    steps_per_window: int
    n_steps: int
    frame_steps: tuple

    @property
    def duration(self):
        """How long each stimulus was shown."""
        return self.n_steps * self.dt

    @property
    def window(self):
        """Length of a window of counts: tau."""
        return self.steps_per_window * self.dt

    @property
    def n_windows(self):
        """Whole windows in a presentation; a rest that is shorter is in the spike times only."""
        return self.n_steps // self.steps_per_window

    @property
    def step_times(self):
        """Beginning of every time step, (n_steps,)."""
        return np.arange(self.n_steps) * self.dt

    @property
    def window_ends(self):
        """End of every window, (n_windows,)."""
        return np.arange(1, self.n_windows + 1) * self.window


def window_stimuli(frames, frame_steps, window_steps):
    """The stimulus of every whole window: the mean of its frames, weighted by their time.

    Parameters
    ----------
    frames : numpy.ndarray, shape (n_stimuli, n_frames, n_pixels)
    frame_steps : numpy.ndarray of int, shape (n_frames,)
    window_steps : int

    Returns
    -------
    numpy.ndarray, shape (n_stimuli, n_windows, n_pixels)
    """
    n_windows = int(frame_steps.sum()) // window_steps
    if len(frame_steps) == 1:
        return np.broadcast_to(frames, (len(frames), n_windows, frames.shape[2]))
    ends = np.cumsum(frame_steps)
    edges = np.arange(n_windows + 1) * window_steps
    upper = np.minimum(ends[None, :], edges[1:, None])
    lower = np.maximum((ends - frame_steps)[None, :], edges[:-1, None])
    share = np.clip(upper - lower, 0, None) / window_steps
    return np.einsum("wf,sfp->swp", share, frames)
