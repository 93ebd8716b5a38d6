"""Row 6: two processes against one, for evaluation and for training.

BLAS has one thread in every process, so that one process cannot use the second core. Workers are
started, and import what they need, in the first round, which does not count.
"""

from functools import partial

import numpy as np
from joblib import parallel_config

from benchmarks.common import BATCH
from benchmarks.measure import alternate, median, median_ratio, one_thread, seconds_of
from ipvae_brian.estimator import IPVAE
from ipvae_brian.evaluation import evaluate, simulate_many
from ipvae_brian.parallel import run_tasks
from ipvae_brian.stability import choose_dt

JOBS = (1, 2)
N_EVALUATED = 5000
WINDOWS = 16
# Stimuli of a training, and of its batches, each of which is divided among the processes.
N_TRAINED = 80_000
BATCHES = (2000, 10_000)


def evaluation(setup, n_jobs):
    stimuli = setup.stimuli(4 * BATCH if setup.quick else N_EVALUATED)
    windows = 2 if setup.quick else WINDOWS
    options = {"windows": windows, "n_jobs": n_jobs, "progress": False}
    return lambda: seconds_of(evaluate, setup.model, stimuli, **options)


def results_of(n_stimuli, n_windows, n_neurons):
    """Counts and rates as a part of an evaluation returns them."""
    shape = n_windows, n_stimuli, n_neurons
    return np.ones(shape, np.uint8), np.ones(shape, np.float32)


def evaluation_bounds(setup, seconds):
    """What two processes do not share of an evaluation that takes one process so many seconds.

    Returns
    -------
    dict
        alone_seconds: choosing the time step and working out the figures; megabytes and
        travel_seconds: results that two workers send, and what that takes when they do nothing
        else.
    """
    n_stimuli = 4 * BATCH if setup.quick else N_EVALUATED
    windows = 2 if setup.quick else WINDOWS
    model, stimuli = setup.model, setup.stimuli(n_stimuli)
    choosing = seconds_of(choose_dt, model, stimuli)
    options = {"seed": 0, "n_jobs": 1, "progress": False}
    simulating = seconds_of(simulate_many, model, stimuli, windows * model.tau, **options)
    parts = [(BATCH, windows, model.n_neurons)] * (n_stimuli // BATCH)
    run_tasks(results_of, parts, 2)
    travel = seconds_of(run_tasks, results_of, parts, 2)
    return {
        "alone_seconds": choosing + max(seconds - simulating, 0),
        "megabytes": n_stimuli * windows * model.n_neurons * (1 + 4) / 1e6,
        "travel_seconds": travel,
    }


def training(setup, n_jobs, batch_size):
    n = 3 * batch_size if setup.quick else N_TRAINED
    stimuli = np.array(setup.patches.train[np.arange(n) % len(setup.patches.train)])
    options = {"batch_size": batch_size, "random_state": 0, "progress": False}

    def run():
        return seconds_of(IPVAE(n_jobs=n_jobs, **options).fit, stimuli)

    return run


def measure(setup):
    """Measure the row; see the package."""
    tasks = {"evaluation": evaluation}
    for batch_size in (400,) if setup.quick else BATCHES:
        tasks[f"training, batches of {batch_size:,}"] = partial(training, batch_size=batch_size)
    detail = {"threads": 1, "tasks": {}}
    with one_thread(), parallel_config(backend="loky", inner_max_num_threads=1):
        for name, task in tasks.items():
            contestants = {f"{n} process(es)": task(setup, n) for n in JOBS}
            costs = alternate(contestants, setup.repeats)
            one, two = costs.values()
            detail["tasks"][name] = {
                "seconds": {k: median(v) for k, v in costs.items()},
                "speedup": median_ratio(one, two),
                "repeats": costs,
            }
            setup.log(f"  {name}: {detail['tasks'][name]['seconds']}")
        one = median(detail["tasks"]["evaluation"]["repeats"]["1 process(es)"])
        detail["bounds"] = evaluation_bounds(setup, one)
    speedups = {name: task["speedup"] for name, task in detail["tasks"].items()}
    best_training = max(v for name, v in speedups.items() if name.startswith("training"))
    return detail, {"two_process_speedup": min(speedups["evaluation"], best_training)}
