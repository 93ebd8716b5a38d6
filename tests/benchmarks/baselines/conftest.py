"""Fixtures for the tests of the baselines."""

import numpy as np
import pytest


@pytest.fixture
def unit_dictionary(rng):
    dictionary = rng.normal(size=(16, 24))
    return dictionary / np.linalg.norm(dictionary, axis=0)
