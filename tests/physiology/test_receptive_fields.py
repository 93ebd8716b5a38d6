import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import GaborFit, fit_gabor, spike_triggered_average
from ipvae_brian.stimuli.drawings import Grating, Grid

N_FRAMES = 6000


@pytest.fixture(scope="module")
def linear_nonlinear():
    """Poisson neurons that sum white noise of this frame, or of the last, and rectify."""
    rng = np.random.default_rng(3)
    filters = rng.normal(size=(2, 64))
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    frames = rng.normal(size=(2, N_FRAMES, 64))
    drive = frames @ filters.T
    drive[:, 1:, 1] = drive[:, :-1, 1].copy()  # the second answers a frame later
    counts = rng.poisson(np.exp(drive - 1))
    counts = np.concatenate([counts, np.zeros((2, N_FRAMES, 1), int)], axis=2)
    timing = Timing(dt=0.01, n_steps=N_FRAMES, steps_per_window=1, frame_steps=[1] * N_FRAMES)
    return filters, Recording(counts, timing, frames=frames)


def test_average_is_the_filter_of_a_linear_nonlinear_neuron(linear_nonlinear):
    """Of about 7000 spikes: each pixel's error is .012 to .125 of the filter."""
    filters, recording = linear_nonlinear
    found = spike_triggered_average(recording, 3)
    assert found.best_lag[:2].tolist() == [0, 1]
    for neuron in range(2):
        assert np.corrcoef(found.fields[neuron], filters[neuron])[0, 1] > 0.98
        other = found.averages[2, neuron]
        assert abs(np.corrcoef(other, filters[neuron])[0, 1]) < 0.4
    # With an exponential, the average is the filter itself.
    np.testing.assert_allclose(found.fields[:2] @ filters.T, np.eye(2), atol=0.1)
    assert np.isnan(found.averages[:, 2]).all() and found.n_spikes[2] == 0


def test_average_is_that_of_a_loop(rng):
    """Repeats of two movies, with a mean, whose first frames are left out."""
    frames = rng.normal(1, 1, size=(2, 7, 5))
    counts = rng.poisson(2, size=(4, 7, 3))
    numbers = np.array([1, 0, 1, 1])
    timing = Timing(dt=0.01, n_steps=7, steps_per_window=1, frame_steps=[1] * 7)
    recording = Recording(counts, timing, frames=frames, stimulus_numbers=numbers)
    found = spike_triggered_average(recording, 2, first_frame=2, minimum_spikes=1)
    for lag in range(2):
        total, mean = np.zeros((3, 5)), np.zeros(5)
        for trial in range(4):
            for frame in range(3, 7):
                total += np.outer(counts[trial, frame], frames[numbers[trial], frame - lag])
                mean += frames[numbers[trial], frame - lag] / 16
        expected = total / counts[:, 3:].sum(axis=(0, 1))[:, None] - mean
        np.testing.assert_allclose(found.averages[lag], expected)


def test_frames_may_be_no_whole_windows_if_there_are_spike_times(rng):
    frames = rng.normal(size=(1, 4, 5))
    counts = dict(dt=0.001, n_steps=50, steps_per_window=20, frame_steps=[10, 12, 8, 10])
    timing = Timing(**counts, before=0.005)
    times = [[[-0.002, 0.001, 0.0105, 0.0215, 0.0225, 0.043]]]
    recording = Recording.from_spike_times(times, timing, frames=frames)
    found = spike_triggered_average(recording, 1, minimum_spikes=1)
    assert found.n_spikes.tolist() == [4]
    weights = np.array([1, 2, 1, 0]) / 4 - 1 / 4
    np.testing.assert_allclose(found.averages[0, 0], weights @ frames[0])
    with pytest.raises(ValueError, match="spike times were not recorded"):
        spike_triggered_average(Recording(recording.counts, timing, frames=frames), 1)


def test_wrong_averages(linear_nonlinear):
    _, recording = linear_nonlinear
    with pytest.raises(ValueError, match="no neuron has 100000 spikes; the most is"):
        spike_triggered_average(recording, minimum_spikes=100_000)
    with pytest.raises(ValueError, match="at least 5 frames from frame 5998 on, got 2"):
        spike_triggered_average(recording, first_frame=5998)
    with pytest.raises(TypeError, match="recording must be a Recording"):
        spike_triggered_average(recording.counts)
    with pytest.raises(ValueError, match="not known: give frames"):
        spike_triggered_average(Recording(recording.counts, recording.timing))


GABORS = [
    GaborFit(1.3, -2.1, 30.0, 0.15, 40.0, 2.0, 3.0, 1.7, 1.0, (16, 16)),
    GaborFit(0.0, 0.0, 0.0, 0.25, -90.0, 1.5, 4.0, 0.4, 1.0, (16, 16)),
    GaborFit(-3.0, 2.0, 120.0, 0.1, 170.0, 3.0, 2.0, 5.0, 1.0, (14, 18)),
    GaborFit(2.0, 1.0, 90.0, 0.2, 0.0, 2.5, 2.5, 1.0, 1.0, (16, 16)),
]


@pytest.mark.parametrize("gabor", GABORS)
def test_a_gabor_function_is_recovered(gabor):
    found = fit_gabor(gabor.field)
    assert found.r_squared > 0.999
    for name in ("x", "y", "frequency", "sigma_x", "sigma_y", "amplitude", "nx", "ny"):
        assert getattr(found, name) == pytest.approx(getattr(gabor, name), rel=0.01, abs=0.02)
    turned = np.deg2rad(2 * (found.orientation - gabor.orientation))
    assert np.cos(turned) > 0.9999
    np.testing.assert_allclose(found.field, gabor.field, atol=0.03 * gabor.amplitude)


def test_orientation_is_that_of_the_protocols():
    """A grating's bars are at right angles to the direction in which it drifts."""
    grating = Grating(direction=60.0, spatial_frequency=0.2, phase=0.0)
    grid = Grid((16, 16))
    envelope = np.exp(-(grid.x**2 + grid.y**2) / (2 * 3**2))
    found = fit_gabor(envelope * grating.draw(grid, np.zeros(1))[0])
    assert found.orientation == pytest.approx(150, abs=0.1)
    assert abs(found.phase) < 1 and found.frequency == pytest.approx(0.2, rel=0.01)


def test_a_noisy_field_is_found_and_noise_is_told_from_it(rng):
    gabor = GABORS[0]
    noise = rng.normal(size=(16, 16))
    found = fit_gabor(gabor.field + 0.1 * noise)
    assert 0.5 < found.r_squared < 0.99
    assert found.orientation == pytest.approx(30, abs=3)
    assert found.nx == pytest.approx(gabor.nx, rel=0.15)
    assert fit_gabor(noise).r_squared < 0.5


@settings(max_examples=10)
@given(st.floats(0.1, 100), st.sampled_from([1, -1]))
def test_a_fit_knows_no_scale(scale, sign):
    found = fit_gabor(sign * scale * GABORS[1].field)
    assert found.r_squared > 0.999
    assert found.ny == pytest.approx(GABORS[1].ny, rel=0.01)
    assert found.amplitude == pytest.approx(scale * GABORS[1].amplitude, rel=0.01)


def test_wrong_fields():
    with pytest.raises(ValueError, match="field must not be flat"):
        fit_gabor(np.full((8, 8), 3.0))
    with pytest.raises(ValueError, match="at least 4 x 4 pixels"):
        fit_gabor(np.eye(3))
    with pytest.raises(ValueError, match="2 dimension"):
        fit_gabor(np.arange(16.0))
