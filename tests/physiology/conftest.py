"""Recordings to analyse: real ones, and Poisson neurons of known rates."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Recording, Timing


def binned_session(session):
    """A session of the binned recordings, from 200 ms before the onset to 700 ms after it."""
    names = session.conditions[0]._fieldnames
    values = {name: [float(getattr(one, name)) for one in session.conditions] for name in names}
    # The file has whole degrees; 16 directions are 22.5 degrees apart.
    values["direction"] = 22.5 * np.round(np.array(values["direction"]) / 22.5)
    return Recording.from_binned(session.spikes, values, 10 * ms, before=200 * ms)


@pytest.fixture(scope="session")
def moving_gratings(shared_folder):
    """27 sessions of awake macaque V1: 577 units, 16 directions (Ecker 2010, Berens 2012)."""
    from scipy.io import loadmat

    path = shared_folder / "data" / "recordings" / "data_v1_binned_moving.mat"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    data = loadmat(path, squeeze_me=True, struct_as_record=False)["data"]
    recordings = [binned_session(session) for session in np.atleast_1d(data)]
    assert len(recordings) == 27
    assert sum(one.n_neurons for one in recordings) == 577
    return recordings


@pytest.fixture(scope="session")
def make_recording():
    """Counts with one window of 500 ms for each trial: (n_trials, n_neurons) -> Recording."""

    def make(counts, **conditions):
        timing = Timing(dt=0.001, n_steps=500, steps_per_window=500)
        return Recording(np.asarray(counts)[:, None], timing, conditions=conditions)

    return make
