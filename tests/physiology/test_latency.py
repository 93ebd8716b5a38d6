import numpy as np
import pytest
from brian2 import ms
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import (
    Psth,
    latency_shift,
    psth,
    scaled_and_shifted,
    time_to_half_maximum,
)

WIDTH = 0.005
TIMES = -0.2 + WIDTH * (np.arange(120) + 0.5)


def transient(latency, scale=1.0, spontaneous=1.0):
    """A response that rises within 20 ms and decays to a plateau."""
    late = np.clip(TIMES - latency, 0, None)
    return spontaneous + scale * 60 * (1 - np.exp(-late / 0.01)) * (0.4 + np.exp(-late / 0.06))


def histogram(*columns, n_trials=100):
    return Psth(TIMES, np.stack(columns, axis=1), WIDTH, n_trials)


@pytest.mark.parametrize("delay", [-0.02, 0, 0.0125, 0.04])
def test_a_known_shift_and_scale_are_recovered(delay):
    """To half a millisecond, the spacing of shifts, although histograms have windows of 5 ms."""
    early = histogram(transient(0.04, spontaneous=0))
    late = histogram(transient(0.04 + delay, 0.3, spontaneous=0))
    found = latency_shift(late, early)
    assert found.shift[0] == pytest.approx(delay, abs=0.0006)
    assert found.scale[0] == pytest.approx(0.3, rel=0.02)
    assert found.explained[0] > 0.995
    assert not found.at_limit[0]


def test_a_known_shift_is_recovered_from_spikes(rng):
    """Poisson spikes of 200 trials; tolerance 3 ms."""
    rates = np.stack([transient(0.04), transient(0.075, 0.4)], axis=1)
    counts = rng.poisson(rates * WIDTH, size=(200, 120, 2))
    timing = Timing(dt=0.001, n_steps=600, steps_per_window=5, before=0.2)
    early, late = (psth(Recording(counts[:, :, i : i + 1], timing), width=5 * ms) for i in range(2))
    found = latency_shift(late, early)
    assert found.shift[0] == pytest.approx(0.035, abs=0.003)
    assert found.explained[0] > 0.7
    difference = time_to_half_maximum(late)[0] - time_to_half_maximum(early)[0]
    assert difference == pytest.approx(0.035, abs=0.006)


def test_mean_explains_what_is_shifted_and_scaled():
    """All of it, of several neurons with shifts of their own; little of other shapes."""
    contrasts = [
        histogram(
            transient(0.10, 0.2, spontaneous=0),
            transient(0.06, 0.4, spontaneous=0),
            transient(0.14, spontaneous=0)[::-1],
        ),
        histogram(*(transient(late, 0.6, spontaneous=0) for late in (0.07, 0.05, 0.06))),
        histogram(*(transient(late, spontaneous=0) for late in (0.04, 0.05, 0.04))),
    ]
    explained = scaled_and_shifted(contrasts)
    assert (explained[:2] > 0.99).all() and explained[2] < 0.8
    # Of two, most of the mean is the stronger one: nearly the variance of the weaker is left.
    step = np.where(TIMES > 0.1, 50.0, 0.0)
    ramp = np.where(TIMES > 0, 5.0, 0.0) * np.clip(TIMES / 0.3, 0, 1)
    pair = [histogram(ramp), histogram(step)]
    assert 0.98 < scaled_and_shifted(pair)[0] < 1
    silent = histogram(step, np.zeros(120))
    np.testing.assert_array_equal(np.isnan(scaled_and_shifted([silent, silent])), [False, True])
    with pytest.raises(ValueError, match="responses must be at least 2, got 1"):
        scaled_and_shifted([silent])
    with pytest.raises(ValueError, match="responses must have the times and neurons"):
        scaled_and_shifted([silent, histogram(step)])
    with pytest.raises(ValueError, match="largest must be shorter"):
        scaled_and_shifted(pair, largest=600 * ms)


@settings(max_examples=20)
@given(st.integers(-10, 10), st.floats(0.1, 10))
def test_whole_windows_are_exact(windows, scale):
    early = transient(0.1, spontaneous=0)
    found = latency_shift(histogram(scale * np.roll(early, windows)), histogram(early))
    # What is rolled around the end is not what is held there.
    assert found.shift[0] == pytest.approx(windows * WIDTH, abs=0.001)


def test_neurons_with_too_few_spikes_are_nan_and_limits_are_flagged():
    early = histogram(transient(0.04), np.zeros(120))
    late = histogram(transient(0.24), np.zeros(120))
    found = latency_shift(late, early)
    assert found.at_limit.tolist() == [True, False]
    for part in (found.shift, found.scale, found.explained):
        np.testing.assert_array_equal(np.isnan(part), [False, True])
    np.testing.assert_array_equal(np.isnan(time_to_half_maximum(early)), [False, True])


def test_time_to_half_maximum_of_a_ramp():
    """From 10 to 50 Hz within 100 ms from 50 ms on: half is at 100 ms."""
    ramp = 10 + 40 * np.clip((TIMES - 0.05) / 0.1, 0, 1)
    assert time_to_half_maximum(histogram(ramp))[0] == pytest.approx(0.1, abs=1e-9)
    step = np.where(TIMES > 0.1, 20.0, 0.0)
    assert time_to_half_maximum(histogram(step))[0] == pytest.approx(0.1, abs=1e-9)
    falling = np.where(TIMES > 0, 1.0, 20.0)
    assert np.isnan(time_to_half_maximum(histogram(falling))[0])
    late = Psth(TIMES[40:], step[40:, None], WIDTH, 100)
    assert time_to_half_maximum(late)[0] == pytest.approx(0.1, abs=1e-9)


def test_histogram_of_chosen_trials_and_times():
    timing = Timing(dt=0.001, n_steps=300, steps_per_window=100, before=0.1)
    times = [[[-0.05, 0.01, 0.011]], [[0.15]]]
    recording = Recording.from_spike_times(times, timing, conditions={"contrast": [1, 0.1]})
    found = psth(recording, width=50 * ms, where={"contrast": 1}, window=(0 * ms, 100 * ms))
    assert found.rates.ravel().tolist() == [40, 0] and found.n_trials == 1
    np.testing.assert_allclose(found.times, [0.025, 0.075])
    assert psth(recording, width=50 * ms).n_spikes.tolist() == [4]
    with pytest.raises(ValueError, match="at least 2 windows of 50 ms, got 1"):
        psth(recording, width=50 * ms, window=(0 * ms, 50 * ms))


def test_wrong_histograms():
    one, silent = histogram(transient(0.05)), histogram(np.zeros(120))
    with pytest.raises(ValueError, match="reference must have the times and neurons"):
        latency_shift(one, Psth(TIMES[1:], one.rates[1:], WIDTH, 100))
    with pytest.raises(ValueError, match="reference must have the times and neurons"):
        latency_shift(one, Psth(TIMES + 0.1, one.rates, WIDTH, 100))
    with pytest.raises(ValueError, match="largest must be shorter than the histograms of 600 ms"):
        latency_shift(one, one, largest=600 * ms)
    with pytest.raises(ValueError, match="no neuron has 50 spikes; the most is 0"):
        latency_shift(one, silent)
    with pytest.raises(ValueError, match="no neuron has 50 spikes; the most is 0"):
        time_to_half_maximum(silent)
    with pytest.raises(ValueError, match="must have times after the onset"):
        time_to_half_maximum(Psth(TIMES[:30], one.rates[:30], WIDTH, 100))
