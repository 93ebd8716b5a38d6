"""LCA solves the LASSO, and learns."""

import numpy as np
import pytest
from helpers import assert_solves_lasso

from benchmarks.baselines.lca import LCA, soft_threshold


@pytest.mark.parametrize("nonnegative", [False, True])
def test_lca_ends_where_the_lasso_is_solved(stimuli, unit_dictionary, nonnegative):
    code = LCA(unit_dictionary, 0.4, nonnegative=nonnegative).infer(stimuli, 5000)
    assert_solves_lasso(stimuli, code, unit_dictionary, 0.4, nonnegative, 2e-3)


def test_soft_threshold():
    v = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    assert soft_threshold(v, 1.0, False).tolist() == [-1, 0, 0, 0, 1]
    assert soft_threshold(v, 1.0, True).tolist() == [0, 0, 0, 0, 1]


def test_lca_learns_a_dictionary(rng):
    truth = rng.normal(size=(16, 8))
    truth /= np.linalg.norm(truth, axis=0)
    x = (rng.random((2000, 8)) < 0.15) * rng.uniform(1, 3, (2000, 8)) @ truth.T
    lca = LCA.random(16, 8, sparsity=0.1)

    def error():
        return ((x - lca.infer(x) @ lca.dictionary.T) ** 2).mean()

    before = error()
    for i in range(200):
        lca.learn(x[i % 10 * 200 : i % 10 * 200 + 200])
    assert error() < 0.5 * before
    np.testing.assert_allclose(np.linalg.norm(lca.dictionary, axis=0), 1, rtol=1e-5)
