"""Two processes against one, for evaluation and for training.

BLAS has one thread in every process, so that one process cannot use the second core. Workers are
started, and import what they need, in the first round, which does not count.
"""

from functools import partial

import numpy as np
from joblib import parallel_config

from benchmarks.common import BATCH
from benchmarks.report import at_least, markdown_table, short
from benchmarks.timing import alternate, median, median_ratio, one_thread, seconds_of
from ipvae_brian._tools.parallel import run_tasks
from ipvae_brian.learning.estimator import IPVAE
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.network.batch import simulate_many
from ipvae_brian.network.loop_gain import Loop
from ipvae_brian.network.stability import choose_dt

TITLE = "Two processes"
FIGURES = {
    "two_process_speedup": at_least(
        1.7, "two processes against one, the lower of evaluation and training in large batches"
    ),
}

JOBS = (1, 2)
N_EVALUATED = 5000
WINDOWS = 16
# Stimuli of a training, and of its batches, each of which is divided among the processes.
N_TRAINED = 80_000
BATCHES = (2000, 10_000)


def _size(setup):
    if setup.quick:
        return setup.stimuli(4 * BATCH), 2
    return setup.stimuli(N_EVALUATED), WINDOWS


def evaluation(setup, n_jobs):
    """Return an evaluation that tells its seconds."""
    stimuli, n_windows = _size(setup)
    options = {"windows": n_windows, "n_jobs": n_jobs, "progress": False}
    return lambda: seconds_of(evaluate, setup.model, stimuli, **options)


def alone(setup):
    """Return the seconds of what one process does alone: choosing a step, what needs all stimuli.

    Returns
    -------
    float
    """
    stimuli, n_windows = _size(setup)
    response = simulate_many(
        setup.model, stimuli[:BATCH], n_windows * setup.model.tau, seed=0, progress=False
    )
    choosing = seconds_of(choose_dt, Loop(setup.model), stimuli)
    return choosing + len(stimuli) / BATCH * seconds_of(response.lifetime_sparseness)


def side_by_side(setup):
    """Return the seconds of two evaluations at once that have nothing to do with each other.

    Returns
    -------
    list of float
    """
    stimuli, n_windows = _size(setup)
    run_tasks(_evaluate, [(setup.model, stimuli[:BATCH], n_windows)] * 2, 2)
    return run_tasks(_evaluate, [(setup.model, stimuli, n_windows)] * 2, 2)


def _evaluate(model, stimuli, n_windows):
    return seconds_of(evaluate, model, stimuli, windows=n_windows, progress=False)


def training(setup, n_jobs, batch_size):
    """Return a training that tells its seconds."""
    n = 3 * batch_size if setup.quick else N_TRAINED
    stimuli = np.array(setup.patches.train[np.arange(n) % len(setup.patches.train)])
    options = {"n_epochs": 1, "batch_size": batch_size, "random_state": 0, "progress": False}

    def run():
        return seconds_of(IPVAE(n_jobs=n_jobs, **options).fit, stimuli)

    return run


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
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
        both = side_by_side(setup)
        detail["bounds"] = {"alone_seconds": alone(setup), "slowdown": sum(both) / 2 / one}
    speedups = {name: task["speedup"] for name, task in detail["tasks"].items()}
    best_training = max(v for name, v in speedups.items() if name.startswith("training"))
    return detail, {"two_process_speedup": min(speedups["evaluation"], best_training)}


def report(detail, machine):
    """Return the section of the page."""
    lines = [
        (name, *(short(v) for v in task["seconds"].values()), short(task["speedup"]))
        for name, task in detail["tasks"].items()
    ]
    one, *_ = detail["tasks"]["evaluation"]["seconds"].values()
    alone, slowdown = detail["bounds"]["alone_seconds"], detail["bounds"]["slowdown"]
    best = one / (alone + (one - alone) * slowdown / 2)
    return (
        "One thread in each process, workers already started.\n\n"
        + markdown_table(("task", "one process, s", "two, s", "speed-up"), lines)
        + f"\n\nOf the evaluation's {short(one)} s in one process, {short(alone)} s are spent "
        "where there is nothing to divide (choosing the time step, the sparseness of each neuron "
        "over all stimuli). Two evaluations that have nothing to do with each other take "
        f"{short(slowdown)} times as long at once as one alone, because the cores share a cache "
        f"and the way to memory. With both the speed-up would be {short(best)}.\n\n" + BOUNDS
    )


BOUNDS = """\
**What bounds it.** What one process does alone: choosing the time step in evaluation; the M-step in
training, which is why large batches gain and small ones do not; and in training what travels, the
dictionary and its sums. Counts and expected counts do not travel on one machine: workers write them
into memory that they share. (The engine `numba` uses all cores in one process, too; here each has
one thread.)"""
