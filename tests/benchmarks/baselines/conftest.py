"""Fixtures for the tests of the baselines."""

import numpy as np
import pytest


@pytest.fixture
def unit_dictionary(rng):
    dictionary = rng.normal(size=(16, 24))
    return dictionary / np.linalg.norm(dictionary, axis=0)


@pytest.fixture
def images(rng):
    """Six images of 8 x 8 pixels in PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")
    return torch.tensor(rng.normal(size=(6, 64)), dtype=torch.float32)


@pytest.fixture(scope="session")
def patterns():
    """8 x 8 stimuli of z-scored pixels, made by twelve patterns of which few are there."""
    rng = np.random.default_rng(0)
    strength = rng.exponential(1, (1000, 12)) * (rng.random((1000, 12)) < 0.25)
    x = strength @ rng.normal(size=(12, 64)) + 0.1 * rng.normal(size=(1000, 64))
    return ((x - x.mean(0)) / x.std(0)).astype(np.float32)
