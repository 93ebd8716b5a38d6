"""A property of the model beside what laboratories found, and curves of a comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.comparison import Curve, Property
from ipvae_brian.physiology.measured import Biology
from ipvae_brian.plotting.style import COLOURS, DARK, GREY, SHADE, SMALL, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What the ends of the thin line, the ends of the bar and the dot are, in percent.
PERCENTS = (5.0, 25.0, 50.0, 75.0, 95.0)
# The settings and their colours; then laboratories and recordings of the user's.
SHIPPED, PRESET, LABORATORY, RECORDING = COLOURS[0], COLOURS[1], DARK, COLOURS[2]
N_BINS = 30
# Of the distance between rows.
HISTOGRAM_HEIGHT = 0.42
# Letters of a label that have a place below the axis.
LINE = 45
# Up to as many, units are also drawn one by one.
FEW = 40


class Row(NamedTuple):
    """What is drawn of one source."""

    label: str
    colour: str
    marks: tuple[float | None, ...]
    """At `PERCENTS`; None where it is not known."""
    values: NDArray[np.floating] | None
    """Of single units, where they are known."""


def plot_property(found: Property, ax: Axes | None = None) -> Axes:
    """Plot the distribution of a property in the model above those of laboratories.

    The thin line of each row is from 5 to 95 % of its units, the bar is of the middle half, and
    the dot the median. Of a laboratory that states a spread without a distribution, the bar is
    that spread. The shaded part is the spread of laboratories in which a median agrees.

    Parameters
    ----------
    found : Property
        Of a `Comparison`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If it is no property, or there is nothing to draw of it.
    """
    if not isinstance(found, Property):
        raise TypeError(f"found must be a Property, got {type(found).__name__}")
    rows = _rows_of(found)
    if not rows:
        raise ValueError(f"nothing is known of {found.name}: neither of the model nor of biology")
    ax = own_axes(ax, (4.8, 1.0 + 0.42 * len(rows)))
    lowest, highest = found.spread
    if lowest is not None and highest is not None:
        ax.axvspan(lowest, highest, color=SHADE, zorder=0, linewidth=0)
    low, high = _limits(rows)
    for place, row in enumerate(rows):
        _draw(ax, place, row, low, high)
    ax.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=SMALL)
    ax.set_ylim(len(rows) - 0.5, -0.6)
    ax.set_xlim(low, high)
    title = found.title + (f" ({found.unit})" if found.unit else "")
    ax.set_xlabel(textwrap.fill(title, LINE), fontsize=SMALL)
    ax.tick_params(axis="x", labelsize=SMALL)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _rows_of(found: Property) -> list[Row]:
    rows = []
    for measured, label, colour in (
        (found.shipped, "model, shipped", SHIPPED),
        (found.preset, "model, preset", PRESET),
    ):
        if measured is not None and measured.model.n:
            values = measured.model.values
            marks = tuple(float(v) for v in np.percentile(values, PERCENTS))
            rows.append(Row(label, colour, marks, values))
    for one in found.biology:
        marks = _marks(one)
        if any(mark is not None for mark in marks):
            label = one.laboratory + (f"\n{one.preparation}" if one.preparation else "")
            rows.append(Row(label, RECORDING if one.recording else LABORATORY, marks, None))
    return rows


def _marks(one: Biology) -> tuple[float | None, ...]:
    """Return what is known of a laboratory at `PERCENTS`."""
    if one.percentiles:
        known = sorted(one.percentiles)
        values = [one.percentiles[p] for p in known]
        return tuple(
            float(np.interp(p, known, values)) if known[0] <= p <= known[-1] else None
            for p in PERCENTS
        )
    middle = next((one.values[n] for n in ("median", "mean") if n in one.values), None)
    return None, one.low, middle, one.high, None


def _limits(rows: Sequence[Row]) -> tuple[float, float]:
    marks = [mark for row in rows for mark in row.marks if mark is not None]
    low, high = min(marks), max(marks)
    room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return low - room, high + room


def _draw(ax, place, row, low, high):
    first, lower, middle, upper, last = row.marks
    style: dict[str, Any] = {"color": row.colour, "solid_capstyle": "butt"}
    if row.values is not None:
        _draw_units(ax, place, row, low, high)
    if first is not None and last is not None:
        ax.plot([first, last], [place, place], linewidth=1, **style)
    if lower is not None and upper is not None:
        ax.plot([lower, upper], [place, place], linewidth=6, **style)
    if middle is not None:
        dot: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": row.colour}
        ax.plot(middle, place, marker="o", markersize=6, markeredgewidth=1.5, zorder=4, **dot)


def _draw_units(ax, place, row, low, high):
    """Draw single units as ticks, or the histogram of many, above the row."""
    inside = row.values[(row.values >= low) & (row.values <= high)]
    if len(row.values) <= FEW:
        ax.vlines(inside, place - 0.38, place - 0.2, color=row.colour, linewidth=0.8, alpha=0.7)
        return
    counts, edges = np.histogram(inside, bins=N_BINS, range=(low, high))
    heights = place - 0.12 - HISTOGRAM_HEIGHT * counts / max(counts.max(), 1)
    ax.stairs(heights, edges, baseline=place - 0.12, fill=True, color=row.colour, alpha=0.3)


def plot_curve(curve: Curve, ax: Axes | None = None) -> Axes:
    """Plot the lines of a curve of a comparison, such as responses to contrast.

    Parameters
    ----------
    curve : Curve
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If it is no curve.
    """
    if not isinstance(curve, Curve):
        raise TypeError(f"curve must be a Curve, got {type(curve).__name__}")
    ax = own_axes(ax, (4.8, 2.9))
    for i, (label, x, y) in enumerate(curve.lines):
        marker = "o" if len(x) <= FEW else ""
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "linewidth": 1.4}
        ax.plot(x, y, marker=marker, markersize=3.5, label=label, **style)
    ax.set_xlabel(curve.x_label, fontsize=SMALL)
    ax.set_ylabel(curve.y_label, fontsize=SMALL)
    ax.tick_params(labelsize=SMALL, color=GREY)
    ax.spines[["top", "right"]].set_visible(False)
    if curve.lines:
        ax.legend(frameon=False, fontsize=SMALL)
    return ax
