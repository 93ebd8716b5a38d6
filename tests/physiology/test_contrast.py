import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.physiology import cross_orientation, fit_naka_rushton, naka_rushton, size_tuning

CONTRASTS = np.array([0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 1])
# Maximum, exponent, c50, baseline.
NEURONS = np.array([[20, 2, 0.3, 1], [80, 3.5, 0.15, 0], [5, 1.2, 0.5, 2]]).T


def test_known_parameters_are_recovered():
    rates = naka_rushton(CONTRASTS[:, None], *NEURONS)
    fit = fit_naka_rushton(CONTRASTS, rates)
    found = np.stack([fit.maximum, fit.exponent, fit.c50, fit.baseline])
    np.testing.assert_allclose(found, NEURONS, rtol=0.01, atol=0.01)
    np.testing.assert_allclose(fit.r_squared, 1, atol=1e-6)
    np.testing.assert_allclose(fit.rates(CONTRASTS), rates, atol=0.01)
    assert fit.saturates.all()


def test_known_parameters_are_recovered_from_noisy_rates(rng):
    """Means of 50 trials of 1 s; tolerance 20 % of n and c50."""
    rates = rng.poisson(50 * naka_rushton(CONTRASTS, 40, 2.5, 0.25, 2)) / 50
    fit = fit_naka_rushton(CONTRASTS, rates)
    assert fit.exponent[0] == pytest.approx(2.5, rel=0.2)
    assert fit.c50[0] == pytest.approx(0.25, rel=0.2)
    assert fit.r_squared[0] > 0.98


def test_no_saturation_is_flagged_and_no_change_is_nan():
    fit = fit_naka_rushton(CONTRASTS, np.stack([10 * CONTRASTS, np.full(8, 3.0)], axis=1))
    assert fit.saturates.tolist() == [False, False]
    assert fit.c50[0] > 1 and fit.r_squared[0] > 0.99
    assert np.isnan(fit.exponent[1]) and np.isnan(fit.r_squared[1])


@given(st.floats(0.01, 1), st.floats(0.5, 5))
def test_half_of_the_maximum_is_at_c50(c50, exponent):
    assert naka_rushton(c50, 10, exponent, c50) == pytest.approx(5)
    assert naka_rushton(0, 10, exponent, c50, 2) == 2


@pytest.mark.parametrize(
    ("contrasts", "rates", "message"),
    [
        ([0.1, 0.2, 0.3, 0.3], [1, 2, 3, 4], "at least 5 different ones, got 3"),
        (CONTRASTS, [1, 2, 3], "a row for each of the 8 contrasts"),
        (-CONTRASTS, CONTRASTS, "contrasts must not be negative"),
        (CONTRASTS, -CONTRASTS, "rates must not be negative"),
    ],
)
def test_wrong_contrasts(contrasts, rates, message):
    with pytest.raises(ValueError, match=message):
        fit_naka_rushton(contrasts, rates)


def test_cross_orientation_of_normalisation_and_of_a_linear_neuron():
    first, second = np.array([30.0, 30, 0]), np.array([10.0, 10, 0])
    found = cross_orientation([20, 40, 5], first, second)
    np.testing.assert_array_equal(found.to_mean, [1, 2, np.nan])
    np.testing.assert_array_equal(found.to_sum, [0.5, 1, np.nan])
    np.testing.assert_allclose(found.to_best, [2 / 3, 4 / 3, np.nan])
    with pytest.raises(ValueError, match=r"second must have the shape of plaid, .*got \(2,\)"):
        cross_orientation([1], [1], [1, 2])
    with pytest.raises(ValueError, match="plaid must not be negative"):
        cross_orientation([-1], [1], [1])


def test_size_tuning():
    rates = np.array([[1, 2, 8, 2], [1, 2, 3, 4], [0, 0, 0, 0]]).T
    found = size_tuning([2, 4, 8, np.inf], rates)
    np.testing.assert_array_equal(found.preferred, [8, np.inf, np.nan])
    np.testing.assert_array_equal(found.suppression, [0.75, 0, np.nan])
    for diameters in ([4, 2, 8, 16], [0, 2, 4, 8], [1, 2, np.inf, np.inf], [1, 2, np.nan, 3]):
        with pytest.raises(ValueError, match="positive and increase"):
            size_tuning(diameters, rates)
    with pytest.raises(ValueError, match="at least 3"):
        size_tuning([1, 2], rates[:2])
    with pytest.raises(ValueError, match="a row for each of the 3 diameters"):
        size_tuning([1, 2, 3], rates)
