"""Row 5: from `python -c` to the first raster of one stimulus, and import time alone.

Every measurement is a fresh process. "Cold" has an empty home and cache folder, so nothing that
Brian2, Cython, Numba or Matplotlib keep on disk is there; "warm" is the same again afterwards. For
comparison there are the counts of many stimuli, for which Numba compiles when cold.
"""

import tempfile
import time

import numpy as np

from benchmarks.common import BATCH
from benchmarks.measure import alternate, median, run_python

FIRST_RASTER = """
import sys, time
import numpy as np
from brian2 import ms
from ipvae_brian import SpikingNetwork, load_model
stimuli = np.load(sys.argv[2])[:int(sys.argv[3])]
network = SpikingNetwork(load_model(sys.argv[1]), n_copies=len(stimuli))
response = network.present(stimuli, float(sys.argv[4])*ms, seed=0, progress=False)
assert response.counts.any()
print(time.time())
"""
IMPORT = """
import time
start = time.perf_counter()
import {}
print(time.perf_counter() - start)
"""
# Of the stimulus: 16 tau.
MILLISECONDS = 320


def homes(folder):
    """Environment in which everything that is kept between processes goes into `folder`."""
    names = (
        *("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("MPLCONFIGDIR", "CYTHON_CACHE_DIR", "NUMBA_CACHE_DIR"),
    )
    return dict.fromkeys(names, str(folder))


def first_raster(model, stimuli, n, environment):
    """Seconds until a process started now has the spikes of the first n stimuli."""
    start = time.time()
    printed = run_python(FIRST_RASTER, model, stimuli, n, MILLISECONDS, environment=environment)
    return float(printed.split()[-1]) - start


def import_seconds(module):
    """Seconds that ``import module`` takes in a fresh process."""
    return float(run_python(IMPORT.format(module)).split()[-1])


def measure(setup):
    """Measure the row; see the package."""
    model = "photographs-512" if setup.data is None else "vanhateren-512"
    stimuli = setup.folder / "stimuli.npy"
    np.save(stimuli, setup.stimuli(BATCH))
    with tempfile.TemporaryDirectory(dir=setup.folder) as kept:

        def cold(n):
            with tempfile.TemporaryDirectory(dir=setup.folder) as empty:
                return first_raster(model, stimuli, n, homes(empty))

        def warm(n):
            return first_raster(model, stimuli, n, homes(kept))

        costs = alternate(
            {
                "cold": lambda: cold(1),
                "warm": lambda: warm(1),
                f"{BATCH} stimuli, cold": lambda: cold(BATCH),
                f"{BATCH} stimuli, warm": lambda: warm(BATCH),
                "import brian2": lambda: import_seconds("brian2"),
                "import ipvae_brian": lambda: import_seconds("ipvae_brian"),
            },
            setup.repeats,
        )
    extra = np.subtract(costs["import ipvae_brian"], costs["import brian2"])
    seconds = {name: median(values) for name, values in costs.items()}
    detail = {
        "model": model,
        "simulated_ms": MILLISECONDS,
        "seconds": seconds | {"import beyond brian2": median(extra)},
        "repeats": costs,
    }
    setup.log(f"  {detail['seconds']}")
    figures = {
        "cold_start_seconds": seconds["cold"],
        "warm_start_seconds": seconds["warm"],
        "import_extra_seconds": median(extra),
    }
    return detail, figures
