"""Fixtures for all tests: a guard over Brian2's global state, a seed, small models."""

import os
from pathlib import Path

import brian2
import matplotlib
import numpy as np
import pytest
from brian2 import ms, prefs
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.device import get_device

from ipvae_brian import Parameters

matplotlib.use("Agg")

# For Brian2 objects that tests make themselves: nothing to compile.
NUMPY = {"codeobj_class": NumpyCodeObject}


def brian2_globals():
    """What a library must leave alone: preferences, device and the default clock."""
    return {
        "prefs": {name: repr(prefs[name]) for name in sorted(prefs)},
        "device": get_device(),
        "defaultclock.dt": float(brian2.defaultclock.dt),
    }


def changed_globals(before, after):
    """Names of the parts that differ, with the preferences spelled out."""
    changed = [name for name in ("device", "defaultclock.dt") if before[name] != after[name]]
    old, new = before["prefs"], after["prefs"]
    changed += [f"prefs.{k}" for k in sorted(old | new) if old.get(k) != new.get(k)]
    return changed


@pytest.fixture(autouse=True)
def leaves_brian2_alone():
    before = brian2_globals()
    yield
    changed = changed_globals(before, brian2_globals())
    assert not changed, f"the test changed Brian2's global state: {changed}"


@pytest.fixture(autouse=True)
def fixed_seed():
    brian2.seed(12345)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_parameters(n_pixels=16, n_neurons=12, *, scale=0.2, seed=1, **others):
    """A small network with a random dictionary and thresholds that differ between neurons."""
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(n_pixels))
    values = {
        "dictionary": scale * rng.normal(size=(n_pixels, n_neurons)),
        "threshold": rng.uniform(0, 0.2, n_neurons),
        "resting_potential": rng.uniform(-1, 0.5, n_neurons),
        "natural_gradient_step": rng.uniform(0.5, 1.5, n_neurons),
        "stimulus_shape": (side, side) if side**2 == n_pixels else (n_pixels,),
    }
    return Parameters(**(values | others))


VARIANTS = {
    "plain": {"threshold": 0.0, "resting_potential": -0.5, "natural_gradient_step": 1.0},
    "thresholds": {},
    "leak": {"leak": 0.3},
    "noise_variance": {"noise_variance": 2.5},
    "leak_and_noise_variance": {"leak": 0.2, "noise_variance": 0.6},
}


@pytest.fixture(scope="session")
def parameters():
    """16 pixels (4 x 4), 12 neurons, per-neuron thresholds, no leak."""
    return make_parameters()


@pytest.fixture(scope="session", params=list(VARIANTS))
def any_parameters(request):
    """Each kind of dynamics: with leak, noise variance, neither and both."""
    return make_parameters(**VARIANTS[request.param])


@pytest.fixture(scope="session")
def stimuli():
    """Five z-scored stimuli for `parameters`."""
    x = np.random.default_rng(2).normal(size=(5, 16))
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def independent_neurons():
    """Neurons at rates 0.02, 1 and 50 per tau that do not inhibit each other measurably."""
    return Parameters(
        dictionary=1e-6 * np.eye(4, 3), resting_potential=np.log([0.02, 1, 50]), tau=20 * ms
    )


def unseen(n_stimuli):
    """Stimuli that none of `independent_neurons` sees."""
    return np.tile([0.0, 0.0, 0.0, 1.0], (n_stimuli, 1))


@pytest.fixture(scope="session")
def shared_folder():
    """Data that are too large for the repository; tests that need them are skipped without."""
    repository = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("IPVAE_SHARED", repository.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared folder at {folder}; set IPVAE_SHARED")
    return folder
