"""Natural patches: cells, and what follows from them."""

import numpy as np
import pytest

from benchmarks.claims import vanhateren
from benchmarks.claims.cells import Cells
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
    names = [cell.name for cell in cells(setup)]
    assert names[:3] == [f"vanhateren/{key}/512" for key in OURS] + ["vanhateren/lca/512"]
    assert [name.rsplit("/", 1)[1] for name in names[3:]] == ["beta=2", "beta=8", "beta=32"]


def test_without_patches_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.delenv("IPVAE_SHARED", raising=False)
    with pytest.raises(NoData, match="give a file with --patches, or set IPVAE_SHARED"):
        patches(Setup(Cells(tmp_path)))


def point(distance, **others):
    return {"r2": 1 - distance, "zeros": 1.0, "distance": distance} | others


def test_figures_compare_our_best_with_lca_and_the_oracle():
    results = {
        "vanhateren/ours/512": {"best": point(0.24)},
        "vanhateren/ours_adaptive/512": {"best": point(0.18)},
        "vanhateren/ours/1024": {"best": point(0.15)},
        "vanhateren/lca/512": {"best": point(0.3)},
        "vanhateren/matching_pursuit/512": {"best": point(0.12)},
        "vanhateren/poisson_iterative/512/beta=2": {"best": point(0.5)},
        "vanhateren/poisson_iterative/512/beta=8": {"best": point(0.4)},
    }
    found = summary(results)
    assert found["best"]["poisson_iterative/512"]["distance"] == 0.4
    figures = found["figures"]
    assert figures["vanhateren_512_distance"] == 0.18
    assert figures["vanhateren_512_setting"] == "ours_adaptive"
    assert figures["vanhateren_1024_distance_ours"] == 0.15
    assert figures["vanhateren_512_distance_over_lca"] == pytest.approx(0.6)
    assert figures["vanhateren_512_distance_over_lca_ours"] == pytest.approx(0.8)
    assert figures["vanhateren_512_distance_over_oracle"] == pytest.approx(1.5)
    assert summary({"vanhateren/lca/512": {"best": point(0.3)}})["figures"] == {}
