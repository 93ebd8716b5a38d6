"""Gains of discrete updates and of delays: found, used, and smaller where feedback is later."""

import numpy as np
from brian2 import ms

from benchmarks.stable_gains import delayed, discrete
from ipvae_brian import Parameters


def test_later_feedback_has_smaller_gains():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(6, 16))
    model = Parameters.from_unit_dictionary(
        rng.normal(size=(16, 48)), spike_size=0.4, gain=6, sparsity=0.25
    )
    figures = [delayed(model, x, d * ms, n_shown=3, n_tau=20) for d in (1, 3)]
    figures.append(discrete(model, x, n_updates=200))
    gains, r2 = np.transpose(figures)
    assert (np.diff(gains) < 0).all() and gains[-1] > 0
    assert (r2 > 0.4).all() and (r2 < 1).all()
