"""Membrane potentials over time, alone and below a raster and reconstructions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import index, whole_number
from ipvae_brian.plotting.raster import draw_raster
from ipvae_brian.plotting.style import (
    COLOURS,
    DARK,
    GREY,
    SHADE,
    SMALL,
    grey_scale,
    image_shape,
    is_movie,
    new_figure,
    own_axes,
    r2_text,
    show_image,
    spikes_of,
    time_axis,
    time_unit,
    windows_of_frames,
)
from ipvae_brian.response.metrics import r_squared
from ipvae_brian.response.response import Response

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

N_TRACES = 6
N_STRIPS = 6
# Points of a trace from which on only its lowest and highest values in short times are drawn.
N_POINTS = 5000


def plot_membrane_traces(
    response: Response,
    neurons: Iterable[int] | None = None,
    trial: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Plot recorded membrane potentials one above the other, with their spikes as ticks on top.

    The potential is the logarithm of the firing rate, which the axis on the right gives in Hz. The
    grey line of each neuron is at potential 0, one expected spike per tau.

    Parameters
    ----------
    response : Response
        With potentials recorded.
    neurons : iterable of int, optional
        Which of the recorded neurons, from top to bottom; by default the six that spiked most.
    trial : int, default 0
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        A tick of its vertical axis is at potential 0 of each neuron. Boundaries of frames are
        marked.

    Raises
    ------
    TypeError, ValueError
        If no potentials, or not those of these neurons, were recorded, or there is no such trial.
    """
    trial = index(trial, "trial", response.n_trials, "trials")
    neurons = _traced_neurons(response, neurons, trial)
    potentials, counts = _traces(response, neurons, trial)
    ax = own_axes(ax, (7.0, max(2.4, 0.9 + 0.65 * len(neurons))))
    scale, _ = time_unit(response.timing)
    times = response.timing.step_times * scale
    lowest, highest = min(potentials.min(), 0), max(potentials.max(), 0)
    height = max(highest - lowest, 1)
    zeros = -1.3 * height * np.arange(len(neurons))
    ticks = highest + np.array([0.05, 0.17]) * height
    for i, zero in enumerate(zeros):
        ax.axhline(zero, color=GREY, linewidth=0.6, zorder=0)
        drawn = _outline(times, potentials[i] + zero)
        width = 1 if len(drawn[0]) < 2000 else 0.6
        ax.plot(*drawn, color=COLOURS[i % len(COLOURS)], linewidth=width)
        spikes = np.repeat(times, counts[i])
        thin = {"color": DARK, "linewidth": 0.8 if len(spikes) < 500 else 0.3}
        ax.vlines(spikes, *(ticks + zero), rasterized=len(spikes) > 2000, **thin)
    ax.set_yticks(zeros, [str(j) for j in neurons])
    ax.set_ylim(zeros[-1] + lowest - 0.08 * height, ticks[1] + 0.05 * height)
    ax.set_ylabel("neuron")
    _rate_axis(ax, zeros, lowest, highest, response.timing.window)
    return time_axis(ax, response.timing)


def _traced_neurons(response, neurons, trial):
    """Neurons whose potentials are asked for, after checks; by default those that spiked most."""
    recorded = response.recorded_neurons
    if response.potentials is None or not recorded:
        raise ValueError(
            "membrane potentials were not recorded: name the neurons in "
            "SpikingNetwork(..., record_potentials=[0, 1, 2])"
        )
    if neurons is None:
        counts = response.step_counts[trial].sum(axis=1)
        most = np.argsort(-counts, kind="stable")[:N_TRACES]
        return [recorded[i] for i in most]
    neurons = [whole_number(j, "neurons", minimum=0) for j in neurons]
    if not neurons:
        raise ValueError("neurons is empty")
    missing = [j for j in neurons if j not in recorded]
    if missing:
        raise ValueError(
            f"neurons: the potential of neuron {missing[0]} was not recorded; add it to "
            f"SpikingNetwork(..., record_potentials=...)"
        )
    return neurons


def _traces(response, neurons, trial) -> tuple[NDArray, NDArray]:
    """Potentials and counts of these neurons, (n_neurons, n_steps) each."""
    rows = [response.recorded_neurons.index(j) for j in neurons]
    return response.potentials[trial, rows], response.step_counts[trial, rows]


def _outline(times, values):
    """Return a trace, or of a long one the lowest and highest value in every short time."""
    if len(times) <= N_POINTS:
        return times, values
    size = -(-2 * len(times) // N_POINTS)
    begins = np.arange(0, len(times), size)
    outline = np.stack([np.minimum.reduceat(values, begins), np.maximum.reduceat(values, begins)])
    return np.repeat(times[begins], 2), outline.T.ravel()


def _rate_axis(ax, zeros, lowest, highest, tau):
    """Draw an axis in Hz on the right, with one expected spike per tau at the grey lines."""
    rates = ax.secondary_yaxis("right")
    rates.set_yticks(zeros, [f"{1 / tau:.3g}"] * len(zeros), fontsize="x-small")
    decades = np.log(10) * np.arange(-8, 9)
    decades = decades[(decades >= lowest) & (decades <= highest) & (decades != 0)]
    rates.set_yticks(np.add.outer(zeros, decades).ravel(), minor=True)
    rates.set_ylabel("firing rate (Hz; small ticks: × 10)", fontsize=SMALL)
    rates.spines["right"].set_color(GREY)
    note = f"grey: {1 / tau:.3g} Hz, one expected spike per τ = {tau * 1e3:g} ms"
    ax.set_title(note, loc="right", fontsize=SMALL, color=DARK)


def plot_membrane_and_raster(
    response: Response,
    trial: int = 0,
    neurons: Iterable[int] | None = None,
    figure: Figure | SubFigure | None = None,
) -> Figure | SubFigure:
    """Plot a stimulus, its reconstruction over time, all spikes and some membrane potentials.

    Reconstructions are from the spike counts of one window of tau each; these windows are shaded
    in the raster. Neurons whose potentials are shown have the same colours in both plots.

    Parameters
    ----------
    response : Response
        To images, with spikes and potentials recorded.
    trial : int, default 0
    neurons : iterable of int, optional
        As for `plot_membrane_traces`.
    figure : matplotlib.figure.Figure or SubFigure, optional
        An empty one, best with constrained layout.

    Returns
    -------
    matplotlib.figure.Figure or SubFigure
        Its axes are the images, the raster, the membrane traces and the scale of grey, in this
        order.

    Raises
    ------
    TypeError, ValueError
        If spikes or potentials were not recorded, there is no such trial, or stimuli are not
        images.
    """
    shape = image_shape(response.parameters)
    trial = index(trial, "trial", response.n_trials, "trials")
    neurons = _traced_neurons(response, neurons, trial)
    spikes_of(response)
    shown = response.timing.windows_of_stimulus  # its error comes before an empty figure
    n_windows = shown.stop - shown.start
    n_strips = min(N_STRIPS, n_windows)
    movie = is_movie(response)
    if movie:
        windows = windows_of_frames(response.timing, n_strips)
    else:  # denser in the beginning
        ends = np.unique(np.round(np.geomspace(1, n_windows, n_strips)).astype(int))
        windows = shown.start + ends - 1
    figure = new_figure((8.0, 8.8 if movie else 8.0)) if figure is None else figure
    grid = figure.add_gridspec(3, 1, height_ratios=(2.1 if movie else 1.25, 2.5, 3.0))
    images = grid[0].subgridspec(1 + movie, len(windows) + (not movie)).subplots(squeeze=False)
    raster = figure.add_subplot(grid[1])
    traces = figure.add_subplot(grid[2], sharex=raster)
    _strip(response.select([trial]), images, windows, shape)
    _shade(raster, response.timing, windows)
    draw_raster(response, trial, False, raster, neurons)
    plot_membrane_traces(response, neurons, trial, traces)
    raster.tick_params(labelbottom=False)
    raster.set_xlabel("")
    return figure


def _strip(response, images: NDArray, windows, shape):
    """Draw the stimulus and what the windows decode; of a movie, the frame above each window."""
    timing, movie = response.timing, is_movie(response)
    frames = response.frames[0]
    largest = np.abs(frames).max()
    drawn: Any = None
    if not movie:
        show_image(images[0, 0], frames[0].reshape(shape), largest)
    images[0, 0].set_ylabel("stimulus")
    scale, unit = time_unit(timing)
    for column, w in enumerate(windows):
        frame = frames[timing.frame_in(w)]
        if movie:
            show_image(images[0, column], frame.reshape(shape), largest)
            images[0, column].set_title(f"frame {timing.frame_in(w)}", fontsize=SMALL)
        ax = images[-1, column + (not movie)]
        decoded = response.reconstruction(w)
        drawn = show_image(ax, decoded.reshape(shape), largest)
        begin, end = timing.window_starts[w] * scale, timing.window_ends[w] * scale
        when = f"{begin:.4g}–{end:.4g} {unit}"
        ax.set_title(f"{when}\n{r2_text(r_squared(frame[None], decoded)[0])}", fontsize=SMALL)
    images[-1, int(not movie)].set_ylabel("spike counts")
    grey_scale(drawn, images, None, "pixel")


def _shade(raster, timing, windows):
    """Shade the windows that are decoded, and say so."""
    from matplotlib.patches import Patch

    scale, _ = time_unit(timing)
    for w in windows:
        begin, end = timing.window_starts[w] * scale, timing.window_ends[w] * scale
        raster.axvspan(begin, end, color=SHADE, linewidth=0, zorder=0)
        raster.axvline(begin, color="white", linewidth=1, zorder=0)
    raster.legend(
        handles=[Patch(color=SHADE, label="decoded above; colours: neurons below")],
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        frameon=False,
        fontsize=SMALL,
        handlelength=1.2,
    )
