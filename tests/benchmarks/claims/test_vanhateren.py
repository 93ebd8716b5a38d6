"""Natural patches: cells, and what follows from them."""

import numpy as np
import pytest

from benchmarks.claims import vanhateren
from benchmarks.claims.cells import About, Cells
from benchmarks.claims.contest import OURS, Setup
from benchmarks.claims.data import NoData
from benchmarks.claims.vanhateren import cells, patches, summary
from ipvae_brian.stimuli import PatchSet


@pytest.fixture
def few(monkeypatch):
    rng = np.random.default_rng(0)
    train, validation = (rng.normal(size=(n, 256)).astype(np.float32) for n in (40, 10))
    found = PatchSet(
        train=train, validation=validation, shape=(16, 16), source="noise", mean=0.0, std=1.0
    )
    monkeypatch.setattr(vanhateren, "patches", lambda setup: (found, "photographs"))
    return found


def test_cells_of_a_trade_off_that_needs_trainings(few, tmp_path):
    torch = pytest.importorskip("torch")
    assert torch
    setup = Setup(Cells(tmp_path), quick=True, n_values=3, rivals=("lca", "poisson_iterative"))
    found = cells(setup)
    names = [cell.name for cell in found]
    assert names[:3] == [f"vanhateren/{key}/512" for key in OURS] + ["vanhateren/lca/512"]
    labels = ["beta=2", "beta=4", "beta=32"]  # 4 is the default
    assert names[3:] == [f"vanhateren/poisson_iterative/512/{label}" for label in labels]
    assert [cell.about for cell in found[2:4]] == [
        About("lca", 512),
        About("poisson_iterative", 512, label="beta=2"),
    ]


def test_without_patches_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.delenv("IPVAE_SHARED", raising=False)
    with pytest.raises(NoData, match="give a file with --patches, or set IPVAE_SHARED"):
        patches(Setup(Cells(tmp_path)))


def point(distance, **others):
    return {"r2": 1 - distance, "zeros": 1.0, "distance": distance} | others


def named(*found):
    """Return results of cells from the best d of each and what it is about."""
    return {
        str(about): {"best": point(distance), "steps": [point(1.2)], "about": about._asdict()}
        for distance, about in found
    }


def test_figures_compare_our_best_with_lca_and_the_oracle():
    results = named(
        (0.24, About("ours", 512)),
        (0.18, About("ours_adaptive", 512)),
        (0.15, About("ours", 1024)),
        (0.3, About("lca", 512)),
        (0.12, About("matching_pursuit", 512)),
        (0.5, About("poisson_iterative", 512, label="beta=2")),
        (0.4, About("poisson_iterative", 512, label="beta=8")),
    )
    found = summary(results)
    best = found["best"]["poisson_iterative/512"]
    assert best["distance"] == 0.4
    assert (best["contestant"], best["n_latents"]) == ("poisson_iterative", 512)
    figures = found["figures"]
    assert figures["vanhateren_512_distance"] == 0.18
    assert figures["vanhateren_512_setting"] == "ours_adaptive"
    assert figures["vanhateren_1024_distance_ours"] == 0.15
    assert figures["vanhateren_512_distance_over_lca"] == pytest.approx(0.6)
    assert figures["vanhateren_512_distance_over_lca_ours"] == pytest.approx(0.8)
    assert figures["vanhateren_512_distance_over_oracle"] == pytest.approx(1.5)
    assert summary(named((0.3, About("lca", 512))))["figures"] == {}


def test_a_contestant_that_runs_away_is_at_its_best_number_of_steps():
    results = named((9.0, About("poisson_iterative", 512)))
    next(iter(results.values()))["steps"] = [point(0.7, n_steps=8), point(9.0, n_steps=64)]
    best = summary(results)["best"]["poisson_iterative/512"]
    assert best["distance"] == 0.7 and best["n_steps"] == 8
