"""Terms of the variational rivals against closed forms, brute force and finite differences."""

import numpy as np
import pytest
from scipy import stats

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import networks, rival  # noqa: E402
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


def test_a_seed_of_its_own_leaves_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(1):
        torch.rand(10)
    assert torch.equal(torch.rand(3), expected)


@pytest.fixture
def images(rng):
    return torch.tensor(rng.normal(size=(6, 64)), dtype=torch.float32)


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


def test_predictive_coding_lowers_its_energy_to_ridge_regression(images):
    model = rival("predictive_coding")(64, 5, prior=0.3, rate=0.9)
    x, energies = images.numpy(), []
    codes = model.infer(
        x, 400, lambda r: energies.append(model.energy(images, torch.tensor(r)).detach().numpy())
    )
    assert (np.diff(energies, axis=0) < 1e-5).all()
    weights = model.arrays()["dictionary"]
    expected = np.linalg.solve(weights.T @ weights + 0.3 * np.eye(5), weights.T @ x.T).T
    np.testing.assert_allclose(codes, expected, atol=1e-5)


def test_predictive_coding_changes_weights_along_errors_and_incremental_every_step(images):
    x = images.numpy()
    changes = {}
    for key in ("predictive_coding", "incremental_predictive_coding"):
        model = rival(key)(64, 5, training_steps=7)
        model.optimiser, count = model.optimisers(), []
        step = model.optimiser.step
        model.optimiser.step = lambda step=step, count=count: (count.append(1), step())
        model.learn(x, 0.5)
        changes[key] = len(count)
    assert changes == {"predictive_coding": 1, "incremental_predictive_coding": 7}
    # The gradient of the energy with respect to the weights.
    weights = model.network.dictionary.detach().clone().requires_grad_()
    responses = torch.randn(6, 5)
    error = (images - responses @ weights.T).square().sum() / 2 / len(images)
    (expected,) = torch.autograd.grad(error, weights)
    model.optimiser.step = lambda: None
    model._change_weights(images, responses)
    torch.testing.assert_close(model.network.dictionary.grad, expected)


@pytest.mark.parametrize("key", ["hybrid", "semi_amortized", "gaussian_iterative"])
def test_inference_of_a_trained_model_lowers_the_free_energy(key, rng):
    causes = rng.exponential(1, (600, 6)) * (rng.random((600, 6)) < 0.3)
    x = (causes @ rng.normal(size=(6, 64))).astype(np.float32)
    settings = {"batch_size": 50, "learning_rate": 0.02, "beta": 0.1, "training_steps": 5}
    model = rival(key)(64, 8, **settings).fit(x, n_epochs=8, progress=False)
    stimuli = torch.tensor(x[:200])

    def free_energy(state):
        if key == "gaussian_iterative":
            reconstruction, divergence = model.losses(stimuli, state, tuple(model.network.start))
            return (reconstruction + 0.1 * divergence).mean()
        return model.objective(stimuli, state).mean()

    with torch.no_grad(), seeded(0):
        state = model.start(stimuli)
        energies = [free_energy(state)]
        for _ in range(5):
            state = model.step(stimuli, state)
            energies.append(free_energy(state))
    assert energies[-1] < energies[1] < energies[0]


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


def test_a_refinement_gets_the_gradients_and_gates_old_with_new(images):
    model = rival("hybrid")(64, 5, encoder="linear")
    state = model.start(images)
    with seeded(0):
        slopes = model.slopes(images, tuple(v.detach() for v in state))
    fixed = tuple(v.detach().requires_grad_() for v in state)
    with seeded(0):
        expected = torch.autograd.grad(model.objective(images, fixed).sum(), fixed)
    torch.testing.assert_close(slopes, expected)
    # Gates that are open keep what there is, ones that are shut take the answer.
    last = model.network.refinement[-1]
    with torch.no_grad():
        last.bias[10:] = 100.0
        torch.testing.assert_close(model.step(images, state)[0], state[0])
        last.bias[10:], last.weight[10:] = -100.0, 0.0
        last.bias[:5], last.weight[:5] = 0.25, 0.0
        torch.testing.assert_close(model.step(images, state)[0], torch.full((6, 5), 0.25))


@pytest.mark.parametrize("n_pixels", [64, 256, 784])
def test_convolutional_networks_fit_square_images(n_pixels):
    images = torch.randn(3, n_pixels)
    code = networks.encoder("convolutional", n_pixels, 10)(images)
    assert code.shape == (3, 10)
    assert networks.decoder("convolutional", 10, n_pixels)(code).shape == (3, n_pixels)


@pytest.mark.parametrize("n_pixels", [60, 36])
def test_convolutional_networks_refuse_other_images(n_pixels):
    with pytest.raises(ValueError, match=f"multiple of 4, got n_pixels = {n_pixels}"):
        rival("gaussian_amortized_conv")(n_pixels, 5)


def test_an_unknown_encoder_is_refused():
    with pytest.raises(ValueError, match="encoder must be one of 'linear', 'convolutional'"):
        rival("gaussian_amortized")(64, 5, encoder="conv")


def test_large_batches_are_encoded_in_parts(images, monkeypatch):
    network = networks.encoder("linear", 64, 7)
    whole = network(images)
    monkeypatch.setattr(networks, "ROWS", 4)
    torch.testing.assert_close(networks.encode(network, images), whole)
