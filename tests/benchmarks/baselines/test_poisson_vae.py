"""The Poisson VAE in PyTorch takes the paper's step, and its relaxed counts have its gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines.poisson_vae import PoissonVAE, RelaxedPoisson, Trainer  # noqa: E402


def reference_update(potential, stimuli, counts, parameters):
    """The paper's update in NumPy, double precision."""

    def soft_upper(values):
        return 10 - np.log1p(np.exp(10 - values))

    phi, variance = parameters.dictionary, parameters.noise_variance
    drive = (stimuli - counts @ phi.T) @ phi / variance
    change = parameters.natural_gradient_step * (drive - parameters.threshold)
    return soft_upper(np.maximum(potential + soft_upper(np.maximum(change, -8)), -8))


@pytest.fixture
def uniform(parameters):
    """Parameters with one step for all neurons, as the paper's model has."""
    return parameters.with_gain(0.3 * parameters.spike_sizes.mean())


@pytest.fixture
def model(uniform):
    model = PoissonVAE.from_parameters(uniform)
    step = uniform.natural_gradient_step.mean()
    object.__setattr__(uniform, "natural_gradient_step", np.full(uniform.n_neurons, step))
    return model


def test_torch_update_is_that_of_the_equations(model, uniform, stimuli, rng):
    potential = rng.normal(size=(5, 12))
    counts = rng.poisson(1.0, (5, 12))
    expected = reference_update(potential, stimuli, counts, uniform)
    single = [torch.tensor(a, dtype=torch.float32) for a in (potential, stimuli, counts)]
    np.testing.assert_allclose(model.update(*single).detach(), expected, atol=2e-5)
    # Far below the clamps it is the discrete update of the package.
    plain = uniform.natural_gradient_step * (
        uniform.drive(stimuli) - uniform.threshold - counts @ uniform.lateral_weights
    )
    np.testing.assert_allclose(expected, potential + plain, atol=5e-3)


def test_noise_of_pixels_that_never_change_stays_above_a_bound():
    model = PoissonVAE(4, 3)
    with torch.no_grad():
        model.log_sigma.copy_(torch.tensor([-100.0, 0.0, 0.1, 100.0]))
    expected = 3.45 * np.tanh(np.array([-100, 0, 0.1, 100]) / 3.45)
    np.testing.assert_allclose(model.log_noise().detach(), expected, rtol=1e-6)


def test_torch_inference_is_the_update_with_its_own_draws(model, stimuli, monkeypatch):
    x = torch.tensor(stimuli, dtype=torch.float32)
    drawn = []
    poisson = torch.poisson

    def recording(rates):
        drawn.append(poisson(rates))
        return drawn[-1]

    monkeypatch.setattr(torch, "poisson", recording)
    torch.manual_seed(0)
    counts, potential, reconstruction, divergence = model.infer(x, 4)
    assert len(drawn) == 2 * 4
    with torch.no_grad():
        u = model.start.expand(5, -1)
        losses = torch.zeros(2, 5)
        for first, second in zip(drawn[::2], drawn[1::2], strict=True):
            prior, u = u, model.update(u, x, first)
            losses += torch.stack(model.losses(u, prior, x, second))
    torch.testing.assert_close(potential, u, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(counts, drawn[-1])
    torch.testing.assert_close(torch.stack([reconstruction, divergence]), losses)


def test_relaxed_counts_become_poisson_counts_with_the_gradient_of_their_mean():
    torch.manual_seed(0)
    potential = torch.log(torch.tensor([0.05, 1.0, 6.0])).repeat(100_000, 1).requires_grad_()
    counts = RelaxedPoisson.apply(potential, 0.02)
    rates = torch.tensor([0.05, 1.0, 6.0])
    torch.testing.assert_close(counts.mean(0).detach(), rates, rtol=0.03, atol=0)
    torch.testing.assert_close(counts.var(0).detach(), rates, rtol=0.04, atol=0)
    (gradient,) = torch.autograd.grad(counts.sum(), potential)
    torch.testing.assert_close(gradient.mean(0), rates, rtol=0.1, atol=0)


def test_relaxed_counts_have_the_derivative_of_their_own_arrivals():
    potential = torch.zeros(50, 4, requires_grad=True)

    def counts(shift):
        torch.manual_seed(3)
        return RelaxedPoisson.apply(potential + shift, 0.5)

    (gradient,) = torch.autograd.grad(counts(0).sum(), potential)
    difference = (counts(1e-3) - counts(-1e-3)).detach() / 2e-3
    assert np.median((gradient - difference).abs()) < 1e-2


def test_torch_training_lowers_the_loss(rng):
    torch.manual_seed(0)
    # Four causes, each a pattern of its own.
    causes = rng.poisson(0.5, (400, 4)) @ rng.normal(size=(4, 16))
    x = torch.tensor(causes, dtype=torch.float32)
    trainer = Trainer(PoissonVAE(16, 8), n_steps=4, beta=0.1)
    losses = [trainer.iteration(x, 0.5) for _ in range(100)]
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 3
