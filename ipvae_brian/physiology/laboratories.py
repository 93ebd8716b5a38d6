"""Biological values of a property as a comparison has them, laboratory by laboratory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.measured import PERCENTS, Biology, Distribution
from ipvae_brian.physiology.reference import Reference, available_references, references

QUARTILES = (25.0, 75.0)
# Of what is quoted besides the numbers: no part of the distribution.
TOLD = ("from_memory", "window_ms")
# Of the counts of `reference`, by the beginning of their source.
WINDOWS_MS = {"Henaff": 200.0, "Ecker": 500.0}


def laboratories(name: str, tau_ms: float) -> tuple[Biology, ...]:
    """Return what every laboratory has of a property; first those with distributions.

    Parameters
    ----------
    name : str
        Of the property.
    tau_ms : float
        Membrane time constant of the model, in which windows are given as well.
    """
    found = list(references(name)) if name in available_references() else []
    found += [one for one in _quoted() if one.name == name]
    return tuple(biology(one, tau_ms) for one in found)


@cache
def _quoted() -> tuple[Reference, ...]:
    """Single numbers from the literature, of which the distributions are not at hand."""
    text = files("ipvae_brian.physiology").joinpath("data/quoted.json").read_text("utf-8")
    known = ("name", "statistic", "unit", "species", "preparation", "source")
    entries = json.loads(text)["references"]
    return tuple(
        Reference(
            **{key: entry.get(key, "") for key in known},
            n=entry.get("n"),
            values={k: v for k, v in entry.items() if k not in (*known, "n")},
            percentiles={},
        )
        for entry in entries
    )


def biology(reference: Reference, tau_ms: float) -> Biology:
    """Return a reference as an entry of a comparison."""
    values = {k: v for k, v in reference.values.items() if k not in TOLD}
    low, high = spread(reference.percentiles, values)
    window = next((w for lab, w in WINDOWS_MS.items() if reference.source.startswith(lab)), None)
    return Biology(
        laboratory=_label(reference.source),
        species=reference.species,
        preparation=reference.preparation,
        source=reference.source,
        statistic=reference.statistic,
        n=reference.n,
        low=low,
        high=high,
        percentiles=reference.percentiles,
        values=values,
        window_ms=window,
        window_tau=None if window is None else window / tau_ms,
        from_memory=bool(reference.values.get("from_memory", False)),
    )


def spread(
    percentiles: Mapping[float, float], values: Mapping[str, Any]
) -> tuple[float | None, float | None]:
    """Return where a laboratory's values lie: quartiles, the range, or one standard deviation."""
    if all(q in percentiles for q in QUARTILES):
        return percentiles[25.0], percentiles[75.0]
    if "range" in values:
        return tuple(values["range"])
    if "mean" in values and "sd" in values:
        return values["mean"] - values["sd"], values["mean"] + values["sd"]
    return None, None


def with_percentiles(one: Biology, percentiles: Mapping[float, float], statistic: str) -> Biology:
    """Return an entry whose distribution was worked out from another, such as a histogram."""
    low, high = spread(percentiles, {})
    return replace(one, percentiles=percentiles, low=low, high=high, statistic=statistic, values={})


def of_recording(
    name: str, found: Distribution, tau_ms: float, problems: Iterable[str] = ()
) -> Biology:
    """Return a recording of the user's, to stand beside the laboratories."""
    percentiles = dict(
        zip(map(float, PERCENTS), np.percentile(found.values, PERCENTS), strict=True)
    )
    window = found.window_ms
    return Biology(
        laboratory=name,
        species="",
        preparation="",
        source=f"recording {name}",
        statistic="worked out as for the model" + (f"; {found.note}" if found.note else ""),
        n=found.n,
        low=percentiles[25.0],
        high=percentiles[75.0],
        percentiles={p: float(v) for p, v in percentiles.items()},
        window_ms=window,
        window_tau=None if window is None else window / tau_ms,
        recording=True,
        problems=tuple(problems),
    )


def histogram_percentiles(bin_edges: NDArray, counts: NDArray) -> dict[float, float]:
    """Return percentiles of a histogram, within whose bins values are spread evenly."""
    below = np.concatenate([[0], np.cumsum(counts)]) / np.sum(counts)
    return {float(p): float(np.interp(p / 100, below, bin_edges)) for p in PERCENTS}


def deviation_percentiles(percentiles: Mapping[float, float]) -> dict[float, float]:
    """Return percentiles of how far values are from their median, from those of the values."""
    levels = np.linspace(min(percentiles), max(percentiles), 2001)
    values = np.interp(levels, list(percentiles), list(percentiles.values()))
    away = np.abs(values - np.median(values))
    return {float(p): float(np.percentile(away, p)) for p in PERCENTS}


def _label(source: str) -> str:
    """Return the first author and the year, or the beginning of the source."""
    author, year = re.match(r"[\w'\- ]+", source), re.search(r"\b(19|20)\d\d\b", source)
    name = source if author is None else author[0].removesuffix(" et al").strip()
    if year:
        name = name.removesuffix(f" {year[0]}")
    return f"{name} {year[0]}" if year else name
