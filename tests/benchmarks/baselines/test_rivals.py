"""Every rival has the interface: it learns, is the same for the same seed, and survives a file."""

import numpy as np
import pytest

from benchmarks.baselines import RIVALS, WITHOUT_TORCH, rival
from benchmarks.machine import has_torch
from ipvae_brian.response.metrics import mean_r_squared, r_squared

N_PIXELS, N_LATENTS = 64, 24
# What makes a training one of seconds.
AMORTIZED = {"batch_size": 50, "learning_rate": 0.02, "beta": 0.02}
ITERATIVE = {"training_steps": 5, "n_steps": 5, "learning_rate": 0.02, "beta": 0.1}
SMALL = {
    "lca": {"training_steps": 30, "training_sparsity": 0.1, "sparsity": 0.1},
    "sparse_coding": {"training_sparsity": 0.1, "sparsity": 0.1},
    "gaussian_iterative": ITERATIVE,
    "relu_iterative": ITERATIVE,
    "poisson_iterative": ITERATIVE | {"learning_rate": 0.005, "batch_size": 200},
    "predictive_coding": {"learning_rate": 0.02},
    "incremental_predictive_coding": {"learning_rate": 0.02},
}
EPOCHS = {"sparse_coding": 2, "poisson_amortized": 20}


def made(key, patterns, seed=0, **settings):
    if key not in WITHOUT_TORCH and not has_torch():
        pytest.skip("PyTorch is in the extra `bench`")
    amortized = AMORTIZED if rival(key).FAMILY in ("amortized", "hybrid") else {}
    if "poisson" in key:
        amortized = amortized | {"hot": 0.2}
    settings = SMALL.get(key, amortized) | settings
    if key == "matching_pursuit":
        settings["dictionary"] = made("sparse_coding", patterns).fit(patterns).solver.dictionary
        settings["n_nonzero"] = 8
    return rival(key)(N_PIXELS, N_LATENTS, seed=seed, **settings)


def fitted(key, patterns, **options):
    options = {"n_epochs": EPOCHS.get(key, 10), "progress": False} | options
    return made(key, patterns).fit(patterns, **options)


@pytest.mark.parametrize("key", RIVALS)
def test_a_rival_learns_and_survives_a_file(key, patterns, tmp_path):
    model = fitted(key, patterns)
    held = patterns[:100]
    steps = []
    codes = model.infer(held, after_step=lambda codes: steps.append(codes.copy()))
    assert codes.shape == (100, N_LATENTS) and codes.dtype == np.float32
    reconstructions = model.decode(codes)
    assert reconstructions.shape == held.shape and reconstructions.dtype == np.float32
    # Better than the mean, by far; counts of a few spikes are noisy.
    least = 0.2 if "poisson" in key else 0.5
    assert mean_r_squared(r_squared(held, reconstructions)) > least
    if model.history_:
        losses = [entry["loss"] for entry in model.history_]
        assert losses[-1] < losses[0]
    assert len(steps) == (model.settings["n_steps"] if model.ITERATIVE else 0)
    if model.ITERATIVE:
        np.testing.assert_array_equal(steps[-1], codes)
        np.testing.assert_array_equal(model.infer(held, n_steps=2), steps[1])
    else:
        with pytest.raises(ValueError, match="takes no steps"):
            model.infer(held, n_steps=3)
    assert (codes == 0).any() == model.SPARSE or key == "pca"
    # Draws are the same each time, and in a copy that went through a file.
    model.save(tmp_path / "rival.npz")
    loaded = type(model).load(tmp_path / "rival.npz")
    assert loaded.settings == model.settings and loaded.history_ == model.history_
    np.testing.assert_array_equal(loaded.infer(held), codes)
    np.testing.assert_array_equal(loaded.decode(codes), reconstructions)
    assert loaded.n_parameters == model.n_parameters > N_PIXELS * N_LATENTS * 0.9


@pytest.mark.parametrize("key", RIVALS)
def test_a_training_depends_on_the_seed_only(key, patterns):
    def trained(seed):
        model = made(key, patterns, seed=seed)
        model.fit(patterns[:200], n_epochs=1, progress=False)
        return model.infer(patterns[:20])

    first = trained(0)
    np.testing.assert_array_equal(trained(0), first)
    if key not in ("pca", "matching_pursuit"):
        assert not np.array_equal(trained(1), first)


@pytest.mark.parametrize("key", RIVALS)
def test_a_rival_says_what_it_is(key, patterns):
    model = made(key, patterns)
    assert model.NAME and model.FAMILY and model.REFERENCE
    setting, values, retrain = model.TRADE_OFF
    assert setting in model.DEFAULTS and len(values) >= 4
    changed = model.with_settings(**{setting: values[-1]})
    assert changed.settings[setting] == values[-1] != model.settings[setting]
    assert isinstance(retrain, bool) and setting in repr(model)


@pytest.mark.parametrize("key", ["lca", "sparse_coding", "pca", "matching_pursuit"])
def test_the_trade_off_makes_codes_sparser(key, patterns):
    model = fitted(key, patterns)
    setting = model.TRADE_OFF.setting
    values = (4, 12) if setting.startswith("n_") else (0.6, 0.05)
    sparse, dense = (model.with_settings(**{setting: v}).infer(patterns[:50]) for v in values)
    assert (sparse == 0).mean() > (dense == 0).mean() + 0.1
