"""Digits: cells, and what follows from them."""

import pytest

from benchmarks.claims.cells import Cells
from benchmarks.claims.contest import ORACLE, OURS, Setup
from benchmarks.claims.data import small_digits
from benchmarks.claims.digits import SETTINGS, cells, settings_of, summary


def test_cells_of_every_seed_and_of_the_models_that_come_along(tmp_path, monkeypatch):
    setup = Setup(Cells(tmp_path), quick=True, seeds=2, rivals=("pca",))
    names = [cell.name for cell in cells(setup)]
    assert names == [f"digits/{key}/512/{seed}" for seed in (0, 1) for key in (*OURS, "pca")]
    monkeypatch.setattr("benchmarks.claims.digits.mnist", lambda path: small_digits())
    full = [cell.name for cell in cells(Setup(Cells(tmp_path), seeds=1, rivals=("pca",)))]
    assert full[:4] == [f"digits/{key}/{n}-shipped/0" for n in (512, 1024) for key in OURS]
    assert len(full) == 7


def test_settings_are_those_of_the_contestant(tmp_path):
    setup = Setup(Cells(tmp_path))
    assert settings_of(setup, "ours")["training_gain"] == SETTINGS["ours"]["training_gain"]
    assert settings_of(setup, ORACLE)["dictionary of"] == SETTINGS["ours"]


def result(distance, r2=0.9, **others):
    kept = {"squared_error": 0.01, "zeros": 0.9, "spikes": 50.0, "accuracy": 0.97}
    kept |= {"n_parameters": 7, "training_seconds": 3.0}
    return kept | {"r2": r2, "distance": distance} | others


def test_figures_are_means_over_seeds_and_of_the_better_of_ours():
    results = {
        "digits/ours/512/0": result(0.10, r2=0.94),
        "digits/ours/512/1": result(0.12, r2=0.96),
        "digits/ours_adaptive/512/0": result(0.07, accuracy=0.98),
        "digits/ours/1024-shipped/0": result(0.06),
        "digits/lca/512/0": result(0.01, training_seconds=None),
    }
    found = summary(results)
    row = found["rows"]["ours/512"]
    assert (row["r2"], row["distance"]) == (pytest.approx(0.95), pytest.approx(0.11))
    assert row["r2_sd"] == pytest.approx(0.01) and row["n_seeds"] == 2
    assert found["rows"]["lca/512"]["training_seconds"] is None
    figures = found["figures"]
    equal = "mnist_512_equal_budget"
    assert figures[f"{equal}_setting"] == "ours_adaptive"
    assert figures[f"{equal}_distance"] == figures[f"{equal}_distance_ours_adaptive"] == 0.07
    assert figures[f"{equal}_distance_ours"] == pytest.approx(0.11)
    assert figures[f"{equal}_accuracy"] == 0.98 and figures["mnist_1024_distance"] == 0.06
    assert figures["mnist_1024_setting"] == "ours"
