"""Trials one after another on one time axis."""

import numpy as np
import pytest
from brian2.only import ms, second
from helpers import make_parameters

from ipvae_brian import Recording, Spikes, SpikingNetwork, Timing
from ipvae_brian.recordings.time_axis import (
    as_options,
    as_text,
    ids_of,
    laid_out,
    require_free,
    stored_timing,
)


def test_trials_follow_each_other_in_their_order(recording):
    axis = laid_out(recording, 36000 * second, 250 * ms)
    np.testing.assert_allclose(axis.begin, 36000 + 0.75 * np.arange(8), atol=1e-9)
    np.testing.assert_allclose(axis.start - axis.begin, 0.1, atol=1e-9)
    np.testing.assert_allclose(axis.stop - axis.start, 0.3, atol=1e-9)
    np.testing.assert_allclose(axis.end - axis.begin, 0.5, atol=1e-9)
    for neuron, times in enumerate(axis.times):
        each = [axis.start[i] + recording.spike_times(neuron, i) for i in range(8)]
        np.testing.assert_array_equal(times, np.concatenate(each))
    assert list(axis.ids) == [4, 2, 9, 1, 0] and list(axis.columns) == ["depth", "quality"]


def test_trials_begin_on_whole_milliseconds():
    timing = Timing(1 / 30000, 100, 10)
    recording = Recording.from_spike_times([[[0.001]]] * 3, timing)
    np.testing.assert_array_equal(laid_out(recording).begin, [0, 0.104, 0.208])
    np.testing.assert_array_equal(laid_out(recording, gap=0 * ms).begin, [0, 0.004, 0.008])


def test_steps_with_several_spikes_have_their_time_several_times():
    columns = map(np.array, ([0, 0], [0, 0], [0.001, 0.004], [2, 1]))
    recording = Recording([[[3]]], Timing(0.001, 5, 5), spikes=Spikes(*columns))
    np.testing.assert_array_equal(laid_out(recording).times[0], [0.001, 0.001, 0.004])


def test_copies_of_a_network_become_one_session():
    network = SpikingNetwork(make_parameters(), dt=1 * ms, n_copies=4, record_spikes=True)
    response = network.present(np.random.default_rng(0).normal(size=(6, 16)), 100 * ms, seed=1)
    axis = laid_out(response)
    np.testing.assert_array_equal(axis.conditions["stimulus"], np.arange(6))
    np.testing.assert_allclose(axis.begin, 0.2 * np.arange(6))
    assert sum(map(len, axis.times)) == response.spikes.count.sum()


def test_ids_are_the_units_own_or_their_numbers(recording):
    assert list(ids_of(recording)) == [4, 2, 9, 1, 0]
    bare = Recording(recording.counts, recording.timing)
    assert list(ids_of(bare)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="spike times were not recorded"):
        laid_out(bare)
    for ids in ([1, 1, 2, 3, 4], [0.5, 1, 2, 3, 4]):
        twice = Recording(recording.counts, recording.timing, units={"id": ids})
        with pytest.raises(ValueError, match=r"units\['id'\] must have one whole number or name"):
            ids_of(twice)


def test_names_that_are_taken_are_refused():
    require_free(["a"], ["b"], "conditions", "NWB")
    for name in ("b", "", "a/b"):
        with pytest.raises(ValueError, match=r"conditions\['.*'\] cannot go into NWB"):
            require_free([name], ["b"], "conditions", "NWB")


def test_timings_survive_as_options():
    timing = Timing(1 / 3000, 100, 20, frame_steps=(30, 20), before=0.01, tau=0.02)
    options = as_options(timing)
    assert {name: round(float(time / second) * 3000, 6) for name, time in options.items()} == {
        **{"before": 30, "after": 20, "duration": 50},
        **{"window": 20, "dt": 1},
    }
    assert stored_timing(None) is None


def test_bytes_and_dates_become_text():
    columns = {
        "name": np.array([b"a", b"bc"]),
        "day": np.array(["2020-01-02", "NaT"], "M8[ns]"),
        "size": np.array([1, 2]),
    }
    texts = {name: as_text(column).tolist() for name, column in columns.items()}
    assert texts["name"] == ["a", "bc"] and texts["size"] == [1, 2]
    assert texts["day"] == ["2020-01-02T00:00:00.000000000", "NaT"]
