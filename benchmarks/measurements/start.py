"""From `python -c` to the first raster of one stimulus, and import time alone.

Every measurement is a fresh process. "Cold" has an empty home and cache folder, so nothing that
Brian2, Cython, Numba or Matplotlib keep on disk is there; "warm" is the same again afterwards. For
comparison there are the counts of many stimuli, for which Numba compiles when cold.
"""

import tempfile
import time

import numpy as np

from benchmarks.common import BATCH
from benchmarks.machine import run_python
from benchmarks.report import at_most, markdown_table, short
from benchmarks.timing import alternate, median

TITLE = "Start"
FIGURES = {
    "cold_start_seconds": at_most(5, "to the first raster, empty caches"),
    "warm_start_seconds": at_most(2, "to the first raster"),
    "import_extra_seconds": at_most(1.5, "import beyond Brian2's own"),
}

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
{}
print(time.perf_counter() - start)
"""
# `import ipvae_brian` alone loads nothing.
BRIAN2, NETWORK = "import brian2", "from ipvae_brian import SpikingNetwork"
# Of the stimulus: 16 tau.
MILLISECONDS = 320


def homes(folder):
    """Return an environment in which what is kept between processes goes into `folder`."""
    names = (
        *("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("MPLCONFIGDIR", "CYTHON_CACHE_DIR", "NUMBA_CACHE_DIR"),
    )
    return dict.fromkeys(names, str(folder))


def first_raster(model, stimuli, n, environment):
    """Return the seconds until a process started now has the spikes of the first n stimuli."""
    start = time.time()
    printed = run_python(FIRST_RASTER, model, stimuli, n, MILLISECONDS, environment=environment)
    return float(printed.split()[-1]) - start


def import_seconds(statement):
    """Return the seconds that an import takes in a fresh process."""
    return float(run_python(IMPORT.format(statement)).split()[-1])


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    model = "photographs-512" if setup.data is None else "vanhateren-512"
    stimuli = setup.folder / "stimuli.npy"
    np.save(stimuli, setup.stimuli(BATCH))
    with tempfile.TemporaryDirectory(dir=setup.folder) as kept:

        def cold(n):
            with tempfile.TemporaryDirectory(dir=setup.folder) as empty:
                return first_raster(model, stimuli, n, homes(empty))

        def warm(n):
            return first_raster(model, stimuli, n, homes(kept))

        contestants = {
            "cold": lambda: cold(1),
            "warm": lambda: warm(1),
            BRIAN2: lambda: import_seconds(BRIAN2),
            NETWORK: lambda: import_seconds(NETWORK),
        }
        if not setup.quick:
            contestants[f"{BATCH} stimuli, cold"] = lambda: cold(BATCH)
            contestants[f"{BATCH} stimuli, warm"] = lambda: warm(BATCH)
        costs = alternate(contestants, setup.repeats)
    extra = np.subtract(costs[NETWORK], costs[BRIAN2])
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


def report(detail, machine):
    """Return the section of the page."""
    lines = [(name, short(value)) for name, value in detail["seconds"].items()]
    return (
        f"Fresh processes; to the first raster is from `python -c` until the spikes of one patch "
        f"shown for {detail['simulated_ms']} ms to `{detail['model']}` are there, or the counts of "
        "many, for which Numba compiles when nothing is cached.\n\n"
        + markdown_table(("", "seconds"), lines)
        + "\n\n**What bounds it.** Most of it is importing Brian2, SymPy and NumPy; no compiler is "
        "used."
    )
