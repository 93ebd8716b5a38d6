"""How the code develops from window to window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvae_brian.plotting.style import COLOURS, DARK, SMALL, own_axes, time_axis, time_unit
from ipvae_brian.response.response import Convergence, Response

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Windows up to which each has its mark, and up to which each has its point.
FEW, MOST = 60, 200
DISTANCE = "d = √((1 − R²)² + (1 − zeros)²)"


def plot_convergence(response: Response, ax: Axes | None = None) -> Axes:
    """Plot how the code develops over time: means over trials in every window of tau.

    Of more than 200 windows, means over several are drawn.

    Parameters
    ----------
    response : Response
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With R2, fraction of zeros and distance d on the left axis; spikes of all neurons per tau
        are on a second Axes with a vertical axis on the right. Boundaries of frames are marked.

    Raises
    ------
    ValueError
        If the trials are shorter than one window.
    """
    course, together = response.convergence(), 1
    if len(course.time) > MOST:
        together = -(-len(course.time) // (MOST // 2))
        course = _means(course, together)
    ax = own_axes(ax, (6.4, 4.2))
    scale, _ = time_unit(response.timing)
    times = course.time * scale
    many = len(times) > FEW
    style: dict[str, Any] = {"markersize": 4, "linewidth": 0.9 if many else 1.5}
    lines = []
    for values, label, colour, marker in (
        (course.r2, "R²", COLOURS[0], "o"),
        (course.zeros, "zeros", COLOURS[2], "s"),
        (course.distance, DISTANCE, COLOURS[1], "^"),
    ):
        marker = "" if many else marker
        lines += ax.plot(times, values, color=colour, label=label, marker=marker, **style)
    values = np.concatenate([course.r2, course.distance])
    values = values[np.isfinite(values)]
    ax.set_ylim(min(0, 1.05 * values.min(initial=0)), max(1, 1.05 * values.max(initial=1)))
    ax.set_ylabel("R², fraction of zeros, distance d")
    right = ax.twinx()
    style = {"color": DARK, "linestyle": ":", "linewidth": 0.9 if many else 1.5}
    lines += right.plot(times, course.spikes, label="spikes per τ", **style)
    right.set_ylim(0, 1.15 * max(course.spikes.max(), 1))
    right.set_ylabel("spikes of all neurons per τ")
    right.spines["top"].set_visible(False)
    ax.legend(
        handles=lines,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=4,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.2,
        fontsize=SMALL,
    )
    note = f"windows of τ = {response.timing.window * 1e3:g} ms"
    return time_axis(ax, response.timing, note + (f", means of {together}" if together > 1 else ""))


def _means(course, together):
    """Return the course as means over some windows each, at the mean of their ends."""
    begins = np.arange(0, len(course.time), together)
    n = np.diff(np.append(begins, len(course.time)))
    return Convergence(*(np.add.reduceat(values, begins) / n for values in course))
