"""Presentations: windows of movies, waves of copies, stimuli with nothing to infer."""

import numpy as np
import pytest
from brian2 import ms
from helpers import make_parameters
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import SpikingNetwork
from ipvae_brian.network import base
from ipvae_brian.network.presentation import in_waves


@pytest.fixture(scope="module")
def network(parameters):
    return SpikingNetwork(parameters, dt=4 * ms)


# Windows of movies


def test_response_knows_what_was_seen_in_each_window(network, stimuli):
    response = network.present_movie(stimuli[:2], [12 * ms, 28 * ms])
    assert response.counts.shape == (1, 2, 12)
    np.testing.assert_allclose(response.stimuli[0, 0], 0.6 * stimuli[0] + 0.4 * stimuli[1])
    np.testing.assert_allclose(response.stimuli[0, 1], stimuli[1])


# Stimuli that have nothing to infer


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0])
@pytest.mark.parametrize("resting_potential", [-2.0, 0.0, 2.5])
def test_constant_stimuli_run(value, resting_potential):
    """No false alarm, whatever the prior rate is; potentials fall where nothing drives them."""
    parameters = make_parameters(resting_potential=resting_potential)
    for options in ({"n_copies": 3}, {}):
        network = SpikingNetwork(parameters, dt=1 * ms, **options)
        response = network.present(np.full((3, 16), value), 200 * ms, seed=1)
        assert response.counts.shape == (3, 10, 12)
        if value == 0:
            first, last = (
                response.expected_counts[:, 0].mean(),
                response.expected_counts[:, -1].mean(),
            )
            assert last < first and last < 1


def test_blank_stimuli_fire_at_the_prior_rate_with_leak():
    parameters = make_parameters(resting_potential=-2.0, threshold=0.0, leak=5.0, scale=0.02)
    network = SpikingNetwork(parameters, n_copies=200, dt=1 * ms)
    counts = network.present(np.zeros((200, 16)), 200 * ms, seed=1).counts
    # 24,000 counts at 0.135: the standard error is 2 %; inhibition takes less than 1 %.
    np.testing.assert_allclose(counts.mean(), np.exp(-2), rtol=0.1)


def test_presentations_without_a_whole_window(network, stimuli):
    response = network.present(stimuli, 16 * ms)
    assert response.counts.shape == (5, 0, 12)
    with pytest.raises(ValueError, match="no whole window of tau = 20 ms in a duration of 16 ms"):
        response.r2()


# Waves of copies


@given(
    n_stimuli=st.integers(1, 9),
    n_copies=st.integers(1, 4),
    first_wave=st.integers(0, 3),
    seeded=st.booleans(),
)
def test_waves_show_every_stimulus_once_and_fill_its_own_windows(
    n_stimuli, n_copies, first_wave, seeded
):
    frames = 1 + np.arange(n_stimuli * 2 * 3.0).reshape(n_stimuli, 2, 3)
    n_waves = -(-n_stimuli // n_copies)
    counts = np.zeros((2, n_waves * n_copies, 5), np.int32)
    expected_counts = np.zeros(counts.shape)
    waves = in_waves(
        frames,
        np.array([4, 6]),
        counts,
        expected_counts,
        n_copies,
        reset=False,
        reset_frames=True,
        seed=8 if seeded else None,
        first_wave=first_wave,
    )
    seen = []
    for wave, one in enumerate(waves):
        assert one.frames.shape == (n_copies, 2, 3)
        assert (one.frames[one.used :] == 0).all()
        assert one.seed == ([8, first_wave + wave] if seeded else None)
        assert (one.reset, one.reset_frames) == (False, True)
        seen.extend(one.frames[: one.used])
        one.counts += 1
        one.expected_counts += 0.5
    np.testing.assert_array_equal(seen, frames)
    assert (counts == 1).all() and (expected_counts == 0.5).all()


class Bar:
    """A progress bar that remembers by how much it went on."""

    def __init__(self, total, unit, progress):
        self.total, self.unit, self.n, self.steps = total, unit, 0, []
        bars.append(self)

    def update(self, n=1):
        self.n += n
        self.steps.append(n)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


bars = []


@pytest.mark.parametrize(("n_copies", "total"), [(1, 15), (4, 6)])
def test_progress_by_windows(parameters, stimuli, monkeypatch, n_copies, total):
    """Within one long presentation, too; what is left after the last whole window is none."""
    monkeypatch.setattr(base, "progress_bar", Bar)
    network = SpikingNetwork(parameters, n_copies=n_copies, dt=1 * ms)
    network.present(stimuli, 3.5 * parameters.tau, seed=0)
    bar = bars.pop()
    assert (bar.unit, bar.total, bar.n) == ("windows", total, total)
    assert bar.steps.count(1) == total and set(bar.steps) == {0, 1}
    assert network.present(stimuli, 0.5 * parameters.tau, seed=0).counts.shape[1] == 0
    assert (bars[-1].total, bars.pop().n) == (0, 0)
