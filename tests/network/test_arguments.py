"""Stimuli, movies, durations and neurons as users give them: what is taken, what is refused."""

import numpy as np
import pytest
from brian2 import ms, mV, second
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import SpikingNetwork, TimingWarning
from ipvae_brian.network.arguments import steps_of_frames


@pytest.fixture(scope="module")
def network(parameters):
    return SpikingNetwork(parameters, dt=4 * ms)


# Shapes that mean the same


def test_stimuli_may_be_rows_or_images(network, stimuli):
    rows = network.present(stimuli, 40 * ms, seed=1)
    images = network.present(stimuli.reshape(5, 4, 4), 40 * ms, seed=1)
    listed = network.present(stimuli.tolist(), 40 * ms, seed=1)
    np.testing.assert_array_equal(rows.counts, images.counts)
    np.testing.assert_array_equal(rows.counts, listed.counts)
    assert rows.frames.shape == images.frames.shape == (5, 1, 16)


def test_one_stimulus_may_be_a_row_or_an_image(network, stimuli):
    row = network.present(stimuli[0], 40 * ms, seed=1)
    image = network.present(stimuli[0].reshape(4, 4), 40 * ms, seed=1)
    np.testing.assert_array_equal(row.counts, image.counts)
    assert row.counts.shape == (1, 2, 12)


def test_movies_may_be_one_or_many_rows_or_images(network, stimuli):
    one = network.present_movie(stimuli, 20 * ms, seed=1)
    image = network.present_movie(stimuli.reshape(5, 4, 4), 20 * ms, seed=1)
    many = network.present_movie(stimuli.reshape(1, 5, 4, 4), [20 * ms] * 5, seed=1)
    for response in (image, many):
        np.testing.assert_array_equal(response.counts, one.counts)
    assert one.counts.shape == (1, 5, 12)


def test_a_movie_of_one_frame_is_a_stimulus(network, stimuli):
    still = network.present(stimuli[0], 60 * ms, seed=1)
    movie = network.present_movie(stimuli[:1], 60 * ms, seed=1)
    np.testing.assert_array_equal(still.counts, movie.counts)


def test_whole_numbers_and_float32_are_taken(network, stimuli):
    for dtype in (np.int8, np.uint8, bool, np.float32):
        assert network.present(stimuli[0].astype(dtype), 20 * ms).counts.shape == (1, 1, 12)


def test_stimuli_of_the_user_are_not_changed(network, stimuli):
    x = stimuli.copy()
    network.present(x, 20 * ms)
    np.testing.assert_array_equal(x, stimuli)


# Bad stimuli


def altered(stimuli, value):
    x = stimuli.copy()
    x[1, 3] = value
    return x


BAD = {
    "too few pixels": (lambda x: x[:, :15], ValueError),
    "transposed": (lambda x: x.T, ValueError),
    "scalar": (lambda x: 1.0, ValueError),
    "rank 5": (lambda x: x.reshape(1, 1, 5, 4, 4), ValueError),
    "wrong image": (lambda x: x.reshape(5, 2, 8), ValueError),
    "NaN": (lambda x: altered(x, np.nan), ValueError),
    "infinite": (lambda x: altered(x, np.inf), ValueError),
    "empty": (lambda x: x[:0], ValueError),
    "no pixels": (lambda x: x[:, :0], ValueError),
    "ragged": (lambda x: [[1.0] * 16, [1.0] * 15], ValueError),
    "strings": (lambda x: x.astype(str), TypeError),
    "objects": (lambda x: x.astype(object), TypeError),
    "complex": (lambda x: x.astype(complex), TypeError),
    "None": (lambda x: None, TypeError),
    "dates": (lambda x: np.zeros((5, 16), "datetime64[s]"), TypeError),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_stimuli_are_refused_by_name(network, stimuli, name):
    change, error = BAD[name]
    with pytest.raises(error, match="^stimuli"):
        network.present(change(stimuli), 40 * ms)
    with pytest.raises(error, match="^stimuli"):
        network.build(change(stimuli))


@pytest.mark.parametrize("name", [n for n in BAD if n != "rank 5"])
def test_bad_movies_are_refused_by_name(network, stimuli, name):
    change, error = BAD[name]
    with pytest.raises(error, match="^frames"):
        network.present_movie(change(stimuli), 40 * ms)


@pytest.mark.parametrize(
    ("duration", "error", "match"),
    [
        ([20 * ms] * 4, ValueError, "duration must be one time or 5, got 4"),
        ([20 * ms] * 4 + [-20 * ms], ValueError, r"duration\[4\]"),
        ([20 * ms] * 4 + [20 * mV], TypeError, r"duration\[4\]"),
        ([20 * ms] * 4 + [20], TypeError, r"duration\[4\]"),
        ([20 * ms] * 4 + [1 * ms], ValueError, "duration must be at least one time step"),
        ([20] * 5, TypeError, r"duration\[0\]"),
        (20, TypeError, "duration"),
        ("20 ms", TypeError, "duration"),
    ],
    ids=str,
)
def test_bad_durations_of_frames(network, stimuli, duration, error, match):
    with pytest.raises(error, match=match):
        network.present_movie(stimuli, duration)


def test_durations_may_be_one_array_with_units(network, stimuli):
    response = network.present_movie(stimuli, [20, 40, 20, 8, 12] * ms)
    assert response.timing.frame_steps == (5, 10, 5, 2, 3)


# Times that are no multiple of the time step


@given(
    st.lists(st.floats(1e-3, 0.2), min_size=1, max_size=200), st.sampled_from([1e-3, 5e-4, 1.25e-4])
)
@pytest.mark.filterwarnings("ignore::ipvae_brian.TimingWarning")
def test_frames_begin_at_the_nearest_time_step(lengths, dt):
    steps = steps_of_frames(np.array(lengths), dt)
    off = np.cumsum(steps) * dt - np.cumsum(lengths)
    assert np.abs(off).max() <= dt / 2 * (1 + 1e-9)


@pytest.mark.parametrize("dt", [1 * ms, 0.5 * ms])
def test_a_movie_at_60_hz_lasts_as_long_as_its_frames(parameters, dt):
    movie = np.zeros((600, 16))
    network = SpikingNetwork(parameters, dt=dt)
    with pytest.warns(TimingWarning, match="ends at") as warned:
        response = network.present_movie(movie, 1 / 60 * second, seed=0)
    assert warned[0].filename == __file__
    assert response.timing.duration == pytest.approx(10)
    np.testing.assert_allclose(
        response.timing.frame_onsets, np.arange(600) / 60, atol=float(dt) / 2 * 1.001
    )


def test_lengths_that_are_whole_numbers_of_steps_give_no_warning(recwarn):
    np.testing.assert_array_equal(steps_of_frames(np.full(30_000, 0.01), 1e-4), 100)
    np.testing.assert_array_equal(steps_of_frames(np.array([0.3, 0.1, 0.7]), 0.1), [3, 1, 7])
    assert not recwarn


def test_a_static_stimulus_of_half_a_step_is_said_to_be_rounded(network, stimuli):
    with pytest.warns(TimingWarning, match=r"end at 42 ms, .* dt = 4 ms; it ends at 40 ms"):
        network.present(stimuli[0], 42 * ms)


def test_frames_shorter_than_a_step_are_refused():
    with pytest.raises(ValueError, match="at least one time step, 1 ms, got 0.3 ms"):
        steps_of_frames(np.array([2e-3, 3e-4, 2e-3]), 1e-3)


# Neurons to be recorded


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (True, range(12)),
        (np.True_, range(12)),
        ("all", range(12)),
        (False, ()),
        ((), ()),
        (slice(2, 5), (2, 3, 4)),
        (slice(None, None, -6), (11, 5)),
        (np.arange(3, dtype=np.uint8), (0, 1, 2)),
        ([np.int64(7), 2], (7, 2)),
    ],
    ids=str,
)
def test_neurons_to_be_recorded(parameters, stimuli, given, wanted):
    network = SpikingNetwork(parameters, dt=4 * ms, record_potentials=given)
    assert network.recorded == tuple(wanted)
    response = network.present(stimuli[0], 20 * ms)
    if len(wanted):
        assert response.potentials.shape == (1, len(wanted), 5)


@pytest.mark.parametrize("given", ["some", "0", 3, np.int64(3), [[0, 1]], [True], [1.5], None])
def test_what_does_not_name_neurons(parameters, given):
    with pytest.raises(TypeError, match="^record_potentials must be"):
        SpikingNetwork(parameters, dt=4 * ms, record_potentials=given)
