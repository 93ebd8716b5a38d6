"""Fixtures for all tests: small models and their stimuli."""

import os
from pathlib import Path

import numpy as np
import pytest
from brian2 import ms
from helpers import VARIANTS, make_parameters

from ipvae_brian import Parameters


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def parameters():
    """16 pixels (4 x 4), 12 neurons, per-neuron thresholds, no leak."""
    return make_parameters()


@pytest.fixture(scope="session", params=list(VARIANTS))
def any_parameters(request):
    """Each kind of dynamics: with leak, noise variance, neither and both."""
    return make_parameters(**VARIANTS[request.param])


@pytest.fixture(scope="session")
def stimuli():
    """Five z-scored stimuli for `parameters`."""
    x = np.random.default_rng(2).normal(size=(5, 16))
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def independent_neurons():
    """Neurons at rates 0.02, 1 and 50 per tau that do not inhibit each other measurably."""
    return Parameters(
        dictionary=1e-6 * np.eye(4, 3), resting_potential=np.log([0.02, 1, 50]), tau=20 * ms
    )


@pytest.fixture(scope="session")
def shared_folder():
    """Data that are too large for the repository; tests that need them are skipped without."""
    repository = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("IPVAE_SHARED", repository.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}; set IPVAE_SHARED")
    return folder
