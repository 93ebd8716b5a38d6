import numpy as np
import pytest
from brian2 import Hz, ms

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import f1_f0, spatial_frequency_tuning, tuning_curve


def test_curve_is_mean_and_standard_error_of_the_trials(make_recording, rng):
    angles = np.repeat([90, 0, 45], 8)
    counts = rng.poisson(10, size=(24, 2))
    curve = tuning_curve(make_recording(counts, orientation=angles), "orientation")
    assert curve.values.tolist() == [0, 45, 90] and curve.n_trials.tolist() == [8, 8, 8]
    for angle, rates, errors in zip(curve.values, curve.rates, curve.standard_errors, strict=True):
        own = counts[angles == angle] / 0.5
        np.testing.assert_allclose(rates, own.mean(axis=0))
        np.testing.assert_allclose(errors, own.std(axis=0, ddof=1) / np.sqrt(8))
    assert curve.preferred.tolist() == curve.values[curve.rates.argmax(axis=0)].tolist()


def test_chosen_trials_blanks_and_periods(make_recording):
    recording = make_recording(
        np.array([1, 2, 3, 4, 50, 60])[:, None],
        direction=[10, 190, 100, 280, np.nan, 10],
        contrast=[1, 1, 1, 1, 1, 0.5],
    )
    curve = tuning_curve(recording, "direction", where={"contrast": 1.0}, period=180)
    np.testing.assert_array_equal(curve.values, [10, 100])
    np.testing.assert_array_equal(curve.rates.ravel(), [3, 7])
    assert curve.n_trials.tolist() == [2, 2]
    one = tuning_curve(recording, "direction", where={"contrast": 0.5})
    assert np.isnan(one.standard_errors).all()
    almost = make_recording(np.ones((2, 1), int), direction=[360 - 1e-12, 0])
    assert tuning_curve(almost, "direction", period=360).values.tolist() == [0]


def test_wrong_curves(make_recording):
    recording = make_recording(
        np.ones((3, 1), int), image=["a", "b", "b"], blank=[np.nan] * 3, angle=[0, 1, 1]
    )
    with pytest.raises(TypeError, match="'image' must hold numbers"):
        tuning_curve(recording, "image")
    with pytest.raises(ValueError, match="'blank' is NaN in all trials"):
        tuning_curve(recording, "blank")
    with pytest.raises(ValueError, match="at least 2 trials, got 1 of angle 0"):
        tuning_curve(recording, "angle", minimum_trials=2)
    with pytest.raises(ValueError, match="period must be > 0"):
        tuning_curve(recording, "angle", period=0)


def test_bandwidth_of_a_log_gaussian_is_its_closed_form():
    """Half height at sd sqrt(2 ln 2) octaves from the peak; right to the points interpolated."""
    frequencies = 2.0 ** np.arange(-4, 4.01, 0.25)
    rates = np.exp(-0.5 * (np.log2(frequencies)[:, None] / [0.6, 1.0]) ** 2)
    tuning = spatial_frequency_tuning(rates, frequencies)
    np.testing.assert_array_equal(tuning.preferred, [1, 1])
    expected = 2 * np.sqrt(2 * np.log(2)) * np.array([0.6, 1.0])
    np.testing.assert_allclose(tuning.bandwidth, expected, atol=0.03)
    assert not tuning.no_upper_cutoff.any() and not tuning.no_lower_cutoff.any()


def test_missing_cutoffs_are_flagged():
    rates = np.array([[0, 1, 2, 8], [8, 4, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]).T
    tuning = spatial_frequency_tuning(rates, [1, 2, 4, 8])
    assert tuning.no_upper_cutoff.tolist() == [True, False, True, False]
    assert tuning.no_lower_cutoff.tolist() == [False, True, True, False]
    assert np.isnan(tuning.bandwidth).all()
    np.testing.assert_array_equal(np.isnan(tuning.preferred), [False, False, False, True])
    assert tuning.high[1] == 2


@pytest.mark.parametrize(
    ("rates", "frequencies", "message"),
    [
        ([1, 2], [1, 2], "frequencies must be at least 3"),
        ([1, 2, 3], [0, 1, 2], "positive and increasing"),
        ([1, 2, 3], [1, 1, 2], "positive and increasing"),
        ([1, 2], [1, 2, 4], "a row for each of the 3 frequencies"),
        ([1, -2, 3], [1, 2, 4], "rates must not be negative"),
    ],
)
def test_wrong_frequencies(rates, frequencies, message):
    with pytest.raises(ValueError, match=message):
        spatial_frequency_tuning(rates, frequencies)


def drifting(modulation, frequency=2.0, n_steps=1000, width=50, n_trials=200, before=0.0):
    """Counts of mean (1 + m sin) to within rounding: 1000 spikes in each window on average."""
    edges = np.arange(0, n_steps + 1, width) / 1000
    # The integral of the rate over each window.
    integral = edges - modulation * np.cos(2 * np.pi * frequency * edges) / (2 * np.pi * frequency)
    counts = np.round(1e6 * np.diff(integral)).astype(int)
    timing = Timing(dt=0.001, n_steps=n_steps, steps_per_window=width, before=before)
    return Recording(counts[None, :, None], timing, conditions={"grating": [1]})


@pytest.mark.parametrize("modulation", [0, 0.4, 1])
@pytest.mark.parametrize("width", [10, 50, 125])
def test_f1_f0_of_a_sine_wave(modulation, width):
    """Whatever the windows: counting attenuates the wave, and that is put back."""
    recording = drifting(modulation, width=width)
    assert f1_f0(recording, 2 * Hz)[0] == pytest.approx(modulation, abs=1e-3)


def test_f1_f0_of_half_a_wave_is_half_pi():
    """A cell that fires as a rectified sine wave: mean 1/pi, first harmonic 1/2."""
    times = (np.arange(1000) + 0.5) / 1000
    counts = np.round(1e5 * np.maximum(np.sin(2 * np.pi * 4 * times), 0)).astype(int)
    timing = Timing(dt=0.001, n_steps=1000, steps_per_window=1)
    recording = Recording(np.stack([counts, 0 * counts], axis=1)[None], timing)
    simple, silent = f1_f0(recording, 4 * Hz)
    assert simple == pytest.approx(np.pi / 2, abs=1e-3)
    assert np.isnan(silent)


@pytest.mark.parametrize("modulation", [0.0, 0.6])
def test_few_spikes_add_nothing_to_the_square(modulation, rng):
    """Poisson neurons with 20 spikes each: their squared ratios are on average what they should."""
    times = (np.arange(50) + 0.5) / 100
    rate = 0.1 * (1 + modulation * np.sin(2 * np.pi * 2 * times))
    counts = rng.poisson(rate[:, None], (4, 50, 4000))
    recording = Recording(counts, Timing(dt=0.01, n_steps=50, steps_per_window=1))
    plain, found = f1_f0(recording, 2 * Hz), f1_f0(recording, 2 * Hz, unbiased=True)
    difference = plain**2 - np.where(found > 0, found**2, plain**2)
    own = counts.sum(axis=(0, 1))
    np.testing.assert_allclose(difference[found > 0], 4 / own[found > 0], rtol=0.01)
    # Not cut off at 0, which the function cannot return.
    assert (plain**2 - 4 / own).mean() == pytest.approx(modulation**2, abs=0.03)
    assert np.median(found) < np.median(plain)


def test_f1_f0_takes_whole_cycles_and_chosen_trials():
    recording = drifting(0.7, frequency=3.0, width=10)  # 3 cycles
    assert f1_f0(recording, 3 * Hz, window=(0 * ms, 900 * ms))[0] == pytest.approx(0.7, abs=0.01)
    assert f1_f0(recording, 3 * Hz, where={"grating": 1})[0] == pytest.approx(0.7, abs=0.01)


def test_wrong_frequencies_of_drift():
    recording = drifting(0.5)
    with pytest.raises(TypeError, match="temporal_frequency must be a frequency"):
        f1_f0(recording, 2)
    with pytest.raises(TypeError, match="temporal_frequency must be a frequency"):
        f1_f0(recording, 2 * ms)
    with pytest.raises(ValueError, match="at most 5 Hz for windows of 50 ms, got 6"):
        f1_f0(recording, 6 * Hz)
    with pytest.raises(ValueError, match="at least one cycle of 500 ms, got 300 ms"):
        f1_f0(recording, 2 * Hz, window=(0 * ms, 300 * ms))
