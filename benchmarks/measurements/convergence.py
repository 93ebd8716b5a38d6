"""Seconds per 1,000 stimuli until the mean R2 is within 0.01 of its final value.

How long each contestant needs is found beforehand; timed is a run of that length from rest. Each
is entered with several settings, and its fastest one counts.
"""

from functools import partial

import numpy as np

from benchmarks.baselines.lca import LCA
from benchmarks.common import BATCH, network, present
from benchmarks.machine import has_torch
from benchmarks.report import at_least, markdown_table, short
from benchmarks.timing import alternate, median, median_ratio, seconds_of
from ipvae_brian.response.metrics import r_squared

TITLE = "Convergence"
FIGURES = {
    "convergence_ratio": at_least(
        8, "PyTorch's seconds over ours until R2 is within 0.01 of its final value"
    ),
}

TOLERANCE = 0.01
N_STIMULI = 1000
# Windows of tau or discrete steps of the run whose last fifth is "final".
WINDOWS, STEPS = 24, 400
# Gains kappa of the discrete steps, up to where they diverge (the larger, the faster), and, besides
# the shipped model's own, of ours.
GAINS = (0.05, 0.1, 0.125, 0.15, 0.175, 0.2)
OUR_GAINS = (3.0, 1.0)
RATES = (0.1, 0.2, 0.4)


def settled_after(trace):
    """How many windows or steps until R2 is within `TOLERANCE` of its final value.

    Parameters
    ----------
    trace : list of float
        Mean R2 after each.

    Returns
    -------
    n : int
    final : float
        Mean of the last fifth.
    """
    trace = np.asarray(trace)
    final = float(trace[-max(1, len(trace) // 5) :].mean())
    return int(np.argmax(trace >= final - TOLERANCE)) + 1, final


def in_batches(stimuli):
    """Return a list of batches."""
    return np.split(stimuli, range(BATCH, len(stimuli), BATCH))


def ours(stimuli, parameters, windows):
    """Return a timed run that is long enough, and its description, for our network."""
    net = network(parameters, BATCH).build(stimuli)
    response = net.present(stimuli, windows * parameters.tau, seed=0, progress=False)
    n_windows, final = settled_after(response.convergence().r2)
    n_steps = n_windows * net.steps_per_tau
    run = partial(seconds_of, present, net, stimuli, n_steps)
    return run, {
        "final_r2": final,
        "zeros": float(response.zeros().mean()),
        "windows": n_windows,
        "steps": n_steps,
        "steps_per_tau": net.steps_per_tau,
    }


def discrete(stimuli, infer, dictionary, n_steps):
    """Return the same for a contestant `infer(batch, n_steps, after_step)` with discrete steps."""
    total = np.zeros(n_steps)
    for batch in in_batches(stimuli):
        codes = []
        infer(batch, n_steps, lambda code: codes.append(np.array(code)))  # noqa: B023
        means = [r_squared(batch, code @ dictionary.T).mean() for code in codes]
        total += np.array(means) * len(batch) / len(stimuli)
    n, final = settled_after(total)

    def run():
        return sum(seconds_of(infer, batch, n) for batch in in_batches(stimuli))

    return run, {"final_r2": final, "zeros": float(np.mean(codes[-1] == 0)), "steps": n}


def torch_contestant(stimuli, parameters, n_steps):
    """Return the same for PyTorch with the dictionary of `parameters`, at its discrete steps."""
    import torch

    from benchmarks.baselines.poisson_vae import PoissonVAE

    torch.manual_seed(0)
    model = PoissonVAE.from_parameters(parameters)

    def infer(batch, n, after_step=None):
        return model.infer(torch.from_numpy(batch), n, after_step)

    return discrete(stimuli, infer, np.asarray(parameters.dictionary, np.float32), n_steps)


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    model = setup.model
    stimuli = setup.stimuli(BATCH if setup.quick else N_STIMULI)
    windows, n_steps = (4, 60) if setup.quick else (WINDOWS, STEPS)
    entries = {"ours, as shipped": ours(stimuli, model, windows)}
    for gain in OUR_GAINS:
        entries[f"ours, gain {gain:g}"] = ours(stimuli, model.with_gain(gain), windows)
    if has_torch():
        for gain in GAINS:
            entry = torch_contestant(stimuli, model.with_gain(gain), n_steps)
            entries[f"torch, gain {gain:g}"] = entry
    # The penalty of the LASSO that our network solves: lambda = threshold / spike size.
    sparsity = float((model.threshold * model.noise_variance / model.spike_sizes).mean())
    for rate in RATES:
        lca = LCA(model.dictionary, sparsity, nonnegative=True, rate=rate)
        entry = discrete(stimuli, lca.infer, lca.dictionary, n_steps)
        entries[f"LCA, rate {rate:g}"] = entry
    # What diverged or codes nothing has no business here.
    entries = {name: entry for name, entry in entries.items() if entry[1]["final_r2"] > 0.3}
    costs = alternate({name: run for name, (run, _) in entries.items()}, setup.repeats)
    per_thousand = {name: median(v) * 1000 / len(stimuli) for name, v in costs.items()}
    detail = {
        "stimuli": setup.source,
        "n_stimuli": len(stimuli),
        "batch": BATCH,
        "contestants": {
            name: description | {"seconds_per_1000": per_thousand[name]}
            for name, (_, description) in entries.items()
        },
        "repeats": costs,
    }
    best = {}
    for family in ("ours", "torch", "LCA"):
        members = [name for name in entries if name.startswith(family)]
        if members:
            best[family] = min(members, key=per_thousand.get)
    detail["fastest"] = best
    setup.log(f"  seconds per 1,000: {per_thousand}")
    figures = {}
    detail["ratio"] = {
        family: median_ratio(costs[name], costs[best["ours"]])
        for family, name in best.items()
        if family != "ours"
    }
    if "torch" in best:
        figures["convergence_ratio"] = detail["ratio"]["torch"]
    return detail, figures


def report(detail, machine):
    """Return the section of the page."""
    lines = [
        (
            name,
            short(entry["seconds_per_1000"]),
            entry["steps"],
            short(entry["final_r2"]),
            short(entry["zeros"]),
        )
        for name, entry in detail["contestants"].items()
    ]
    ratios = ", ".join(f"{short(v)} for {k}" for k, v in detail["ratio"].items())
    return (
        "Seconds per 1,000 stimuli until the mean R2 of decoded counts is within 0.01 of its own "
        f"final value, {detail['stimuli']}, same dictionary, batches of {detail['batch']}. Ours "
        "counts in windows of tau and includes Brian2's start-up. Ratio of the fastest settings to "
        f"our fastest: {ratios}. What is reached differs: see the final R2.\n\n"
        + markdown_table(("contestant", "seconds", "steps", "final R2", "zeros"), lines)
        + "\n\n"
        + BOUNDS
    )


BOUNDS = """\
**What bounds it.** Continuous time needs more steps than discrete updates, each of them cheaper;
what is saved are Poisson numbers, and what is paid are exponentials. LCA needs neither, and its
steps can be as large as its fixed point allows; it has no spikes."""
