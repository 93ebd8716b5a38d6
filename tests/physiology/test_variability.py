import numpy as np
import pytest
from brian2 import ms
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import (
    count_statistics,
    distance_to_percentiles,
    mean_matched_fano,
    noise_correlations,
    reference,
)

N_REPEATS = 2000
MEANS = np.repeat([1.0, 2, 5, 10, 20], N_REPEATS)


def counts_of_gain(rng, gain_variance, shape=1):
    """Poisson counts of two neurons whose rate is multiplied by a gamma variable of mean 1."""
    if not gain_variance:
        gain = 1.0
    else:
        gain = rng.gamma(1 / gain_variance, gain_variance, size=(len(MEANS), shape))
    return rng.poisson(MEANS[:, None] * gain * np.ones(2))


def test_poisson_counts_have_fano_factor_1_and_no_gain_variance(make_recording, rng):
    """The Fano factor of one condition has a standard error of sqrt(2 / 2000) = .032."""
    recording = make_recording(counts_of_gain(rng, 0), contrast=MEANS)
    statistics = count_statistics(recording)
    assert statistics.duration == 0.5 and statistics.n_trials.tolist() == [N_REPEATS] * 5
    np.testing.assert_allclose(statistics.fano_factors(), 1, atol=0.13)
    np.testing.assert_allclose(statistics.fano_factor(), 1, atol=0.06)
    np.testing.assert_allclose(statistics.gain_variance(), 0, atol=0.01)


@pytest.mark.parametrize("gain_variance", [0.1, 0.5])
def test_doubly_stochastic_counts_have_theirs(make_recording, rng, gain_variance):
    """Variance is mean + sigma_G^2 mean^2: the geometric mean of 1 + sigma_G^2 mean, and sigma_G^2.

    Tolerance 10 %: sample variances of 2000 counts, with heavier tails than Poisson.
    """
    recording = make_recording(counts_of_gain(rng, gain_variance, 2), contrast=MEANS)
    statistics = count_statistics(recording)
    expected = np.exp(np.log(1 + gain_variance * np.unique(MEANS)).mean())
    np.testing.assert_allclose(statistics.fano_factor(), expected, rtol=0.1)
    np.testing.assert_allclose(statistics.gain_variance(), gain_variance, rtol=0.1)


def test_a_shared_gain_correlates_counts_as_it_should(make_recording, rng):
    """r of one condition is sigma_G^2 mean / (1 + sigma_G^2 mean); the mean of these over all."""
    found = noise_correlations(make_recording(counts_of_gain(rng, 0.2), contrast=MEANS))
    per_condition = 0.2 * np.unique(MEANS) / (1 + 0.2 * np.unique(MEANS))
    assert found.pairs.tolist() == [[1, 0]] and found.duration == 0.5
    assert found.correlations[0] == pytest.approx(per_condition.mean(), abs=0.03)
    private = noise_correlations(make_recording(counts_of_gain(rng, 0.2, 2), contrast=MEANS))
    assert private.correlations[0] == pytest.approx(0, abs=0.03)


def test_correlations_are_those_of_numpy_trial_by_trial(make_recording, rng):
    """Conditions in which one neuron does not vary are left out for its pairs only."""
    image = np.repeat(np.arange(6), 20)
    counts = rng.poisson(3, size=(120, 4)) + rng.poisson(1, size=(120, 1))
    counts[image == 2, 1] = 4
    found = noise_correlations(make_recording(counts, image=image), minimum_trials=20)
    z = np.full(counts.shape, np.nan)
    for i in range(6):
        own = counts[image == i]
        sd = own.std(axis=0, ddof=1)
        z[image == i] = (own - own.mean(axis=0)) / np.where(sd > 0, sd, np.nan)
    assert len(found.pairs) == 6
    for (a, b), r in zip(found.pairs, found.correlations, strict=True):
        both = np.isfinite(z[:, a]) & np.isfinite(z[:, b])
        assert r == pytest.approx(np.corrcoef(z[both, a], z[both, b])[0, 1])


@given(st.permutations(range(6)), st.integers(0, 100))
def test_fano_factors_know_neither_names_nor_order_of_trials(make_recording, names, seed):
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(6), 8)
    counts = rng.poisson(1 + image[:, None] * [1, 2])
    one = count_statistics(make_recording(counts, image=image)).fano_factor()
    order = rng.permutation(48)
    renamed = np.array(names)[image]
    other = count_statistics(make_recording(counts[order], image=renamed[order])).fano_factor()
    np.testing.assert_allclose(one, other)


def test_too_little_to_count(make_recording):
    image = np.repeat(np.arange(4), 6)
    quiet = make_recording(np.zeros((24, 2), int), image=image)
    with pytest.raises(ValueError, match="no neuron has 4 conditions with more than 0.2 spikes"):
        count_statistics(quiet).fano_factor()
    with pytest.raises(ValueError, match="no neuron has 4 conditions"):
        count_statistics(quiet).gain_variance()
    assert np.isnan(count_statistics(quiet).fano_factors()).all()
    with pytest.raises(ValueError, match="no pair of neurons has 50 trials"):
        noise_correlations(quiet)
    with pytest.raises(ValueError, match="at least 7 trials, got 6 of image 0"):
        count_statistics(quiet, minimum_trials=7)
    with pytest.raises(ValueError, match="at least 2 trials, got 1"):
        noise_correlations(make_recording(np.ones((3, 2), int), image=[0, 1, 1]))
    loud = make_recording(np.arange(48).reshape(24, 2), image=image)
    with pytest.raises(ValueError, match="minimum_mean must be >= 0"):
        count_statistics(loud).fano_factor(minimum_mean=-1)


def test_neurons_with_too_few_conditions_are_nan(make_recording, rng):
    image = np.repeat(np.arange(4), 10)
    counts = np.stack([rng.poisson(5, 40), np.where(image < 2, rng.poisson(5, 40), 0)], axis=1)
    statistics = count_statistics(make_recording(counts, image=image))
    for values in (statistics.fano_factor(), statistics.gain_variance()):
        np.testing.assert_array_equal(np.isnan(values), [False, True])
    assert np.isfinite(statistics.fano_factor(minimum_conditions=2)).all()


# In the course of a trial


def onset(rng, dispersion, rate_before=2.0, rate_after=6.0, n_neurons=40, n_repeats=100):
    """Windows of 50 ms, four before and four after the onset, of neurons of different rates.

    `dispersion` is the gain variance before and after it.
    """
    timing = Timing(dt=0.001, n_steps=400, steps_per_window=50, before=0.2)
    spread = np.exp(rng.normal(0, 0.7, n_neurons))
    means = np.repeat([rate_before, rate_after], 4)[:, None] * spread
    counts = np.empty((n_repeats, 8, n_neurons), int)
    for t in range(8):
        sigma = dispersion[t // 4]
        gain = rng.gamma(1 / sigma, sigma, size=(n_repeats, n_neurons)) if sigma else 1.0
        gain = gain * np.ones((n_repeats, n_neurons))
        counts[:, t] = rng.poisson(means[t] * gain)
    return Recording(counts, timing, conditions={"image": np.zeros(n_repeats)})


WINDOW = -200 * ms, 200 * ms


def test_matched_fano_of_poisson_counts_is_1_whatever_the_rate(rng):
    course = mean_matched_fano(onset(rng, (0, 0)), window=WINDOW)
    np.testing.assert_allclose(course.times, -0.175 + 0.05 * np.arange(8))
    np.testing.assert_allclose(course.matched, 1, atol=0.12)
    np.testing.assert_allclose(course.mean_counts[4:] / course.mean_counts[:4], 3, rtol=0.1)
    assert course.width == pytest.approx(0.05) and course.n_matched >= 10


def test_matched_fano_tells_variability_from_rate(rng):
    """With one gain variance, the raw Fano factor rises with the rate, the matched one does not."""
    course = mean_matched_fano(onset(rng, (0.3, 0.3), n_neurons=100), window=WINDOW)
    raw, matched = (part[4:].mean() / part[:4].mean() for part in (course.raw, course.matched))
    assert raw > 1.5
    assert matched == pytest.approx(1, abs=0.15)


def test_matched_fano_falls_where_variability_is_quenched(rng):
    course = mean_matched_fano(onset(rng, (0.5, 0.1), n_neurons=100), window=WINDOW, seed=1)
    assert course.matched[4:].mean() < 0.75 * course.matched[:4].mean()
    again = mean_matched_fano(onset(rng, (0.5, 0.1)), window=WINDOW, width=100 * ms)
    assert len(again.times) == 4


def test_wrong_courses(rng):
    recording = onset(rng, (0, 0), rate_before=1e-9)
    with pytest.raises(ValueError, match="0 neurons times conditions in common, fewer than 10"):
        mean_matched_fano(recording, window=WINDOW)
    with pytest.raises(ValueError, match="spike times were not recorded"):
        mean_matched_fano(recording, window=WINDOW, width=70 * ms)
    with pytest.raises(ValueError, match="at least 2 windows of 200 ms, got 1"):
        mean_matched_fano(recording, window=(0 * ms, 200 * ms), width=200 * ms)


def test_awake_macaque(moving_gratings):
    """As the shipped references, which came from another program: medians .968 and mean .0106."""
    fano, gain, r = [], [], []
    window = 0 * ms, 500 * ms
    for recording in moving_gratings:
        statistics = count_statistics(recording, "direction", window=window)
        fano += list(statistics.fano_factor())
        gain += list(statistics.gain_variance())
        r += list(noise_correlations(recording, "direction", window=window).correlations)
    assert (np.isfinite(fano).sum(), np.isfinite(gain).sum(), len(r)) == (504, 504, 3577)
    assert np.nanmedian(fano) == pytest.approx(0.9679, abs=1e-4)
    assert np.mean(r) == pytest.approx(0.0106, abs=1e-4)
    for name, values in (("fano_factor", fano), ("gain_variance", gain), ("noise_correlation", r)):
        one = reference(name, "awake")
        assert distance_to_percentiles(values, one.percentiles) < 0.01
