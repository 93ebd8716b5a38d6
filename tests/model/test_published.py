"""Checkpoints of the published code: what is read, and that potentials follow its update."""

import json

import numpy as np
import pytest
from brian2 import ms

from ipvae_brian import FileFormatError, Parameters, SpikingNetwork

torch = pytest.importorskip("torch")
N_PIXELS, N_NEURONS = 9, 7


@pytest.fixture
def state():
    """Tensors under the names and in the shapes of that code, in which all of them matter."""
    rng = np.random.default_rng(0)
    arrays = {
        "layer.phi.weight": 0.5 * rng.normal(size=(N_PIXELS, N_NEURONS)),
        "layer.dec_log_sigma": rng.uniform(-1, 1, (1, N_PIXELS)),
        "layer.log_bias": rng.uniform(-3, -1, (1, N_NEURONS)),
        "layer.log_lr.0": np.array([-1.0]),
        "layer.u_init.0": rng.uniform(-1, 0.5, (1, N_NEURONS)),
        "layer.temp": np.array(1.0),
        "layer.n_exp": np.arange(16),
    }
    return {name: torch.tensor(value, dtype=torch.float32) for name, value in arrays.items()}


def save(path, state, **others):
    torch.save({"metadata": {"global_step": 7}, "model": state, "model_ema": None} | others, path)
    return path


def published_update(state, u, z, x):
    """One update of the published code without its soft clamps, as its paper defines it."""
    tensors = {name: value.double().numpy() for name, value in state.items()}
    phi = tensors["layer.phi.weight"]
    log_noise = 3.45 * np.tanh(tensors["layer.dec_log_sigma"][0] / 3.45)
    error = (x - phi @ z) / np.exp(2 * log_noise)
    change = phi.T @ error - np.exp(tensors["layer.log_bias"][0])
    return np.clip(u + np.exp(tensors["layer.log_lr.0"]) * change, -8, 10)


@pytest.mark.parametrize("pathway", ["synapses", "error_units"])
def test_potentials_follow_the_published_update(tmp_path, state, pathway):
    parameters = Parameters.from_published(save(tmp_path / "model.pt", state), tau=10 * ms)
    x = np.random.default_rng(1).normal(size=N_PIXELS)
    network = SpikingNetwork(
        parameters, pathway=pathway, dt=parameters.tau, record_potentials=range(N_NEURONS)
    )
    response = network.present(x, 12 * parameters.tau, seed=3)
    potentials, counts = response.potentials[0].T, response.step_counts[0].T
    assert counts.sum() > 5
    u = state["layer.u_init.0"][0].double().numpy()
    for t in range(12):
        np.testing.assert_allclose(potentials[t], u, atol=1e-5)
        u = published_update(state, u, counts[t], x)


def test_the_moving_average_is_taken(tmp_path, state):
    averaged = state | {"layer.phi.weight": 2 * state["layer.phi.weight"]}
    path = save(tmp_path / "model.pt", state, model_ema=averaged)
    weight = state["layer.phi.weight"].double().numpy()
    np.testing.assert_array_equal(Parameters.from_published(path).dictionary, 2 * weight)
    last = Parameters.from_published(path, averaged=False)
    np.testing.assert_array_equal(last.dictionary, weight)
    assert last.provenance["published_checkpoint"] == "model.pt"


def test_a_state_alone_is_read(tmp_path, state):
    torch.save(state, tmp_path / "state.pt")
    assert Parameters.from_published(tmp_path / "state.pt").n_neurons == N_NEURONS


def test_low_starts_are_raised_to_the_bound(tmp_path, state):
    state["layer.u_init.0"] -= 20
    parameters = Parameters.from_published(save(tmp_path / "model.pt", state))
    assert (parameters.resting_potential == -8).all()


def test_the_configuration_beside_it_counts(tmp_path, state):
    fit = tmp_path / "fit"
    fit.mkdir()
    path = save(fit / "model.pt", state)
    told = {"clamp_u": 6.0, "dec_type": "lin", "n_iters_inner": 1}
    (tmp_path / "ConfigPoisVAE.json").write_text(json.dumps(told))
    parameters = Parameters.from_published(path, stimulus_shape=(3, 3))
    assert parameters.highest_potential == 6
    assert parameters.stimulus_shape == (3, 3)
    assert parameters.provenance["published_configuration"] == told
    for name, value in (("dec_type", "conv"), ("n_iters_inner", 4), ("inf_type", "leapfrog")):
        (tmp_path / "ConfigPoisVAE.json").write_text(json.dumps(told | {name: value}))
        with pytest.raises(FileFormatError, match=f"{name} is '?{value}'?, and only"):
            Parameters.from_published(path)
    (tmp_path / "ConfigPoisVAE.json").write_text("{")
    with pytest.raises(FileFormatError, match="ConfigPoisVAE.json: not JSON"):
        Parameters.from_published(path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("layer.phi.weight", None, "is missing: not an iterative Poisson VAE"),
        ("layer.phi.weight", torch.zeros(5), "must have 2 dimensions, got 1"),
        ("layer.log_bias", torch.zeros(1, 4), "must have 7 value"),
        ("layer.dec_log_sigma", torch.zeros(1, 4), "must have 9 value"),
        ("layer.log_lr.0", torch.zeros(2), "must have 1 value"),
        ("layer.u_init.0", torch.full((1, 7), float("nan")), "must hold finite numbers"),
        ("layer.log_bias", "words", "is no array of numbers"),
    ],
)
def test_wrong_fields_are_named(tmp_path, state, name, value, words):
    state[name] = value
    if value is None:
        del state[name]
    path = save(tmp_path / "model.pt", state)
    with pytest.raises(FileFormatError, match=f"model.pt: '{name}' {words}"):
        Parameters.from_published(path)


def test_other_files_are_refused(tmp_path, state):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        Parameters.from_published(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(FileFormatError, match="text.pt: not a checkpoint of tensors alone"):
        Parameters.from_published(tmp_path / "text.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(FileFormatError, match="holds no state of a model, got list"):
        Parameters.from_published(tmp_path / "list.pt")


class Executed:
    """Pickled by name: to load it would run code."""

    def __reduce__(self):
        return (print, ("executed",))


def test_nothing_in_a_checkpoint_is_executed(tmp_path, state, capsys):
    path = save(tmp_path / "model.pt", state, metadata={"object": Executed()})
    with pytest.raises(FileFormatError, match="save its 'model' again"):
        Parameters.from_published(path)
    assert "executed" not in capsys.readouterr().out


def test_without_pytorch_the_extra_is_named(tmp_path, state, monkeypatch):
    path = save(tmp_path / "model.pt", state)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ImportError, match="ipvae-brian.published"):
        Parameters.from_published(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"clamp_u": null}', "clamp_u must be a number, got None"),
        ('{"clamp_u": true}', "clamp_u must be a number, got True"),
        ("[1]", "must hold settings by name, got list"),
    ],
)
def test_configurations_that_are_none(text, words, tmp_path, state):
    path = save(tmp_path / "model.pt", state)
    (tmp_path / "ConfigPoisVAE.json").write_text(text)
    with pytest.raises(FileFormatError, match=words):
        Parameters.from_published(path)
