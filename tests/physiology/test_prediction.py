import numpy as np
import pytest

from ipvae_brian import SpikingNetwork
from ipvae_brian.physiology import noise_ceiling, predict_recording


def poisson_trials(rng, rates, n_repeats):
    """Counts of every image and repeat in turn, and the number of the image."""
    image = np.repeat(np.arange(len(rates)), n_repeats)
    order = rng.permutation(len(image))
    return rng.poisson(rates[image])[order], image[order]


def linear_units(rng, n_images=300, n_predictors=40, n_units=60):
    """Rates that are linear in some predictors, of which each unit takes a few."""
    code = rng.gamma(2, 1, (n_images, n_predictors))
    weights = rng.gamma(0.3, 1, (n_predictors, n_units)) * rng.uniform(0.05, 2, n_units)
    return code, weights


@pytest.mark.parametrize("n_repeats", [2, 5, 20])
def test_ceiling_is_that_of_known_rates(rng, make_recording, n_repeats):
    """Of 60 Poisson units with different ceilings; each to .15, the mean to .02."""
    code, weights = linear_units(rng, 500)
    rates = code @ weights
    counts, image = poisson_trials(rng, rates, n_repeats)
    found = noise_ceiling(make_recording(counts, image=image))
    signal = rates.var(axis=0, ddof=1)
    true = signal / (signal + rates.mean(axis=0) / n_repeats)
    assert np.ptp(true) > 0.3
    np.testing.assert_allclose(found.fraction, true, atol=0.15)
    assert np.mean(found.fraction - true) == pytest.approx(0, abs=0.02)
    np.testing.assert_allclose(found.noise, rates.mean(axis=0) / n_repeats, rtol=0.3)


def test_ceiling_with_different_numbers_of_repeats(rng, make_recording):
    """It stays without bias where noise is not the same for all images: 400 units to .02."""
    rates = rng.uniform(1, 9, (60, 400))
    n_repeats = rng.integers(2, 9, 60)
    image = np.repeat(np.arange(60), n_repeats)
    recording = make_recording(rng.poisson(rates[image]), image=image)
    noise = (rates / n_repeats[:, None]).mean(axis=0)
    signal = rates.var(axis=0, ddof=1)
    found = noise_ceiling(recording)
    assert np.mean(found.variance - found.noise) == pytest.approx(signal.mean(), rel=0.02)
    assert found.noise.mean() == pytest.approx(noise.mean(), rel=0.02)


def test_a_neuron_that_ignores_images_has_no_ceiling(rng, make_recording):
    counts, image = poisson_trials(rng, np.full((100, 300), 4.0), 5)
    counts[:, 0] = 0
    found = noise_ceiling(make_recording(counts, image=image))
    assert np.isnan(found.fraction[0]) and found.fraction[1:].min() < 0
    assert np.mean(found.variance / found.noise.mean()) == pytest.approx(1, abs=0.02)


def test_the_true_predictors_reach_the_ceiling(rng, make_recording):
    """Median over units 1 to .04, with whatever ceiling; of half the signal, half to .08."""
    code, weights = linear_units(rng, n_images=1000)
    counts, image = poisson_trials(rng, code @ weights, 6)
    recording = make_recording(counts, image=image)
    found = predict_recording(recording, code)
    assert np.median(found.normalised) == pytest.approx(1, abs=0.04)
    assert np.ptp(found.explained) > 0.3
    # What the first half of the predictors contributes to each unit.
    part = (weights[:20] ** 2).sum(axis=0) / (weights**2).sum(axis=0)
    half = predict_recording(recording, code[:, :20]).normalised
    np.testing.assert_allclose(np.median(half - part), 0, atol=0.08)
    assert np.corrcoef(half, part)[0, 1] > 0.9


def test_what_has_nothing_to_do_with_it_explains_nothing(rng, make_recording):
    code, weights = linear_units(rng)
    counts, image = poisson_trials(rng, code @ weights, 6)
    counts[:, 0] = 0
    found = predict_recording(
        make_recording(counts, image=image), rng.normal(size=(300, 500)), minimum_ceiling=0.5
    )
    assert np.isnan(found.explained[0]) and np.isnan(found.normalised[0])
    assert np.nanmedian(found.explained) == pytest.approx(0, abs=0.05)
    assert np.isnan(found.normalised[found.ceiling.fraction < 0.5]).all()
    assert found.predicted.shape == found.measured.shape == (300, 60)


def test_images_that_share_something_are_left_out_together(rng, make_recording):
    """Ten frames each of 30 films: what tells a film explains nothing of another film."""
    film = np.repeat(np.arange(30), 10)
    rates = np.repeat(rng.gamma(2, 4, (30, 20)), 10, axis=0)
    counts, image = poisson_trials(rng, rates, 4)
    recording = make_recording(counts, image=image)
    which = np.eye(30)[film]
    apart = predict_recording(recording, which)
    together = predict_recording(recording, which, together=film)
    assert np.median(apart.normalised) > 0.95
    assert np.median(together.normalised) < 0.05


def test_folds_follow_the_seed(rng, make_recording):
    code, weights = linear_units(rng, 60, n_units=3)
    counts, image = poisson_trials(rng, code @ weights, 3)
    recording = make_recording(counts, image=image)
    first, again, other = (predict_recording(recording, code, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.predicted, again.predicted)
    assert (first.predicted != other.predicted).any()


def test_one_neuron_and_one_predictor(rng, make_recording):
    code = rng.uniform(0, 20, (100, 1))
    counts, image = poisson_trials(rng, code, 10)
    found = predict_recording(make_recording(counts, image=image), code)
    assert found.normalised.shape == (1,) and found.normalised[0] > 0.9


def test_images_of_a_recording_are_matched_by_their_conditions(rng, make_recording):
    code, weights = linear_units(rng, 60, n_units=8)
    counts, image = poisson_trials(rng, code @ weights, 3)
    recording = make_recording(counts, image=10 * image)
    expected = predict_recording(recording, code).predicted
    shuffled = rng.permutation(60)
    model = make_recording((1000 * code[shuffled]).astype(int), image=10 * shuffled)
    found = predict_recording(recording, model).predicted
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    found = predict_recording(recording, model, by="image").predicted
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    other = make_recording(np.ones((60, 2), int), image=np.arange(60))
    with pytest.raises(ValueError, match="same images as the recording: image has other values"):
        predict_recording(recording, other)
    without = make_recording((1000 * code).astype(int))
    np.testing.assert_allclose(predict_recording(recording, without).predicted, found, rtol=1e-2)


def test_a_response_predicts_with_its_expected_counts(rng, parameters, make_recording):
    """Neurons that are the network's own, noisy otherwise: the ceiling is reached to .1."""
    images = rng.normal(size=(80, 16))
    response = SpikingNetwork(parameters, n_copies=80, engine="numpy").present(
        images, 8 * parameters.tau, seed=0
    )
    rates = response.expected_counts.mean(axis=1)
    counts, image = poisson_trials(rng, 50 * rates, 20)
    found = predict_recording(make_recording(counts, image=image), response)
    assert np.nanmedian(found.normalised) == pytest.approx(1, abs=0.1)
    same = predict_recording(make_recording(counts, image=image), rates.astype(float))
    np.testing.assert_allclose(found.predicted, same.predicted, rtol=1e-4)


WRONG = {
    "at least 2 images, got 1": {"image": np.zeros(160, int)},
    "at least 2 trials, got 1 of image 1": {"image": np.maximum(np.arange(160) - 80, 0)},
    "at least 20 images for 10 folds, got 16": {"image": np.arange(160) % 16},
    "at least 40 images for 20 folds": {"image": np.arange(160) % 32, "n_folds": 20},
    "n_folds must be at least 2": {"n_folds": 1},
    "predictors must have a row for each of the 40 images, got 39": {"code": np.ones((39, 2))},
    "predictors must differ between images": {"code": np.ones((40, 2))},
    r"predictors must have 2 dimension\(s\)": {"code": np.ones(40)},
    "predictors must be finite": {"code": np.full((40, 2), np.nan)},
    "penalties must be > 0, got 0": {"penalties": [1, 0]},
    r"together must have shape \(40,\)": {"together": [1, 2]},
    "together must have at least n_folds = 10 values, got 4": {"together": np.arange(40) % 4},
    "minimum_ceiling must be > 0": {"minimum_ceiling": 0},
    "no spike in the window": {"counts": np.zeros((160, 3), int)},
    "seed must be at least 0": {"seed": -1},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_predictions(rng, make_recording, message):
    given = {
        "counts": rng.poisson(3, (160, 3)),
        "image": np.arange(160) % 40,
        "code": rng.normal(size=(40, 2)),
    } | WRONG[message]
    recording = make_recording(given.pop("counts"), image=given.pop("image"))
    with pytest.raises(ValueError, match=message):
        predict_recording(recording, given.pop("code"), **given)


def test_what_is_no_recording():
    with pytest.raises(TypeError, match="recording must be a Recording, got ndarray"):
        noise_ceiling(np.ones((3, 2)))


def test_a_blank_among_the_images_is_the_same_in_both(rng, make_recording):
    image = np.repeat([*range(29), np.nan], 4)
    rates = rng.uniform(1, 20, (30, 1))
    recording = make_recording(rng.poisson(np.repeat(rates, 4, axis=0)), image=image)
    predictors = make_recording(rng.poisson(np.repeat(rates, 4, axis=0)), image=image)
    assert len(predict_recording(recording, predictors).measured) == 30
