"""The limit of stability is the right eigenvalue, and large spikes need fine steps."""

import numpy as np
import pytest

from ipvae_brian.network import stability_limit
from ipvae_brian.network.stability_limit import largest_jump_at, steps_for_jump


@pytest.mark.parametrize("delay_steps", [0, 1, 2, 7])
def test_critical_step_is_where_delayed_feedback_begins_to_grow(delay_steps):
    """Roots of v[t + 1] = v[t] - g v[t - D] are inside the unit circle below it only."""
    critical = stability_limit.critical_step(delay_steps)
    for g, grows in ((0.99 * critical, False), (1.01 * critical, True)):
        polynomial = np.zeros(delay_steps + 2)
        polynomial[:2] = 1, -1
        polynomial[-1] += g
        assert (np.abs(np.roots(polynomial)).max() > 1) == grows


@pytest.mark.parametrize("steps", [100, 125, 250, 400])
def test_the_largest_jump_needs_just_so_many_steps(steps):
    jump = largest_jump_at(steps)
    assert stability_limit.LARGEST_JUMP < jump < stability_limit.LARGEST_EXACT_JUMP
    assert steps_for_jump(jump) == pytest.approx(steps)
    assert steps_for_jump(1.01 * jump) > steps


def test_jumps_are_small_or_too_large_whatever_the_steps():
    assert largest_jump_at(1) == largest_jump_at(20) == stability_limit.LARGEST_JUMP
    assert largest_jump_at(10**6) == stability_limit.LARGEST_EXACT_JUMP
    assert steps_for_jump(stability_limit.LARGEST_JUMP) == 1
    assert steps_for_jump(np.inf) == steps_for_jump(stability_limit.LARGEST_EXACT_JUMP) < 500
