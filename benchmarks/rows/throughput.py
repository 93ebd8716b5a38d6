"""Row 1: steps x stimuli per second, without and with Brian2's start-up."""

import time

import numpy as np

from benchmarks.common import at_step, network, present
from benchmarks.measure import alternate, has_torch, limits, median, median_ratio, seconds_of

# Time steps of the long run for each number of stimuli; the short one has a tenth.
STEPS = {1: 4000, 20: 2000, 200: 600, 1000: 200}
QUICK_STEPS = {1: 200, 200: 60}


class Ours:
    """Seconds per step from the difference of a long and a short run."""

    def __init__(self, parameters, stimuli, steps_per_tau, n_steps, engine=None):
        self.network = network(parameters, len(stimuli), steps_per_tau, engine)
        self.stimuli = stimuli
        self.long = n_steps
        self.short = max(1, n_steps // 10)
        self.whole_runs = []

    def __call__(self):
        short = seconds_of(present, self.network, self.stimuli, self.short)
        start = time.perf_counter()
        response = present(self.network, self.stimuli, self.long)
        whole = time.perf_counter() - start
        self.spikes = float(response.rates.sum(axis=2).mean()) / self.network.steps_per_tau
        self.whole_runs.append(whole / self.long)
        return max(whole - short, 1e-9) / (self.long - self.short)


def torch_step(parameters, stimuli, n_steps):
    """The same for PyTorch, which has no start-up."""
    import torch

    from benchmarks.peers.poisson_vae_torch import PoissonVAE

    torch.manual_seed(0)
    model = PoissonVAE.from_parameters(parameters)
    stimuli = torch.tensor(stimuli)
    return lambda: seconds_of(model.infer, stimuli, n_steps) / n_steps


def measure(setup):
    """Measure the row; see the package."""
    detail = {"stimuli": setup.source, "limits": limits(), "sizes": []}
    figures = {}
    for n_stimuli, n_steps in (QUICK_STEPS if setup.quick else STEPS).items():
        stimuli = setup.stimuli(n_stimuli)
        ours = {
            step + suffix: Ours(at_step(setup.model, division), stimuli, division, n_steps, engine)
            for suffix, engine in (("", None), (", NumPy", "numpy"))
            for step, division in (("dt = tau", 1), ("dt = tau / 20", 20))
        }
        contestants = dict(ours)
        if has_torch():
            peer = torch_step(at_step(setup.model, 1), stimuli, max(5, n_steps // 10))
            contestants["torch"] = peer
        costs = alternate(contestants, setup.repeats)
        entry = {
            "n_stimuli": n_stimuli,
            "microseconds_per_step": {k: median(v) * 1e6 for k, v in costs.items()},
            "steps_x_stimuli_per_second": {k: n_stimuli / median(v) for k, v in costs.items()},
            "with_start_up": {
                name: n_stimuli / median(contestant.whole_runs[1:])
                for name, contestant in ours.items()
            },
            "spikes_per_step": {name: contestant.spikes for name, contestant in ours.items()},
            "repeats": {k: list(np.round(v, 9)) for k, v in costs.items()},
        }
        if "torch" in costs:
            entry["ratio"] = {name: median_ratio(costs["torch"], costs[name]) for name in ours}
            if n_stimuli == 200:
                figures["throughput_ratio_b200_dt_tau"] = entry["ratio"]["dt = tau"]
                figures["throughput_ratio_b200_dt_tau_20"] = entry["ratio"]["dt = tau / 20"]
        setup.log(f"  B = {n_stimuli}: {entry['steps_x_stimuli_per_second']}")
        detail["sizes"].append(entry)
    return detail, figures
