"""Figures as text that a page contains: SVG that follows the page into the dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

from ipvae_brian.plotting.style import DARK, SHADE

# Inches: as wide as a phone shows without making text small.
WIDTH = 4.0
# Of text and axes, which on dark screens have to be light, and of shades.
IN_THE_DARK = {DARK: "#dddddd", SHADE: "#34383c", "#ffffff": "#16181a"}
# Any: checkers know the names that there are.
SETTINGS: Any = {
    "svg.fonttype": "path",
    # So that the same figure is the same text.
    "svg.hashsalt": "ipvae_brian",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), DARK
    ),
}


def as_data_uri(draw: Callable[[Any], object], size: tuple[float, float]) -> str:
    """Return what a function draws on Axes as a data URI of SVG.

    Parameters
    ----------
    draw : callable
        Takes the Axes.
    size : (float, float)
        Width and height in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    content = io.StringIO()
    with matplotlib.rc_context(SETTINGS):
        # Not of pyplot, which would keep it.
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    encoded = base64.b64encode(_following_the_screen(content.getvalue()).encode()).decode()
    return f"data:image/svg+xml;base64,{encoded}"


def _following_the_screen(svg: str) -> str:
    """Return a figure whose text, axes and shades are light on dark screens, but not on paper."""
    rules = "".join(
        f'[style*="{what}: {colour.lower()}"]{{{what}:{other} !important}}'
        for colour, other in IN_THE_DARK.items()
        for what in ("fill", "stroke")
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    end = svg.index(">", svg.index("<svg")) + 1
    return svg[svg.index("<svg") : end] + style + svg[end:]
