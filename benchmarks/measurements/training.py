"""Seconds of CPU of training until the distance d on validation patches falls below levels.

Every training has a process and a core of its own, with one thread, so that seconds of CPU hold no
waiting; two run at a time. Codes are evaluated between steps of training, and that time does not
count. Where a training has a schedule (ours anneals, back-propagation cools), complete trainings of
several lengths are tried, and the shortest that reaches a level counts; the others do not. LCA and
scikit-learn are evaluated at several sparsities, and the best one counts. Medians of several seeds
count; of the baselines, one has the whole limit, and the others what the easier levels take.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed, parallel_config

from benchmarks.baselines.dictionary_learning import DictionaryLearning
from benchmarks.baselines.lca import LCA
from benchmarks.common import BATCH
from benchmarks.machine import has_torch
from benchmarks.report import at_least, markdown_table, short
from benchmarks.timing import CpuClock, one_thread
from ipvae_brian.learning.batches import shuffled_batches
from ipvae_brian.learning.estimator import IPVAE
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.response.metrics import distance, r_squared
from ipvae_brian.stimuli import load_stimuli

TITLE = "Training"
FIGURES = {
    "training_cpu_ratio_bptt": at_least(
        50, "CPU of back-propagation through time over ours, to the same distance d"
    ),
}

LEVELS = (0.32, 0.30, 0.285)
N_VALIDATION = 1000
# Stimuli of our complete trainings; a factor of 1.4 between them.
LENGTHS = (
    *(1000, 1400, 2000, 2800, 4000, 5600, 8000, 11_000),
    *(16_000, 22_000, 32_000, 45_000, 64_000, 90_000, 200_000),
)
# Trainings of every contestant, and trainings at a time.
REPEATS = 5
AT_A_TIME = 2
# Lengths of the complete trainings with back-propagation, as shares of the limit.
SHARES = (1, 1 / 4, 1 / 16)
# What the repeats of the baselines have of the limit, and the level at which they end.
REPEATED_SHARE = SHARES[-1]
REPEATED_LEVEL = 0.30
# Evaluations follow each other at this factor in CPU time.
SPACING = 1.3
# Steps of inference with back-propagation's model, after which its code does not get better.
TORCH_STEPS = 100
SPARSITIES = (0.3, 0.4, 0.5, 0.6)


def figures_of(stimuli, code, dictionary):
    """Return R2, zeros and d of codes and the dictionary that decodes them."""
    r2 = float(np.nanmean(r_squared(stimuli, code @ dictionary.T)))
    zeros = float((code == 0).mean())
    return {"r2": r2, "zeros": zeros, "distance": float(distance(r2, zeros))}


def batches(stimuli, seed):
    """Return shuffled batches, as good as without end."""
    return shuffled_batches(stimuli, BATCH, 10**6, seed)


class Evaluations:
    """When to evaluate next: at moments of CPU time that grow by a factor."""

    def __init__(self, first=0.5):
        self.next = first

    def due(self, seconds):
        """Return whether it is time, and if so, set the next."""
        if seconds < self.next:
            return False
        self.next = seconds * SPACING
        return True


# Each contestant gets stimuli, seconds of CPU that it may take at most and a seed, and yields, now
# and then, its seconds of CPU so far, the figures of its code and how far its training has come.


def ours(train, validation, limit, seed):
    """Train `IPVAE` as it comes, trained from the start on more and more stimuli."""
    # What is compiled at first use, or read from the cache of an earlier one, is no training.
    IPVAE(n_epochs=1, random_state=seed, progress=False).fit(train[:BATCH])
    for length in LENGTHS:
        clock = CpuClock()
        n_epochs = math.ceil(length / len(train))
        with clock.running():
            model = IPVAE(n_epochs=n_epochs, random_state=seed, progress=False)
            model.fit(train[: math.ceil(length / n_epochs)])
        if clock.seconds > limit:
            return
        figures, _ = evaluate(model.parameters_, validation, progress=False)
        kept = {name: figures[name] for name in ("r2", "zeros", "distance")}
        yield clock.seconds, kept, {"stimuli": length}


def back_propagation(train, validation, limit, seed):
    """Train the Poisson VAE in PyTorch, a complete training that takes as long as it may."""
    import torch

    from benchmarks.baselines.poisson_vae import PoissonVAE, Trainer

    seen = torch.tensor(validation)
    torch.manual_seed(seed)
    model = PoissonVAE(train.shape[1], 512)
    trainer, clock, evaluations = Trainer(model), CpuClock(), Evaluations(limit / 8)
    for iteration, batch in enumerate(batches(train, seed), 1):
        with clock.running():
            trainer.iteration(torch.from_numpy(batch), min(clock.seconds / limit, 1))
        if evaluations.due(clock.seconds) or clock.seconds >= limit:
            counts, *_ = model.infer(seen, TORCH_STEPS)
            weights = model.dictionary.detach().numpy()
            figures = figures_of(validation, counts.numpy(), weights)
            yield clock.seconds, figures, {"iterations": iteration}
        if clock.seconds >= limit:
            return


def _at_best_sparsity(validation, codes, dictionary):
    """Return the figures at the sparsity whose code has the smallest d."""
    found = [
        figures_of(validation, code, dictionary) | {"sparsity": sparsity}
        for sparsity, code in zip(SPARSITIES, codes, strict=True)
    ]
    return min(found, key=lambda figures: figures["distance"])


def _in_batches(model, learn, code, train, validation, limit, seed):
    clock, evaluations = CpuClock(), Evaluations()
    for iteration, batch in enumerate(batches(train, seed), 1):
        with clock.running():
            learn(batch)
        if evaluations.due(clock.seconds) or clock.seconds >= limit:
            codes = [code(validation, sparsity) for sparsity in SPARSITIES]
            figures = _at_best_sparsity(validation, codes, model.dictionary)
            yield clock.seconds, figures, {"iterations": iteration}
        if clock.seconds >= limit:
            return


def lca(train, validation, limit, seed):
    """Train LCA with soft threshold and gradient steps of the dictionary."""
    model = LCA.random(train.shape[1], 512, sparsity=0.5, seed=seed)

    def code(stimuli, sparsity):
        return LCA(model.dictionary, sparsity).infer(stimuli, 300)

    return _in_batches(model, model.learn, code, train, validation, limit, seed)


def scikit_learn(train, validation, limit, seed):
    """Train MiniBatchDictionaryLearning, one `partial_fit` for each batch."""
    model = DictionaryLearning(512, sparsity=0.5, seed=seed, batch_size=BATCH)
    return _in_batches(model, model.learn, model.infer, train, validation, limit, seed)


@dataclass(frozen=True)
class Training:
    """One training of a contestant.

    Parameters
    ----------
    contestant : callable
    seed : int
    share : float
        Of the limit.
    until : float
        Level below which it ends.
    """

    contestant: Callable
    seed: int = 0
    share: float = 1.0
    until: float = min(LEVELS)

    def run(self, train, validation, limit):
        """Return its trace: seconds of CPU and figures at every evaluation."""
        trace = []
        yielded = self.contestant(train, validation, self.share * limit, self.seed)
        for seconds, figures, progress in yielded:
            trace.append({"cpu_seconds": seconds} | figures | progress)
            if figures["distance"] < self.until:
                break
        return trace


def _with_repeats(contestant, shares=(1,)):
    first = [Training(contestant, share=share) for share in shares]
    others = range(1, REPEATS)
    return first + [Training(contestant, s, REPEATED_SHARE, REPEATED_LEVEL) for s in others]


TRAININGS = {
    "ours": [Training(ours, seed) for seed in range(REPEATS)],
    "scikit-learn": _with_repeats(scikit_learn),
    "torch": _with_repeats(back_propagation, SHARES),
    "LCA": _with_repeats(lca),
}


def reached(trace, level):
    """Return the seconds of CPU until a trace was below a level first, or infinity."""
    below = [entry["cpu_seconds"] for entry in trace if entry["distance"] < level]
    return min(below, default=math.inf)


def summary(trainings, traces, levels=LEVELS):
    """Return the seconds to each level and the best d of a contestant.

    Parameters
    ----------
    trainings : list of Training
        Those with one seed complete each other, and the first to reach a level counts.
    traces : list of list of dict
    levels : tuple of float

    Returns
    -------
    dict
        For each level, cpu_seconds_to is the median of the seeds whose training was to reach it
        (None if half of them did not), and seeds how many these are.
    """
    seconds, seeds = {}, {}
    for level in levels:
        found = {}
        for training, trace in zip(trainings, traces, strict=True):
            if training.until <= level:
                before = found.get(training.seed, math.inf)
                found[training.seed] = min(before, reached(trace, level))
        median = float(np.median(list(found.values())))
        seconds[str(level)] = median if math.isfinite(median) else None
        seeds[str(level)] = len(found)
    best = min((entry["distance"] for trace in traces for entry in trace), default=None)
    runs = [
        {"seed": training.seed, "share": training.share, "until": training.until, "trace": trace}
        for training, trace in zip(trainings, traces, strict=True)
    ]
    return {"cpu_seconds_to": seconds, "seeds": seeds, "best_distance": best, "trainings": runs}


def ratio(baseline, mine, limit):
    """Return the baseline's CPU over ours at the hardest level that both reach.

    Returns
    -------
    ratio : float or None
    basis : str
        At which level, and whether the limit stands in for a baseline that did not get there.
    """
    levels = sorted(mine["cpu_seconds_to"], key=float)
    for level in levels:
        seconds, own = baseline["cpu_seconds_to"][level], mine["cpu_seconds_to"][level]
        if seconds is not None and own is not None:
            return seconds / own, f"at d = {level}, which both reach"
    level = levels[-1]
    own = mine["cpu_seconds_to"][level]
    if own is None:
        return None, "we do not reach any level"
    return limit / own, f"lower bound: the baseline did not reach d = {level} within the limit"


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    if setup.data is None:
        return {"skipped": "needs the file of van Hateren patches: --data FILE"}, {}
    limit = 60 * setup.limit_minutes
    validation = setup.stimuli(200 if setup.quick else N_VALIDATION)
    names = [name for name in TRAININGS if name != "torch" or has_torch()]
    tasks = [(name, training) for name in names for training in TRAININGS[name]]
    # The whole limits first, then the repeats, then ours, which are short.
    tasks.sort(key=lambda task: -task[1].share * (task[0] != "ours"))
    with one_thread(), parallel_config(backend="loky", inner_max_num_threads=1):
        traces = Parallel(n_jobs=AT_A_TIME, batch_size=1, pre_dispatch="all")(
            delayed(_in_process)(training, setup.data, validation, limit) for _, training in tasks
        )
    results = {}
    for name in names:
        own = [i for i, (owner, _) in enumerate(tasks) if owner == name]
        results[name] = summary([tasks[i][1] for i in own], [traces[i] for i in own])
        setup.log(f"  {name}: {results[name]['cpu_seconds_to']} {results[name]['best_distance']}")
    detail = {
        "n_validation": len(validation),
        "limit_cpu_seconds": limit,
        "threads": 1,
        "contestants": results,
        "ratio": {},
    }
    figures = {}
    for name in names:
        if name != "ours":
            value, basis = ratio(results[name], results["ours"], limit)
            detail["ratio"][name] = {"value": value, "basis": basis}
            if name == "torch" and value is not None:
                figures["training_cpu_ratio_bptt"] = value
    return detail, figures


def _in_process(training, data, validation, limit):
    with one_thread():
        return training.run(np.array(load_stimuli(data).train), validation, limit)


def report(detail, machine):
    """Return the section of the page."""
    levels = list(detail["contestants"]["ours"]["cpu_seconds_to"])
    lines = [
        (
            name,
            *(
                f"{short(result['cpu_seconds_to'][level])} ({result['seeds'][level]})"
                for level in levels
            ),
            short(result["best_distance"]),
        )
        for name, result in detail["contestants"].items()
    ]
    ratios = "; ".join(
        f"{name} {short(entry['value'])} ({entry['basis']})"
        for name, entry in detail["ratio"].items()
    )
    return (
        f"Seconds of CPU until d on {detail['n_validation']} validation patches of van Hateren "
        f"images falls below each level (– where it did not within {detail['limit_cpu_seconds']:g} "
        "s); medians of seeds, in brackets how many. Every training has one thread and a core of "
        "its own, two at a time; evaluations, at times a factor of 1.3 apart, do not count. Ours "
        "and back-propagation are complete trainings of several lengths, of which the shortest "
        "that gets there counts. "
        f"CPU over ours: {ratios}.\n\n"
        + markdown_table(("contestant", *(f"d < {v}" for v in levels), "best d"), lines)
        + "\n\n"
        + BOUNDS
    )


BOUNDS = """\
**What bounds it.** A batch costs us two windows of tau without a way back, and one solution of a
512 x 512 system, which takes about as long as the spikes. Back-propagation costs 16 steps, each
with two draws of several events per neuron, and the way back through all of them, and needs many
more batches, because a gradient step of Adamax is small where the M-step is a least-squares
solution."""
