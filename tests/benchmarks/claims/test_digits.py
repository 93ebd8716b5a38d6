"""Digits: cells, and what follows from them."""

import pytest

from benchmarks.claims.cells import About, Cells
from benchmarks.claims.contest import ORACLE, OURS, Setup
from benchmarks.claims.data import small_digits
from benchmarks.claims.digits import SETTINGS, cells, settings_of, summary


def test_cells_of_every_seed_and_of_the_models_that_come_along(tmp_path, monkeypatch):
    setup = Setup(Cells(tmp_path), quick=True, seeds=2, rivals=("pca",))
    names = [cell.name for cell in cells(setup)]
    assert names == [f"digits/{key}/512/{seed}" for seed in (0, 1) for key in (*OURS, "pca")]
    monkeypatch.setattr("benchmarks.claims.digits.mnist", lambda path: small_digits())
    full = cells(Setup(Cells(tmp_path), seeds=1, rivals=("pca",)))
    places = [(n, key) for n in (512, 1024) for key in OURS]
    assert [cell.name for cell in full[:4]] == [f"digits/{key}/{n}-shipped/0" for n, key in places]
    assert [cell.about for cell in full[:4]] == [About(key, n, 0, "shipped") for n, key in places]
    assert [cell.about for cell in full[4:]] == [About(key, 512, 0) for key in (*OURS, "pca")]


def test_settings_are_those_of_the_contestant(tmp_path):
    setup = Setup(Cells(tmp_path))
    assert settings_of(setup, "ours")["training_gain"] == SETTINGS["ours"]["training_gain"]
    assert settings_of(setup, ORACLE)["dictionary of"] == SETTINGS["ours"]


def result(distance, r2=0.9, **others):
    kept = {"squared_error": 0.01, "zeros": 0.9, "spikes": 50.0, "accuracy": 0.97}
    kept |= {"n_parameters": 7, "training_seconds": 3.0}
    return kept | {"r2": r2, "distance": distance} | others


def test_figures_are_means_over_seeds_and_of_the_better_of_ours():
    told = [
        (About("ours", 512, 0), result(0.10, r2=0.94)),
        (About("ours", 512, 1), result(0.12, r2=0.96)),
        (About("ours_adaptive", 512, 0), result(0.07, accuracy=0.98)),
        (About("ours", 1024, 0, "shipped"), result(0.06)),
        (About("lca", 512, 0), result(0.01, training_seconds=None)),
    ]
    found = summary({str(about): one | {"about": about._asdict()} for about, one in told})
    rows = {(row["contestant"], row["n_latents"]): row for row in found["rows"]}
    row = rows["ours", 512]
    assert (row["r2"], row["distance"]) == (pytest.approx(0.95), pytest.approx(0.11))
    assert row["r2_sd"] == pytest.approx(0.01) and row["n_seeds"] == 2
    assert rows["lca", 512]["training_seconds"] is None
    assert [row["contestant"] for row in found["rows"] if row["shipped"]] == ["ours"]
    figures = found["figures"]
    equal = "mnist_512_equal_budget"
    assert figures[f"{equal}_setting"] == "ours_adaptive"
    assert figures[f"{equal}_distance"] == figures[f"{equal}_distance_ours_adaptive"] == 0.07
    assert figures[f"{equal}_distance_ours"] == pytest.approx(0.11)
    assert figures[f"{equal}_accuracy"] == 0.98 and figures["mnist_1024_distance"] == 0.06
    assert figures["mnist_1024_setting"] == "ours"


def test_accuracy_is_that_of_the_better_of_ours_whoever_has_the_smaller_distance():
    told = [
        (About("ours", 512, 0), result(0.10, accuracy=0.97)),
        (About("ours_adaptive", 512, 0), result(0.07, accuracy=0.95)),
    ]
    found = summary({str(about): one | {"about": about._asdict()} for about, one in told})
    figures, prefix = found["figures"], "mnist_512_equal_budget"
    assert figures[f"{prefix}_setting"] == "ours_adaptive"
    assert figures[f"{prefix}_accuracy_setting"] == "ours"
    assert figures[f"{prefix}_accuracy"] == 0.97
