"""What was measured of a property, of a model or in biology, and whether it may be relied on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Units that are written one by one, for histograms; of more, evenly spaced quantiles.
WRITTEN = 500
PERCENTS = (5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95)


@dataclass(frozen=True)
class Check:
    """One condition that a number has to meet to mean what it says.

    Attributes
    ----------
    name : str
        Such as ``"Gabor fits"``.
    value : float
        What was found.
    limit : float
        What it is compared with.
    passed : bool
    text : str
        The condition and what was found, as a sentence.

    Examples
    --------
    >>> from ipvae_brian.physiology import Check
    >>> Check("units", 12, 20, False, "12 units, at least 20 are needed").passed
    False
    """

    name: str
    value: float
    limit: float
    passed: bool
    text: str


@dataclass(frozen=True)
class Gate:
    """All conditions of a number. A property whose gate does not pass is not called agreement.

    Examples
    --------
    >>> from ipvae_brian.physiology import Check, Gate
    >>> gate = Gate((Check("units", 12, 20, False, "12 neurons, at least 20 are needed"),))
    >>> gate.passed, gate.failures
    (False, ('12 neurons, at least 20 are needed',))
    """

    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every condition is met."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """The sentences of the conditions that are not met."""
        return tuple(check.text for check in self.checks if not check.passed)

    def to_json(self) -> dict[str, Any]:
        """Return ``passed`` and the ``checks``."""
        return {"passed": self.passed, "checks": [dict(vars(check)) for check in self.checks]}


@dataclass(frozen=True)
class Distribution:
    """A number for each unit: neuron, pair of neurons, image, or repeat of an experiment.

    Attributes
    ----------
    values : numpy.ndarray, shape (n,)
        Of the units for which it is defined.
    n_looked_at : int
        Of all units that were looked at.
    window_ms, window_tau : float or None
        Length of the window in which spikes were counted, where it matters; in units of the
        model's membrane time constant, None for a biological recording.
    note : str
        What has to be known to read it.

    Examples
    --------
    >>> from ipvae_brian.physiology import Distribution
    >>> found = Distribution.of([0.2, 0.4, float("nan")])
    >>> found.n, found.n_looked_at, round(found.median, 2)
    (2, 3, 0.3)
    """

    values: NDArray[np.floating]
    n_looked_at: int
    window_ms: float | None = None
    window_tau: float | None = None
    note: str = ""

    @classmethod
    def of(cls, values: ArrayLike, **others: Any) -> Distribution:
        """Return the distribution of numbers, of which those that are not finite are left out."""
        every = np.atleast_1d(np.asarray(values, float)).ravel()
        return cls(every[np.isfinite(every)], len(every), **others)

    @property
    def n(self) -> int:
        """Units for which it is defined."""
        return len(self.values)

    @property
    def median(self) -> float:
        """The median; NaN without a unit."""
        return float(np.median(self.values)) if self.n else np.nan

    def to_json(self) -> dict[str, Any]:
        """Return n, mean, sd, median, percentiles, window and values for a histogram."""
        values = np.sort(self.values)
        if self.n > WRITTEN:
            values = np.quantile(values, (np.arange(WRITTEN) + 0.5) / WRITTEN)
        percentiles = np.percentile(self.values, PERCENTS) if self.n else np.full(13, np.nan)
        return {
            "n": self.n,
            "n_looked_at": self.n_looked_at,
            "mean": float(self.values.mean()) if self.n else None,
            "sd": float(self.values.std(ddof=1)) if self.n > 1 else None,
            "median": self.median,
            "percentiles": {str(p): _short(v) for p, v in zip(PERCENTS, percentiles, strict=True)},
            "values": [_short(value) for value in values],
            "window_ms": self.window_ms,
            "window_tau": self.window_tau,
            "note": self.note,
        }


def _short(value: float) -> float:
    return float(f"{value:.5g}")


@dataclass(frozen=True)
class Biology:
    """What one laboratory, or one recording of the user's, has of a property.

    Attributes
    ----------
    laboratory : str
        Short name, for labels: the paper or the file.
    species, preparation, source, statistic : str
        As in `Reference`; preparation is ``"awake"``, ``"anaesthetised"`` or empty.
    n : int or None
        Units in it.
    low, high : float or None
        The spread of this laboratory: quartiles where a distribution is known, otherwise the
        range, or mean plus and minus a standard deviation. None where only an exact value is known.
    percentiles : dict of float to float
        Empty where they are not known.
    values : dict
        What else is known: mean, sd, range, bin_edges with counts.
    window_ms, window_tau : float or None
        Length of the window in which spikes were counted, also in units of the model's tau.
    distance : float or None
        Of the model's distribution from this one, with the shipped settings: Kolmogorov-Smirnov.
    distance_preset : float or None
        The same with the preset.
    recording : bool
        Whether it is a recording that the user gave.
    problems : tuple of str
        Of such a recording: the conditions of the gate that it does not meet itself.
    from_memory : bool
        Whether it is quoted from the literature without having the numbers at hand.

    Examples
    --------
    >>> from ipvae_brian.physiology.laboratories import laboratories
    >>> for one in laboratories("fano_factor", tau_ms=20):
    ...     print(one.laboratory, one.preparation, one.low, one.high, one.window_ms)
    Henaff 2021 anaesthetised 1.4534 2.3009 200.0
    Ecker 2010 awake 0.7938 1.1664 500.0
    """

    laboratory: str
    species: str
    preparation: str
    source: str
    statistic: str
    n: int | None
    low: float | None
    high: float | None
    percentiles: Mapping[float, float] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    window_ms: float | None = None
    window_tau: float | None = None
    distance: float | None = None
    distance_preset: float | None = None
    recording: bool = False
    from_memory: bool = False
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return all of it; percentiles have text as keys."""
        content = dict(vars(self)) | {"problems": list(self.problems)}
        content["percentiles"] = {f"{p:g}": v for p, v in self.percentiles.items()}
        content["values"] = dict(self.values)
        return content


def spread_of(biology: Iterable[Biology]) -> tuple[float | None, float | None]:
    """Return from the lowest `Biology.low` to the highest `Biology.high` of all laboratories.

    Recordings of the user's are beside them, not among them: what is agreement does not depend on
    which were given. (None, None) where no laboratory has a spread.
    """
    published = [one for one in biology if not one.recording]
    lows = [one.low for one in published if one.low is not None]
    highs = [one.high for one in published if one.high is not None]
    return (min(lows), max(highs)) if lows and highs else (None, None)


@dataclass(frozen=True)
class Measured:
    """A property of the model with one set of settings, and how far it is from biology.

    Attributes
    ----------
    model : Distribution
    distance : float or None
        Kolmogorov-Smirnov distance from the first of the laboratories with a distribution, whose
        protocol is that of the model; None where no distribution is known. Of published
        percentiles it is at most .95. Recordings have their own, `Biology.distance`.
    distance_ci : (float, float) or None
        95% confidence interval by bootstrap over units.
    agrees : bool or None
        Whether the median of the model lies within the spread of all laboratories (from the lowest
        `Biology.low` to the highest `Biology.high`, without recordings of the user's) and the gate
        is passed; None where there is no biological value.
    gate : Gate
    sentence : str
        What was found, in words.

    Examples
    --------
    >>> from ipvae_brian.physiology import Distribution, Gate, Measured
    >>> model = Distribution.of([0.9, 1.0, 1.1])
    >>> Measured(model, 0.3, (0.1, 0.5), True, Gate(), "Inside the spread.").model.median
    1.0
    """

    model: Distribution
    distance: float | None
    distance_ci: tuple[float, float] | None
    agrees: bool | None
    gate: Gate
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Return model, distance, distance_ci, agrees, gate and sentence."""
        return {
            "model": self.model.to_json(),
            "distance": self.distance,
            "distance_ci": None if self.distance_ci is None else list(self.distance_ci),
            "agrees": self.agrees,
            "gate": self.gate.to_json(),
            "sentence": self.sentence,
        }
