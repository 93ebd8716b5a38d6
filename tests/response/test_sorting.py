"""Events and traces of waves of copies end up in the trial whose they are."""

import numpy as np

from ipvae_brian import Timing
from ipvae_brian.response.sorting import spikes_by_trial, traces_by_trial


def test_events_are_sorted_by_trial():
    """Two waves of two copies of three neurons; the last copy of the last wave is not used."""
    timing = Timing(0.001, 4, 2)
    index = np.array([0, 4, 2, 1, 5])
    step = np.array([0, 1, 3, 4, 7])
    count = np.array([1, 2, 1, 3, 1])
    traces = np.arange(2 * 2 * 8).reshape(4, 8)
    spikes = spikes_by_trial((index, step, count), 3, 2, 3, timing)
    np.testing.assert_array_equal(spikes.trial, [0, 1, 0, 2])
    np.testing.assert_array_equal(spikes.neuron, [0, 1, 2, 1])
    np.testing.assert_allclose(spikes.time, [0, 0.001, 0.003, 0])
    np.testing.assert_array_equal(spikes.count, [1, 2, 1, 3])
    # Rows of traces: copy 0 neurons 0 and 2, copy 1 neurons 0 and 2; columns: both waves.
    expected = [traces[0:2, :4], traces[2:4, :4], traces[0:2, 4:]]
    np.testing.assert_array_equal(traces_by_trial(traces, 3, 2, timing), expected)
