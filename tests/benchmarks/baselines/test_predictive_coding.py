"""Predictive coding goes down its energy, with responses and with weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402


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
