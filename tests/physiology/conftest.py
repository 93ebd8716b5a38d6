"""Recordings to analyse: real ones, and Poisson neurons of known rates."""

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import Parameters, Recording, Timing
from ipvae_brian.physiology import GaborFit
from ipvae_brian.stimuli import FrontEnd, Whitening


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


@pytest.fixture(scope="session")
def gabor_orientations():
    """Orientations of the neurons of `gabor_model`, in degrees."""
    return np.tile(np.arange(0, 180, 22.5), 4)


@pytest.fixture(scope="session")
def gabor_model(gabor_orientations):
    """32 neurons for patches of 12 x 12: Gabor functions of eight orientations and four phases."""
    fields = []
    for number, orientation in enumerate(gabor_orientations):
        fit = GaborFit(
            x=0.0,
            y=0.0,
            orientation=orientation,
            frequency=0.2,
            phase=90.0 * (number // 8),
            sigma_x=2.0,
            sigma_y=2.0,
            amplitude=1.0,
            r_squared=1.0,
            shape=(12, 12),
        )
        fields.append(fit.field.ravel())
    unit = np.array(fields).T
    front_end = FrontEnd(whitening=Whitening(), floor=0.05, mean=0.0, scale=0.7)
    return Parameters.from_unit_dictionary(
        unit / np.linalg.norm(unit, axis=0),
        spike_size=0.4,
        gain=6.0,
        sparsity=0.25,
        front_end=front_end,
        stimulus_shape=(12, 12),
        provenance={"name": "gabor-32"},
    )
