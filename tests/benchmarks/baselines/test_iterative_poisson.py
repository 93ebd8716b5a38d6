"""The published model as a rival: its update, its trainer, its settings."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


def test_a_step_is_the_update_by_drawn_counts(images):
    model = rival("poisson_iterative")(64, 5)
    potential = torch.randn(6, 5)
    with seeded(0), torch.no_grad():
        (moved,) = model.step(images, (potential,))
        counts = model.code((moved,), True)
    with seeded(0), torch.no_grad():
        drawn = torch.poisson(potential.exp())
        expected = model.network.update(potential, images, drawn)
        torch.testing.assert_close(moved, expected)
        torch.testing.assert_close(counts, torch.poisson(moved.exp()))
    torch.testing.assert_close(model.code((moved,), False), moved.exp())


def test_settings_reach_the_trainer():
    model = rival("poisson_iterative")(64, 5, beta=3.0, training_steps=4, learning_rate=0.07)
    optimiser = model.optimisers()
    trainer = model.trainer
    assert (trainer.beta, trainer.n_steps, trainer.learning_rate) == (3.0, 4, 0.07)
    assert trainer.optimiser is optimiser
    with pytest.raises(ValueError, match="settings must be one of"):
        rival("poisson_iterative")(64, 5, largest_gradient=1.0)
