"""Spikes in columns against brute force over each of them."""

import numpy as np
import pytest

from ipvae_brian import Spikes, Timing
from ipvae_brian.recordings.spikes import (
    checked_spikes,
    counts_of,
    raster_picture,
    spikes_of_trials,
)

TIMING = Timing(dt=0.001, n_steps=70, steps_per_window=20, before=0.02)
N_TRIALS, N_NEURONS = 4, 3


@pytest.fixture
def spikes(rng):
    n = 60
    trial, time = rng.integers(0, N_TRIALS, n), rng.uniform(-0.02, 0.05, n)
    order = np.lexsort((time, trial))
    neuron, count = rng.integers(0, N_NEURONS, n), rng.integers(1, 4, n)
    return Spikes(trial[order], neuron, time[order], count)


@pytest.mark.parametrize("window_steps", [1, 7, 20, 70])
def test_counts_are_sums_over_the_spikes_in_whole_windows(spikes, window_steps):
    n_windows = 70 // window_steps
    expected = np.zeros((N_TRIALS, n_windows, N_NEURONS), int)
    for trial, neuron, time, count in zip(*spikes, strict=True):
        window = int((time + 0.02) // (window_steps * 0.001))
        if window < n_windows:
            expected[trial, window, neuron] += count
    counts = counts_of(spikes, TIMING, window_steps, N_TRIALS, N_NEURONS)
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("trials", [[2], [3, 0], [1, 1, 2]])
def test_spikes_of_trials_keep_their_order_and_get_new_numbers(spikes, trials):
    chosen = spikes_of_trials(spikes, trials, N_TRIALS)
    for place, trial in enumerate(trials):
        for name in ("neuron", "time", "count"):
            new = getattr(chosen, name)[chosen.trial == place]
            np.testing.assert_array_equal(new, getattr(spikes, name)[spikes.trial == trial])
    assert set(chosen.trial) <= set(range(len(trials)))


def test_checked_spikes_are_read_only_copies(spikes):
    checked = checked_spikes(spikes, TIMING, N_TRIALS, N_NEURONS, copy=True)
    for given, kept in zip(spikes, checked, strict=True):
        np.testing.assert_array_equal(given, kept)
        assert given.flags.writeable and not kept.flags.writeable
        assert not np.shares_memory(given, kept)
    same = checked_spikes(spikes, TIMING, N_TRIALS, N_NEURONS, copy=False)
    assert all(np.shares_memory(a, b) for a, b in zip(spikes, same, strict=True))


def spikes_with(**changes):
    values = {"trial": [0, 1], "neuron": [2, 0], "time": [0.01, 0.02], "count": [1, 1]} | changes
    return Spikes(*(np.array(v) for v in values.values()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trial": [0, 4]}, "spikes.trial must be from 0 to 3, got 0 to 4"),
        ({"neuron": [-1, 0]}, "spikes.neuron must be from 0 to 2, got -1 to 0"),
        ({"neuron": [0.0, 1]}, "spikes.neuron must be a list of whole numbers"),
        ({"time": [0, 1]}, "spikes.time must be a list of numbers"),
        ({"time": [0.01, 0.05]}, "spike times must be within the trial, from -0.02 to 0.05 s"),
        ({"time": [-0.03, 0]}, "spike times must be within"),
        ({"time": [0, np.nan]}, "spike times must be within"),
        ({"count": [0, 1]}, "spikes.count must be at least 1, got 0"),
        ({"count": [1]}, "spikes must have as many of each"),
    ],
)
def test_columns_that_do_not_agree_are_refused(changes, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        checked_spikes(spikes_with(**changes), TIMING, N_TRIALS, N_NEURONS, copy=True)


def test_what_is_no_spikes():
    for wrong in (3, [[0], [0], [0.0]], ([0], [0])):
        with pytest.raises(TypeError, match="^spikes must be Spikes, got"):
            checked_spikes(wrong, TIMING, N_TRIALS, N_NEURONS, copy=True)


def test_raster_shows_first_trial_with_neuron_0_at_the_bottom():
    spikes = Spikes(*map(np.array, ([0, 1], [0, 2], [0.0, 0.01], [3, 1])))
    counts = counts_of(spikes, TIMING, 20, 2, N_NEURONS)
    picture = raster_picture(counts, spikes, TIMING)
    assert picture is not None and picture.shape == (N_NEURONS, 70)
    assert np.argwhere(picture == -1).tolist() == [[2, 20]]
    of_counts = raster_picture(counts, None, TIMING)
    assert of_counts is not None
    assert np.argwhere(of_counts == -1).tolist() == [[2, 1]]
    assert raster_picture(counts[:, :0], None, TIMING) is None
