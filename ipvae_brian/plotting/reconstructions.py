"""Stimuli above their reconstructions from spikes and from rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import index
from ipvae_brian.plotting.style import (
    SMALL,
    grey_scale,
    image_shape,
    is_movie,
    new_figure,
    r2_text,
    show_image,
    windows_of_frames,
)
from ipvae_brian.response.metrics import r_squared
from ipvae_brian.response.response import Response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_PATCHES = 8


def plot_reconstructions(
    response: Response,
    trials: Iterable[int] | None = None,
    window: int | None = None,
    axes: Iterable[Axes] | NDArray | None = None,
) -> NDArray:
    """Plot stimuli above what spike counts and expected counts say of them.

    From top to bottom: the stimulus, the reconstruction from the spike counts of one window of
    tau, and the one from expected counts, which is free of the noise of single spikes. They are
    expected counts of the second half of a static stimulus, and of the same window for
    movies. The three share one grey scale, in which mid-grey is zero.

    Parameters
    ----------
    response : Response
        To images.
    trials : iterable of int, optional
        Which trials, from left to right; by default the first eight, or one movie.
    window : int, optional
        Which window of tau; by default the last of the stimulus. Of a movie, by default eight
        frames are shown, each with the last window that is wholly within it; with `window`, the
        frame that is shown longest in that window.
    axes : array_like of matplotlib.axes.Axes, shape (3, number of columns), optional
        A scale of grey is drawn beside new ones only.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes, shape (3, number of columns)

    Raises
    ------
    TypeError, ValueError
        If stimuli are not images, there is no such trial or window, or `axes` has another shape.
    """
    shape = image_shape(response.parameters)
    columns = _columns(response, trials, window)
    wanted = (3, len(columns))
    given = axes is not None
    if not given:
        axes = new_figure((1.1 + 1.05 * len(columns), 4.1)).subplots(*wanted, squeeze=False)
    axes = np.asarray(axes)
    if axes.shape != wanted:
        raise ValueError(f"axes must have shape {wanted}, got {axes.shape}")
    drawn = None
    for column, (trial, w) in zip(axes.T, columns, strict=True):
        one = response.select([trial])
        stimulus, name = _shown(response, trial, w)
        decoded = [one.reconstruction(w, source)[0] for source in ("counts", "expected_counts")]
        r2 = [r2_text(r_squared(stimulus[None], pixels[None])[0]) for pixels in decoded]
        titles = (name, f"{r2[0]}\n{response.counts[trial, w].sum():,} spikes", r2[1])
        largest = np.abs(stimulus).max()
        for ax, pixels, title in zip(column, (stimulus, *decoded), titles, strict=True):
            drawn = show_image(ax, pixels.reshape(shape), largest)
            ax.set_title(title, fontsize=SMALL)
    for ax, label in zip(axes[:, 0], ("stimulus", "spike counts", "expected counts"), strict=True):
        ax.set_ylabel(label)
    if not given and drawn is not None:
        low, high = drawn.get_clim()
        ticks = {low: "−max", 0.0: "0", high: "max"}
        grey_scale(drawn, axes, ticks, "max: largest |pixel| of the stimulus above")
    return axes


def _columns(response, trials, window) -> list[tuple[int, int]]:
    """Trial and window of every column."""
    movie = is_movie(response)
    if trials is None:
        trials = range(1 if movie and window is None else min(N_PATCHES, response.n_trials))
    trials = [index(i, "trials", response.n_trials, "trials") for i in trials]
    if not trials:
        raise ValueError("trials is empty")
    if window is not None:
        w = response.timing.index_of_window(window)
        return [(trial, w) for trial in trials]
    windows = windows_of_frames(response.timing, max(1, N_PATCHES // len(trials)))
    return [(trial, w) for trial in trials for w in windows]


def _shown(response, trial, window):
    """Return the stimulus, a frame as it was shown, and its name."""
    number = response.stimulus_numbers[trial]
    if not is_movie(response):
        return response.frames[number, 0], f"stimulus {number}"
    frame = response.timing.frame_in(window)
    of = f"movie {number}, " if response.n_stimuli > 1 else ""
    return response.frames[number, frame], f"{of}frame {frame}"
