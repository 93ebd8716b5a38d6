"""Steps of the iterative Gaussian VAE are natural gradients of its free energy."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


@pytest.mark.parametrize("key", ["gaussian_iterative", "relu_iterative"])
def test_an_iterative_step_is_the_natural_gradient_of_the_free_energy(key, images):
    """Between clamps, a step is the gradient of the log likelihood over Fisher information."""
    model = rival(key)(64, 5, seed=2)
    network = model.network
    with torch.no_grad():
        network.log_bias.fill_(-100.0)
        network.log_sigma.copy_(torch.linspace(-0.5, 0.5, 64))
        network.log_step.copy_(torch.tensor([1e-3, 2e-3]).log())
    mean, log_scale = torch.randn(6, 5, requires_grad=True), torch.randn(6, 5) / 4
    log_scale.requires_grad_()
    with seeded(3):
        moved = model.step(images, (mean, log_scale))
    with seeded(3):
        losses, divergence = model.losses(images, (mean, log_scale), (mean, log_scale))
    assert (divergence == 0).all()
    by_mean, by_scale = torch.autograd.grad(losses.sum(), (mean, log_scale))

    def clamped(value, bound):
        return bound * torch.tanh(value / bound)

    # Fisher information: exp(-2 s) of the mean, 2 of the log standard deviation.
    expected = (
        clamped(mean - 1e-3 * torch.exp(2 * log_scale) * by_mean, 7),
        clamped(log_scale - 2e-3 * by_scale / 2, 2),
    )
    torch.testing.assert_close(moved, expected, atol=1e-5, rtol=1e-4)


def test_negative_log_likelihood_is_that_of_the_pixels(images):
    model = rival("gaussian_iterative")(64, 5)
    with torch.no_grad():
        model.network.log_sigma.copy_(torch.linspace(-0.5, 0.5, 64))
    state = (torch.randn(6, 5), torch.full((6, 5), -30.0))
    reconstruction, _ = model.losses(images, state, state)
    pixels = torch.distributions.Normal(model.reconstruct(state[0]), model.log_sigma().exp())
    torch.testing.assert_close(reconstruction, -pixels.log_prob(images).sum(1))
