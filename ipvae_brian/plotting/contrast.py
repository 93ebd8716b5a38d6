"""Responses to contrast and to plaids, of neurons under different conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import finite_array
from ipvae_brian.physiology.contrast import CrossOrientation
from ipvae_brian.plotting.style import COLOURS, DARK, GREY, SMALL, own_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = 0.25
# Ratios beyond are drawn here.
FARTHEST = 3.0


def plot_contrast_responses(
    contrasts: ArrayLike, responses: Mapping[str, ArrayLike], ax: Axes | None = None
) -> Axes:
    """Plot the response to contrast under different conditions, relative to the largest.

    The line is the median over neurons of the rate over that neuron's highest; neurons that never
    fire are left out. Every second condition is dashed, in the colour of the one before: give
    a control after what it is the control of.

    Parameters
    ----------
    contrasts : array_like, shape (n_contrasts,)
        Above 0, increasing.
    responses : mapping of str to array_like, shape (n_contrasts, n_neurons)
        Rates, by the names to show.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, contrasts do not increase, or no neuron fires.
    """
    contrasts = finite_array(contrasts, "contrasts", ndim=1)
    if contrasts[0] <= 0 or (np.diff(contrasts) <= 0).any():
        raise ValueError(f"contrasts must be above 0 and increase, got {contrasts.tolist()}")
    if not isinstance(responses, Mapping) or not responses:
        raise TypeError(f"responses must be a dict of names to rates, got {responses!r}")
    curves = {}
    for name, rates in responses.items():
        rates = finite_array(rates, f"responses: {name}", shape=(len(contrasts), None))
        highest = rates.max(axis=0)
        if not (highest > 0).any():
            raise ValueError(f"responses: no neuron fires in {name}")
        curves[name] = np.median(rates[:, highest > 0] / highest[highest > 0], axis=1)
    ax = own_axes(ax, (5.6, 4.8))
    for i, (name, curve) in enumerate(curves.items()):
        style: dict[str, Any] = {"color": COLOURS[i // 2 % len(COLOURS)], "label": name}
        ax.plot(contrasts, curve, linestyle="--" if i % 2 else "-", linewidth=1.6, **style)
    ax.set_xscale("log")
    ax.set_xlabel("contrast")
    ax.set_ylabel("rate / highest rate, median over neurons")
    ax.set_ylim(0, 1.05)
    below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 2}
    ax.legend(frameon=False, fontsize=SMALL, **below)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_plaids(crossings: Mapping[str, CrossOrientation], ax: Axes | None = None) -> Axes:
    """Plot the response to a plaid over that to its better grating, under different conditions.

    Every dot is a neuron, the bar the median: 1 if the other grating changes nothing, below 1 if
    it suppresses. A triangle at the right is a ratio beyond 3, of a grating with hardly a spike.
    Colours as for `plot_contrast_responses`; controls are hollow.

    Parameters
    ----------
    crossings : mapping of str to CrossOrientation
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError
        If there is none.
    """
    if not isinstance(crossings, Mapping) or not crossings:
        raise TypeError(f"crossings must be a dict of names to comparisons, got {crossings!r}")
    ax = own_axes(ax, (4.4, 4.2))
    rng = np.random.default_rng(0)
    ax.axvline(1, color=GREY, linewidth=0.8, zorder=0)
    for row, one in enumerate(crossings.values()):
        ratios = one.to_best[np.isfinite(one.to_best)]
        colour = COLOURS[row // 2 % len(COLOURS)]
        face = "none" if row % 2 else colour
        heights = row + rng.uniform(-SPREAD, SPREAD, len(ratios))
        dots: dict[str, Any] = {"markerfacecolor": face, "markeredgecolor": colour, "alpha": 0.5}
        far = ratios > FARTHEST
        for some, marker in ((~far, "o"), (far, ">")):
            if some.any():
                places = np.minimum(ratios[some], FARTHEST), heights[some]
                style = {"markersize": 4, "linestyle": "none", "clip_on": False} | dots
                ax.plot(*places, marker=marker, **style)
        if len(ratios):
            middle = min(float(np.median(ratios)), FARTHEST)
            ax.plot([middle, middle], [row - 0.4, row + 0.4], color=DARK, linewidth=2)
    ax.set_yticks(range(len(crossings)), list(crossings), fontsize=SMALL)
    ax.set_ylim(len(crossings) - 0.5, -0.5)
    ax.set_xlim(0, min(ax.get_xlim()[1], FARTHEST))
    ax.set_xlabel("rate to plaid / rate to better grating")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
