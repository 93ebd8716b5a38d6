"""Row 4: how cost grows with neurons, stimuli and time steps; peak memory."""

import json

import numpy as np

from benchmarks.common import network, present
from benchmarks.measure import alternate, fit_exponent, has_torch, median, run_python, seconds_of
from benchmarks.peers.lca import LCA
from benchmarks.rows.throughput import Ours
from ipvae_brian import Parameters

STEPS_PER_TAU = 20
NEURONS = (128, 256, 512, 1024, 2048)
STIMULI = (20, 50, 100, 200, 500, 1000, 2000)
STEPS = (800, 1600, 3200, 6400, 12_800)
# Simulated neurons x stimuli x steps of one measurement of cost per step.
WORK = 2e7


def model(n_neurons, n_pixels=256):
    """A random dictionary of this size, which codes at a gain that is stable for all sizes."""
    rng = np.random.default_rng(n_neurons)
    dictionary = rng.standard_normal((n_pixels, n_neurons))
    return Parameters.from_unit_dictionary(dictionary, spike_size=0.4, gain=1.0, sparsity=0.25)


def ours_per_step(setup, parameters, n_stimuli):
    n_steps = int(np.clip(WORK / (parameters.n_neurons * n_stimuli), 20, 2000))
    return Ours(parameters, setup.stimuli(n_stimuli), STEPS_PER_TAU, n_steps)


def torch_per_step(setup, parameters, n_stimuli):
    from benchmarks.rows.throughput import torch_step

    n_steps = int(np.clip(WORK / 4 / (parameters.n_neurons * n_stimuli), 10, 500))
    return torch_step(parameters, setup.stimuli(n_stimuli), n_steps)


def lca_per_step(setup, parameters, n_stimuli):
    n_steps = int(np.clip(WORK / 4 / (parameters.n_neurons * n_stimuli), 10, 500))
    lca, stimuli = LCA(parameters.dictionary), setup.stimuli(n_stimuli)
    return lambda: seconds_of(lca.infer, stimuli, n_steps) / n_steps


def growth(sizes, contestants_of, repeats):
    """Costs of every contestant at every size, and the fitted exponents."""
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
from benchmarks.measure import memory
from benchmarks.rows.scaling import PREPARE
stimuli = np.load(sys.argv[2])
prepared = PREPARE[sys.argv[1]]()
imported, _ = memory()
prepared(stimuli[:1], 20)
first, _ = memory()
prepared(stimuli, 20)
print(json.dumps({"imported": imported, "first": first, "peak": memory()[1]}))
"""


def prepare_ours():
    parameters = model(512)
    return lambda x, n: present(network(parameters, len(x), STEPS_PER_TAU), x, n)


def prepare_torch():
    import torch

    from benchmarks.peers.poisson_vae_torch import PoissonVAE

    peer = PoissonVAE.from_parameters(model(512))
    return lambda x, n: peer.infer(torch.from_numpy(x), n)


def prepare_lca():
    parameters = model(512)
    return lambda x, n: LCA(parameters.dictionary).infer(x, n)


PREPARE = {"ours": prepare_ours, "torch": prepare_torch, "LCA": prepare_lca}


def state_bytes(n_stimuli, n_neurons, n_pixels=256):
    """Bytes of the arrays that the equations need, in 4-byte numbers.

    For every neuron of every copy its potential, its drive, the expected count left until its
    next spike, its count, and the sums of counts and expected counts of the window; once, the
    lateral weights and the dictionary.
    """
    return 4 * (6 * n_stimuli * n_neurons + n_neurons**2 + n_pixels * n_neurons)


def memory(setup, names, n_stimuli, folder):
    """Peak memory of every contestant, and its ratio to state plus weights."""
    path = folder / "stimuli.npy"
    np.save(path, setup.stimuli(n_stimuli))
    needed = state_bytes(n_stimuli, 512)
    results = {}
    for name in names:
        runs = [json.loads(run_python(MEMORY, name, path)) for _ in range(3)]
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
    """Measure the row; see the package."""
    makers = {"ours": ours_per_step, "LCA": lca_per_step}
    if has_torch():
        makers["torch"] = torch_per_step
    quick = setup.quick
    fixed, models = 200, {}

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
            peer = torch_step_total(parameters, stimuli, n_steps)
            runs["torch"] = peer
        return runs

    detail = {
        "stimuli": setup.source,
        "neurons": growth(
            NEURONS[:3] if quick else NEURONS, lambda k: contestants(k, fixed), setup.repeats
        ),
        "batch": growth(
            STIMULI[:3] if quick else STIMULI, lambda b: contestants(512, b), setup.repeats
        ),
        "steps": growth(STEPS[:3] if quick else STEPS, lengths, setup.repeats),
        "memory": memory(setup, makers, 100 if quick else 1000, setup.folder),
    }
    figures = {f"exponent_{of}": detail[of]["exponents"]["ours"] for of in FITTED}
    figures["memory_ratio"] = detail["memory"]["contestants"]["ours"]["ratio_over_first_stimulus"]
    setup.log(f"  {figures}")
    return detail, figures


FITTED = ("neurons", "batch", "steps")


def torch_step_total(parameters, stimuli, n_steps):
    """Seconds of the whole run of PyTorch."""
    from benchmarks.rows.throughput import torch_step

    per_step = torch_step(parameters, stimuli, n_steps)
    return lambda: per_step() * n_steps
