"""Times of trials against brute force over their time steps."""

import numpy as np
import pytest
from brian2.only import ms, mV, second
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import Timing
from ipvae_brian.recordings.timing import stimulus_between


def test_times_count_from_the_onset_of_the_stimulus():
    timing = Timing(dt=0.002, n_steps=23, steps_per_window=5, before=0.012, frame_steps=(4, 6))
    assert timing.onset_step == 6
    assert timing.duration == pytest.approx(0.046)
    assert timing.window == pytest.approx(0.010)
    assert timing.n_windows == 4
    np.testing.assert_allclose(timing.step_times, 0.002 * np.arange(-6, 17))
    np.testing.assert_allclose(timing.window_starts, [-0.012, -0.002, 0.008, 0.018], atol=1e-12)
    np.testing.assert_allclose(timing.window_ends, [-0.002, 0.008, 0.018, 0.028], atol=1e-12)
    np.testing.assert_array_equal(timing.frame_edges, [6, 10, 16])
    np.testing.assert_allclose(timing.frame_onsets, [0, 0.008])


def test_one_frame_lasts_to_the_end_by_default():
    assert Timing(0.001, 30, 10).frame_steps == (30,)
    assert Timing(0.001, 30, 10, before=0.01).frame_steps == (20,)


def test_from_durations_is_the_same_with_units():
    timing = Timing.from_durations(300 * ms, 20 * ms, before=0.1 * second, tau=20 * ms)
    assert timing == Timing(0.001, 300, 20, 0.02, before=0.1)
    assert Timing.from_durations(3 * ms, 1 * ms, dt=0.5 * ms) == Timing(0.0005, 6, 2)
    for arguments, error, words in (
        ({"duration": 300}, TypeError, "duration must be a time with units"),
        ({"window": 2.5 * ms}, ValueError, "window must be a whole number of time steps of 1 ms"),
        ({"before": 3 * mV}, TypeError, "before must be a time"),
        ({"dt": 0 * ms}, ValueError, "dt must be positive"),
    ):
        with pytest.raises(error, match=f"^{words}"):
            Timing.from_durations(**({"duration": 300 * ms, "window": 20 * ms} | arguments))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"dt": 0}, ValueError, "dt must be > 0"),
        ({"dt": "1"}, TypeError, "dt must be a number"),
        ({"n_steps": 0}, ValueError, "n_steps must be at least 1"),
        ({"n_steps": 2.5}, TypeError, "n_steps must be a whole number"),
        ({"steps_per_window": 0}, ValueError, "steps_per_window must be at least 1"),
        ({"tau": -1}, ValueError, "tau must be > 0"),
        ({"before": -0.1}, ValueError, "before must be >= 0"),
        ({"before": 0.0005}, ValueError, "before must be a whole number of time steps"),
        ({"before": 0.03}, ValueError, "before must be shorter than the trial"),
        ({"frame_steps": (31,)}, ValueError, "frame_steps must add up to at most the 30"),
        ({"frame_steps": (15, 10), "before": 0.01}, ValueError, "frame_steps .* the 20 .* got 25"),
        ({"frame_steps": (0, 10)}, ValueError, "frame_steps must be at least 1"),
    ],
)
def test_wrong_values_are_named(changes, error, words):
    with pytest.raises(error, match=f"^{words}"):
        Timing(**({"dt": 0.001, "n_steps": 30, "steps_per_window": 10} | changes))


def test_windows_between_are_those_that_lie_wholly_there():
    timing = Timing(0.001, 305, 20, before=0.1)  # windows from -100 to 200 ms
    starts, ends = timing.window_starts, timing.window_ends
    for begin, end in ((0, 0.2), (0.01, 0.05), (-0.1, 0), (-1, 1), (0.02, 0.04)):
        chosen = np.arange(timing.n_windows)[timing.windows_between(begin, end)]
        expected = (starts >= begin - 1e-9) & (ends <= end + 1e-9)
        np.testing.assert_array_equal(chosen, np.flatnonzero(expected))
    with pytest.raises(ValueError, match=r"no whole window of 0.02 s between 0.01 and 0.035 s"):
        timing.windows_between(0.01, 0.035)
    with pytest.raises(ValueError, match="no whole window"):
        timing.windows_between(0.2, 1)


@pytest.mark.parametrize(
    ("before", "frame_steps", "expected"),
    [(0, (), (0, 15)), (0.1, (), (5, 15)), (0.09, (60, 40), (5, 9)), (0.1, (20,), (5, 6))],
)
def test_windows_of_the_stimulus_are_wholly_within_its_frames(before, frame_steps, expected):
    timing = Timing(0.001, 305, 20, before=before, frame_steps=frame_steps)
    assert timing.windows_of_stimulus == slice(*expected)
    with pytest.raises(ValueError, match="no whole window of 20 ms while the stimulus is shown"):
        assert Timing(0.001, 305, 20, before=0.09, frame_steps=(29,)).windows_of_stimulus


def test_step_of_every_time():
    timing = Timing(0.1e-3, 10_000, 200, before=0.25)
    np.testing.assert_array_equal(timing.steps_of(timing.step_times), np.arange(10_000))
    np.testing.assert_array_equal(timing.steps_of(timing.step_times + 0.09e-3), np.arange(10_000))


def test_frame_of_a_window_is_the_one_shown_longest():
    timing = Timing(0.001, 60, 20, frame_steps=(13, 20, 27))
    # Windows: 13 of the first and 7 of the second; 13 of the second and 7; the third.
    assert [timing.frame_in(w) for w in (0, 1, 2, -1)] == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="^window must be within the 3 windows"):
        timing.frame_in(3)


@pytest.mark.parametrize("window", [4, -5, 1.0, True, "1", None])
def test_window_that_is_not_there(window):
    error = ValueError if isinstance(window, int) and window is not True else TypeError
    with pytest.raises(error, match="^window must be"):
        Timing(0.002, 23, 5).index_of_window(window)


def test_no_whole_window():
    with pytest.raises(ValueError, match="no whole window of tau = 10 ms in a duration of 8 ms"):
        Timing(0.002, 4, 5, 0.01).index_of_window(0)


@given(
    frame_steps=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    onset=st.integers(0, 5),
    begin=st.integers(0, 40),
    length=st.integers(1, 30),
)
def test_stimulus_between_steps_is_the_mean_over_them(frame_steps, onset, begin, length):
    """Nothing, which is zero, is shown before the first frame and after the last."""
    frames = np.random.default_rng(len(frame_steps)).normal(size=(2, len(frame_steps), 3))
    edges = onset + np.concatenate([[0], np.cumsum(frame_steps)])
    seen = np.zeros((2, 100, 3))
    seen[:, onset : edges[-1]] = np.repeat(frames, frame_steps, axis=1)
    expected = seen[:, begin : begin + length].mean(axis=1)
    found = stimulus_between(frames, edges, begin, begin + length)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_stimulus_within_a_frame_is_the_frame_to_the_bit():
    frames = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    for begin, frame in ((0, 0), (20, 1), (40, 1), (60, 2)):
        found = stimulus_between(frames, np.array([0, 20, 60, 80]), begin, begin + 20)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, frames[:, frame])


def test_steps_of_times_that_are_stored_with_few_bits():
    """As 32-bit numbers, some are a little less than the step that they are meant to be."""
    timing = Timing(0.001, 2000, 100, before=0.5)
    times = timing.step_times
    np.testing.assert_array_equal(timing.steps_of(times.astype(np.float32)), np.arange(2000))
