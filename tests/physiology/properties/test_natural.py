import numpy as np
import pytest

from ipvae_brian import Recording, Timing
from ipvae_brian.physiology import natural_responses
from ipvae_brian.physiology.laboratories import laboratories
from ipvae_brian.physiology.properties import PROPERTIES, natural

BY_NAME = {one.name: one for one in PROPERTIES}


def images(n=40, n_repeats=6, before=False, n_units=30):
    rng = np.random.default_rng(0)
    image = np.tile(np.arange(n), n_repeats)
    rates = rng.exponential(4, (n, n_units))[image] * 10 ** rng.normal(0, 0.5, n_units)
    counts = rng.poisson(rates)[:, None]
    if before:
        quiet = rng.poisson(0.4, (len(image), 2, n_units))
        counts = np.concatenate([quiet, counts], axis=1)
    timing = Timing(
        dt=0.001, n_steps=600 if before else 200, steps_per_window=200, before=0.4 * before
    )
    return Recording(counts, timing, conditions={"image": image})


def test_sparseness_is_that_of_mean_rates():
    recording = images()
    wanted = natural_responses(recording)
    found = natural.lifetime_sparseness(recording).distribution
    np.testing.assert_array_equal(found.values, wanted.lifetime_sparseness)
    assert found.note == "40 images"
    found = natural.population_sparseness(recording).distribution
    np.testing.assert_array_equal(found.values, wanted.population_sparseness)
    assert "sd of log10 rates 0.5" in natural.rate_spread(recording).distribution.note
    with pytest.raises(ValueError, match="at least 20 different images, there are 6"):
        natural.lifetime_sparseness(images(n=6))


def test_spontaneous_rates_are_those_before_the_stimulus():
    found = natural.spontaneous_rate(images(before=True)).distribution
    assert found.median == pytest.approx(np.log10(0.4 / 0.2), abs=0.05)
    with pytest.raises(ValueError, match="needs 100 ms before"):
        natural.spontaneous_rate(images())


def test_few_images_fail_the_gate_of_the_spectrum():
    found = natural.spectrum_exponent(images(n=120, n_units=80))
    assert [c.name for c in found.checks if not c.passed] == ["size"]


def test_deviations_of_a_published_distribution():
    first = laboratories("log10_spontaneous_rate_excitatory", 20.0)[0]
    adapted = BY_NAME["rate_spread"].adapt(first)
    # Half of the cells lie between the quartiles, about .45 decades from the median.
    width = (first.percentiles[75.0] - first.percentiles[25.0]) / 2
    assert adapted.percentiles[50.0] == pytest.approx(width, rel=0.15)
