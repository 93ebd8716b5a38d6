import re
from html.parser import HTMLParser

import pytest

from ipvae_brian.reports.page import Html, contents, element, escaped, page, picture, table

NASTY = "<script>alert('x')</script> & \"quotes\""


class Balanced(HTMLParser):
    """Complains about tags that are not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser


@pytest.mark.parametrize(
    "made",
    [
        element("p", NASTY),
        element("p", "a", title=NASTY),
        table(["Name", NASTY], [[NASTY, NASTY]], NASTY),
        contents({NASTY: NASTY}),
        picture("data:,", NASTY),
        page(NASTY, NASTY),
    ],
)
def test_whatever_is_shown_is_text(made):
    assert "<script" not in made
    parsed(made)


def test_html_is_left_and_all_else_is_escaped():
    assert escaped(Html("<br>")) == "<br>"
    assert escaped(3) == "3" and escaped("<br>") == "&lt;br&gt;"
    assert element("a", "b", class_="c", data_label="d", href=None) == (
        '<a class="c" data-label="d">b</a>'
    )
    assert NASTY in "".join(parsed(element("p", NASTY)).text)


def test_cells_know_their_heading():
    made = table(["Source", "Units"], [["first", 3]])
    assert '<td data-label="Units">3</td>' in made and '<th scope="row">first</th>' in made
    with pytest.raises(ValueError, match="argument"):
        table(["Source", "Units"], [["first"]])


def test_a_page_loads_nothing():
    made = page("title", element("p", "text"))
    assert made.startswith("<!doctype html>") and "default-src 'none'" in made
    assert not re.search(r'(src|href)="?(?!data:|#)|url\(|@import', made)
    assert "prefers-color-scheme: dark" in made and "@media print" in made
