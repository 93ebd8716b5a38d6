"""The trained models that come with the package, and their cards."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import IPVAE, Parameters, SpikingNetwork, available_models, load_model
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.model.card import model_card
from ipvae_brian.model.library import _folder
from ipvae_brian.network.engines.choice import ENGINES
from ipvae_brian.physiology import fit_columns
from ipvae_brian.stimuli import load_stimuli

TRAINED = ("photographs-512", "vanhateren-1024", "vanhateren-512")
ADAPTIVE = tuple(f"{name}-adaptive" for name in TRAINED)
DIGITS = ("digits-1024", "digits-512")
MODELS = tuple(sorted(TRAINED + ADAPTIVE + DIGITS + tuple(f"{name}-adaptive" for name in DIGITS)))


@pytest.fixture(scope="module")
def photographs():
    return load_stimuli("photographs", n_validation=200).validation


def test_available_models():
    assert tuple(available_models()) == MODELS


def test_unknown_model_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'vanhateren-512'"):
        load_model("vanhatteren-512")


def test_paths_are_not_taken_for_names(tmp_path, monkeypatch):
    """Only the bare name is that of a shipped model; a file of that name comes first."""
    monkeypatch.chdir(tmp_path)
    for path in ("./photographs-512", Path("photographs-512"), "photographs-512.npz", "a/b"):
        with pytest.raises(FileNotFoundError):
            load_model(path)
    Parameters(dictionary=np.eye(4)).save("photographs-512")
    for path in ("./photographs-512", Path("photographs-512"), "photographs-512"):
        assert load_model(path).n_neurons == 4


@pytest.mark.parametrize("name", MODELS)
def test_card_is_that_of_the_model(name):
    parameters = load_model(name)
    card = (_folder() / f"{name}.md").read_text()
    assert card == model_card(parameters)
    assert parameters.provenance["name"] == name
    assert "van Hateren" in card or "photographs" in name or "MNIST" in card
    # Nothing of the machine on which it was trained.
    assert not re.search(r"(^|[\s'\"(])(/\w+){2,}", card)


@pytest.mark.parametrize("name", TRAINED)
def test_models_code_photographs_in_continuous_time(name, photographs):
    """All of them code natural images they have not seen, below tau/10 and without diverging."""
    figures, _ = evaluate(load_model(name), photographs[:100], windows=10, seed=1)
    assert figures["dt_ms"] <= 2
    assert figures["r2"] > 0.7
    assert figures["zeros"] > 0.7
    assert figures["spikes_per_tau"] <= 360


@pytest.mark.slow
@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_models_code_better_with_the_same_dictionary(name, photographs):
    """On the same 100 photographs after 10 tau, with at most 1.7 times the spikes."""
    base = load_model(name.removesuffix("-adaptive"))
    adaptive = load_model(name)
    unit = [p.dictionary / p.spike_sizes for p in (base, adaptive)]
    np.testing.assert_allclose(*unit, rtol=1e-12)
    assert adaptive.half_threshold_rate is not None and base.half_threshold_rate is None
    figures, others = (
        evaluate(p, photographs[:100], windows=10, seed=1, engine="events")[0]
        for p in (adaptive, base)
    )
    assert figures["distance"] < others["distance"] - 0.03
    assert figures["spikes_per_tau"] < 1.7 * others["spikes_per_tau"]


@pytest.mark.parametrize(
    ("name", "distance", "spikes"),
    [("vanhateren-512-adaptive", 0.2, 420), ("vanhateren-1024-adaptive", 0.125, 440)],
)
def test_adaptive_van_hateren_models_reach_their_distance(name, distance, spikes, shared_folder):
    patches = load_stimuli(shared_folder / "data" / "vanhateren16_train_val.npz", n_validation=400)
    figures, _ = evaluate(load_model(name), patches.validation, seed=3, engine="events")
    assert figures["distance"] <= distance
    assert figures["spikes_per_tau"] <= spikes


@pytest.mark.parametrize("name, limit", [("vanhateren-512", 0.245), ("vanhateren-1024", 0.155)])
def test_van_hateren_models_reach_their_distance(name, limit, shared_folder):
    patches = load_stimuli(shared_folder / "data" / "vanhateren16_train_val.npz", n_validation=400)
    figures, _ = evaluate(load_model(name), patches.validation, seed=3)
    assert figures["distance"] <= limit
    assert figures["spikes_per_tau"] <= 360


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_columns_are_local_receptive_fields(name):
    """Of 64 columns: a fraction of .92 has a standard error of .035."""
    model = load_model(name)
    some = np.linspace(0, model.n_neurons - 1, 64).astype(int)
    few = Parameters(dictionary=model.dictionary[:, some], stimulus_shape=model.stimulus_shape)
    figures = fit_columns(few, progress=False).figures()
    assert figures["gabor_fraction"] >= 0.8
    assert figures["half_bandwidth"][1] > 12
    assert figures["ny"][1] < 0.7
    assert figures["distance_to_macaque"]["nx"] < 0.3


def test_discrete_updates_code_as_plain_numpy_does(photographs):
    """dt = tau: R2 within 0.03 of the discrete update written in NumPy, same weights."""
    parameters = load_model("photographs-512").with_gain(0.1)
    windows, stimuli = 60, photographs[:100]
    network = SpikingNetwork(parameters, n_copies=100, dt=20 * ms)
    ours = network.present(stimuli, windows * 20 * ms, seed=0).r2().mean()

    rng = np.random.default_rng(1)
    p = parameters
    potential = np.tile(p.resting_potential, (len(stimuli), 1))
    for _ in range(windows):
        counts = rng.poisson(np.exp(potential))
        error = stimuli - counts @ p.dictionary.T
        change = error @ p.dictionary / p.noise_variance - p.threshold
        potential += p.natural_gradient_step * change
        potential = np.clip(potential, p.lowest_potential, p.highest_potential)
    error = stimuli - counts @ p.dictionary.T
    plain = (1 - (error**2).sum(1) / stimuli.var(1) / stimuli.shape[1]).mean()
    assert plain > 0.5
    assert ours == pytest.approx(plain, abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, limit",
    [
        ("digits-512", 0.1),
        ("digits-512-adaptive", 0.075),
        ("digits-1024", 0.08),
        ("digits-1024-adaptive", 0.06),
    ],
)
def test_models_of_digits_reach_their_distance(name, limit, shared_folder):
    parameters = load_model(name)
    with np.load(shared_folder / "data" / "mnist.npz") as file:
        digits = file["x_test"][:300].reshape(300, -1)
    figures, _ = evaluate(parameters, parameters.standardise(digits), windows=16, seed=3)
    assert figures["distance"] <= limit
    assert figures["distance"] == pytest.approx(
        parameters.provenance["figures"]["distance"], abs=0.01
    )


@pytest.mark.parametrize("name", TRAINED + DIGITS)
def test_provenance_has_the_names_of_today(name, photographs):
    """Of settings, engines and figures, although the models were trained under older ones."""
    provenance = load_model(name).provenance
    known = {setting.name for setting in fields(TrainingSettings)} | set(IPVAE().get_params())
    assert set(provenance["settings"]) <= known
    assert provenance["settings"]["engine"] in ENGINES
    figures, _ = evaluate(load_model("photographs-512"), photographs[:2], windows=2)
    assert set(provenance["figures"]) - {"seconds", "command", "seed"} <= set(figures)
