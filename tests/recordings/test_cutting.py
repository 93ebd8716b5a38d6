"""Trials cut out of a session, against brute force; a fault is an error, or said and left out."""

import re
import warnings

import numpy as np
import pytest
from brian2.only import ms, second
from hypothesis import given, settings
from hypothesis import strategies as st
from made_recordings import TRIALS, dropping, read, refused

from ipvae_brian import MemoryLimitError, Recording, RecordingWarning


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_spikes_are_in_the_trials_in_whose_time_they_are(data):
    draw = data.draw
    starts = np.cumsum(draw(st.lists(st.floats(0.3, 2.0), min_size=1, max_size=5)))
    order = draw(st.permutations(range(len(starts))))
    starts = starts[list(order)] + 1
    before, after = draw(st.integers(0, 300)), draw(st.integers(0, 300))
    times = [
        np.sort(draw(st.lists(st.floats(0, 15), max_size=30)))
        for _ in range(draw(st.integers(1, 3)))
    ]
    spikes = {"unit": np.repeat(np.arange(len(times)), [len(t) for t in times])}
    spikes["time"] = np.concatenate(times)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        found = Recording.from_tables(
            spikes,
            {"start_time": starts, "number": order},
            {"id": np.arange(len(times))},
            duration=250 * ms,
            before=before * ms,
            after=after * ms,
            window=50 * ms,
        )
    np.testing.assert_array_equal(found.conditions["number"], order)
    for i, start in enumerate(starts):
        for j, one in enumerate(times):
            relative = one - start
            # To a millionth of a time step, so that what rounds to a step is in it.
            inside = (relative >= -before / 1e3 - 1e-9) & (relative < 0.25 + after / 1e3 - 1e-9)
            np.testing.assert_array_equal(found.spike_times(j, i), relative[inside])
            assert found.counts[i, :, j].sum() <= inside.sum()


def test_what_is_stated_decides_how_trials_are_cut():
    found = read(before=100 * ms, after=50 * ms, window=25 * ms, dt=0.5 * ms)
    assert found.timing.dt == 0.0005
    assert (found.timing.before, found.timing.duration, found.timing.window) == (0.1, 0.65, 0.025)
    assert found.timing.frame_steps == (1000,)
    assert found.timing.windows_of_stimulus == slice(4, 24)
    assert read().timing.window == 0.01
    assert read(duration=200 * ms).timing.duration == 0.2
    assert read(trials={"start_time": [1.0, 2.0]}, duration=1 * second).n_trials == 2


def test_conditions_may_have_different_numbers_of_trials_and_blanks():
    trials = TRIALS | {"orientation": [0, np.nan, 0]}
    found = read(trials=trials)
    assert list(found.trials_where(orientation=0)) == [0, 2]
    assert list(found.trials_where(orientation=np.nan)) == [1]


def test_stimuli_of_almost_equal_lengths_have_that_of_the_shortest():
    found = read(trials=TRIALS | {"stop_time": [1.503, 2.4995, 3.5]})
    assert found.timing.duration == 0.499
    with pytest.raises(ValueError, match=r"stimuli must be equally long, to 2%, got 0.4 to 0.5 s"):
        read(trials=TRIALS | {"stop_time": [1.4, 2.5, 3.5]})
    trials = TRIALS | {"stop_time": [1.4, 2.5, 3.5]}
    assert read(trials=trials, duration=400 * ms).timing.duration == 0.4


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"before": 0.1}, TypeError, "before must be a time with units"),
        ({"after": -1 * ms}, ValueError, "after must be zero or positive"),
        ({"duration": 0 * ms}, ValueError, "duration must be positive"),
        ({"window": 1.5 * ms}, ValueError, "window must be a whole number of time steps of 1 ms"),
        ({"before": 0.5 * ms}, ValueError, "before must be a whole number of time steps"),
        ({"window": 1 * second}, ValueError, "window must be at most a trial of 500 ms, got 1000"),
        ({"dt": 0 * ms}, ValueError, "dt must be positive"),
        ({"faults": "ignore"}, ValueError, "faults must be one of 'raise', 'drop'"),
    ],
)
def test_what_cannot_be_cut_is_refused(options, error, text):
    with pytest.raises(error, match=text):
        read(**options)


@pytest.mark.parametrize(
    ("changes", "text", "kept"),
    [
        ({"start_time": [1.0, np.nan, 3.0]}, r"1 of 3 trials \(rows 1\): start is not a n", [0, 2]),
        ({"stop_time": [1.5, 2.5, np.inf]}, r"\(rows 2\): stop is not a number", [0, 1]),
        ({"stop_time": [0.5, 2.5, 3.5]}, r"\(rows 0\): stop is not after start", [1, 2]),
        ({"start_time": [1.0, 2.0, 2.2], "stop_time": [1.5, 2.5, 2.7]}, "begins before", [0, 1]),
        ({"start_time": [-1.0, 2, 3], "stop_time": [-0.5, 2.5, 3.5]}, "before the s", [1, 2]),
    ],
)
def test_trials_at_fault(changes, text, kept):
    found = refused(text, trials=TRIALS | changes)
    wanted = read().select(kept)
    np.testing.assert_array_equal(found.counts, wanted.counts)
    np.testing.assert_array_equal(found.conditions["orientation"], wanted.conditions["orientation"])


def test_trials_before_the_session_and_none_left():
    with pytest.raises(ValueError, match="begins before the session, before and after included"):
        read(before=1500 * ms)
    with pytest.raises(ValueError, match="no trial is left: start is not a number"):
        dropping(trials={"start_time": [np.nan], "stop_time": [1.0]})
    with pytest.raises(ValueError, match="the table of trials has no rows"):
        read(trials={"start_time": [], "stop_time": []})
    with pytest.raises(ValueError, match="does not say when stimuli end: state duration"):
        read(trials={"start_time": [1.0]})
    with pytest.raises(ValueError, match="must last at least a time step of 1 ms, got 0.1 ms"):
        read(trials={"start_time": [1.0], "stop_time": [1.0001]})


def test_trials_that_share_spikes_or_come_after_all_are_told():
    with pytest.warns(RecordingWarning, match="2 of 3 trials reach into the next"):
        found = dropping({1: [1.6, 3.2, 5.0]}, before=500 * ms, after=200 * ms)
    assert found.counts.sum() == 3
    with pytest.warns(RecordingWarning, match="1 of 3 trials begin after the last spike of all"):
        dropping({1: [1.1], 5: [2.9]})


def test_what_does_not_fit_into_memory_is_refused():
    with pytest.raises(MemoryLimitError, match="counts .* wider windows"):
        read(trials={"start_time": [1.0]}, duration=1e9 * second, window=1 * ms)


def test_rows_that_are_many_are_not_all_listed():
    start = np.where(np.arange(30) % 2, np.nan, np.arange(30.0))
    text = re.escape("15 of 30 trials (rows 1, 3, 5, 7, 9, ...): start is not a number")
    with pytest.raises(ValueError, match=text):
        read(trials={"start_time": start}, duration=100 * ms)


def test_times_of_trials_are_subtracted_in_double_precision():
    """What 32 bits leave of the beginning is exact in them, and warned of."""
    start = np.float32([20000.25, 20001.5])
    spikes = {"unit": [1, 1], "time": [20000.2623, 20001.51]}
    with pytest.warns(RecordingWarning, match="times of trials are stored with 32 bits"):
        found = Recording.from_tables(spikes, {"start_time": start, "stop_time": start + 0.5})
    np.testing.assert_allclose(found.spike_times(0), [0.0123], atol=1e-9)
