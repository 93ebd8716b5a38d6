"""Published and measured distributions of visual cortex, with where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ipvae_brian._tools.checks import known_name
from ipvae_brian._tools.frozen import FrozenDict


@dataclass(frozen=True)
class Reference:
    """What one laboratory found for one property.

    Attributes
    ----------
    name : str
        Of the property, such as ``"circular_variance"``.
    statistic : str
        How it is worked out, in words or as a formula.
    unit : str
        Of the values; empty for a plain number.
    species, preparation : str
        The animal; ``"awake"``, ``"anaesthetised"``, or empty where it is not known.
    source : str
        The paper or data set.
    n : int or None
        Units, or pairs of units, in it; None where it was not stated.
    values : dict
        What is known of the distribution: ``mean``, ``sd``, ``range``, ``bin_edges`` with
        ``counts`` or ``joint_counts``, ... Read-only.
    percentiles : dict of float to float
        From percent to value; empty where there are none. Read-only.
    """

    name: str
    statistic: str
    unit: str
    species: str
    preparation: str
    source: str
    n: int | None
    values: Mapping[str, Any]
    percentiles: Mapping[float, float]

    @property
    def median(self) -> float | None:
        """The median, where it is known."""
        return self.percentiles.get(50.0)


@cache
def _all() -> tuple[Reference, ...]:
    text = files("ipvae_brian.physiology").joinpath("data/v1_physiology.json").read_text("utf-8")
    return tuple(_reference(entry) for entry in json.loads(text)["references"])


def _reference(entry):
    known = ("name", "statistic", "unit", "species", "preparation", "source")
    percentiles = {float(k): v for k, v in entry.get("percentiles", {}).items()}
    others = {k: v for k, v in entry.items() if k not in (*known, "n", "percentiles")}
    return Reference(
        **{name: entry.get(name, "") for name in known},
        n=entry.get("n"),
        values=FrozenDict(others),
        percentiles=FrozenDict(percentiles),
    )


def available_references() -> tuple[str, ...]:
    """Return the names of all properties of which there are biological values.

    Examples
    --------
    >>> from ipvae_brian.physiology import available_references
    >>> "fano_factor" in available_references()
    True
    """
    return tuple(dict.fromkeys(one.name for one in _all()))


def references(name: str) -> tuple[Reference, ...]:
    """Return what each laboratory found for a property; where they disagree, that is the spread.

    Parameters
    ----------
    name : str
        One of `available_references()`.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> from ipvae_brian.physiology import references
    >>> for one in references("fano_factor"):
    ...     print(one.species, one.preparation, one.n, round(one.median, 2))
    macaque anaesthetised 358 1.79
    macaque awake 504 0.97
    """
    known_name(name, "name", available_references())
    return tuple(one for one in _all() if one.name == name)


def reference(name: str, preparation: str | None = None) -> Reference:
    """Return the first biological reference of a property.

    Parameters
    ----------
    name : str
        One of `available_references()`.
    preparation : str, optional
        ``"awake"`` or ``"anaesthetised"``; by default whichever comes first.

    Raises
    ------
    ValueError
        If there is none of that name, or none of that preparation.

    Examples
    --------
    >>> from ipvae_brian.physiology import reference
    >>> reference("circular_variance").median
    0.6052
    >>> reference("circular_variance", "awake").n
    456
    """
    found = references(name)
    if preparation is None:
        return found[0]
    known_name(preparation, "preparation", [one.preparation for one in found])
    return next(one for one in found if one.preparation == preparation)
