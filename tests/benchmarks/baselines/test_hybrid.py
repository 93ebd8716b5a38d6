"""The refinement gets the gradients, and gates mix its answer in."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is in the extra `bench`")

from benchmarks.baselines import rival  # noqa: E402
from benchmarks.baselines.torch_rival import seeded  # noqa: E402


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
