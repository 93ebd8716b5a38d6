"""What a fitted estimator does: codes, decodes, scores, hands out networks, saves and loads."""

import copy

import numpy as np
import pytest
from brian2.only import ms
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from trainings import assert_same_parameters, images, small

from ipvae_brian import IPVAE, FileFormatError, Parameters
from ipvae_brian.learning import inference


def test_transform_gives_whole_numbers(fitted):
    counts = fitted.transform(images(30, seed=1))
    assert counts.shape == (30, 24)
    assert counts.dtype == np.float64
    np.testing.assert_array_equal(counts, np.round(counts))
    assert counts.min() == 0
    assert counts.max() >= 2


def test_transform_is_reproducible(fitted):
    x = images(30, seed=1)
    counts = fitted.transform(x)
    np.testing.assert_array_equal(fitted.transform(x), counts)
    np.testing.assert_array_equal(fitted.transform(x.tolist()), counts)
    np.testing.assert_array_equal(fitted.transform(np.asfortranarray(x)), counts)
    random = copy.deepcopy(fitted).set_params(random_state=None)
    assert (random.transform(x) != random.transform(x)).any()


def test_transform_more_stimuli_than_copies(fitted, monkeypatch):
    """The code of each belongs to it, whichever wave it is simulated in."""
    x = images(50, seed=1)
    monkeypatch.setattr(inference, "COPIES", 20)
    decoded = fitted.inverse_transform(fitted.transform(x))
    error = ((decoded[:, None] - x[None]) ** 2).sum(axis=2)
    assert (error.argmin(axis=1) == np.arange(50)).mean() > 0.9


def test_inverse_transform_undoes_the_standardisation(fitted):
    x = images(100, seed=1)
    decoded = fitted.inverse_transform(fitted.transform(x))
    assert decoded.shape == x.shape
    left = ((x - decoded) ** 2).sum(axis=1) / ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    assert (1 - left).mean() == pytest.approx(fitted.score(x), abs=1e-4)
    # No spikes decode to the mean; one spike adds a column in units of the stimuli.
    zero = np.zeros((1, 24))
    np.testing.assert_allclose(fitted.inverse_transform(zero), images().mean(), rtol=1e-6)
    one = fitted.inverse_transform(np.eye(24)) - fitted.inverse_transform(zero)
    np.testing.assert_allclose(one, fitted.components_ * images().std(), rtol=1e-5, atol=1e-9)
    for counts in (np.zeros((2, 23)), np.zeros(24), np.zeros((1, 2, 24))):
        with pytest.raises(ValueError, match=r"X must have shape \(any, 24\)"):
            fitted.inverse_transform(counts)


def test_score_and_distance(fitted):
    x = images(100, seed=1)
    response = fitted.simulate(x)
    assert fitted.score(x) == pytest.approx(response.r2().mean())
    assert type(fitted.score(x)) is float
    assert fitted.distance(x) == pytest.approx(response.distance())
    flat = x.copy()
    flat[3] = 100  # its R2 is not defined
    assert fitted.score(flat) == pytest.approx(fitted.score(x), abs=0.05)


def test_simulate(fitted):
    x = images(3, seed=1)
    response = fitted.simulate(x)
    assert response.counts.shape == (3, 6, 24)
    assert response.spikes is None
    np.testing.assert_allclose(response.stimuli[:, 0], fitted.parameters_.standardise(x), rtol=1e-4)
    response = fitted.simulate(x[:1], 50 * ms, record_potentials=[0, 5], dt=0.2 * ms)
    assert response.potentials.shape == (1, 2, 250)
    assert response.spikes is not None
    assert response.counts.shape == (1, 2, 24)
    again = fitted.simulate(x[:1], 50 * ms, record_potentials=[0, 5], dt=0.2 * ms)
    np.testing.assert_array_equal(again.potentials, response.potentials)
    other = fitted.simulate(x[:1], 50 * ms, seed=7, record_potentials=[0, 5], dt=0.2 * ms)
    assert (other.potentials != response.potentials).any()
    units = fitted.simulate(x[:1], 20 * ms, pathway="error_units")
    assert units.counts.shape == (1, 1, 24)


def test_chosen_time_step_is_stable(digits):
    """With the time step that the package chooses, none of 100 digits may run away."""
    x = digits[0]
    model = small(n_neurons=24, gain=5).fit(x[:100])
    response = model.simulate(x[100:200])
    assert response.counts.shape == (100, 3, 24)
    assert response.counts.sum(axis=2).max() < 200


def test_names_of_the_neurons(fitted):
    names = [f"ipvae{i}" for i in range(24)]
    assert fitted.get_feature_names_out().tolist() == names
    pipeline = make_pipeline(StandardScaler(), small(random_state=1))
    pipeline.fit(images())
    assert pipeline.get_feature_names_out().tolist() == names[:8]
    with pytest.raises(NotFittedError):
        small().get_feature_names_out()


def test_counts_in_a_table(fitted):
    pytest.importorskip("pandas")
    x = images(20, seed=1)
    told = copy.deepcopy(fitted).set_output(transform="pandas")
    table = told.transform(x)
    assert list(table.columns) == [f"ipvae{i}" for i in range(24)]
    np.testing.assert_array_equal(table.to_numpy(), fitted.transform(x))


def test_network(fitted):
    network = fitted.network(dt=1 * ms)
    assert network.parameters is fitted.parameters_
    counts = network.present(fitted.standardise_stimuli(images(1)), 40 * ms, seed=2).counts
    assert counts.shape == (1, 2, 24)
    with pytest.raises(NotFittedError):
        small().network()


def test_numpy_numbers_can_be_saved(tmp_path):
    model = small(gain=np.int64(6), sparsity=np.float32(0.25), n_neurons=np.int32(8))
    model.fit(images(60)).save(tmp_path / "m.npz")
    assert IPVAE.load(tmp_path / "m.npz").get_params()["gain"] == 6


def test_save_and_load(fitted, tmp_path):
    path = tmp_path / "m.npz"
    fitted.save(
        path, stimulus_shape=(4, 4), whitening={"method": "none"}, provenance={"name": "tiny"}
    )
    loaded = IPVAE.load(path)
    assert_same_parameters(loaded.parameters_, fitted.parameters_)
    assert loaded.parameters_.stimulus_shape == (4, 4)
    assert loaded.parameters_.whitening == {"method": "none"}
    assert loaded.parameters_.provenance["name"] == "tiny"
    assert loaded.noise_variance_ == fitted.noise_variance_
    assert loaded.n_features_in_ == 16
    params = loaded.get_params()
    for name in ("n_neurons", "gain", "sparsity", "spike_size", "batch_size", "training_gain"):
        assert params[name] == fitted.get_params()[name], name
    x = images(40, seed=1)
    loaded.set_params(random_state=0, inference_windows=6, progress=False)
    assert loaded.score(x) == fitted.score(x)
    np.testing.assert_array_equal(loaded.transform(x), fitted.transform(x))
    counts = fitted.transform(x)
    np.testing.assert_array_equal(
        loaded.inverse_transform(counts), fitted.inverse_transform(counts)
    )
    loaded.save(tmp_path / "again.npz")
    assert_same_parameters(IPVAE.load(tmp_path / "again.npz").parameters_, fitted.parameters_)


def test_load_what_no_estimator_wrote(tmp_path):
    path = tmp_path / "m.npz"
    Parameters(dictionary=np.eye(3), tau=10 * ms, stimulus_mean=2, stimulus_scale=3).save(path)
    model = IPVAE.load(path)
    assert (model.n_neurons, model.n_features_in_) == (3, 3)
    np.testing.assert_allclose(model.inverse_transform([[1, 0, 2]]), [[5, 2, 8]])


def test_load_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        IPVAE.load(tmp_path / "none.npz")
    (tmp_path / "m.npz").write_text("hello")
    with pytest.raises(FileFormatError, match="m.npz"):
        IPVAE.load(tmp_path / "m.npz")
