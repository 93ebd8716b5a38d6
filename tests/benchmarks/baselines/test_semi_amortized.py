"""Gradient steps of inference, and a loss that goes back through them."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


def test_a_semi_amortized_step_is_the_gradient_and_the_loss_goes_back_through_it(images):
    model = rival("semi_amortized")(64, 5, encoder="linear", training_steps=2)
    mean, log_scale, *rest = model.start(images)
    fixed = (mean.detach().requires_grad_(), log_scale.detach().requires_grad_())
    with seeded(0), torch.no_grad():
        moved = model.step(images, (mean, log_scale, *rest))
    with seeded(0):
        loss = model.objective(images, fixed).sum()
    by_mean, by_scale = torch.autograd.grad(loss, fixed)
    torch.testing.assert_close(moved[0], mean - 0.01 * by_mean)
    torch.testing.assert_close(moved[3], -0.01 * by_scale)

    # The derivative of the loss after two steps with respect to a weight of the decoder, by
    # differences: it holds what the weight does to the gradients in the steps.
    model.network.double()
    weight = model.network.decoder.weight

    def loss_at(shift):
        with torch.no_grad():
            weight[3, 2] += shift
        with seeded(1):
            return model.loss(images.double(), 1.0)

    (gradient,) = torch.autograd.grad(loss_at(0.0), weight)
    difference = (loss_at(1e-5) - loss_at(-2e-5)).item() / 2e-5
    assert gradient[3, 2].item() == pytest.approx(difference, rel=1e-5)
