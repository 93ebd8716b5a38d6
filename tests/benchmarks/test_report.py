"""The page is written from results alone."""

import pytest

from benchmarks.report import (
    Figure,
    _environment,
    at_least,
    at_most,
    figure_table,
    markdown_table,
    short,
)


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.28547, "0.285"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_numbers_in_three_figures(value, text):
    assert short(value) == text


def test_columns_of_numbers_are_aligned_to_the_right():
    table = markdown_table(("name", "unit", "value"), [("tau", "ms", 20)], n_text=2)
    assert table.splitlines() == [
        "| name | unit | value |",
        "| --- | --- | ---: |",
        "| tau | ms | 20 |",
    ]


def test_targets_are_said_and_compared():
    figures = {
        "ratio": at_least(5, "speed"),
        "slow": at_least(5, "speed of another"),
        "slope": at_most(1.1, "growth", "1 (linear)"),
        "seconds": at_most(2, "start"),
        "free": Figure("without a target"),
    }
    values = {"ratio": 5.0, "slow": 4.9, "slope": 1.01, "free": 3}
    assert figure_table(values, figures).splitlines()[2:] == [
        "| `ratio` | speed | 5 | at least 5 | yes |",
        "| `slow` | speed of another | 4.9 | at least 5 | no |",
        "| `slope` | growth | 1.01 | 1 (linear) | yes |",
        "| `seconds` | start | – | at most 2 |  |",
        "| `free` | without a target | 3 |  |  |",
    ]


def test_measurements_of_two_machines_name_both():
    one, other = (
        {"processor": name, "cores": 2, "memory_gb": 24, "system": "Linux"} for name in "AB"
    )
    entry = {"versions": {"numpy": "2.3", "torch": None}}
    measured = {"start": entry, "growth": entry}
    results = {"machine": one, "thread_pools": ["openmp: 2"], "measurements": measured}
    assert _environment(results) == (
        "Machine: A, 2 cores, 24 GB, Linux. Threads: openmp: 2. Versions: numpy 2.3."
    )
    measured["growth"] = entry | {"machine": other, "thread_pools": ["openmp: 1"]}
    lines = _environment(results).splitlines()
    assert lines[2].startswith("- start: A, 2 cores") and lines[3].startswith(
        "- growth: B, 2 cores"
    )
    assert "openmp: 1" in lines[3]
