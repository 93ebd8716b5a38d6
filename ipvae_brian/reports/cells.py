"""What stands in the cells of a report's tables: numbers, intervals, windows, verdicts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ipvae_brian.physiology.measured import Biology, Distribution, Measured
from ipvae_brian.reports.page import Html, element

# What is smaller came of rounding.
ROUNDING = 1e-12


def verdict(measured: Measured) -> Html:
    """Return in a word whether the model agrees."""
    if not measured.gate.passed:
        return element("span", "gate not passed", class_="verdict bad")
    if measured.agrees is None:
        return element("span", "no value to compare with", class_="verdict quiet")
    if measured.agrees:
        return element("span", "agrees", class_="verdict good")
    return element("span", "differs", class_="verdict bad")


def window(milliseconds: float | None, taus: float | None) -> str:
    """Return the length of a window in milliseconds, and in units of the model's tau."""
    if milliseconds is None:
        return ""
    return f"{milliseconds:g} ms" + ("" if taus is None else f" = {taus:.3g} τ")


def distance(measured: Measured) -> str:
    """Return the distance of a model from biology with its confidence interval."""
    if measured.distance is None:
        return ""
    if measured.distance_ci is None:
        return number(measured.distance)
    return number(measured.distance) + interval(*measured.distance_ci)


def interval(low: Any, high: Any) -> str:
    """Return the ends of an interval in brackets, after a space."""
    # Lines break before it, not within.
    return f" [{number(low)}\N{NO-BREAK SPACE}{number(high)}]"


def number(value: Any) -> str:
    """Return a number with three digits, as readers want it; a dash for none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) < ROUNDING:
        value = 0
    large = isinstance(value, int) or (abs(value) >= 1000 and value == round(value))
    return f"{value:,.0f}" if large else f"{value:.3g}"


def middle_of_model(model: Distribution) -> str:
    """Return the median of a model with the middle half of its units."""
    if model.n < 2:
        return number(model.median)
    low, high = np.percentile(model.values, (25, 75))
    return number(model.median) + interval(float(low), float(high))


def middle(one: Biology) -> str:
    """Return the median with the middle half, or what else is known of where values lie."""
    if 50.0 in one.percentiles:
        half = "" if one.low == one.high else interval(one.low, one.high)
        return number(one.percentiles[50.0]) + half
    known = ("median", "mean", "value")
    told = [
        f"{number(one.values[name])} ({name})" if name == "mean" else number(one.values[name])
        for name in known
        if name in one.values
    ][:1]
    if one.low is not None:
        told.append(f"from {number(one.low)} to {number(one.high)}")
    return ", ".join(told)
