"""Rasters: every spike of every neuron over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ipvae_brian._tools.checks import index
from ipvae_brian.plotting.style import (
    COLOURS,
    DARK,
    SMALL,
    own_axes,
    spikes_of,
    time_axis,
    time_unit,
)
from ipvae_brian.recordings.recording import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Spikes from which on dots would run into each other; then their density is drawn.
DENSE = 100_000
N_BINS = 800


def plot_raster(
    recording: Recording, trial: int = 0, sort: bool = False, ax: Axes | None = None
) -> Axes:
    """Plot every spike of every neuron, with the numbers of neurons and spikes above the plot.

    Several spikes of one neuron in one time step, which are rare for dt << tau, are one dot. Of
    more than 100,000 spikes the density is drawn: the darker, the more of the neuron's spikes fall
    into that time. Boundaries of frames and the onset of the stimulus are marked.

    Parameters
    ----------
    recording : Recording
        A `Response` or another recording, with spike times.
    trial : int, default 0
    sort : bool, default False
        Whether to order neurons by their spike count in this trial, the most active at the bottom;
        otherwise each is at the height of its number.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        All neurons have a place on the vertical axis.

    Raises
    ------
    TypeError, ValueError
        If spikes were not recorded or there is no such trial.
    """
    return draw_raster(recording, trial, sort, ax, ())


def draw_raster(
    recording: Recording, trial: int, sort: bool, ax: Axes | None, coloured: Sequence[int]
) -> Axes:
    """Draw the raster; `coloured` neurons have the colours of their membrane traces."""
    from matplotlib.ticker import MaxNLocator

    trial = index(trial, "trial", recording.n_trials, "trials")
    spikes = spikes_of(recording)
    ax = own_axes(ax, (7.0, 4.2))
    n_neurons = recording.n_neurons
    own = spikes.trial == trial
    neuron, count = spikes.neuron[own], spikes.count[own]
    scale, _ = time_unit(recording.timing)
    times = spikes.time[own] * scale
    totals = np.bincount(neuron, weights=count, minlength=n_neurons).astype(int)
    places = np.arange(n_neurons)
    if sort:
        places[np.argsort(-totals, kind="stable")] = np.arange(n_neurons)
    note = ""
    if len(times) <= DENSE:
        _dots(ax, times, neuron, places, coloured)
    else:
        note = _density(ax, recording.timing, times, places[neuron], count, n_neurons)
        for i, j in enumerate(coloured):
            mark = {"color": COLOURS[i % len(COLOURS)], "clip_on": False, "marker": ">"}
            ax.plot([-0.008], [places[j]], transform=ax.get_yaxis_transform(), **mark)
    ax.set_ylim(-0.5 - 0.01 * n_neurons, n_neurons - 0.5 + 0.01 * n_neurons)
    ax.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    ax.set_ylabel("neuron, by spike count" if sort else "neuron")
    active = np.count_nonzero(totals)
    said = f"{active:,} of {n_neurons:,} neurons active, {totals.sum():,} spikes"
    ax.set_title(said, loc="right", fontsize=SMALL, color=DARK)
    return time_axis(ax, recording.timing, note)


def _dots(ax, times, neuron, places, coloured):
    n_neurons = len(places)
    few = n_neurons <= 50
    dots: dict[str, Any] = {
        "linestyle": "none",
        "marker": "|" if few else ".",
        "markersize": np.clip(200 / n_neurons, 4, 12) if few else np.clip(1500 / n_neurons, 2.2, 4),
        "markeredgewidth": 1.0 if few else 0,
        "rasterized": True,
    }
    if len(times) > 10_000:
        dots["markersize"] *= 0.6
    plain = ~np.isin(neuron, coloured)
    ax.plot(times[plain], places[neuron[plain]], color=DARK, **dots)
    for i, j in enumerate(coloured):
        own = neuron == j
        dots |= {"markersize": max(dots["markersize"], 4), "color": COLOURS[i % len(COLOURS)]}
        ax.plot(times[own], places[neuron[own]], zorder=3, **dots)


def _density(ax, timing, times, places, count, n_neurons):
    """Spikes of each neuron in short times, in grey; return what one of them is."""
    scale, unit = time_unit(timing)
    begin = -timing.before * scale
    end = begin + timing.duration * scale
    edges = np.linspace(begin, end, N_BINS + 1), np.arange(n_neurons + 1) - 0.5
    density, *_ = np.histogram2d(times, places, bins=edges, weights=count)
    highest = np.percentile(density[density > 0], 90)
    density[density == 0] = np.nan  # transparent
    extent = (begin, end, -0.5, n_neurons - 0.5)
    grey = {"cmap": "Greys", "vmin": 0, "vmax": highest, "interpolation": "antialiased"}
    ax.imshow(density.T, origin="lower", aspect="auto", extent=extent, zorder=1, **grey)
    return f"black: {highest:.0f} or more spikes in {(end - begin) / N_BINS:.2g} {unit}"
