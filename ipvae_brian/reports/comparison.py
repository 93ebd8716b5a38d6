"""The report of a comparison with biology: one page with every property, figure and source."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ipvae_brian._tools.files import write_bytes
from ipvae_brian.physiology.comparison import Comparison, Property
from ipvae_brian.physiology.measured import Biology, Measured
from ipvae_brian.plotting.comparison import plot_property
from ipvae_brian.reports.appendix import appendix
from ipvae_brian.reports.cells import distance, middle, middle_of_model, number, verdict, window
from ipvae_brian.reports.figures import WIDTH, as_data_uri
from ipvae_brian.reports.page import Html, contents, element, page, picture, table

NAME = "report.html"
COLUMNS = ("shipped", "preset")
HEADINGS = ("Source", "Units", "Species, preparation", "Window", "Median [middle half]", "Distance")


def write_report(comparison: Comparison, folder: str | os.PathLike) -> Path:
    """Write a comparison as one page that needs nothing else.

    Figures are embedded and nothing is loaded from anywhere. The page suits wide and narrow
    screens, dark ones, and paper.

    Parameters
    ----------
    comparison : Comparison
    folder : path-like
        Where ``report.html`` is written; it is made if it is not there.

    Returns
    -------
    pathlib.Path
        Of the file.

    Raises
    ------
    TypeError
        If it is no comparison.
    OSError
        If the folder cannot be made or written into; an old report is left as it was.
    """
    text = report_page(comparison)
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / NAME
    write_bytes(path, text.encode())
    return path


def report_page(comparison: Comparison) -> str:
    """Return the text of the page that `write_report` writes."""
    if not isinstance(comparison, Comparison):
        raise TypeError(f"comparison must be a Comparison, got {type(comparison).__name__}")
    groups = _groups(comparison)
    others = list(appendix(comparison))
    entries = {"summary": "All properties"}
    entries |= {_identifier(group): group for group in groups}
    entries |= {name: heading for name, heading, _ in others}
    title = f"{comparison.model} beside biology"
    return page(
        title,
        element("h1", title),
        _introduction(comparison),
        contents(entries),
        element("h2", "All properties", id="summary"),
        _summary(comparison),
        *(part for group, inside in groups.items() for part in _group(group, inside)),
        *(part for name, heading, content in others
          for part in (element("h2", heading, id=name), content)),
    )  # fmt: skip


def _groups(comparison: Comparison) -> dict[str, list[Property]]:
    groups: dict[str, list[Property]] = {}
    for one in comparison.properties:
        groups.setdefault(one.group, []).append(one)
    return groups


def _identifier(group: str) -> str:
    return "group-" + "-".join(re.findall(r"\w+", group.lower()))


def _introduction(comparison: Comparison) -> Html:
    about, figures = comparison.about, comparison.figures
    known = [one.spread[0] is not None for one in comparison.properties]
    n = sum(known)
    said = [f"{figures.get('n_agree_shipped', 0)} of {n} with the shipped settings"]
    if _has_preset(comparison):
        said.append(f"{figures.get('n_agree_preset', 0)} of {n} with the preset")
    costs = [
        f"{number(settings['r2'])} with {_of_column(name)}"
        for name, settings in comparison.settings.items()
        if settings.get("r2") is not None
    ]
    agree = f"Properties that agree with biology: {', '.join(said)}."
    if untold := len(known) - n:
        agree += f" {untold} without published values here are told and not judged."
    parts = [element("p", agree)]
    if costs:
        what = "R² of natural patches decoded from one window of the membrane time constant: "
        parts.append(element("p", what + ", ".join(costs) + "."))
    how = (
        "A property agrees if the model's median lies within the spread of all laboratories and "
        "its quality gate is passed. Distances are Kolmogorov-Smirnov, from the first laboratory: "
        "0 for equal distributions, and at most .95 where biology is known by percentiles; in "
        "brackets, their 95 % confidence interval. In the figures, thin lines go from "
        "5 to 95 % of units, bars over the middle half, dots are medians, and the shaded part is "
        "the spread of laboratories."
    )
    parts.append(element("p", how, class_="quiet"))
    if about.get("quick"):
        text = "Made with fewer stimuli and repeats (quick): intervals are wide."
        parts.append(element("p", text, class_="bad"))
    if about:
        made = [f"ipvae_brian {about['version']}"] if "version" in about else []
        made += [str(about["date"])] if "date" in about else []
        made += [f"seed {about['seed']}"] if "seed" in about else []
        command = (" ", element("code", about["command"])) if about.get("command") else ()
        parts.append(element("p", ", ".join(made), *command, class_="quiet"))
    return element("header", *parts)


def _has_preset(comparison: Comparison) -> bool:
    return "preset" in comparison.settings or any(p.preset for p in comparison.properties)


def _of_column(name: str) -> str:
    return "the shipped settings" if name == "shipped" else f"the {name}"


def _summary(comparison: Comparison) -> Html:
    """Return the table of all properties, in both columns."""
    both = COLUMNS if _has_preset(comparison) else COLUMNS[:1]
    headings = ["Property", "Biology", *(f"Model, {column}" for column in both)]
    rows = []
    for one in comparison.properties:
        link = element("a", one.title, href=f"#property-{one.name}")
        results = [_in_short(one, column) for column in both]
        rows.append([link, _spread(one), *results])
    return table(headings, rows)


def _spread(one: Property) -> str:
    low, high = one.spread
    if low is None:
        return "not known"
    return f"{number(low)} to {number(high)} {one.unit}".strip()


def _in_short(one: Property, column: str) -> Html:
    measured: Measured | None = getattr(one, column)
    if measured is None:
        return element("span", "not measured", class_="quiet")
    away = "" if measured.distance is None else f", distance {distance(measured)}"
    median = f"{number(measured.model.median)}{away}"
    return element("span", median, Html("<br>"), verdict(measured))


def _group(group: str, inside: list[Property]) -> Iterator[Html]:
    yield element("h2", group, id=_identifier(group))
    for one in inside:
        yield _section(one)


def _section(one: Property) -> Html:
    parts = []
    results = []
    for column in COLUMNS:
        measured: Measured | None = getattr(one, column)
        problem = one.problem if column == "shipped" else one.problem_preset
        if measured is not None:
            results.append(_result(column, measured))
        elif problem:
            results.append(element("p", f"Not measured with {_of_column(column)}: {problem}."))
    n_rows = sum(m is not None for m in (one.shipped, one.preset)) + len(one.biology)
    about = [element("h3", one.title), element("p", one.meaning)]
    if n_rows:
        about.append(_figure_of(one, n_rows))
    # On one page of paper.
    parts.append(element("div", *about, class_="together"))
    parts += results
    rows = [_row_of_model(c, m) for c in COLUMNS if (m := getattr(one, c)) is not None]
    rows += [_row_of_biology(b) for b in one.biology]
    if rows:
        parts.append(table(HEADINGS, rows))
    if one.protocol:
        parts.append(element("p", f"Shown to the model: {one.protocol}", class_="quiet"))
    return element("section", *parts, id=f"property-{one.name}")


def _figure_of(one: Property, n_rows: int) -> Html:
    try:
        uri = as_data_uri(lambda ax: plot_property(one, ax), (WIDTH, 1.0 + 0.42 * n_rows))
    except ValueError as error:  # nothing is known that could be drawn
        return element("p", str(error), class_="quiet")
    measured = one.shipped or one.preset
    text = one.problem if measured is None else measured.sentence
    return picture(uri, f"Distributions of {one.title.lower()}. {text}")


def _result(column: str, measured: Measured) -> Html:
    """Return what was found with one of the settings: verdict, sentence, and what failed."""
    parts: list[Any] = [
        element("strong", f"Model, {column}: "),
        verdict(measured),
        f". {measured.sentence}",
    ]
    if measured.model.note:
        parts.append(element("span", f" {measured.model.note}", class_="quiet"))
    checks = [
        element("li", check.text, class_="quiet" if check.passed else "bad")
        for check in measured.gate.checks
    ]
    listed = (element("ul", *checks, class_="checks"),) if checks else ()
    return element("div", element("p", *parts), *listed)


def _row_of_model(column: str, measured: Measured) -> list[Any]:
    model = measured.model
    units = f"{model.n:,}"
    if model.n_looked_at != model.n:
        units += f" of {model.n_looked_at:,}"
    counted = window(model.window_ms, model.window_tau)
    middle_half = middle_of_model(model)
    return [f"Model, {column}", units, "", counted, middle_half, distance(measured)]


def _row_of_biology(one: Biology) -> list[Any]:
    name: list[Any] = [one.laboratory]
    source = one.source + (" (quoted from memory)" if one.from_memory else "")
    if one.recording:
        name.append(" (your recording)")
        source = one.statistic
    name += [Html("<br>"), element("small", source, class_="quiet")]
    for problem in one.problems:
        name += [Html("<br>"), element("small", problem, class_="bad")]
    distances = [
        f"{number(value)} ({column})"
        for column, value in zip(COLUMNS, (one.distance, one.distance_preset), strict=True)
        if value is not None
    ]
    animal = ", ".join(part for part in (one.species, one.preparation) if part)
    return [
        element("span", *name),
        "" if one.n is None else f"{one.n:,}",
        animal or "not known",
        window(one.window_ms, one.window_tau),
        middle(one),
        ", ".join(distances),
    ]
