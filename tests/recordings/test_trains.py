"""Spike trains with every fault that they can have: an error, or said and left out."""

import numpy as np
import pytest
from made_recordings import TRIALS, dropping, read, refused

from ipvae_brian import Recording, RecordingWarning
from ipvae_brian.recordings.trains import joined, overlaps, within


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_spike_times_that_are_no_numbers(bad):
    spikes = {1: [1.1, bad, 3.2], 5: [2.3, 4.0]}
    found = refused(r"1 spike time\(s\) of 1 of 2 units \(1\) are NaN or infinite", spikes=spikes)
    np.testing.assert_array_equal(found.counts, read().counts)


def test_negative_spike_times():
    spikes = {1: [-0.5, 1.1, 3.2], 5: [-1.0, -0.2, 2.3, 4.0]}
    found = refused(r"3 spike time\(s\) of 2 of 2 units \(1, 5\) are negative", spikes=spikes)
    np.testing.assert_array_equal(found.counts, read().counts)


def test_unsorted_spike_times_are_sorted_with_a_warning():
    with pytest.warns(RecordingWarning, match=r"of 1 of 2 units \(1\) were not in order: sorted"):
        found = dropping({1: [3.2, 1.1], 5: [2.3, 4.0]})
    np.testing.assert_array_equal(found.spikes.time, read().spikes.time)


def test_units_without_spikes_are_kept_with_a_warning():
    with pytest.warns(RecordingWarning, match=r"no spikes .* 1 of 3 units \(8\): kept"):
        found = dropping({1: [1.1, 3.2], 8: [], 5: [2.3, 4.0]})
    assert list(found.units["id"]) == [1, 8, 5]
    assert list(found.counts.sum(axis=(0, 1))) == [2, 0, 1]


def test_coarse_spike_times_are_told():
    times = {1: np.array([1.1, 4000.2], np.float32), 5: np.array([2.3], np.float32)}
    with pytest.warns(
        RecordingWarning, match=r"stored with 32 bits, which at 4000.2 s are 0.24 ms"
    ):
        dropping(times)
    read({1: np.array([1.1, 4.0], np.float32), 5: np.array([2.3], np.float32)})


def test_repeated_ids():
    units = {"id": [5, 5]}
    with pytest.raises(ValueError, match="unit ids must differ, got 5 more than once"):
        Recording.from_tables({"unit": [5], "time": [1.2]}, TRIALS, units)
    with pytest.raises(ValueError, match="there are no units"):
        Recording.from_tables({"unit": [], "time": []}, TRIALS)


def test_spans_that_touch_are_one():
    spans = np.array([[3.0, 4], [0, 1], [1, 2], [1.5, 1.7], [5, 6]])
    np.testing.assert_array_equal(joined(spans), [[0, 2], [3, 4], [5, 6]])
    begin, end = np.array([0.5, 1.9, 3, 4.5, -1, 5, 6.5]), np.array([1.5, 2.1, 4, 4.6, 0.5, 6, 7])
    np.testing.assert_array_equal(within(begin, end, spans), [1, 0, 1, 0, 0, 1, 0])
    assert not within(begin, end, np.empty((0, 2))).any()


def test_stretches_that_overlap_spans_by_more_than_they_touch():
    spans = np.array([[3.0, 4.0], [1.0, 2.0], [1.5, 2.5]])
    begin = np.array([0.0, 0.0, 2.5, 2.4, 3.2, 4.0, 0.0, 2.6])
    end = np.array([1.0, 1.1, 3.0, 2.9, 3.3, 5.0, 9.0, 2.7])
    wanted = [False, True, False, True, True, False, True, False]
    assert overlaps(begin, end, spans).tolist() == wanted
    assert not overlaps(begin, end, np.empty((0, 2))).any()
