"""What several tests of learning use."""

import pytest
from trainings import learn, noise


@pytest.fixture(scope="session")
def uninterrupted():
    return learn(noise())
