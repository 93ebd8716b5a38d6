"""Pages of HTML that need nothing else, for wide and narrow screens, dark ones and paper."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

STYLE = """
:root { color-scheme: light dark; --text: #222; --quiet: #666; --line: #ddd; --back: #fff;
  --raised: #f5f6f7; --link: #0062a0; --good: #00704f; --bad: #b34700; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --quiet: #a0a0a0; --line: #444;
  --back: #16181a; --raised: #212427; --link: #6fbdf0; --good: #3fc79a; --bad: #f0975a; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--back);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2rem 0 .5rem; }
nav { background: var(--raised); border-radius: .5rem; padding: .5rem 1rem; }
nav ul { margin: .2rem 0; padding: 0; list-style: none; }
nav li { display: inline-block; margin: .2rem 1.2rem .2rem 0; }
figure { margin: .5rem 0; }
img { display: block; width: 100%; max-width: 34rem; height: auto; }
code { font-size: .9em; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: .9rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: .3rem; }
.wide { overflow-x: auto; }
ul.checks { margin: -.6em 0 1em; font-size: .9em; }
th small { font-weight: 400; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0;
  border-bottom: 1px solid var(--line); }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); }
.verdict { font-weight: 600; white-space: nowrap; }
@media (max-width: 44rem) {
  table, tbody, tr, td, th { display: block; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  caption { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  th, td { border: 0; padding: .1rem 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); }
  td:empty { display: none; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 9.5pt; line-height: 1.35; }
  nav { display: none; }
  /* Paper cannot be moved: what is too wide would be cut off. */
  .wide { overflow: visible; }
  table { font-size: 8pt; }
  tbody th { overflow-wrap: anywhere; }
  img { max-width: 24rem; }
  figure, tr, h2, h3, .together { break-inside: avoid; }
  h2, h3, .together { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
"""
# Nothing is loaded from anywhere, whatever a name in the data may say.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Html(str):
    """Text that is HTML already; everything else is escaped."""


def escaped(value: Any) -> Html:
    """Return a value as HTML that shows its text, whatever it contains."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def element(name: str, *content: Any, **attributes: Any) -> Html:
    """Return an element with its content and attributes, both escaped.

    Parameters
    ----------
    name : str
    *content
        One after the other; `Html` stays as it is.
    **attributes
        A trailing underscore is left out, others become hyphens; None leaves out the attribute.

    Examples
    --------
    >>> from ipvae_brian.reports.page import element
    >>> element("p", "r < 1", class_="quiet")
    '<p class="quiet">r &lt; 1</p>'
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>{''.join(map(escaped, content))}</{name}>")


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Html:
    """Return a table, which on narrow screens is a list with the heading before each entry.

    Parameters
    ----------
    headings : sequence of str
    rows : iterable of sequences
        As long as `headings`; the first entry of each names the row.
    caption : str, default ""
    """
    body = []
    for first, *others in rows:
        cells = [
            element("td", value, data_label=heading)
            for heading, value in zip(headings[1:], others, strict=True)
        ]
        body.append(element("tr", element("th", first, scope="row"), *cells))
    head = element("tr", *(element("th", heading, scope="col") for heading in headings))
    title = (element("caption", caption),) if caption else ()
    whole = element("table", *title, element("thead", head), element("tbody", *body))
    # What is too wide for the screen is moved inside, instead of the page.
    return element("div", whole, class_="wide")


def picture(uri: str, text: str) -> Html:
    """Return a figure that is embedded, with what it shows in words."""
    return element("figure", Html(f'<img src="{html.escape(uri)}" alt="{html.escape(text)}">'))


def contents(entries: Mapping[str, str]) -> Html:
    """Return a table of contents: titles of parts by their identifiers."""
    parts = [element("li", element("a", title, href=f"#{n}")) for n, title in entries.items()]
    return element("nav", element("ul", *parts), aria_label="Contents")


def page(title: str, *body: Any) -> str:
    """Return a whole page."""
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        element("title", title),
        Html(f"<style>{STYLE}</style>"),
    )
    return f'<!doctype html>\n<html lang="en">{head}{element("body", *body)}</html>\n'
