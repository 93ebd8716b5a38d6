"""How cost grows with neurons, stimuli and time steps; peak memory."""

import json

import numpy as np

from benchmarks.baselines.lca import LCA
from benchmarks.common import network, present
from benchmarks.machine import has_torch, run_python
from benchmarks.measurements.throughput import Ours
from benchmarks.report import at_most, markdown_table, short
from benchmarks.timing import alternate, fit_exponent, median, seconds_of
from ipvae_brian import Parameters

TITLE = "Growth of cost, memory"
FIGURES = {
    "exponent_neurons": at_most(2, "cost of a step against neurons"),
    "exponent_batch": at_most(1.1, "cost of a step against stimuli", "1 (linear)"),
    "exponent_steps": at_most(1.1, "cost of a run against steps", "1 (linear)"),
    "memory_ratio": at_most(2, "peak memory beyond that of one stimulus, over state and weights"),
}

STEPS_PER_TAU = 20
NEURONS = (128, 256, 512, 1024, 2048)
STIMULI = (20, 50, 100, 200, 500, 1000, 2000)
STEPS = (800, 1600, 3200, 6400, 12_800)
QUICK = {"neurons": (64, 128), "batch": (10, 20), "steps": (100, 200)}
# Simulated neurons x stimuli x steps of one measurement of cost per step.
WORK = 2e7


def model(n_neurons, n_pixels=256):
    """Return a random model of this size, which codes at a gain that is stable for all."""
    rng = np.random.default_rng(n_neurons)
    dictionary = rng.standard_normal((n_pixels, n_neurons))
    return Parameters.from_unit_dictionary(dictionary, spike_size=0.4, gain=1.0, sparsity=0.25)


def ours_per_step(setup, parameters, n_stimuli):
    """Return our contestant, which tells seconds per step."""
    n_steps = int(np.clip(WORK / (parameters.n_neurons * n_stimuli), 20, 2000))
    return Ours(parameters, setup.stimuli(n_stimuli), STEPS_PER_TAU, n_steps)


def torch_per_step(setup, parameters, n_stimuli):
    """Return the same for PyTorch."""
    from benchmarks.measurements.throughput import torch_step

    n_steps = int(np.clip(WORK / 4 / (parameters.n_neurons * n_stimuli), 10, 500))
    return torch_step(parameters, setup.stimuli(n_stimuli), n_steps)


def lca_per_step(setup, parameters, n_stimuli):
    """Return the same for LCA."""
    n_steps = int(np.clip(WORK / 4 / (parameters.n_neurons * n_stimuli), 10, 500))
    lca, stimuli = LCA(parameters.dictionary), setup.stimuli(n_stimuli)
    return lambda: seconds_of(lca.infer, stimuli, n_steps) / n_steps


def growth(sizes, contestants_of, repeats):
    """Return the costs of every contestant at every size, and the fitted exponents."""
    costs = {}
    for size in sizes:
        for name, values in alternate(contestants_of(size), repeats).items():
            costs.setdefault(name, []).append(median(values))
    exponents = {name: fit_exponent(sizes, values) for name, values in costs.items()}
    return {"sizes": list(sizes), "seconds": costs, "exponents": exponents}


# Peak memory, in a process of its own: less what the first stimulus needs (libraries, compiled
# code, buffers of BLAS), which does not grow; for comparison also less what importing takes.
MEMORY = """
import json, sys
import numpy as np
from benchmarks.machine import memory
from benchmarks.measurements.growth import PREPARE
stimuli = np.load(sys.argv[2])
prepared = PREPARE[sys.argv[1]]()
imported, _ = memory()
prepared(stimuli[:1], 20)
first, _ = memory()
prepared(stimuli, 20)
print(json.dumps({"imported": imported, "first": first, "peak": memory()[1]}))
"""


def prepare_ours():
    """Return what presents stimuli for a number of steps, once all is imported."""
    from ipvae_brian.network.engines import kernels

    parameters, usual = model(512), kernels.NEURONS_OF_A_THREAD

    def run(x, n):
        # The code for several threads is loaded with the first stimulus, too.
        kernels.NEURONS_OF_A_THREAD = 1 if len(x) == 1 else usual
        present(network(parameters, len(x), STEPS_PER_TAU), x, n)

    return run


def prepare_torch():
    """Return the same for PyTorch."""
    import torch

    from benchmarks.baselines.poisson_vae import PoissonVAE

    baseline = PoissonVAE.from_parameters(model(512))
    return lambda x, n: baseline.infer(torch.from_numpy(x), n)


def prepare_lca():
    """Return the same for LCA."""
    parameters = model(512)
    return lambda x, n: LCA(parameters.dictionary).infer(x, n)


PREPARE = {"ours": prepare_ours, "torch": prepare_torch, "LCA": prepare_lca}


def state_bytes(n_stimuli, n_neurons, n_pixels=256):
    """Return the bytes of the arrays that the equations need, in 4-byte numbers.

    For every neuron of every copy its potential, its drive, the expected count left until its
    next spike, its count, and the sums of counts and expected counts of the window; once, the
    lateral weights and the dictionary.
    """
    return 4 * (6 * n_stimuli * n_neurons + n_neurons**2 + n_pixels * n_neurons)


def memory(setup, names, n_stimuli, folder):
    """Return the peak memory of every contestant, and its ratio to state plus weights."""
    path = folder / "stimuli.npy"
    np.save(path, setup.stimuli(n_stimuli))
    needed = state_bytes(n_stimuli, 512)
    results = {}
    for name in names:
        runs = [json.loads(run_python(MEMORY, name, path)) for _ in range(1 if setup.quick else 3)]
        over_import = median([run["peak"] - run["imported"] for run in runs])
        over_first = median([run["peak"] - run["first"] for run in runs])
        results[name] = {
            "bytes_over_import": over_import,
            "bytes_over_first_stimulus": over_first,
            "ratio_over_import": over_import / needed,
            "ratio_over_first_stimulus": over_first / needed,
        }
    return {"n_stimuli": n_stimuli, "state_and_weights_bytes": needed, "contestants": results}


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    makers = {"ours": ours_per_step, "LCA": lca_per_step}
    if has_torch():
        makers["torch"] = torch_per_step
    sizes = QUICK if setup.quick else {"neurons": NEURONS, "batch": STIMULI, "steps": STEPS}
    fixed, models = 20 if setup.quick else 200, {}

    def contestants(n_neurons, n_stimuli):
        parameters = models.setdefault(n_neurons, model(n_neurons))
        return {name: make(setup, parameters, n_stimuli) for name, make in makers.items()}

    def lengths(n_steps):
        parameters, stimuli = models.setdefault(512, model(512)), setup.stimuli(20)
        net = network(parameters, 20, STEPS_PER_TAU)

        def ours():
            start_up = seconds_of(present, net, stimuli, 1)
            return max(seconds_of(present, net, stimuli, n_steps) - start_up, 1e-9)

        runs = {"ours": ours}
        if "torch" in makers:
            runs["torch"] = torch_step_total(parameters, stimuli, n_steps)
        return runs

    detail = {
        "stimuli": setup.source,
        "neurons": growth(sizes["neurons"], lambda k: contestants(k, fixed), setup.repeats),
        "batch": growth(sizes["batch"], lambda b: contestants(512, b), setup.repeats),
        "steps": growth(sizes["steps"], lengths, setup.repeats),
        "memory": memory(setup, makers, 100 if setup.quick else 1000, setup.folder),
    }
    figures = {f"exponent_{of}": detail[of]["exponents"]["ours"] for of in FITTED}
    figures["memory_ratio"] = detail["memory"]["contestants"]["ours"]["ratio_over_first_stimulus"]
    setup.log(f"  {figures}")
    return detail, figures


FITTED = ("neurons", "batch", "steps")


def torch_step_total(parameters, stimuli, n_steps):
    """Return what tells the seconds of a whole run of PyTorch."""
    from benchmarks.measurements.throughput import torch_step

    per_step = torch_step(parameters, stimuli, n_steps)
    return lambda: per_step() * n_steps


def report(detail, machine):
    """Return the section of the page."""
    lines = []
    for of in ("neurons", "batch", "steps"):
        part = detail[of]
        sizes = f"{part['sizes'][0]} to {part['sizes'][-1]}"
        exponents = part["exponents"]
        lines.append((of, sizes, *(short(exponents.get(k)) for k in ("ours", "torch", "LCA"))))
    growth = markdown_table(("exponent of cost against", "sizes", "ours", "torch", "LCA"), lines)
    memory = detail["memory"]
    lines = [
        (
            name,
            short(entry["bytes_over_import"] / 1e6),
            short(entry["ratio_over_import"]),
            short(entry["bytes_over_first_stimulus"] / 1e6),
            short(entry["ratio_over_first_stimulus"]),
        )
        for name, entry in memory["contestants"].items()
    ]
    header = ("peak memory", "MB beyond import", "ratio", "MB beyond the first stimulus", "ratio")
    return (
        "Fitted slopes of log cost over log size, at dt = tau / 20 with random dictionaries: cost "
        "of a step against neurons (200 stimuli) and stimuli (512 neurons), cost of a run of 20 "
        f"stimuli against steps, start-up taken off.\n\n{growth}\n\nPeak memory of a fresh process "
        f"for {memory['n_stimuli']} stimuli and 512 neurons shown for one tau, against state and "
        "weights: of every neuron of every copy its potential, drive, expected count left until "
        "the next spike, count, and sums of counts and expected counts in the window; lateral "
        f"weights and dictionary; 4 bytes each, {short(memory['state_and_weights_bytes'] / 1e6)} "
        "MB. The first stimulus brings what does not grow: libraries and compiled code.\n\n"
        + markdown_table(header, lines)
        + "\n\n"
        + BOUNDS
    )


BOUNDS = """\
**What bounds it.** The lateral sum is quadratic in neurons and everything else linear, so for large
sizes the exponent of neurons lies between 1 and 2, and those of stimuli and steps are 1. What every
step and every run costs whatever its size lowers the exponents that are fitted; caches that the
state outgrows raise them. Of memory, beyond the arrays of the equations there are two that Brian2
keeps of a group, the numbers of its neurons and of those that spike, and the stimuli."""
