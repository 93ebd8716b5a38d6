"""Compiled functions in several threads and in one, in forks, and without a cache."""

import os
import subprocess
import sys

import pytest

kernels = pytest.importorskip("ipvae_brian.network.engines.kernels", exc_type=ImportError)


@pytest.mark.parametrize(
    ("n_neurons", "own", "others", "n_threads"),
    [
        (10**6, None, None, 8),  # as many as there are cores
        (10**6, None, "1", 1),  # what workers of Dask set, which Numba does not know of
        (10**6, None, "3", 3),
        (10**6, None, "many", 8),
        (10**6, "3", "1", 3),
        (10**6, "3", None, 3),
        (100_000, None, None, 5),  # as many as have something to do
        (100_000, None, "2", 2),
        (39_999, None, None, 1),
        (1, None, None, 1),
    ],
)
def test_threads_that_pay(monkeypatch, n_neurons, own, others, n_threads):
    monkeypatch.setattr(kernels.numba.config, "NUMBA_NUM_THREADS", int(own or 8))
    for name, value in {"NUMBA_NUM_THREADS": own, "OMP_NUM_THREADS": others}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert kernels.threads_that_pay(n_neurons) == n_threads
    monkeypatch.setattr(kernels, "_forked_with_threads", True)
    assert kernels.threads_that_pay(n_neurons) == 1


def python(script, tmp_path, engine="numba", **own):
    """Run a script with two threads of Numba, and return what it prints."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "2"} | own
    return run(script, tmp_path, engine, environment).stdout.split()


def run(script, tmp_path, engine, environment):
    """Run a script in a process of its own, which has to succeed."""
    path = tmp_path / "script.py"
    path.write_text(script.replace("{engine}", engine))
    command = [sys.executable, "-W", "ignore", str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done


SMALL = """
import numpy as np
from brian2 import ms
from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.network.engines import kernels

p = Parameters(dictionary=0.1 * np.random.default_rng(1).normal(size=(16, 12)), threshold=0.1)
x = np.random.default_rng(2).normal(size=(40, 16))

def job(seed):
    network = SpikingNetwork(p, n_copies=20, dt=1*ms, engine="{engine}")
    return int(network.present(x, 40*ms, seed=seed, progress=False).counts.sum())

"""


@pytest.mark.slow
def test_little_work_is_done_by_one_thread(tmp_path):
    """Of 240 neurons; waiting for others takes all their cores. Numba does not even start them."""
    script = "job(0); print(kernels.numba_threads._is_initialized)"
    assert python(SMALL + script, tmp_path) == ["False"]
    script = "kernels.NEURONS_OF_A_THREAD = 10; " + script
    assert python(SMALL + script, tmp_path) == ["True"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "spins"),
    [({}, "5000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, "0")],
)
def test_threads_that_wait_soon_sleep(tmp_path, own, spins):
    """What the user says goes, and no process started later inherits ours."""
    script = "kernels.NEURONS_OF_A_THREAD = 10; job(0); import os, sys\n"
    script += "print(os.environ.get('GOMP_SPINCOUNT')); from numba import threading_layer\n"
    script += "print(threading_layer())"
    environment = {k: v for k, v in os.environ.items() if k not in kernels.WAITING}
    # GNU OpenMP then tells what it was told.
    environment |= {"NUMBA_NUM_THREADS": "2", "OMP_DISPLAY_ENV": "VERBOSE"} | own
    done = run(SMALL + script, tmp_path, "events", environment)
    left, layer = done.stdout.split()
    if layer != "omp" or "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("Numba's threads are not those of GNU OpenMP here")
    assert left == own.get("GOMP_SPINCOUNT", "None")
    assert f"GOMP_SPINCOUNT = '{spins}'" in done.stderr


FORK = """
import multiprocessing
kernels.NEURONS_OF_A_THREAD = 10
if __name__ == "__main__":
    alone = [job(0), job(1), job(2)]
    assert kernels.numba_threads._is_initialized
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(alone[1:] == pool.map_async(job, [1, 2]).get(timeout=300))
    print(job(0) == alone[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("engine", ["numba", "events"])
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_forks_of_a_process_with_threads(tmp_path, layer, engine):
    """Numba's libraries wait for the threads that are not there, or abort."""
    assert python(SMALL + FORK, tmp_path, engine, NUMBA_THREADING_LAYER=layer) == ["True", "True"]


CALLED_FROM_THREADS = """
from concurrent.futures import ThreadPoolExecutor
kernels.NEURONS_OF_A_THREAD = 10
alone = [job(seed) for seed in range(4)]
with ThreadPoolExecutor(3) as pool:
    print(list(pool.map(job, range(4))) == alone)
"""


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_calls_from_threads_of_the_user(tmp_path, layer):
    """The layer that Numba has everywhere, macOS included, aborts if two come at a time."""
    assert python(SMALL + CALLED_FROM_THREADS, tmp_path, NUMBA_THREADING_LAYER=layer) == ["True"]


NO_CACHE = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = caching.FunctionCache._impl_class._locator_classes = []
"""


@pytest.mark.slow
def test_without_a_place_for_the_cache(tmp_path):
    """As where the package is installed read-only and there is no home."""
    with_cache = python(SMALL + "print(job(0))", tmp_path)
    assert python(NO_CACHE + SMALL + "print(job(0))", tmp_path) == with_cache
