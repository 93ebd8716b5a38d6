"""What a comparison of a model with biology says, and the JSON that it is written as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from ipvae_brian._tools.files import write_json
from ipvae_brian.physiology.measured import Biology, Measured, spread_of

FORMAT = "ipvae_brian comparison"


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
