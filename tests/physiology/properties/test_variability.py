import numpy as np
import pytest

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology.properties import variability


def images(gain_sd=0.0, n_images=8, n_repeats=60, window=0.2, seed=0, before=0.0, shared=True):
    """Poisson counts with a gain for each trial, of variance gain_sd^2."""
    rng = np.random.default_rng(seed)
    image = np.tile(np.arange(n_images), n_repeats)
    rates = np.linspace(2, 20, n_images)[image][:, None] * np.ones(14)
    shape = (len(image), 1) if shared else rates.shape
    gain = rng.gamma(1 / gain_sd**2, gain_sd**2, shape) if gain_sd else 1.0
    counts = rng.poisson(rates * gain)
    timing = Timing(dt=0.001, n_steps=round(1e3 * window), steps_per_window=round(1e3 * window))
    return Recording(counts[:, None], timing, conditions={"image": image})


def test_poisson_and_doubly_stochastic_counts():
    poisson = images()
    assert variability.fano_factor(poisson).distribution.median == pytest.approx(1, abs=0.05)
    assert variability.gain_variance(poisson).distribution.median == pytest.approx(0, abs=0.02)
    assert variability.noise_correlation(poisson).distribution.median == pytest.approx(0, abs=0.02)
    shared = images(gain_sd=0.5)
    assert variability.gain_variance(shared).distribution.median == pytest.approx(0.25, abs=0.06)
    assert variability.noise_correlation(shared).distribution.median > 0.5
    private = variability.noise_correlation(images(gain_sd=0.5, shared=False)).distribution
    assert private.median == pytest.approx(0, abs=0.02)


def test_the_window_is_told_and_has_to_be_that_of_the_laboratories():
    found = variability.fano_factor(images())
    assert found.distribution.window_ms == pytest.approx(200)
    assert all(check.passed for check in found.checks)
    failed = [c.name for c in variability.fano_factor(images(window=0.05)).checks if not c.passed]
    assert failed == ["window"]


def test_quenching_is_in_percent_of_what_was_before():
    rng = np.random.default_rng(0)
    n, rates = 400, np.linspace(0.5, 8, 60)
    gain = rng.gamma(4, 0.25, (n, 1, 60))
    before = rng.poisson(rates * gain, (n, 4, 60))
    after = rng.poisson(rates * np.ones((n, 4, 60)))
    timing = Timing(dt=0.001, n_steps=400, steps_per_window=50, before=0.2)
    recording = Recording(
        np.concatenate([before, after], axis=1), timing, conditions={"image": np.zeros(n)}
    )
    found = variability.quenching(recording)
    # From 1 + .25 times some mean rate to 1.
    assert 30 < found.distribution.median < 75
    assert "neurons times conditions matched" in found.distribution.note
    with pytest.raises(ValueError, match="needs 100 ms before the onset"):
        variability.quenching(images())


def test_intervals_need_spike_times():
    one = variability.PROPERTIES[4]
    assert one.name == "isi_cv"
    with pytest.raises(ValueError, match="needs spike times"):
        one.measure(images())
    rng = np.random.default_rng(0)
    times = [[np.sort(rng.uniform(0, 5, 100)) for _ in range(12)] for _ in range(4)]
    recording = Recording.from_spike_times(
        times, Timing(dt=0.001, n_steps=5000, steps_per_window=5000)
    )
    assert one.measure(recording).distribution.median == pytest.approx(1, abs=0.1)


def test_irregularity_at_a_steady_rate_leaves_out_changes_of_the_rate():
    """Trains of gamma intervals, CV .5, whose rate differs tenfold between images and at first."""
    rng = np.random.default_rng(0)
    times = []
    for mean in (0.01, 0.03, 0.1):
        intervals = rng.gamma(4, mean / 4, (12, 2000))
        trains = [np.cumsum(row) for row in intervals]
        times.append([np.append(t[:20] / 10, t[t > 0.5]) for t in trains])
        times[-1] = [np.sort(t[t < 6]) for t in times[-1]]
    timing = Timing(dt=0.001, n_steps=6000, steps_per_window=100)
    image = {"image": np.arange(3)}
    recording = Recording.from_spike_times(times, timing, conditions=image)
    found = variability.steady_intervals(recording).distribution
    assert found.n == 12 and found.median == pytest.approx(0.5, abs=0.04)
    assert variability.PROPERTIES[4].measure(recording).distribution.median > 1.2
    with pytest.raises(ValueError, match="needs spike times"):
        variability.steady_intervals(images())
    short = Recording.from_spike_times(times, Timing(dt=0.001, n_steps=6000, steps_per_window=100))
    with pytest.raises(ValueError, match="needs the condition image"):
        variability.steady_intervals(short)
    brief = Timing(dt=0.001, n_steps=300, steps_per_window=100)
    cut = [[t[t < 0.3] for t in trains] for trains in times]
    with pytest.raises(ValueError, match="for at least 800 ms, there are 300"):
        variability.steady_intervals(Recording.from_spike_times(cut, brief, conditions=image))
    rare = [[t[::200] for t in trains] for trains in times]
    with pytest.raises(ValueError, match="no neuron fires enough"):
        variability.steady_intervals(Recording.from_spike_times(rare, timing, conditions=image))
