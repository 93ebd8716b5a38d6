"""Metrics against enumeration, scikit-learn and their formulas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm, poisson
from sklearn.metrics import r2_score

from ipvae_brian import Parameters
from ipvae_brian.response import metrics

# Rates at most 4: the Poisson probability of more than 45 is below 1e-30.
COUNTS = np.arange(46)


def enumerated_free_energy(x, rates, prior_rates, parameters):
    """-E[log p(x|z)] and KL of one stimulus as sums over all counts of two neurons."""
    q = poisson.pmf(COUNTS[:, None], rates)
    p = poisson.logpmf(COUNTS[:, None], prior_rates)
    log_likelihood = kl = 0.0
    scale = np.sqrt(parameters.noise_variance)
    for z0 in COUNTS:
        for z1 in COUNTS:
            weight = q[z0, 0] * q[z1, 1]
            if weight == 0:
                continue
            mean = parameters.dictionary @ [z0, z1]
            log_likelihood += weight * norm.logpdf(x, mean, scale).sum()
            kl += weight * (np.log(weight) - p[z0, 0] - p[z1, 1])
    return -log_likelihood, kl


@pytest.mark.parametrize("noise_variance", [1.0, 0.3])
def test_free_energy_is_that_of_all_counts(noise_variance):
    rng = np.random.default_rng(0)
    p = Parameters(
        dictionary=rng.normal(size=(3, 2)),
        noise_variance=noise_variance,
        resting_potential=[-2, 0.4],
    )
    x = rng.normal(size=(3, 3))
    rates = np.array([[0.5, 4], [1e-3, 2], [3, 0]])
    energy = metrics.free_energy(x, rates, p)
    for i in range(3):
        likelihood, kl = enumerated_free_energy(x[i], rates[i], np.exp([-2, 0.4]), p)
        terms = energy.reconstruction[i] + energy.noise[i] + energy.normalisation[i]
        assert terms == pytest.approx(likelihood, rel=1e-10)
        assert energy.kl[i] == pytest.approx(kl, rel=1e-9)
        assert energy.total[i] == pytest.approx(likelihood + kl, rel=1e-10)


def test_terms_of_free_energy():
    rng = np.random.default_rng(1)
    p = Parameters(dictionary=rng.normal(size=(5, 4)), noise_variance=0.7, threshold=0.3)
    x, r = rng.normal(size=(6, 5)), rng.uniform(0, 3, (6, 4))
    energy = metrics.free_energy(x, r, p, prior_rates=[0.1, 1, 2, 3], beta=2.5)
    phi = p.dictionary
    for i in range(6):
        error = ((x[i] - phi @ r[i]) ** 2).sum()
        assert energy.reconstruction[i] == pytest.approx(error / 1.4)
        assert energy.noise[i] == pytest.approx((phi**2).sum(axis=0) @ r[i] / 1.4)
        assert energy.normalisation[i] == pytest.approx(2.5 * np.log(2 * np.pi * 0.7))
        kl = metrics.poisson_kl(r[i], np.array([0.1, 1, 2, 3])).sum()
        assert energy.kl[i] == pytest.approx(2.5 * kl)
    np.testing.assert_allclose(energy.total, sum(energy))
    same = metrics.free_energy(x, r, p, prior_rates=np.exp(-2))
    np.testing.assert_array_equal(metrics.free_energy(x, r, p).total, same.total)


def test_inference_is_gradient_descent_on_free_energy():
    """dF/du / r = -(Phi^T x - Phi^T Phi r - |phi|^2 / 2) / sigma2 + u - u0, beta = 1."""
    rng = np.random.default_rng(2)
    p = Parameters(dictionary=rng.normal(size=(5, 3)), noise_variance=0.5)
    x, u = rng.normal(size=(1, 5)), rng.normal(size=3)
    slope = np.empty(3)
    for j in range(3):
        shift = 1e-5 * np.eye(3)[j]
        high, low = (metrics.free_energy(x, np.exp([u + s]), p).total for s in (shift, -shift))
        slope[j] = (high - low)[0] / 2e-5
    drive = p.drive(x[0]) - p.lateral_weights @ np.exp(u) - p.spike_sizes**2 / 2 / 0.5
    np.testing.assert_allclose(slope / np.exp(u), u + 2 - drive, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("stimuli", np.ones((2, 4)), r"\(any, 3\)"),
        ("stimuli", np.full((2, 3), np.nan), "finite"),
        ("expected_counts", np.ones((3, 2)), r"\(2, 2\), got \(3, 2\)"),
        ("expected_counts", np.array([[1, -0.1], [1, 1]]), "negative"),
        ("prior_rates", 0.0, "> 0"),
        ("prior_rates", [1.0, -1.0], "> 0"),
        ("prior_rates", np.ones((2, 2)), "dimension"),
    ],
)
def test_errors_of_free_energy(name, change, words):
    p = Parameters(dictionary=np.ones((3, 2)))
    arguments = {"stimuli": np.ones((2, 3)), "expected_counts": np.ones((2, 2)), "prior_rates": 1.0}
    metrics.free_energy(parameters=p, **arguments)
    with pytest.raises(ValueError, match=f"^{name} .*{words}"):
        metrics.free_energy(parameters=p, **(arguments | {name: change}))


@pytest.mark.parametrize("rate", [0.0, 1e-3, 0.7, 4.0, 20.0])
@pytest.mark.parametrize("prior", [1e-3, 1.0, 9.0])
def test_poisson_kl(rate, prior):
    counts = np.arange(200)
    posterior = poisson.pmf(counts, rate)
    ratio = poisson.logpmf(counts, rate) - poisson.logpmf(counts, prior)
    exact = (posterior[posterior > 0] * ratio[posterior > 0]).sum()
    kl = metrics.poisson_kl(rate, prior)
    assert kl == pytest.approx(exact, rel=1e-9, abs=1e-12)
    if rate > 0:
        d = np.log(rate / prior)
        assert kl == pytest.approx(prior * (1 + np.exp(d) * (d - 1)), rel=1e-9, abs=1e-12)


@given(st.floats(0, 1e3), st.floats(1e-6, 1e3))
def test_poisson_kl_is_positive_and_zero_only_at_the_prior(rate, prior):
    kl = metrics.poisson_kl(rate, prior)
    assert kl >= -1e-12 * (rate + prior)
    assert metrics.poisson_kl(prior, prior) == pytest.approx(0, abs=1e-12 * prior)
    if abs(rate - prior) > 0.01 * prior:
        assert kl > 0


# R2, zeros, distance


def test_r_squared_is_that_of_sklearn_for_every_row():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (20, 15))
    y = x + rng.normal(size=x.shape) * rng.uniform(0, 10, (20, 1))
    r2 = metrics.r_squared(x, y)
    assert r2.shape == (20,)
    assert r2.min() < 0 < r2.max()
    np.testing.assert_allclose(r2, [r2_score(a, b) for a, b in zip(x, y, strict=True)])


def test_limits_of_r_squared():
    x = np.random.default_rng(0).normal(size=(3, 8))
    np.testing.assert_array_equal(metrics.r_squared(x, x), 1)
    mean = np.repeat(x.mean(axis=1, keepdims=True), 8, axis=1)
    np.testing.assert_allclose(metrics.r_squared(x, mean), 0, atol=1e-14)


@pytest.mark.filterwarnings("error")
def test_r_squared_of_a_constant_stimulus_is_nan():
    x = np.random.default_rng(0).normal(size=(4, 8))
    x[1], x[2] = 0, 4
    r2 = metrics.r_squared(x, np.zeros_like(x))
    np.testing.assert_array_equal(np.isnan(r2), [False, True, True, False])


@pytest.mark.filterwarnings("error")
@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_r_squared_of_any_constant_stimulus_is_nan(value, n_pixels):
    """Also where the mean of equal numbers is rounded, as that of three times 0.1."""
    x = np.full((1, n_pixels), value)
    assert np.isnan(metrics.r_squared(x, x + 1)).all()


def test_errors_of_r_squared():
    with pytest.raises(ValueError, match=r"^reconstructions must have shape \(2, 3\), got \(3, 2"):
        metrics.r_squared(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="^stimuli must have 2 dimension"):
        metrics.r_squared(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="^reconstructions must be finite"):
        metrics.r_squared(np.ones((1, 2)), [[1, np.nan]])


def test_fraction_of_zeros():
    counts = np.array([[0, 1, 0, 5], [0, 0, 0, 0], [1, 2, 3, 4]])
    np.testing.assert_array_equal(metrics.fraction_of_zeros(counts), [0.5, 1, 0])
    with pytest.raises(ValueError, match="^counts must have 2 dimension"):
        metrics.fraction_of_zeros(counts[0])


def test_distance():
    assert metrics.distance(1, 1) == 0
    assert metrics.distance(0.7, 0.6) == pytest.approx(0.5)
    # The paper's iP-VAE and best LCA.
    assert metrics.distance(0.827, 0.775) == pytest.approx(0.284, abs=5e-4)
    assert metrics.distance(0.826, 0.778) == pytest.approx(0.282, abs=5e-4)
    np.testing.assert_allclose(metrics.distance(np.array([1, 0.0]), np.array([0.5, 1])), [0.5, 1])


# Sparseness


def test_sparseness_is_its_formula():
    rates = np.random.default_rng(0).gamma(0.3, size=(7, 5))
    lifetime, population = np.empty(5), np.empty(7)
    for j in range(5):
        r = rates[:, j]
        lifetime[j] = (1 - (sum(r) / 7) ** 2 / (sum(r**2) / 7)) / (1 - 1 / 7)
    for i in range(7):
        r = rates[i]
        population[i] = (1 - (sum(r) / 5) ** 2 / (sum(r**2) / 5)) / (1 - 1 / 5)
    np.testing.assert_allclose(metrics.lifetime_sparseness(rates), lifetime)
    np.testing.assert_allclose(metrics.population_sparseness(rates), population)
    np.testing.assert_allclose(metrics.sparseness(rates[:, 0], 0), lifetime[0])


@pytest.mark.filterwarnings("error")
def test_limits_of_sparseness():
    rates = np.array([[0, 0, 3.0, 0], [2, 2, 2, 2], [0, 0, 0, 0]])
    np.testing.assert_allclose(metrics.population_sparseness(rates), [1, 0, np.nan])
    np.testing.assert_allclose(metrics.lifetime_sparseness(rates.T), [1, 0, np.nan])
    # k of n alike: (1 - k/n) / (1 - 1/n)
    assert metrics.sparseness(np.array([1, 1, 0, 0, 0.0]), 0) == pytest.approx(0.6 / 0.8)


# Not so small that squares of the rates underflow.
RATES = st.just(0.0) | st.floats(1e-100, 1e6)


@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(2, 8)), elements=RATES))
def test_sparseness_is_between_0_and_1(rates):
    sparseness = metrics.population_sparseness(rates)
    silent = (rates == 0).all(axis=1)
    np.testing.assert_array_equal(np.isnan(sparseness), silent)
    # Rounding of a few parts in 1e16.
    assert (sparseness[~silent] >= -1e-14).all()
    assert (sparseness[~silent] <= 1 + 1e-14).all()


@given(
    arrays(float, st.tuples(st.integers(1, 4), st.integers(2, 8)), elements=RATES),
    st.floats(1e-3, 1e3),
    st.randoms(),
)
def test_sparseness_does_not_depend_on_scale_or_order(rates, factor, random):
    sparseness = metrics.population_sparseness(rates)
    order = list(range(rates.shape[1]))
    random.shuffle(order)
    other = metrics.population_sparseness(factor * rates[:, order])
    np.testing.assert_allclose(other, sparseness, rtol=1e-9, atol=1e-12)


def test_errors_of_sparseness():
    with pytest.raises(ValueError, match="^rates must not be negative"):
        metrics.sparseness(np.array([1, -1]), 0)
    with pytest.raises(ValueError, match="^rates must have at least 2 values along axis 0, got 1"):
        metrics.lifetime_sparseness(np.ones((1, 4)))
    with pytest.raises(ValueError, match="^rates must have at least 2 values along axis 1, got 1"):
        metrics.population_sparseness(np.ones((4, 1)))
    for function in (metrics.lifetime_sparseness, metrics.population_sparseness):
        with pytest.raises(ValueError, match="^rates must have 2 dimension"):
            function(np.ones(4))


def test_mean_r2_leaves_out_what_is_undefined():
    r2 = np.array([[0.5, np.nan], [0.7, np.nan], [np.nan, np.nan]])
    assert metrics.mean_r_squared(r2) == pytest.approx(0.6)
    np.testing.assert_allclose(metrics.mean_r_squared(r2, axis=0), [0.6, np.nan])
    np.testing.assert_allclose(metrics.mean_r_squared(r2, axis=1), [0.5, 0.7, np.nan])
