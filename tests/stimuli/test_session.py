import copy
import pickle

import numpy as np
import pytest
from brian2.only import Hz, ms, second
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import load_model
from ipvae_brian._tools import memory
from ipvae_brian.errors import MemoryLimitError
from ipvae_brian.stimuli import FrontEnd, Session, Whitening, protocols
from ipvae_brian.stimuli.drawings import Bar, Grating, Grey, Noise, Pictures

FRONT_END = FrontEnd(whitening=Whitening(), floor=0.02, mean=0.01, scale=0.7)


def session(**changes):
    arguments = {
        "name": "test",
        "drawings": [
            Grating(direction=0, spatial_frequency=0.1, contrast=0.5),
            Bar(direction=90, width=2),
            Grey(),
        ],
        "conditions": {"contrast": [0.5, 1, 0], "kind": ["grating", "bar", "grey"]},
        "shape": (8, 12),
        "frame_durations": 100 * ms,
    }
    arguments |= changes
    return Session(
        arguments.pop("name"), arguments.pop("drawings"), arguments.pop("conditions"), **arguments
    )


def test_table_of_trials():
    s = session(repeats=3)
    assert (s.n_stimuli, s.n_trials, s.repeats, s.n_pixels) == (3, 9, 3, 96)
    np.testing.assert_array_equal(s.stimulus_numbers, [0, 1, 2] * 3)
    np.testing.assert_array_equal(s.conditions["contrast"], [0.5, 1, 0] * 3)
    np.testing.assert_array_equal(s.conditions["kind"], ["grating", "bar", "grey"] * 3)
    np.testing.assert_array_equal(s.conditions["repeat"], [0, 0, 0, 1, 1, 1, 2, 2, 2])
    assert repr(s) == (
        "<Session of test: 3 conditions x 3 repeats, trials of 300 ms, 8 x 12 pixels>"
    )


def test_times():
    s = session(
        frame_durations=[10 * ms, 30 * ms], grey_before=50 * ms, grey_after=20 * ms, dt=0.1 * ms,
        repeats=2,
    )  # fmt: skip
    np.testing.assert_array_equal(s.frame_steps, [100, 300])
    np.testing.assert_array_equal(s.movie_steps, [500, 100, 300, 200])
    np.testing.assert_allclose(s.durations / ms, [50, 10, 30, 20])
    assert float(s.trial_duration / ms) == pytest.approx(110)
    assert float(s.duration / ms) == pytest.approx(660)
    assert float(s.grey_before / ms) == pytest.approx(50)
    assert float(s.grey_after / ms) == pytest.approx(20)
    assert float(s.dt / ms) == pytest.approx(0.1)
    assert len(session(grey_before=0 * ms).durations) == 1


def test_frames_of_a_monitor_do_not_drift():
    """600 frames at 60 Hz are 10 s, though none of them is a whole number of time steps."""
    s = session(frame_durations=[1 / 60 * second] * 600, dt=0.1 * ms)
    assert s.frame_steps.sum() == 100_000
    assert set(s.frame_steps.tolist()) == {166, 167}
    ends = np.cumsum(s.frame_steps) * 1e-4
    assert np.abs(ends - np.arange(1, 601) / 60).max() <= 0.5e-4 + 1e-12


@given(
    lengths=st.lists(st.floats(0.5, 40), min_size=1, max_size=30),
    before=st.integers(0, 300),
    after=st.integers(0, 300),
)
def test_durations_are_whole_steps_and_add_up(lengths, before, after):
    s = session(
        frame_durations=[length * ms for length in lengths], dt=0.1 * ms,
        grey_before=before * ms, grey_after=after * ms,
    )  # fmt: skip
    steps = s.durations / (0.1 * ms)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)
    assert float(s.trial_duration / ms) == pytest.approx(
        before + after + sum(lengths), abs=0.05 + 1e-9
    )
    assert len(s.durations) == len(lengths) + (before > 0) + (after > 0)
    assert s.movies(None).shape == (3, len(s.durations), 96)


def test_movies_in_whitened_space():
    s = session(grey_after=50 * ms)
    movies = s.movies(None)
    assert movies.shape == (3, 3, 96) and movies.dtype == np.float32
    np.testing.assert_array_equal(movies[:, [0, 2]], 0)
    np.testing.assert_allclose(
        movies[0, 1], np.sqrt(2) * s.frames(0).reshape(-1), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(movies[1, 1], s.frames(1).reshape(-1), rtol=1e-6)
    # A grating of contrast 1 over whole periods has the root mean square of natural patches.
    full = protocols.flashed_gratings(orientations=90, spatial_frequencies=2)
    assert full.movies(None)[0, 1].std() == pytest.approx(1, rel=1e-6)


def test_movies_through_a_front_end():
    s = session()
    movies = s.movies(FRONT_END)
    assert movies.shape == (3, 2, 96)
    grey = -FRONT_END.mean / FRONT_END.scale
    np.testing.assert_allclose(movies[:, 0], grey, rtol=1e-5)
    np.testing.assert_allclose(movies[2], grey, rtol=1e-5)
    for number in (0, 1):
        frame = s.frames(number, margin=FRONT_END.margin)
        assert frame.shape == (1, 8 + 32, 12 + 32)
        expected = FRONT_END.apply(frame).reshape(1, -1)
        np.testing.assert_allclose(movies[number, 1:], expected, rtol=1e-5, atol=1e-6)


def test_contrast_counts_with_a_models_front_end_and_is_kept_without():
    model = load_model("photographs-512")
    s = protocols.flashed_gratings(
        orientations=[20, 110], spatial_frequencies=3, contrasts=[0.01, 0.05, 1]
    )
    seen = s.movies(model.front_end)[:, 1].std(axis=1).reshape(2, 3)
    assert (seen[:, 1] > 3 * seen[:, 0]).all() and (seen[:, 2] > 1.5 * seen[:, 1]).all()
    kept = s.movies(None)[:, 1].std(axis=1).reshape(2, 3)
    np.testing.assert_allclose(kept / kept[:, 2:], [[0.01, 0.05, 1]] * 2, rtol=1e-5)


def test_some_stimuli_and_in_the_order_of_trials():
    s = session(repeats=2)
    everything = s.movies(FRONT_END)
    np.testing.assert_array_equal(s.movies(FRONT_END, [2, 0]), everything[[2, 0]])
    trials = s.movies(FRONT_END, s.stimulus_numbers)
    np.testing.assert_array_equal(trials, everything[s.stimulus_numbers])


def test_long_movies_in_pieces(monkeypatch):
    s = protocols.white_noise(n_frames=30, shape=(6, 6))
    whole = s.movies(FRONT_END)
    monkeypatch.setattr("ipvae_brian.stimuli.session.FRAMES_AT_ONCE", 7)
    np.testing.assert_allclose(s.movies(FRONT_END), whole, atol=1e-6)


def test_pictures_are_the_middle_frames():
    s = protocols.white_noise(n_sequences=2, n_frames=9, shape=(6, 6))
    for number, picture in enumerate(s.pictures()):
        np.testing.assert_array_equal(picture, s.frames(number)[4])


def test_memory_is_told_beforehand(monkeypatch):
    s = session(frame_durations=[10 * ms] * 50, repeats=7)
    assert s.memory_needed() == s.movies(None).nbytes == 4 * 3 * 51 * 96
    monkeypatch.setattr(memory, "available_memory", lambda: s.memory_needed())
    with pytest.raises(MemoryLimitError, match="movies .* GB.*ask for some of the stimuli"):
        s.movies(None)
    assert s.movies(None, [0]).shape == (1, 51, 96)


def test_present_movie_takes_them():
    from helpers import make_parameters

    from ipvae_brian import SpikingNetwork

    model = make_parameters(front_end=FRONT_END)
    s = protocols.flashed_gratings(
        orientations=[0, 45], spatial_frequencies=1, shape=(4, 4), duration=40 * ms,
        grey_before=20 * ms,
    )  # fmt: skip
    network = SpikingNetwork(model, n_copies=2, dt=1 * ms)
    response = network.present_movie(s.movies(model.front_end), s.durations, seed=1)
    assert response.counts.shape == (2, 3, 12)


def test_frozen(tmp_path):
    s = session(units={"contrast": "1"})
    for other in (s, copy.deepcopy(s), pickle.loads(pickle.dumps(s))):
        with pytest.raises(AttributeError, match="cannot be changed"):
            other.repeats = 2
        with pytest.raises(ValueError, match="read-only"):
            other.stimulus_numbers[0] = 2
        with pytest.raises(ValueError, match="read-only"):
            other.frame_steps[0] = 2
        with pytest.raises(ValueError, match="read-only"):
            other.conditions["contrast"][0] = 2
        with pytest.raises(TypeError, match="read-only"):
            other.conditions["contrast"] = 2
        np.testing.assert_array_equal(other.movies(None), s.movies(None))
    assert s.renamed("other").name == "other" and s.name == "test"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"drawings": []}, TypeError, "drawings must be at least one"),
        ({"drawings": [np.eye(3)]}, TypeError, "drawings must be at least one, each with"),
        ({"conditions": [1, 2, 3]}, TypeError, "conditions must be a dict"),
        ({"conditions": {"a": [1, 2]}}, ValueError, "conditions: a must have one .* of the 3"),
        ({"conditions": {"a": [[1], [2], [3]]}}, ValueError, "conditions: a must have one"),
        ({"conditions": {"a": [None, 1, 2]}}, ValueError, "conditions: a must have .*object"),
        ({"conditions": {"repeat": [0, 1, 2]}}, ValueError, "must not have a column 'repeat'"),
        ({"units": {"contrst": "1"}}, ValueError, "units: condition .* did you mean 'contrast'"),
        ({"shape": 16}, TypeError, "shape must be"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1"),
        ({"repeats": 1.5}, TypeError, "repeats must be a whole number"),
        ({"dt": 0 * ms}, ValueError, "dt must be positive"),
        ({"dt": 0.1}, TypeError, "dt must be a time"),
        ({"grey_before": 0.12 * ms}, ValueError, "grey_before must be a whole number of time"),
        ({"grey_after": -1 * ms}, ValueError, "grey_after must be zero or positive"),
        ({"grey_after": 1 * Hz}, TypeError, "grey_after must be a time"),
        ({"frame_durations": []}, ValueError, "frame_durations is empty"),
        ({"frame_durations": 0.01 * ms}, ValueError, "frame_durations must be at least a time"),
        ({"frame_durations": [1 * ms, 2]}, TypeError, r"frame_durations\[1\] must be a time"),
    ],
)
def test_bad_arguments(changes, error, message):
    with pytest.raises(error, match=message):
        session(**changes)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s.frames(3), ValueError, "stimulus must be below 3, got 3"),
        (lambda s: s.frames(-1), ValueError, "stimulus must be at least 0"),
        (lambda s: s.frames(0, margin=-1), ValueError, "margin must be at least 0"),
        (lambda s: s.movies("radial"), TypeError, "front_end must be a FrontEnd or None"),
        (lambda s: s.movies(None, [0, 3]), ValueError, "stimuli must be from 0 to 2"),
        (lambda s: s.movies(None, [-1]), ValueError, "stimuli must be from 0 to 2"),
        (lambda s: s.movies(None, [0.5]), TypeError, "stimuli must be whole numbers"),
        (lambda s: s.movies(None, []), ValueError, "stimuli is empty"),
    ],
)
def test_bad_calls(call, error, message):
    with pytest.raises(error, match=message):
        call(session())


def test_pictures_smaller_than_the_front_end_needs():
    s = session(drawings=[Pictures(np.zeros((1, 20, 20)))], conditions={})
    assert s.movies(None).shape == (1, 2, 96)
    with pytest.raises(ValueError, match="pictures of 20 x 20 pixels .* margin of 16"):
        s.movies(FRONT_END)


def test_noise_is_the_same_with_any_margin():
    s = session(drawings=[Noise(seed=(3, 1), contrast=0.2)], conditions={}, shape=(5, 7))
    np.testing.assert_array_equal(s.frames(0, margin=4)[:, 4:-4, 4:-4], s.frames(0))
    assert s.frames(0, margin=4).std() == pytest.approx(0.2, rel=0.2)
