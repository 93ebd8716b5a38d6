"""The command behind docs/claims.md: what it computes, keeps and writes."""

import argparse
import json

import pytest

from benchmarks.baselines import WITHOUT_TORCH
from benchmarks.claims import run
from benchmarks.claims.cells import Cell, Cells
from benchmarks.claims.contest import OURS, Setup
from benchmarks.claims.data import NoData
from benchmarks.claims.run import command_line, compute, main, names_of, parser, setup_of
from benchmarks.machine import REPOSITORY


def test_a_small_run_has_every_experiment_and_figure(ran):
    told, folder = ran
    assert json.loads((folder / "claims" / "claims.json").read_text()) == told
    assert list(told["experiments"]) == list(run.EXPERIMENTS) and not told["skipped"]
    assert list(told["contestants"]) == [*OURS, "lca", "pca", "matching_pursuit"]
    figures = told["figures"]
    for key in OURS:
        assert 0 < figures[f"mnist_64_equal_budget_distance_{key}"] < 2
        assert figures[f"ood_rank_rotated_{key}"] in (1, 2, 3)
    assert figures["mnist_64_equal_budget_setting"] in OURS
    assert figures["mnist_64_equal_budget_distance"] == min(
        figures[f"mnist_64_equal_budget_distance_{k}"] for k in OURS
    )
    assert figures["vanhateren_512_distance_over_oracle"] > 0.5
    assert all(isinstance(value, int | float | str) for value in figures.values())


def test_a_run_that_is_repeated_computes_nothing(ran, small, tmp_path, monkeypatch):
    told, folder = ran

    def compute_again(*arguments):
        raise AssertionError("computed again")

    for module in (run.vanhateren, run.digits, run.outside):
        monkeypatch.setattr(module, "_measured", compute_again)
    monkeypatch.setattr(run.ablations, "_changed", compute_again)
    again = main([*small, "--cells", str(folder / "cells"), "--out", str(tmp_path)])
    assert again["experiments"] == told["experiments"]


def test_the_page_can_be_written_again_without_computing(ran, tmp_path, monkeypatch):
    told, folder = ran
    monkeypatch.setattr(run, "compute", None)
    out, page = folder / "claims", tmp_path / "claims.md"
    again = main(["--quick", "--only-page", "--out", str(out), "--page", str(page)])
    assert again == told and page.read_text() == (folder / "claims.md").read_text()
    with pytest.raises(ValueError, match="--only-page needs --out"):
        main(["--quick", "--only-page"])


def test_an_experiment_without_stimuli_is_skipped_with_the_reason(tmp_path, monkeypatch):
    def nothing(setup):
        raise NoData("MNIST is not there")

    monkeypatch.setattr(run.digits, "cells", nothing)
    monkeypatch.setattr(run.outside, "cells", lambda setup: [Cell("x", {}, lambda: {"y": 1})])
    setup = Setup(Cells(tmp_path), log=lambda text: None)
    results, skipped = compute(setup, ("digits", "outside"))
    assert skipped == {"digits": "MNIST is not there"}
    assert results["outside"]["x"]["y"] == 1


def test_names_are_some_of_those_known():
    read = names_of({"a": 1, "b": 2, "c": 3})
    assert read("c,a") == ("a", "c")
    with pytest.raises(argparse.ArgumentTypeError, match=r"there are a, b, c, and no 'd'"):
        read("a,d")


def test_options_become_a_setup(tmp_path):
    options = parser().parse_args(["--quick", "--seeds", "2", "--cells", str(tmp_path)])
    setup = setup_of(options)
    assert (setup.quick, setup.seeds, setup.n_latents) == (True, 2, 64)
    full = setup_of(parser().parse_args(["--rivals", "lca", "--cells", str(tmp_path)]))
    assert (full.seeds, full.n_test, full.n_latents, full.rivals) == (3, 10_000, 512, ("lca",))


def test_without_torch_fewer_rivals_take_part(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert run._available() == WITHOUT_TORCH


def test_the_command_is_told_without_paths():
    options = parser().parse_args(
        ["--only", "digits", "--minutes", "0.5", "--digits", "/somewhere/mnist.npz"]
    )
    said = "python -m benchmarks.claims.run --only digits --minutes 0.5 --digits FILE"
    assert command_line(options) == said


def test_a_cell_that_fails_is_told_and_the_others_are_there(tmp_path, monkeypatch):
    cells = [Cell("bad", {}, lambda: 1 / 0), Cell("good", {}, lambda: {"y": 1})]
    monkeypatch.setattr(run.outside, "cells", lambda setup: cells)
    setup = Setup(Cells(tmp_path), log=lambda text: None)
    results, skipped = compute(setup, ("outside",))
    assert list(results["outside"]) == ["good"]
    said = "1 of 2 cells are not computed yet; bad: ZeroDivisionError: division by zero"
    assert skipped == {"outside": said}


def test_make_has_it():
    assert "-m benchmarks.claims.run $(QUICK)" in (REPOSITORY / "Makefile").read_text()


def test_what_is_known_so_far_is_written_with_how_much_is_missing(tmp_path, monkeypatch):
    def never():
        raise AssertionError("computed")

    setup = Setup(Cells(tmp_path), log=lambda text: None)
    setup.cells.result(Cell("a", {}, lambda: {"y": 1}))
    cells = [Cell("a", {}, never), Cell("b", {}, never)]
    monkeypatch.setattr(run.outside, "cells", lambda setup: cells)
    results, skipped = compute(setup, ("outside",), only_known=True)
    assert list(results["outside"]) == ["a"]
    assert skipped == {"outside": "1 of 2 cells are not computed yet"}
