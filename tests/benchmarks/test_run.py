"""Measurements are chosen, checked, merged and written; the committed results are complete."""

import json
import math
from types import SimpleNamespace

import pytest

from benchmarks import run
from benchmarks.common import Setup, default_data
from benchmarks.machine import REPOSITORY
from benchmarks.report import all_figures, document

FIGURES = {name: list(module.FIGURES) for name, module in run.MEASUREMENTS.items()}


def results(**values):
    """Results as written, with the first figure of each measurement."""
    figures = {FIGURES[name][0]: value for name, value in values.items()}
    entries = {name: {"figures": {FIGURES[name][0]: value}} for name, value in values.items()}
    head = {"format_version": run.FORMAT_VERSION, "machine": {"cores": 2}, "quick": False}
    return head | {"measurements": entries, "figures": figures}


def fake(detail=None, figures=None):
    """A measurement that takes no time."""
    return SimpleNamespace(
        TITLE="Fake",
        FIGURES={},
        measure=lambda setup: (detail or {}, figures or {}),
        report=lambda detail, machine: f"{detail['n']} of {machine['cores']}",
    )


@pytest.mark.parametrize("name", run.MEASUREMENTS)
def test_each_measurement_has_title_figures_measurement_and_report(name):
    module = run.MEASUREMENTS[name]
    assert module.TITLE and module.FIGURES and callable(module.measure) and callable(module.report)


def test_no_figure_belongs_to_two_measurements():
    assert len(all_figures(run.MEASUREMENTS)) == sum(map(len, FIGURES.values()))


def test_partial_results_are_merged_in_the_order_of_measurements():
    old, new = results(throughput=1.0, training=3.0), results(start=5.0, training=4.0)
    merged = run.merged(old, new)
    assert list(merged["measurements"]) == ["throughput", "training", "start"]
    assert list(merged["figures"].values()) == [1.0, 4.0, 5.0]
    assert run.merged(None, old) == old


def test_results_keep_the_machine_on_which_they_were_made():
    old, new = results(start=1.0), results(growth=2.0) | {"machine": {"cores": 64}}
    merged = run.merged(old, new)
    assert merged["measurements"]["start"]["machine"] == {"cores": 2}
    again = run.merged(merged, results(growth=3.0) | {"machine": {"cores": 1}})
    assert again["measurements"]["start"]["machine"] == {"cores": 2}


@pytest.mark.parametrize(("key", "value"), [("quick", True), ("format_version", 1)])
def test_results_of_other_formats_and_quick_runs_are_not_merged(key, value):
    with pytest.raises(ValueError, match=f"existing results have {key}"):
        run.merged(results(start=1.0) | {key: value}, results(growth=2.0))


def test_measurements_are_chosen_by_name():
    assert run.measurement_names("start,convergence") == ["convergence", "start"]
    with pytest.raises(Exception, match="measurements are throughput, .*, got 'speed'"):
        run.measurement_names("start,speed")


def test_a_measurement_without_its_data_is_skipped(tmp_path):
    lines = []
    setup = Setup(data=None, folder=tmp_path, log=lines.append)
    entry = run.measure("training", setup, "command")
    assert "--data" in entry["detail"]["skipped"] and entry["figures"] == {}
    assert any("skipped" in line for line in lines)


def test_a_figure_that_is_not_finite_is_refused(monkeypatch):
    monkeypatch.setitem(run.MEASUREMENTS, "start", fake(figures={"seconds": math.inf}))
    with pytest.raises(RuntimeError, match="start: seconds is inf"):
        run.measure("start", Setup(log=lambda text: None), "command")


def test_a_quick_run_writes_what_is_named_and_nothing_else(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(run.MEASUREMENTS, "start", fake({"n": 3}))
    where, page = tmp_path / "results.json", tmp_path / "page.md"
    committed = (REPOSITORY / "benchmarks" / "results.json").read_bytes()
    arguments = ["--quick", "--only", "start", "--json", str(where), "--report", str(page)]
    written = run.main(arguments)
    assert json.loads(where.read_text())["measurements"] == written["measurements"]
    assert written["measurements"]["start"]["command"] == (
        "python -m benchmarks.run --quick --only start"
    )
    assert f"3 of {written['machine']['cores']}" in page.read_text()
    assert (REPOSITORY / "benchmarks" / "results.json").read_bytes() == committed
    page.unlink()
    run.main([*arguments, "--only-report"])
    assert "## Fake" in page.read_text()


def test_a_report_needs_results():
    with pytest.raises(ValueError, match="--only-report needs results"):
        run.main(["--quick", "--only-report"])


@pytest.mark.slow
def test_quick_measurements_run_to_their_end(tmp_path, capsys):
    where, page = tmp_path / "results.json", tmp_path / "page.md"
    names = ["throughput", "convergence", "codes", "growth", "start", "processes"]
    arguments = ["--quick", "--only", ",".join(names), "--json", str(where), "--report", str(page)]
    written = run.main(arguments)
    needs_torch = {
        *("throughput_ratio_b200_dt_tau", "throughput_ratio_b200_dt_tau_20"),
        *("convergence_ratio", "training_cpu_ratio_bptt"),
    }
    expected = {figure for name in names for figure in FIGURES[name]} - needs_torch
    if default_data() is None:  # the models of photographs alone can be tried
        of_patches = {figure for figure in FIGURES["codes"] if figure.startswith("vanhateren")}
        expected -= {*of_patches, "diverged_stimuli"}
    assert expected <= set(written["figures"])
    assert all(f"\n## {run.MEASUREMENTS[name].TITLE}\n" in page.read_text() for name in names)


# What is committed


@pytest.fixture(scope="module")
def committed():
    return json.loads((REPOSITORY / "benchmarks" / "results.json").read_text())


def test_committed_figures_are_complete(committed):
    assert not committed["quick"] and committed["format_version"] == run.FORMAT_VERSION
    assert list(committed["measurements"]) == list(run.MEASUREMENTS)
    assert list(committed["figures"]) == list(all_figures(run.MEASUREMENTS))
    assert all(math.isfinite(value) for value in committed["figures"].values())


def test_committed_commands_can_be_given_again(committed):
    for name, entry in committed["measurements"].items():
        _, _, arguments = entry["command"].partition("benchmarks.run")
        assert name in run.parser().parse_args(arguments.split()).only


def test_committed_report_is_that_of_the_results(committed):
    page = REPOSITORY / "docs" / "benchmarks.md"
    assert page.read_text() == document(committed, run.MEASUREMENTS)
