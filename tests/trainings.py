"""Small trainings and estimators: what several tests of learning share."""

import numpy as np

from ipvae_brian import IPVAE
from ipvae_brian.learning.batches import shuffled_batches
from ipvae_brian.learning.checkpoint import (
    TrainingState,
    read_checkpoint,
    write_checkpoint,
)
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.statistics import RunningStatistics
from ipvae_brian.learning.training import Training

SETTINGS = TrainingSettings(
    n_neurons=10,
    spike_size=0.4,
    noise_penalty=0.0,
    leak=0.0,
    tau_seconds=0.02,
    training_gain=5.0,
    training_sparsity=0.6,
    training_highest_potential=4.0,
    steps_per_tau=20,
    batch_size=20,
    n_windows=2,
    windows_left_out=1,
    n_epochs=2,
    averaging_rate=0.07,
    dictionary_step=1.5,
    ridge=0.01,
    annealing=0.5,
    revive_after=60,
    engine="numba",
    seed=3,
)


N_PIXELS = 9


def noise(n=195, seed=0):
    return np.random.default_rng(seed).normal(size=(n, N_PIXELS)).astype(np.float32)


def begin(settings=SETTINGS, n_pixels=N_PIXELS, dictionary=None):
    return Training(settings, TrainingState.begin(settings, n_pixels, dictionary))


def resume(path, settings, mark):
    return Training(settings, read_checkpoint(path, settings, lambda _: mark))


def save(trained, path, mark):
    write_checkpoint(path, trained.state, trained.settings, mark)


def learn(stimuli, settings=SETTINGS, *, going_on=None, after_batch=None, **others):
    """A training of all epochs, or the rest of one."""
    trained = going_on or begin(settings, stimuli.shape[1], **others)
    n_total = settings.n_epochs * -(-len(stimuli) // settings.batch_size)
    batches = shuffled_batches(
        stimuli, settings.batch_size, settings.n_epochs, settings.seed, trained.state.n_batches
    )
    trained.learn(batches, n_total=n_total, after_batch=after_batch, progress=False)
    return trained


def assert_same(one, other):
    """Bit by bit."""
    assert one.settings == other.settings
    one, other = one.state, other.state
    np.testing.assert_array_equal(one.dictionary, other.dictionary)
    np.testing.assert_array_equal(one.silent, other.silent)
    for name in (*RunningStatistics.ARRAYS, "noise_variance", "n_updates"):
        a, b = getattr(one.statistics, name), getattr(other.statistics, name)
        np.testing.assert_array_equal(a, b, name)
    for name in ("n_batches", "n_revived", "n_diverged", "steps_per_tau", "figures"):
        assert getattr(one, name) == getattr(other, name), name


SMALL = {
    "n_neurons": 8,
    "batch_size": 50,
    "n_epochs": 1,
    "n_windows": 3,
    "windows_left_out": 1,
    "inference_windows": 3,
}


def small(**changes):
    return IPVAE(**(SMALL | {"random_state": 0, "progress": False} | changes))


def images(n=300, seed=0):
    """Sums of two of twelve patterns of 16 pixels, in units of their own."""
    rng = np.random.default_rng(seed)
    patterns = np.random.default_rng(99).normal(size=(12, 16))
    weights = np.zeros((n, 12))
    chosen = np.argsort(rng.random((n, 12)), axis=1)[:, :2]
    np.put_along_axis(weights, chosen, rng.uniform(0.5, 2, (n, 2)), axis=1)
    return 100 + 30 * weights @ patterns


def assert_same_parameters(one, other):
    for name in ("dictionary", "threshold", "resting_potential", "natural_gradient_step"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    names = ("tau", "leak", "noise_variance", "stimulus_mean", "stimulus_scale")
    for name in names:
        assert getattr(one, name) == getattr(other, name), name
