"""The package's network with the interface of the rivals."""

import numpy as np
import pytest

from benchmarks.claims.ours import AdaptiveSpikingVAE, SpikingVAE
from ipvae_brian import Parameters, load_model


@pytest.fixture(scope="module")
def stimuli():
    return np.random.default_rng(0).normal(size=(60, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def dictionary():
    return np.random.default_rng(1).normal(size=(16, 12))


@pytest.mark.parametrize("kind", [SpikingVAE, AdaptiveSpikingVAE])
def test_codes_are_counts_of_single_windows(kind, stimuli, dictionary):
    model, windows = kind(16, 12, seed=3).set_dictionary(dictionary), []
    codes = model.infer(stimuli, 3, windows.append)
    assert len(windows) == 3 and codes.shape == (60, 12)
    np.testing.assert_array_equal(codes, windows[-1])
    np.testing.assert_array_equal(codes, np.round(codes))
    np.testing.assert_array_equal(codes, model.infer(stimuli, 3))
    expected = model.infer(stimuli, 3, sample=False)
    assert (expected > 0).all() and not np.array_equal(expected, codes)
    lengths = np.linalg.norm(model.decode(np.eye(12)), axis=1)
    np.testing.assert_allclose(lengths, model.settings["spike_size"], rtol=1e-5)


def test_parts_are_coded_as_the_whole(stimuli, dictionary, monkeypatch):
    model = SpikingVAE(16, 12).set_dictionary(dictionary)
    monkeypatch.setattr("benchmarks.claims.ours.COPIES", 20)
    whole = model.infer(stimuli, 2)
    monkeypatch.setattr("benchmarks.claims.ours.ROWS", 20)
    np.testing.assert_array_equal(whole, model.infer(stimuli, 2))


def test_sparsity_trades_reconstruction_for_zeros(stimuli, dictionary):
    model = SpikingVAE(16, 12).set_dictionary(dictionary)
    zeros = [
        (model.with_settings(sparsity=s).infer(stimuli, 8) == 0).mean() for s in (0.0, 0.5, 2.0)
    ]
    assert zeros == sorted(zeros) and zeros[2] > zeros[0] + 0.1


@pytest.mark.parametrize(
    ("kind", "name"),
    [(SpikingVAE, "photographs-512"), (AdaptiveSpikingVAE, "photographs-512-adaptive")],
)
def test_a_trained_model_is_used_as_it_is(kind, name):
    parameters = load_model(name)
    used = kind.of_model(parameters).parameters().with_noise_variance(parameters.noise_variance)
    for field in ("dictionary", "threshold", "natural_gradient_step"):
        np.testing.assert_allclose(getattr(used, field), getattr(parameters, field), rtol=1e-5)
    assert used.half_threshold_rate == parameters.half_threshold_rate
    assert used.lowest_potential == parameters.lowest_potential
    assert kind.of_model(parameters, sparsity=0.9).settings["sparsity"] == 0.9


def test_it_learns_saves_and_loads(stimuli, tmp_path):
    many = np.tile(stimuli, (5, 1))
    model = SpikingVAE(16, 12, seed=1).fit(many, n_epochs=2, progress=False)
    assert model.history_[-1]["epoch"] == 2 and model.history_[-1]["cpu_seconds"] > 0
    model.save(tmp_path / "ours.npz")
    loaded = SpikingVAE.load(tmp_path / "ours.npz")
    np.testing.assert_array_equal(loaded.infer(stimuli, 2), model.infer(stimuli, 2))
    again = SpikingVAE(16, 12, seed=1).fit(many, n_epochs=2, progress=False)
    np.testing.assert_array_equal(again.dictionary, model.dictionary)


def test_minutes_become_epochs(stimuli, monkeypatch):
    clock = iter([0.0, 0.0, 0.5, 9.0])  # begin, begin and end of a part, end
    monkeypatch.setattr("benchmarks.claims.ours.time.process_time", lambda: next(clock))
    asked = []

    class Estimator:
        training_figures_: dict = {}
        parameters_ = Parameters(dictionary=np.eye(16, 12))

        def fit(self, stimuli):
            return self

    def estimator(self, n_epochs, progress=False):
        asked.append(n_epochs)
        return Estimator()

    monkeypatch.setattr(SpikingVAE, "estimator", estimator)
    SpikingVAE(16, 12).fit(np.tile(stimuli, (100, 1)), minutes=0.1)  # 6000, of them 2000 in 0.5 s
    assert asked == [1, 1, 4]
