"""Stimuli and models that all measurements share."""

import numpy as np
import pytest

from benchmarks.common import Setup, at_step, default_data, network, present
from ipvae_brian.stimuli import load_stimuli


@pytest.fixture
def setup(monkeypatch):
    monkeypatch.setattr(
        Setup, "patches", load_stimuli("photographs", n_train=20, n_validation=6), raising=True
    )
    return Setup()


def test_stimuli_are_repeated_where_there_are_not_as_many(setup):
    stimuli = setup.stimuli(8)
    assert stimuli.shape == (8, 256)
    np.testing.assert_array_equal(stimuli[6:], stimuli[:2])
    assert setup.source == "photographs of the package" and setup.model.n_neurons == 512


def test_data_beside_the_repository_are_found_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("IPVAE_SHARED", str(tmp_path))
    assert default_data() is None
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "vanhateren16_train_val.npz"
    file.touch()
    assert default_data() == file


@pytest.mark.parametrize("steps_per_tau", [1, 20])
def test_our_contestant_takes_as_many_steps_as_it_is_asked_to(setup, steps_per_tau):
    model = at_step(setup.model, steps_per_tau)
    contestant = network(model, 2, steps_per_tau, engine="numpy")
    response = present(contestant, setup.stimuli(2), 40)
    assert response.timing.n_steps == 40
    assert contestant.steps_per_tau == steps_per_tau
    assert response.counts.shape == (2, 40 // steps_per_tau, 512)
