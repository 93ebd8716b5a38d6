"""The compiled step: its arithmetic, its random numbers, its threads, and life without Numba."""

import os
import subprocess
import sys

import numpy as np
import pytest
import reference
from brian2 import ms
from helpers import make_parameters
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from ipvae_brian import IPVAE, SpikingNetwork
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.network.engines import choice as engines


@given(n_neurons=st.integers(1, 40), n_copies=st.integers(1, 4), seed=st.integers(0, 100))
@settings(max_examples=12)
def test_any_number_of_neurons_and_copies(n_neurons, n_copies, seed):
    """Around the groups of eight neurons and four spikes in which it works."""
    parameters = make_parameters(
        9, n_neurons, resting_potential=1.0, natural_gradient_step=0.2, leak=0.1
    )
    net = SpikingNetwork(
        parameters,
        engine="numba",
        n_copies=n_copies,
        precision="double",
        dt=4 * ms,
        record_potentials=range(n_neurons),
    )
    x = np.random.default_rng(seed).normal(size=(n_copies, 9))
    response = net.present(x, 40 * ms, seed=seed)
    expected, _ = reference.of_response(response)
    np.testing.assert_allclose(response.potentials, expected, atol=1e-10)
    per_window = response.step_counts.reshape(n_copies, n_neurons, 2, 5).sum(axis=3)
    np.testing.assert_array_equal(response.counts, per_window.transpose(0, 2, 1))


def test_decoding_is_the_product(parameters, rng):
    net = SpikingNetwork(parameters, engine="numba", n_copies=5, dt=4 * ms)
    counts = rng.poisson(0.5, (5, 12)).astype(np.int32)
    np.testing.assert_allclose(
        net.circuit.decode(counts), counts @ parameters.dictionary.T, atol=1e-6
    )


THREADS = """
import numba, numpy as np
from brian2 import ms
from ipvae_brian import SpikingNetwork, load_model
from ipvae_brian.network.engines import kernels
kernels.NEURONS_OF_A_THREAD = 5000  # all that there are pay
assert numba.get_num_threads() == int({n!r})
x = np.random.default_rng(0).normal(size=(50, 256)).astype(np.float32)
net = SpikingNetwork(load_model("photographs-512"), n_copies=50, dt=0.25*ms)
response = net.present(x, 60*ms, seed=1, progress=False)
counts, expected_counts = response.counts, response.expected_counts
print(counts.sum(), hash(counts.tobytes()), hash(expected_counts.tobytes()))
"""


@pytest.mark.slow
def test_spikes_depend_neither_on_threads_nor_on_the_cache(tmp_path):
    """Of one thread and of several, which are compiled apart; the first finds an empty cache."""
    own = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "0"}

    def printed(n):
        environment = {**os.environ, **own, "NUMBA_NUM_THREADS": n}
        command = [sys.executable, "-W", "ignore", "-c", THREADS.format(n=n)]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert printed("1") == printed("2") == printed("3")


def test_threads_of_blas_are_given_back(parameters, stimuli):
    def threads():
        pools = threadpool_info()
        return sorted((p["filepath"], p["num_threads"]) for p in pools if p["user_api"] == "blas")

    before = threads()
    net = SpikingNetwork(parameters, engine="numba", n_copies=5, dt=4 * ms)
    net.present(stimuli, 40 * ms)
    assert threads() == before


# Without Numba


@pytest.fixture
def no_numba(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)


def test_without_numba_the_step_is_numpy(no_numba, parameters, stimuli):
    net = SpikingNetwork(parameters, n_copies=5, dt=4 * ms)
    assert net.engine == "numpy"
    assert net.present(stimuli, 40 * ms).counts.shape == (5, 2, 12)


def test_asking_for_it_without_numba_says_what_to_install(no_numba, parameters, stimuli):
    for ask in (
        lambda: SpikingNetwork(parameters, engine="numba"),
        lambda: evaluate(parameters, stimuli, engine="numba"),
        lambda: IPVAE(4, n_epochs=1, engine="numba").fit(np.tile(stimuli, (4, 1))),
    ):
        with pytest.raises(ImportError, match=r"needs Numba: pip install 'ipvae-brian\[fast\]'"):
            ask()


def test_a_model_learned_with_it_is_used_without_it(no_numba, tmp_path, stimuli):
    x = np.tile(stimuli, (8, 1))
    model = IPVAE(4, n_epochs=1, random_state=0, progress=False).fit(x)
    model.settings_["engine"] = "numba"
    model.save(tmp_path / "model.npz")
    assert IPVAE.load(tmp_path / "model.npz").set_params(progress=False).transform(x).shape == (
        40,
        4,
    )
