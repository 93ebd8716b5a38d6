"""Row 6: two processes against one, for evaluation and for training.

BLAS has one thread in every process, so that one process cannot use the second core. Workers are
started, and import what they need, in the first round, which does not count.
"""

import inspect

import numpy as np
from joblib import parallel_config

from benchmarks.common import BATCH
from benchmarks.measure import alternate, median, median_ratio, one_thread, seconds_of
from ipvae_brian.estimator import IPVAE
from ipvae_brian.evaluation import evaluate

JOBS = (1, 2)
N_EVALUATED = 2000
WINDOWS = 16
# Batches of a training; each is divided among the processes.
N_BATCHES, TRAINING_BATCH = 50, 400


def evaluation(setup, n_jobs):
    stimuli = setup.stimuli(4 * BATCH if setup.quick else N_EVALUATED)
    windows = 2 if setup.quick else WINDOWS
    options = {"windows": windows, "n_jobs": n_jobs, "progress": False}
    return lambda: seconds_of(evaluate, setup.model, stimuli, **options)


def training(setup, n_jobs):
    n_batches = 3 if setup.quick else N_BATCHES
    train = setup.patches.train
    stimuli = np.array(train[np.arange(n_batches * TRAINING_BATCH) % len(train)])
    options = {"batch_size": TRAINING_BATCH, "random_state": 0, "progress": False}

    def run():
        return seconds_of(IPVAE(n_jobs=n_jobs, **options).fit, stimuli)

    return run


def measure(setup):
    """Measure the row; see the package."""
    tasks = {}
    if "n_jobs" in inspect.signature(evaluate).parameters:
        tasks["evaluation"] = evaluation
    if "n_jobs" in IPVAE().get_params():
        tasks["training"] = training
    if len(tasks) < 2:
        return {"skipped": "evaluate and IPVAE need the argument n_jobs"}, {}
    detail = {"threads": 1, "tasks": {}}
    speedups = {}
    with one_thread(), parallel_config(backend="loky", inner_max_num_threads=1):
        for name, task in tasks.items():
            contestants = {f"{n} process(es)": task(setup, n) for n in JOBS}
            costs = alternate(contestants, setup.repeats)
            one, two = costs.values()
            speedups[name] = median_ratio(one, two)
            detail["tasks"][name] = {
                "seconds": {k: median(v) for k, v in costs.items()},
                "speedup": speedups[name],
                "repeats": costs,
            }
            setup.log(f"  {name}: {detail['tasks'][name]['seconds']}")
    return detail, {"two_process_speedup": min(speedups.values())}
