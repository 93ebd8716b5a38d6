"""A recording that has something of everything."""

import numpy as np
import pytest

from ipvae_brian import Recording, Timing

TIMING = Timing(0.001, 500, 20, before=0.1, frame_steps=(300,))


@pytest.fixture
def recording():
    """Eight trials of five units, with blanks, from 100 ms before the stimulus to 100 after."""
    rng = np.random.default_rng(0)
    times = [
        [np.sort(rng.uniform(-0.1, 0.4, rng.integers(1, 9))) for _ in range(5)] for _ in "8" * 8
    ]
    return Recording.from_spike_times(
        times,
        TIMING,
        conditions={
            "orientation": [0, 45, 90, np.nan] * 2,
            "image": list("abcdefgh"),
            "correct": [True] * 4 + [False] * 4,
            "block": np.arange(8),
        },
        units={"id": [4, 2, 9, 1, 0], "depth": np.arange(5) * 1.5, "quality": list("gmgmg")},
    )
