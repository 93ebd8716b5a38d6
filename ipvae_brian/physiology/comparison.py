"""What a comparison of a model with biology says, and the JSON that it is written as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.files import write_json

# Units that are written one by one, for histograms; of more, evenly spaced quantiles.
WRITTEN = 500
PERCENTS = (5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 95)
FORMAT = "ipvae_brian comparison"


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


@dataclass(frozen=True)
class Property:
    """One property of visual cortex, and the model's.

    Attributes
    ----------
    name, title, unit : str
        For programs, for headings, for axes (empty for a plain number).
    group : str
        Heading under which it stands: ``"Orientation"``, ``"Variability"``, ...
    meaning : str
        What it is and how it is worked out, in a sentence or two.
    protocol : str
        What was shown to the model.
    biology : tuple of Biology
        All laboratories, the user's recordings last. Empty where there is none.
    shipped : Measured or None
        With the model's own settings. None if it could not be measured: `problem` says why.
    preset : Measured or None
        With the preset `physiological`; None if it could not be measured, or was not run.
    problem, problem_preset : str
        Why it could not be measured; empty otherwise.

    Examples
    --------
    >>> from ipvae_brian.physiology import Property
    >>> about = "fano_factor", "Fano factor", "", "Variability", "Variance over mean.", "Images"
    >>> one = Property(*about, biology=(), shipped=None, problem="there are no repeats")
    >>> one.to_json()["sentence"]
    'there are no repeats'
    """

    name: str
    title: str
    unit: str
    group: str
    meaning: str
    protocol: str
    biology: tuple[Biology, ...]
    shipped: Measured | None
    preset: Measured | None = None
    problem: str = ""
    problem_preset: str = ""

    @property
    def spread(self) -> tuple[float | None, float | None]:
        """The spread of laboratories, in which a median agrees; (None, None) where it is not known.

        It goes from the lowest `Biology.low` to the highest `Biology.high`, recordings of the
        user's left out.
        """
        return spread_of(self.biology)

    def to_json(self) -> dict[str, Any]:
        """Return the fields of `Comparison.to_json`."""
        nothing = dict.fromkeys(("model", "distance", "distance_ci", "agrees", "gate"))
        own = nothing | {"sentence": self.problem}
        plain = ("name", "title", "unit", "group", "meaning", "protocol")
        return {
            **{name: getattr(self, name) for name in plain},
            "biology": [one.to_json() for one in self.biology],
            **(own if self.shipped is None else self.shipped.to_json()),
            "problem": self.problem,
            "preset": None if self.preset is None else self.preset.to_json(),
            "problem_preset": self.problem_preset,
        }


@dataclass(frozen=True)
class Curve:
    """Lines for a figure: a contrast response, a histogram over time, ...

    Attributes
    ----------
    name, title, x_label, y_label : str
    lines : tuple of (str, list of float, list of float)
        Label, x and y of each.

    Examples
    --------
    >>> from ipvae_brian.physiology import Curve
    >>> lines = (("shipped", [0.1, 1.0], [3.0, 20.0]),)
    >>> Curve("contrast", "Response to contrast", "Contrast", "Rate (Hz)", lines).lines[0][0]
    'shipped'
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[tuple[str, list[float], list[float]], ...]

    def to_json(self) -> dict[str, Any]:
        """Return all of it; each line as label, x and y."""
        lines = [{"label": label, "x": x, "y": y} for label, x, y in self.lines]
        return {**vars(self), "lines": lines}


@dataclass(frozen=True)
class Comparison:
    """A model beside biology: what `ipvae compare` writes as report.json and report.html.

    Attributes
    ----------
    model : str
        Its name.
    settings : dict of str to dict
        ``"shipped"`` and, where it was run, ``"preset"``: the settings, by name, of the neurons
        and of noise, pools and lateral inhibition; ``"r2"``, that of natural patches decoded from
        one window of tau; ``"tau_ms"``.
    properties : tuple of Property
    figures : dict
        Single numbers: latency_sign_fraction, latency_shift_ms, n_properties (that were measured),
        n_comparable (of which laboratories have a spread), n_agree_shipped, n_agree_preset,
        r2_shipped, r2_preset, fano_ks, gain_variance_ks, noise_correlation_ks,
        circular_variance_ks (shipped settings; with ``_preset`` at the end those of the preset),
        gabor_fraction. None where one could not be measured.
    protocols : tuple of dict
        What was shown: name, text, n_conditions, n_trials, trial_ms.
    recordings : tuple of dict
        Of each file of the user's: name, n_trials, n_units, measured and not_measured (property
        and reason).
    curves : tuple of Curve
    vary : tuple of dict
        One row for each setting and value: setting, value, unchanged (whether it is the model's
        own), r2, distances (by property) and medians (by property); empty unless asked for.
    about : dict
        version, date, seconds, quick, seed, command (how to get it again).

    Notes
    -----
    `to_json` gives, as plain values (None for what is not finite)::

        {"format": "ipvae_brian comparison", "format_version": 1,
         "model": "vanhateren-512",
         "settings": {"shipped": {"tau_ms": 20, "gain": 6, "r2": .89, ...}, "preset": {...}},
         "properties": [{
             "name", "title", "unit", "group", "meaning", "protocol",
             "biology": [{"laboratory", "species", "preparation", "source", "statistic", "n",
                          "low", "high", "percentiles": {"5": .1, ...}, "values": {...},
                          "window_ms", "window_tau", "distance", "distance_preset",
                          "recording", "from_memory", "problems": [...]}],
             "model": {"n", "n_looked_at", "mean", "sd", "median", "percentiles", "values",
                       "window_ms", "window_tau", "note"},
             "distance": .67, "distance_ci": [.6, .7], "agrees": false,
             "gate": {"passed": true, "checks": [{"name", "value", "limit", "passed", "text"}]},
             "sentence": "...",
             "problem": "",
             "preset": {"model", "distance", "distance_ci", "agrees", "gate", "sentence"},
             "problem_preset": ""}],
         "figures": {...}, "protocols": [...], "recordings": [...], "curves": [
             {"name", "title", "x_label", "y_label", "lines": [{"label", "x", "y"}]}],
         "vary": [{"setting", "value", "unchanged", "r2", "distances": {...}, "medians": {...}}],
         "about": {...}}

    `model` to `sentence` are those of the shipped settings. Where these could not be measured they
    are None, but for ``sentence``, which is then ``problem``; ``preset`` is None if it was not run
    or could not be measured.
    """

    model: str
    settings: Mapping[str, Mapping[str, Any]]
    properties: tuple[Property, ...]
    figures: Mapping[str, float | int | None]
    protocols: Sequence[Mapping[str, Any]] = ()
    recordings: Sequence[Mapping[str, Any]] = ()
    curves: tuple[Curve, ...] = ()
    vary: Sequence[Mapping[str, Any]] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Property:
        """Return the property of that name."""
        for one in self.properties:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.properties)
        raise KeyError(f"no property {name!r}; there are: {known}")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as described in the notes."""
        return {
            "format": FORMAT,
            "format_version": 1,
            "model": self.model,
            "settings": {key: dict(value) for key, value in self.settings.items()},
            "properties": [one.to_json() for one in self.properties],
            "figures": dict(self.figures),
            "protocols": [dict(one) for one in self.protocols],
            "recordings": [dict(one) for one in self.recordings],
            "curves": [one.to_json() for one in self.curves],
            "vary": [dict(one) for one in self.vary],
            "about": dict(self.about),
        }

    def save(self, path: str | PathLike) -> None:
        """Write `to_json` to a file."""
        write_json(path, self.to_json())
