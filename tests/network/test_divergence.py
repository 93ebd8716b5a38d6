"""Runs that diverge are told from codes, in whole windows and in what is left of them."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters

from ipvae_brian import DivergenceError, SpikingNetwork
from ipvae_brian.network.divergence import diverged_copies, raise_if_diverged


def test_which_copies_diverged(parameters, stimuli, rng):
    """Codes with Poisson noise are not divergence; a hundredfold code is."""
    rates = np.maximum(np.linalg.lstsq(parameters.dictionary, stimuli.T, rcond=None)[0].T, 0)
    predict = parameters.dictionary.T
    for _ in range(100):
        assert not diverged_copies(stimuli, rng.poisson(rates) @ predict, parameters).any()
    wild = rng.poisson(rates)
    wild[3] += 200
    assert diverged_copies(stimuli, wild @ predict, parameters).tolist() == [False] * 3 + [
        True,
        False,
    ]


def test_nothing_diverged_is_no_error(parameters):
    counts = np.zeros((3, 2, 12), np.int32)
    assert raise_if_diverged(counts, np.zeros(3, bool), parameters, 1e-3, 0) is None


@pytest.mark.parametrize("n_copies", [1, 5])
@pytest.mark.filterwarnings("ignore::ipvae_brian.StabilityWarning")
def test_divergence_before_the_first_window_has_ended(n_copies):
    """No whole window, no counts to quote: the error is still the right one."""
    x = np.random.default_rng(5).normal(size=(5, 64))
    parameters = make_parameters(
        64, 128, scale=0.5, threshold=0.1, natural_gradient_step=20.0, resting_potential=3.0
    )
    network = SpikingNetwork(parameters, dt=4 * ms, n_copies=n_copies)
    with pytest.raises(DivergenceError, match="first number 0: within the first window of tau"):
        network.present(30 * x, 16 * ms, seed=1)
