"""What was tried for rivals on digits, and what was chosen from it."""

import json

import pytest

from benchmarks.baselines import RIVALS, WITHOUT_TORCH, rival
from benchmarks.claims import tune
from benchmarks.claims.contest import ORACLE, OURS
from benchmarks.claims.data import small_digits
from benchmarks.claims.digits import SETTINGS


def available():
    try:
        import torch  # noqa: F401
    except ImportError:
        return WITHOUT_TORCH
    return tuple(RIVALS)


def trials(key, *points):
    names = ("r2", "zeros", "distance")
    return [
        {"contestant": key, "settings": {"n": i}} | dict(zip(names, point, strict=True))
        for i, point in enumerate(points)
    ]


def test_sparse_codes_are_chosen_by_distance_and_dense_ones_by_r2():
    found = trials("sparse", (0.9, 0.8, 0.22), (0.8, 0.95, 0.21), (0.95, 0.0, 1.0))
    assert tune.best_trial(found, "sparse") == found[1]
    dense = trials("dense", (0.9, 0.0, 1.01), (0.8, 0.0, 1.02))
    assert tune.best_trial([*found, *dense], "dense") == dense[0]
    assert tune.best_trial(found, "other") is None


def test_a_training_that_diverged_is_not_chosen():
    found = [{"contestant": "lca", "settings": {}, "diverged": "nan"}]
    assert tune.best_trial(found, "lca") is None
    other = trials("lca", (0.1, 0.1, 1.3))
    assert tune.best_trial([*found, *other], "lca") == other[0]


@pytest.mark.parametrize("key", [key for key in RIVALS if key not in ("pca", ORACLE)])
def test_the_claims_use_what_did_best(key):
    if key not in available():
        pytest.skip("needs PyTorch")
    found = tune.best_trial(tune.known(), key)
    settings = found["settings"] if found else {}
    kind = rival(key)
    assert kind.DEFAULTS | settings == kind.DEFAULTS | SETTINGS.get(key, {})


def test_only_contestants_have_settings():
    assert set(SETTINGS) <= {*OURS, *RIVALS}


def test_a_trial_scores_a_short_training():
    settings = {"training_sparsity": 0.1, "nonnegative": True, "learning_rate": 0.5}
    found = tune.trial("lca", settings, small_digits(), seconds=0.3, n_latents=32)
    assert found["contestant"] == "lca" and found["settings"] == settings
    assert 0 < found["zeros"] < 1 and found["r2"] > 0.3
    assert found["distance"] == pytest.approx(
        ((1 - found["r2"]) ** 2 + (1 - found["zeros"]) ** 2) ** 0.5, abs=1e-3
    )


def test_a_trial_that_diverges_says_so():
    settings = {"learning_rate": 1e6, "training_sparsity": 0.01}
    found = tune.trial("lca", settings, small_digits(), seconds=2, n_latents=64)
    assert "loss of batch" in found["diverged"] and "r2" not in found


def test_what_was_tried_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(tune, "mnist", lambda path: small_digits())
    monkeypatch.setattr(tune, "N_LATENTS", 16)
    before = {"trials": [{"contestant": "lca", "settings": {}}, {"contestant": "x"}]}
    monkeypatch.setattr(tune, "known", lambda: before["trials"])
    out = tmp_path / "tried.json"
    tune.main(["--only", "lca", "--seconds", "0.2", "--out", str(out)])
    told = json.loads(out.read_text())
    assert told["seconds"] == 0.2 and len(told["trials"]) == 1
    assert told["trials"][0]["contestant"] == "lca" and told["trials"][0]["settings"] == {}
