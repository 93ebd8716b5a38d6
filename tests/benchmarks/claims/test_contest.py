"""How contestants are fitted, used along their trade-off, and scored."""

import numpy as np
import pytest

from benchmarks.baselines.interface import Rival, TradeOff
from benchmarks.claims import contest
from benchmarks.claims.cells import Cells
from benchmarks.claims.contest import (
    LEVELS,
    ORACLE,
    OURS,
    Setup,
    Training,
    chosen,
    curve,
    infer,
    over_steps,
    truncated,
    values,
)


class Halves(Rival):
    """Each step halves what is left; entries below the threshold are zero."""

    NAME, ITERATIVE, SPARSE = "halves", True, True
    TRADE_OFF = TradeOff("threshold", (0.0, 0.5, 1.0), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {"threshold": 0.0, "n_steps": 4}

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        for step in range(1, self._steps(n_steps) + 1):
            code = stimuli * (1 - 0.5**step)
            code = np.where(np.abs(code) > self.settings["threshold"], code, 0)
            if after_step is not None:
                after_step(code)
        return code

    def decode(self, codes):
        return codes

    def arrays(self):
        return {}

    def set_arrays(self, arrays):
        pass


class Anew(Halves):
    TRADE_OFF = TradeOff("threshold", (0.0, 0.5, 1.0), retrain=True)


@pytest.fixture
def stimuli():
    return np.random.default_rng(0).normal(size=(50, 10)).astype(np.float32)


def test_a_curve_has_a_point_for_each_value(stimuli):
    points = curve(Halves(10, 10), stimuli)
    assert [point["threshold"] for point in points] == [0.0, 0.5, 1.0]
    zeros = [point["zeros"] for point in points]
    assert zeros[0] == 0 and zeros == sorted(zeros)
    assert points[0]["r2"] > points[2]["r2"]


def test_values_that_need_a_training_are_not_tried_without(stimuli):
    model = Anew(10, 10, threshold=0.5)
    assert [point["threshold"] for point in curve(model, stimuli)] == [0.5]
    assert chosen(model, stimuli).settings["threshold"] == 0.5


def test_no_more_latents_are_in_use_than_there_are():
    kind = contest.rival(ORACLE)
    assert max(values(kind(30, 30))) == 30 and max(values(kind(300, 300))) == 120


def test_the_value_with_the_smallest_distance_is_chosen(stimuli):
    model = Halves(10, 10)
    points = curve(model, stimuli)
    best = min(points, key=lambda point: point["distance"])
    assert chosen(model, stimuli).settings["threshold"] == best["threshold"]
    assert model.settings["threshold"] == 0  # the model itself stays as it was


def test_the_densest_code_is_cut(stimuli):
    found = truncated(Halves(10, 10, threshold=1.0), stimuli)
    assert list(found) == [f"{level:g}" for level in LEVELS]
    assert found["0.8"] > found["0.95"]
    # Of the dense code: two of ten entries, scaled by 15/16.
    size = np.abs(stimuli)
    kept = np.where(size >= np.sort(size, axis=1)[:, -2:-1], stimuli * 15 / 16, 0)
    error = ((stimuli - kept) ** 2).sum(axis=1)
    total = ((stimuli - stimuli.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert found["0.8"] == pytest.approx((1 - error / total).mean(), rel=1e-5)


def test_scores_over_steps_are_those_of_so_many_steps(stimuli):
    model = Halves(10, 10)
    points = over_steps(model, stimuli, (1, 3))
    assert [point["n_steps"] for point in points] == [1, 3]
    assert points[0]["r2"] < points[1]["r2"]
    pca = contest.rival("pca")(10, 10, seed=0).fit(stimuli)
    assert [point["n_steps"] for point in over_steps(pca, stimuli, (1, 3))] == [1]


def test_many_stimuli_are_coded_in_parts(stimuli, monkeypatch):
    monkeypatch.setattr(contest, "ROWS", 7)
    np.testing.assert_array_equal(infer(Halves(10, 10), stimuli), stimuli * np.float32(15 / 16))


def test_both_of_ours_and_the_oracle_have_one_training(stimuli, tmp_path):
    said = []
    setup = Setup(Cells(tmp_path), minutes=0.001, n_latents=6, log=said.append)
    settings = {"ours_adaptive": {"gain": 12.0}}
    many = np.tile(stimuli, (8, 1))
    models = {
        key: Training(setup, key, "noise", many, settings=settings).model()
        for key in (*OURS, ORACLE)
    }
    assert len(said) == 1 and len(list(tmp_path.glob("*.npz"))) == 1
    ours = models["ours"].dictionary
    np.testing.assert_array_equal(models["ours_adaptive"].dictionary, ours)
    np.testing.assert_allclose(
        models[ORACLE].dictionary, ours / np.linalg.norm(ours, axis=0), rtol=1e-5
    )
    assert models["ours_adaptive"].settings["gain"] == 12
    for key, changed in (("ours", {"training_sparsity": 0.1}), ("lca", {})):
        Training(setup, key, "noise", many, settings={key: changed}).model()
    assert len(said) == 3


def test_a_setup_knows_who_takes_part(tmp_path):
    setup = Setup(Cells(tmp_path), rivals=("pca", "lca"))
    assert list(setup.contestants) == [*OURS, "pca", "lca"]
    assert setup.kind("pca").NAME == "PCA"


def test_codes_that_ran_away_are_no_codes(stimuli):
    class RunsAway(Halves):
        def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
            codes = super().infer(stimuli, n_steps).copy()
            codes[3, 2], codes[7] = np.nan, np.inf
            if after_step is not None:
                after_step(codes)
            return codes

    codes = infer(RunsAway(10, 10), stimuli)
    assert np.isfinite(codes).all() and (codes[[3, 7]] == 0).all()
    assert (codes[4] != 0).all()
    (point,) = over_steps(RunsAway(10, 10), stimuli, (1,))
    assert point["zeros"] == pytest.approx(2 / 50)
