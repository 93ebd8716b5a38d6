import base64
from xml.etree import ElementTree

import matplotlib

from ipvae_brian.reports.figures import as_data_uri


def decoded(uri):
    kind, content = uri.split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(content).decode()


def draw(ax):
    ax.plot([0, 1], [1, 2], color="#0072B2")
    ax.set_xlabel("x")


def test_a_figure_is_svg_that_stands_alone():
    svg = decoded(as_data_uri(draw, (4, 2)))
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and root.get("width") == "288pt"
    assert not [node for node in root.iter() if node.tag.endswith("text")]  # no fonts are needed
    links = [value for node in root.iter() for key, value in node.attrib.items() if "href" in key]
    assert links and all(link.startswith("#") for link in links)


def test_text_turns_light_in_the_dark():
    svg = decoded(as_data_uri(draw, (4, 2)))
    assert "@media screen and (prefers-color-scheme:dark)" in svg
    assert "fill: #333333" in svg and '[style*="fill: #333333"]{fill:#dddddd !important}' in svg
    # Transparent, so that the page is seen.
    assert '<g id="patch_1">' in svg and "fill: none" in svg


def test_the_same_figure_is_the_same_text_and_settings_stay():
    before = dict(matplotlib.rcParams)
    assert as_data_uri(draw, (4, 2)) == as_data_uri(draw, (4, 2))
    assert dict(matplotlib.rcParams) == before
