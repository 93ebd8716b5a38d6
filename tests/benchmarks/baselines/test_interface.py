"""The interface of rivals: budgets, validation, files and errors, on those without PyTorch."""

import numpy as np
import pytest

from benchmarks.baselines import rival
from benchmarks.baselines.interface import Rival
from ipvae_brian.errors import FileFormatError


@pytest.fixture
def lca():
    return rival("lca")(64, 24, training_steps=30, training_sparsity=0.1, sparsity=0.1)


class Runaway(Rival):
    NAME = "runaway"

    def learn(self, batch, share):
        return np.inf


class Slow(Rival):
    """Notes the shares of the training at which it is asked to learn."""

    def __init__(self, *sizes, **settings):
        super().__init__(*sizes, **settings)
        self.shares = []

    def learn(self, batch, share):
        self.shares.append(share)
        return len(batch)


def test_shares_of_a_training_grow_to_one(patterns):
    model = Slow(64, 3, batch_size=300).fit(patterns, n_epochs=3, progress=False)
    np.testing.assert_allclose(model.shares, np.arange(12) / 12)
    # The mean of 300, 300, 300 and 100.
    assert [entry["loss"] for entry in model.history_] == [250, 250, 250]


def test_a_budget_of_minutes_ends_a_training(patterns):
    model = Slow(64, 3, batch_size=10).fit(patterns, minutes=0.3 / 60, progress=False)
    assert 0.2 < model.history_[-1]["cpu_seconds"] < 5
    assert 0 < max(model.shares) < 1 and (np.diff(model.shares) > 0).all()


def test_epochs_end_a_training_before_its_minutes(patterns):
    model = Slow(64, 3).fit(patterns, minutes=5, n_epochs=2, progress=False)
    assert len(model.history_) == 2 and len(model.shares) == 10


def test_validation_is_scored_after_every_epoch(lca, patterns):
    lca.fit(patterns, validation=patterns[:50], n_epochs=2, progress=False)
    assert [set(entry) for entry in lca.history_] == 2 * [
        {"epoch", "cpu_seconds", "loss", "r2", "zeros"}
    ]


def test_errors_say_what_is_wrong(lca, patterns, tmp_path):
    with pytest.raises(ValueError, match="rival must be one of .*'pac'"):
        rival("pac")
    with pytest.raises(ValueError, match="settings must be one of .*did you mean 'sparsity'"):
        rival("lca")(64, 24, sparsness=1)
    with pytest.raises(ValueError, match="settings must be one of"):
        lca.with_settings(sparsness=1)
    with pytest.raises(FloatingPointError, match="runaway: the loss of batch 0 is inf"):
        Runaway(64, 3).fit(patterns, progress=False)
    with pytest.raises(ValueError, match="stimuli"):
        lca.fit(patterns[:, :5])
    with pytest.raises(ValueError, match="codes"):
        lca.decode(np.zeros((3, 5)))


def test_a_file_of_another_rival_is_refused(lca, tmp_path):
    lca.save(tmp_path / "lca.npz")
    with pytest.raises(FileFormatError, match="of LocallyCompetitiveAlgorithm, not of Principal"):
        rival("pca").load(tmp_path / "lca.npz")
    (tmp_path / "text.npz").write_text("no rival")
    with pytest.raises(FileFormatError):
        rival("lca").load(tmp_path / "text.npz")
