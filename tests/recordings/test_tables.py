"""Tables have what the recording has, row by row."""

import sys

import numpy as np
import pytest

from ipvae_brian import Recording, Timing

TIMING = Timing(0.001, 60, 20, before=0.02)
TIMES = [[[0.01, 0.03], []], [[], [-0.005]], [[0.0], [0.039]]]
CONDITIONS = {"contrast": [0.1, 0.2, 0.1], "time": ["a", "b", "c"]}


@pytest.fixture
def recording():
    return Recording.from_spike_times(TIMES, TIMING, conditions=CONDITIONS)


def test_rows_of_counts(recording):
    table = recording.to_dataframe()
    assert len(table) == recording.counts.size
    assert table["count"].sum() == 5
    row = table[(table.trial == 1) & (table.window == 0) & (table.neuron == 1)].iloc[0]
    assert (row["count"], row.time, row.contrast, row.condition_time) == (1, -0.02, 0.2, "b")
    summed = table.groupby("trial")["count"].sum()
    np.testing.assert_array_equal(summed, recording.counts.sum(axis=(1, 2)))


def test_rows_of_spikes(recording):
    table = recording.to_dataframe("spikes")
    assert list(table.columns) == ["trial", "neuron", "time", "count", "contrast", "condition_time"]
    np.testing.assert_array_equal(table.time, [0.01, 0.03, -0.005, 0.0, 0.039])
    np.testing.assert_array_equal(table.contrast, [0.1, 0.1, 0.2, 0.1, 0.1])


def test_what_is_not_there_is_named(recording, monkeypatch):
    with pytest.raises(ValueError, match="^kind must be one of 'counts', 'spikes', got 'spike'"):
        recording.to_dataframe("spike")
    with pytest.raises(ValueError, match="spike times were not recorded"):
        Recording(recording.counts, TIMING).to_dataframe("spikes")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install ipvae_brian\[tables\]"):
        recording.to_dataframe()
