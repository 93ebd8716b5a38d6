"""Divergences are the integrals and sums that they stand for, and have their gradients."""

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines.distributions import gaussian_draw, gaussian_kl, poisson_kl  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


def doubles(*values):
    return tuple(torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values)


def test_gaussian_divergence_is_the_integral():
    mean, log_scale, prior_mean, prior_log_scale = 0.7, -0.4, -0.3, 0.2
    q, p = stats.norm(mean, np.exp(log_scale)), stats.norm(prior_mean, np.exp(prior_log_scale))
    z = np.linspace(-12, 12, 200_001)
    integral = np.trapezoid(q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), z)
    found = gaussian_kl(*doubles(mean, log_scale, prior_mean, prior_log_scale))
    assert found.item() == pytest.approx(integral, rel=1e-8)
    assert gaussian_kl(*doubles(0.3, -1.0, 0.3, -1.0)).item() == 0


def test_poisson_divergence_is_the_sum():
    u, prior = 0.8, -0.6
    q, p, n = stats.poisson(np.exp(u)), stats.poisson(np.exp(prior)), np.arange(80)
    total = (q.pmf(n) * (q.logpmf(n) - p.logpmf(n))).sum()
    assert poisson_kl(*doubles(u, prior)).item() == pytest.approx(total, rel=1e-10)
    assert poisson_kl(*doubles(u, u)).item() == pytest.approx(0, abs=1e-15)


def test_gradients_of_divergences_are_the_closed_forms():
    m, s, m0, s0 = given = doubles(0.7, -0.4, -0.3, 0.2)
    found = torch.autograd.grad(gaussian_kl(*given), given)
    m, s, m0, s0 = (v.item() for v in given)
    ratio, far = np.exp(2 * (s - s0)), (m - m0) * np.exp(-2 * s0)
    expected = (far, ratio - 1, -far, 1 - ratio - (m - m0) * far)
    np.testing.assert_allclose([g.item() for g in found], expected, rtol=1e-12)
    u, prior = given = doubles(0.8, -0.6)
    found = torch.autograd.grad(poisson_kl(*given), given)
    expected = (np.exp(0.8) * 1.4, np.exp(-0.6) - np.exp(0.8))
    np.testing.assert_allclose([g.item() for g in found], expected, rtol=1e-12)


def test_a_gaussian_draw_has_its_moments_and_gradients():
    mean, log_scale = torch.full((100_000,), 0.5), torch.full((100_000,), -0.7)
    mean.requires_grad_(), log_scale.requires_grad_()
    with seeded(0):
        drawn, noise = gaussian_draw(mean, log_scale)
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    assert drawn.std().item() == pytest.approx(np.exp(-0.7), rel=0.01)
    by_mean, by_scale = torch.autograd.grad(drawn.sum(), (mean, log_scale))
    assert (by_mean == 1).all()
    torch.testing.assert_close(by_scale, noise * np.exp(-0.7))
