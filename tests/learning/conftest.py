"""What several tests of learning use."""

import pytest
from sklearn.datasets import load_digits
from trainings import images, learn, noise, small


@pytest.fixture(scope="session")
def uninterrupted():
    return learn(noise())


@pytest.fixture(scope="session")
def fitted():
    return small(n_neurons=24, n_epochs=8, inference_windows=6).fit(images())


@pytest.fixture(scope="session")
def digits():
    x, y = load_digits(return_X_y=True)
    return x[:800], y[:800]
