"""The losses of the autoencoders are those of their distributions."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


@pytest.mark.parametrize("relu", [False, True])
def test_the_amortized_loss_is_error_and_divergence(images, relu):
    model = rival("relu_amortized" if relu else "gaussian_amortized")(64, 5, beta=3.0)
    mean, log_scale = (torch.randn(6, 5), torch.randn(6, 5) / 2)
    with seeded(0):
        loss = model.objective(images, (mean, log_scale))
    with seeded(0):
        z = mean + log_scale.exp() * torch.randn(6, 5)
    error = images - model.network.decoder(z.clamp(min=0) if relu else z)
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, log_scale.exp()), torch.distributions.Normal(0, 1)
    )
    torch.testing.assert_close(loss, (error**2).sum(1) + 3 * kl.sum(1))


def test_the_divergence_of_poisson_codes_is_that_of_the_learned_prior(images):
    model = rival("poisson_amortized")(64, 5)
    (potential,) = model.start(images)
    kl = torch.distributions.kl_divergence(
        torch.distributions.Poisson(potential.exp()),
        torch.distributions.Poisson(model.network.prior[0].exp()),
    )
    torch.testing.assert_close(model.divergence((potential,)), kl.sum(1), atol=1e-5, rtol=1e-4)
