"""The end of a report: curves, what each setting moves, settings, recordings, protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ipvae_brian.physiology.comparison import Comparison, Curve
from ipvae_brian.plotting.comparison import plot_curve
from ipvae_brian.reports.cells import number
from ipvae_brian.reports.figures import WIDTH, as_data_uri
from ipvae_brian.reports.page import Html, element, picture, table

# What is told of each experiment, and the headings.
PROTOCOL = {
    "name": "Name",
    "text": "What was shown",
    "n_conditions": "Conditions",
    "n_trials": "Trials",
    "trial_ms": "Length of a trial (ms)",
}


def appendix(comparison: Comparison) -> Iterator[tuple[str, str, Html]]:
    """Yield identifier, heading and content of what follows the properties."""
    if comparison.curves:
        yield "curves", "Curves", element("div", *map(_curve, comparison.curves))
    if comparison.vary:
        yield "vary", "What each setting moves", _vary(comparison)
    yield "settings", "Settings", _settings(comparison)
    if comparison.recordings:
        titles = {one.name: one.title for one in comparison.properties}
        parts = (_recording(one, titles) for one in comparison.recordings)
        yield "recordings", "Recordings", element("div", *parts)
    if comparison.protocols:
        yield "protocols", "Protocols", _protocols(comparison.protocols)
    if comparison.figures:
        rows = [[name, number(value)] for name, value in comparison.figures.items()]
        yield "figures", "Single numbers", table(("Number", "Value"), rows)


def _curve(curve: Curve) -> Html:
    uri = as_data_uri(lambda ax: plot_curve(curve, ax), (WIDTH, 2.9))
    return element("section", element("h3", curve.title), picture(uri, curve.title))


def _settings(comparison: Comparison) -> Html:
    columns = list(comparison.settings)
    names = list(dict.fromkeys(name for c in columns for name in comparison.settings[c]))
    rows = [
        [name, *(_setting(comparison.settings[c].get(name)) for c in columns)] for name in names
    ]
    caption = (
        "As Parameters.with_settings and Noise take them; where neurons differ, gain is the mean "
        "and sparsity that of the median neuron. Pools: neurons are read as complex cells for "
        "F1/F0. Adaptation: factor of the floor of the front end's normalisation for gratings of "
        "light. r2: natural patches decoded from one window of tau."
    )
    headings = ["Setting", *map(str.capitalize, columns)]
    return table(headings, rows, caption)


def _setting(value: Any) -> str:
    return "" if value is None else number(value)


def _vary(comparison: Comparison) -> Html:
    """Return the table of what each setting moves, and what it costs."""
    titles = {one.name: one.title for one in comparison.properties}
    names = list(dict.fromkeys(n for row in comparison.vary for n in row.get("distances", {})))
    names += [n for row in comparison.vary for n in row.get("medians", {}) if n not in names]
    names = list(dict.fromkeys(names))
    headings = ["Setting", "R²", *(titles.get(name, name) for name in names)]
    rows = []
    for row in comparison.vary:
        cells = [_median_and_distance(row, name) for name in names]
        setting = f"{row['setting']} {number(row['value'])}"
        own = [element("strong", setting), " (as shipped)"] if row.get("unchanged") else [setting]
        rows.append([element("span", *own), number(row.get("r2")), *cells])
    caption = (
        "One setting at a time, all others as shipped. Median of each property, and in brackets "
        "its distance from biology; R² of natural patches is the price. Tuning is that of rates "
        "without noise, variability that of spikes."
    )
    return table(headings, rows, caption)


def _median_and_distance(row: Mapping[str, Any], name: str) -> str:
    median, distance = (row.get(part, {}).get(name) for part in ("medians", "distances"))
    return number(median) + ("" if distance is None else f" ({number(distance)})")


def _recording(one: Mapping[str, Any], titles: Mapping[str, str]) -> Html:
    """Return what was measured of a recording, and what each of the others would need."""
    facts = f"{number(one.get('n_units'))} units, {number(one.get('n_trials'))} trials"
    measured = "; ".join(titles.get(n, str(n)) for n in one.get("measured", ())) or "nothing"
    reasons: dict[str, list[str]] = {}
    for left in one.get("not_measured", ()):
        name = str(left["property"])
        reasons.setdefault(str(left["reason"]), []).append(titles.get(name, name))
    missing = [
        element("li", "; ".join(names), ": ", element("span", reason, class_="quiet"))
        for reason, names in reasons.items()
    ]
    listed = (element("p", "Not measured:"), element("ul", *missing)) if missing else ()
    parts = element("h3", one["name"]), element("p", f"{facts}. Measured: {measured}."), *listed
    return element("section", *parts)


def _protocols(rows: Sequence[Mapping[str, Any]]) -> Html:
    return table(
        list(PROTOCOL.values()), [[_setting(row.get(name)) for name in PROTOCOL] for row in rows]
    )
