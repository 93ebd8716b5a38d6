"""How much of a recording different codes predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ipvae_brian.physiology.prediction import Prediction
from ipvae_brian.physiology.statistics import confidence_interval
from ipvae_brian.plotting.style import COLOURS, DARK, GREY, SMALL, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the distance between rows: how far dots are spread, so that they can be told apart.
SPREAD = 0.28
# Worse than this is drawn at the edge.
LOWEST = -0.5


def plot_predictions(predictions: Mapping[str, Prediction], ax: Axes | None = None) -> Axes:
    """Plot how much of each neuron's responses different codes predict, one below the other.

    Every dot is a neuron, and the black mark is the median with its 95 % interval over neurons
    (bootstrap). 1 is all that could be predicted, 0 no better than the mean response.

    Parameters
    ----------
    predictions : mapping of str to Prediction
        Of the same recording, by the names to show.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If there are none, they are of different recordings, or fewer than five neurons have
        anything to be predicted.
    """
    if not isinstance(predictions, Mapping) or not predictions:
        raise TypeError(f"predictions must be a dict of names to predictions, got {predictions!r}")
    first, *others = predictions.values()
    if any(not np.array_equal(first.measured, other.measured) for other in others):
        raise ValueError("predictions must be of the same recording, but their counts differ")
    parts = [prediction.normalised for prediction in predictions.values()]
    intervals = [confidence_interval(part) for part in parts]
    ax = own_axes(ax, (6.4, 1.4 + 0.6 * len(parts)))
    rng = np.random.default_rng(0)
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    ax.axvline(1, color=GREY, linewidth=0.8, zorder=0, linestyle=(0, (4, 3)))
    for row, (part, interval) in enumerate(zip(parts, intervals, strict=True)):
        drawn = np.clip(part[np.isfinite(part)], LOWEST, None)
        height = row + rng.uniform(-SPREAD, SPREAD, len(drawn))
        dots = {"markersize": 4, "markeredgewidth": 0, "alpha": 0.5, "linestyle": "none"}
        ax.plot(drawn, height, marker="o", color=COLOURS[row % len(COLOURS)], **dots)
        away = [[interval.estimate - interval.low], [interval.high - interval.estimate]]
        ax.errorbar(interval.estimate, row, xerr=away, fmt="D", color="black", capsize=3, zorder=3)
        said = f"{interval.estimate:.2f}"
        ax.annotate(said, (1, row), (4, 0), ("axes fraction", "data"), "offset points", va="center")
    ax.set_yticks(range(len(parts)), list(predictions))
    ax.set_ylim(len(parts) - 0.5, -0.5)
    highest = max(1.0, *(float(np.nanmax(part)) for part in parts))
    ax.set_xlim(LOWEST - 0.05, highest + 0.05)
    ax.set_xlabel("explained part of what could be predicted (dashed: all of it)")
    note = f"{intervals[0].n} of {len(parts[0])} neurons, {len(first.measured):,} images; medians →"
    ax.set_title(note, loc="right", fontsize=SMALL, color=DARK)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
