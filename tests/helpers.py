"""What tests of several folders use: small models, and Brian2's global state."""

import json
import subprocess
import sys
import textwrap

import brian2
import numpy as np
from brian2 import prefs
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.device import get_device

from ipvae_brian import Parameters
from ipvae_brian._tools.files import checksum

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


def stored(path):
    """Arrays and metadata of a file of the package as they are in it, but for the checksum."""
    with np.load(path) as file:
        arrays = dict(file)
    arrays.pop("checksum")
    return arrays, json.loads(str(arrays.pop("metadata")))


def write_stored(path, arrays, metadata):
    """Write what `stored` returned, maybe changed, with a checksum that fits."""
    text = json.dumps(metadata)
    mark = np.array(checksum(text, arrays))
    np.savez(path, metadata=np.array(text), checksum=mark, **arrays)


VARIANTS = {
    "plain": {"threshold": 0.0, "resting_potential": -0.5, "natural_gradient_step": 1.0},
    "thresholds": {},
    "leak": {"leak": 0.3},
    "noise_variance": {"noise_variance": 2.5},
    "adaptive": {"half_threshold_rate": 0.7, "threshold_memory": 1.6, "threshold": 0.8},
    "leak_and_noise_variance": {"leak": 0.2, "noise_variance": 0.6},
    "pixel_noise": {"pixel_noise": np.linspace(0.6, 2, 16), "noise_variance": 1.5},
}


def random_batch(n_stimuli=20, n_windows=3, n_pixels=6, n_neurons=4, seed=0):
    """Stimuli, counts in windows and a dictionary that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_stimuli, n_pixels))
    counts = rng.poisson(
        rng.gamma(1, size=(n_stimuli, 1, n_neurons)), (n_stimuli, n_windows, n_neurons)
    )
    return x, counts, rng.normal(size=(n_pixels, n_neurons))


def unseen(n_stimuli):
    """Stimuli that none of `independent_neurons` sees."""
    return np.tile([0.0, 0.0, 0.0, 1.0], (n_stimuli, 1))


def assert_solves_lasso(stimuli, code, dictionary, sparsity, nonnegative, tolerance):
    """The optimality conditions of |x - D a|^2 / 2 + sparsity |a|_1."""
    correlation = (stimuli - code @ dictionary.T) @ dictionary
    active = code != 0
    assert active.any() and not active.all()
    np.testing.assert_allclose(
        correlation[active], sparsity * np.sign(code[active]), atol=tolerance
    )
    bound = correlation if nonnegative else np.abs(correlation)
    assert (bound[~active] <= sparsity + tolerance).all()
    if nonnegative:
        assert (code >= 0).all()


def run_script(text, *, cwd=None):
    """Run a script in a Python of its own, and return what it left: status, output and errors."""
    words = [sys.executable, "-c", textwrap.dedent(text)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


# Every circuit that takes time steps, as arguments of a network.
ALL = [
    {"pathway": "synapses"},
    {"pathway": "error_units"},
    {"engine": "brian2", "n_copies": 2},
    {"engine": "numpy", "n_copies": 2},
    {"engine": "numba", "n_copies": 2},
]
NAMES = ["synapses", "error_units", "copies_brian2", "copies_numpy", "copies_numba"]
