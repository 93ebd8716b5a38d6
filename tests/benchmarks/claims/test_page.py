"""The page says what the JSON says, and where rivals win first."""

import json
import re

import pytest

from benchmarks.claims.page import document
from benchmarks.machine import REPOSITORY

PAGE = REPOSITORY / "docs" / "claims.md"


def test_the_page_is_that_of_the_json():
    told = json.loads((REPOSITORY / "docs" / "claims" / "claims.json").read_text())
    assert PAGE.read_text() == document(told)
    assert not told["quick"]


def test_a_small_run_fills_every_section(ran):
    told, folder = ran
    page = (folder / "claims.md").read_text()
    assert page == document(told)
    assert "This is a quick run" in page
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    assert len([h for h in headings if h.startswith(("Natural patches", "Digits", "Out of"))]) == 3
    for link in re.findall(r"\]\((claims/[^)]*)\)", page):
        assert (folder / link).is_file()
    for name in ("LCA", "PCA", "iP-VAE, adaptive prior"):
        assert page.count(f"| {name}") >= 3
    assert not re.search(r"\b(nan|None|inf)\b", page)


@pytest.mark.parametrize("better", [True, False])
def test_where_a_rival_wins_comes_before_what_holds(ran, better):
    told, _ = ran
    changed = json.loads(json.dumps(told))
    rows = changed["experiments"]["digits"]["summary"]["rows"]
    for row in rows:
        if row["contestant"] == "lca":
            row |= {"r2": 0.999 if better else -1.0, "accuracy": 0.0, "distance": 5.0}
    section = document(changed).split("## Digits")[1].split("## Out of")[0]
    won = "R2, whatever the zeros**: LCA (0.999)" in section
    assert won == better
    if better:
        assert section.index("Where a rival wins") < section.index("What holds")


def test_targets_say_whether_they_are_reached(ran):
    told, _ = ran
    for value, said in ((0.069, "yes"), (0.071, "no")):
        changed = told | {"figures": {"mnist_512_distance_ours_adaptive": value}}
        line = next(x for x in document(changed).splitlines() if "512_distance_ours_adap" in x)
        assert line.endswith(f"| at most 0.07 | {said} |")
