"""Seeds of their own, and inference that lowers the free energy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


def test_a_seed_of_its_own_leaves_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeded(1):
        torch.rand(10)
    assert torch.equal(torch.rand(3), expected)


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
