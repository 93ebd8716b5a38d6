"""Compiled functions in several threads and in one, in forks, and without a cache."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")


ALLOWED = """
import numba
import numpy as np
from brian2 import ms
from ipvae_brian import Parameters, SpikingNetwork
from ipvae_brian.network.engines import kernels
kernels.NEURONS_OF_A_THREAD = 2
network = SpikingNetwork(Parameters(dictionary=np.eye(2)), n_copies=500, engine="numba", dt=1*ms)
before = numba.get_num_threads()
with network.circuit.threads():
    inside = numba.get_num_threads() if getattr(kernels._here, "several", False) else 1
assert numba.get_num_threads() == before
print(before, inside)
"""


@pytest.mark.parametrize(
    ("own", "others", "inside"),
    [(None, None, None), (None, "1", "1"), (None, "many", None), ("3", "1", "3"), ("3", None, "3")],
)
def test_threads_are_as_many_as_the_environment_allows(own, others, inside):
    """Workers of Dask set OMP_NUM_THREADS, which Numba does not know of."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    given = {"NUMBA_NUM_THREADS": own, "OMP_NUM_THREADS": others}
    environment |= {k: v for k, v in given.items() if v is not None}
    command = [sys.executable, "-c", ALLOWED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    before, during = run.stdout.split()
    assert during == (inside or before)


def python(script, tmp_path, engine="numba", **own):
    """Run a script with two threads of Numba, and return what it prints."""
    path = tmp_path / "script.py"
    path.write_text(script.replace("{engine}", engine))
    environment = os.environ | {"NUMBA_NUM_THREADS": "2"} | own
    command = [sys.executable, "-W", "ignore", str(path)]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


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


def test_little_work_is_done_by_one_thread(tmp_path):
    """Of 240 neurons; waiting for others takes all their cores. Numba does not even start them."""
    script = "job(0); print(kernels.numba_threads._is_initialized)"
    assert python(SMALL + script, tmp_path) == ["False"]
    script = "kernels.NEURONS_OF_A_THREAD = 10; " + script
    assert python(SMALL + script, tmp_path) == ["True"]


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


@pytest.mark.parametrize("layer", ["omp", "workqueue"])
def test_calls_from_threads_of_the_user(tmp_path, layer):
    """The layer that Numba has everywhere, macOS included, aborts if two come at a time."""
    assert python(SMALL + CALLED_FROM_THREADS, tmp_path, NUMBA_THREADING_LAYER=layer) == ["True"]


NO_CACHE = """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = caching.FunctionCache._impl_class._locator_classes = []
"""


@pytest.mark.parametrize("engine", ["numba", "events"])
def test_without_a_place_for_the_cache(tmp_path, engine):
    """As where the package is installed read-only and there is no home."""
    with_cache = python(SMALL + "print(job(0))", tmp_path, engine)
    assert python(NO_CACHE + SMALL + "print(job(0))", tmp_path, engine) == with_cache
