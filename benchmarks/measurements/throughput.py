"""Steps x stimuli per second, without and with Brian2's start-up."""

import numpy as np

from benchmarks.common import at_step, network, present
from benchmarks.machine import has_torch, limits
from benchmarks.report import Figure, at_least, markdown_table, short
from benchmarks.timing import alternate, median, median_ratio, now, seconds_of

TITLE = "Throughput"
FIGURES = {
    "throughput_ratio_b200_dt_tau": at_least(
        5, "steps x stimuli per second over PyTorch's, 200 stimuli, dt = tau"
    ),
    "throughput_ratio_b200_dt_tau_20": Figure("the same, dt = tau / 20"),
}

# The name of that contestant.
EVENTS = "dt = tau / 20, events"
# Time steps of the long run for each number of stimuli; the short one has a tenth.
STEPS = {1: 4000, 20: 2000, 200: 600, 1000: 200}
QUICK_STEPS = {1: 200, 200: 60}


class Ours:
    """Seconds per step from the difference of a long and a short run."""

    def __init__(self, parameters, stimuli, steps_per_tau, n_steps, engine="numba"):
        self.network = network(parameters, len(stimuli), steps_per_tau, engine)
        self.stimuli = stimuli
        self.long = n_steps
        self.short = max(1, n_steps // 10)
        self.whole_runs = []

    def __call__(self):
        """Run both, and return the seconds of a step."""
        short = seconds_of(present, self.network, self.stimuli, self.short)
        start = now()
        response = present(self.network, self.stimuli, self.long)
        whole = now() - start
        self.spikes = (
            float(response.expected_counts.sum(axis=2).mean()) / self.network.steps_per_tau
        )
        self.whole_runs.append(whole / self.long)
        return max(whole - short, 1e-9) / (self.long - self.short)


def torch_step(parameters, stimuli, n_steps):
    """Return the same for PyTorch, which has no start-up."""
    import torch

    from benchmarks.baselines.poisson_vae import PoissonVAE

    torch.manual_seed(0)
    model = PoissonVAE.from_parameters(parameters)
    stimuli = torch.tensor(stimuli)
    return lambda: seconds_of(model.infer, stimuli, n_steps) / n_steps


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    detail = {"stimuli": setup.source, "limits": limits(), "sizes": []}
    figures = {}
    for n_stimuli, n_steps in (QUICK_STEPS if setup.quick else STEPS).items():
        stimuli = setup.stimuli(n_stimuli)
        ours = {
            step + suffix: Ours(at_step(setup.model, division), stimuli, division, n_steps, engine)
            for suffix, engine in (("", "numba"), (", NumPy", "numpy"), (", events", "events"))
            for step, division in (("dt = tau", 1), ("dt = tau / 20", 20))
            if (engine, division) != ("events", 1)
        }
        contestants = dict(ours)
        if has_torch():
            model = at_step(setup.model, 1)
            contestants["torch"] = torch_step(model, stimuli, max(5, n_steps // 10))
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


def report(detail, machine):
    """Return the section of the page."""
    steps = ("dt = tau", "dt = tau / 20")
    lines = []
    for entry in detail["sizes"]:
        speed, ratios = entry["steps_x_stimuli_per_second"], entry.get("ratio", {})
        names = (*steps, *(f"{step}, NumPy" for step in steps), EVENTS, "torch")
        lines.append(
            (
                entry["n_stimuli"],
                *(short(speed.get(name)) for name in names),
                *(short(ratios.get(name)) for name in names[:5]),
                *(short(entry["with_start_up"].get(name)) for name in (*steps, EVENTS)),
            )
        )
    header = ("numba, tau", "numba, tau/20", "NumPy, tau", "NumPy, tau/20", "events, tau/20")
    ratio = (f"ratio of {name}" for name in header)
    start = ("start-up too, numba, tau", "numba, tau/20", "events, tau/20")
    table = markdown_table(("stimuli", *header, "torch", *ratio, *start), lines)
    return (
        f"Steps x stimuli per second, 512 neurons, 256 pixels, {detail['stimuli']}. Ours are "
        "`numba`, the default for dt = tau; `events`, the default for dt < tau, whose steps are "
        "those in which the drive acts; and `numpy`, which takes the place of both without Numba. "
        "Brian2's start-up is taken off by the difference of a long and a short run; the last "
        "columns have it in them. PyTorch's step has no dt: its figure is compared with all.\n\n"
        + table
        + "\n\n"
        + bounds(detail, machine["cores"])
    )


def bounds(detail, cores, n_neurons=512, n_pixels=256):
    """Return what a step needs, counted, against what the machine did in the same run."""
    limits = detail["limits"]
    entry = next(entry for entry in reversed(detail["sizes"]) if entry["n_stimuli"] <= 200)
    n_stimuli, names = entry["n_stimuli"], ("dt = tau", "dt = tau / 20")
    cells = n_stimuli * n_neurons
    spikes = {name: n_stimuli * entry["spikes_per_step"][name] for name in names}
    bandwidth, gflops = limits["add_gb_per_second"] * cores, limits["sgemm_gflops"]

    def row(part, counted, milliseconds):
        return (part, counted, *(f"{milliseconds(name):.2f}" for name in names))

    # Read and write of potential and time left, and of the expected counts; read of the drive.
    passes = 7
    lines = [
        row(
            "exponential of every potential",
            f"{cells:,}",
            lambda name: cells / limits["exp_per_second"] / cores * 1e3,
        ),
        row(
            f"about {passes} passes over 4-byte arrays",
            f"{passes * 4 * cells / 1e6:.1f} MB",
            lambda name: passes * 4 * cells / bandwidth / 1e6,
        ),
        row(
            "a random number for each spike",
            " or ".join(f"{spikes[name]:,.0f}" for name in names),
            lambda name: spikes[name] / limits["exponential_numbers_per_second"] / cores * 1e3,
        ),
        row(
            "a row of the weights for each spike, at most",
            " or ".join(f"{2 * spikes[name] * n_neurons / 1e6:.1f}" for name in names) + " MFLOP",
            lambda name: 2 * spikes[name] * n_neurons / gflops / 1e6,
        ),
        row(
            "new memory for the results of a window",
            f"{8 * cells / 1e6:.1f} MB a window",
            lambda name: (
                8 * cells / limits["new_gb_per_second"] / 1e6 / (1 if name == names[0] else 20)
            ),
        ),
        row(
            "measured",
            "",
            lambda name: entry["microseconds_per_step"][name] / 1e3,
        ),
    ]
    header = (f"a step of {n_stimuli} x {n_neurons}, ms", "counted", *names)
    table = markdown_table(header, lines, n_text=2)
    dense = 2 * cells * n_neurons
    torch = 3 * 2 * cells * n_pixels
    return f"""\
**What bounds it.** A step needs what follows, at what the machine did in the same run: a float32
product at {gflops:.0f} GFLOP/s on all cores; on one core
{limits["exp_per_second"] / 1e9:.2g} billion float32 exponentials and
{limits["exponential_numbers_per_second"] / 1e9:.2g} billion exponential random numbers per second,
{limits["add_gb_per_second"]:.0f} GB/s through memory in use and {limits["new_gb_per_second"]:.2g}
GB/s into new memory.

{table}

- *dt = tau.* One neuron in five spikes, twice or more. Adding their rows of the weights is cheaper
  than the dense product of {dense / 1e6:.0f} MFLOP, {dense / gflops / 1e6:.2f} ms. Every step is
  also a window of tau, whose counts and expected counts are kept: the system has to find and clear
  the memory for them. PyTorch's step keeps only the last counts; it has {torch / 1e6:.0f} MFLOP of
  products, {torch / gflops / 1e6:.2f} ms, and two Poisson numbers for every neuron take most of its
  time.
- *dt = tau / 20.* Few neurons spike, so exponentials and passes over the state remain.
- *One stimulus.* A step costs what Python and Brian2 need to call it, whatever is in it.

{bounds_of_events(detail, cores, n_neurons)}"""


def bounds_of_events(detail, cores, n_neurons=512):
    """Return the same for a tau of the engine "events", which has no step of inhibition."""
    limits = detail["limits"]
    entry = next(entry for entry in reversed(detail["sizes"]) if entry["n_stimuli"] <= 200)
    n_stimuli = entry["n_stimuli"]
    cells = n_stimuli * n_neurons
    spikes = n_stimuli * entry["spikes_per_step"][EVENTS] * 20
    # One for each spike, and one for each step and its end.
    passes = spikes + 21 * n_stimuli
    # Rate, factor and expected count are read, rate and expected count written.
    megabytes = 5 * 4 * passes * n_neurons / 1e6
    lines = [
        (
            "a pass over the rates for each spike and step",
            f"{passes:,.0f} passes, {megabytes:,.0f} MB in caches",
            f"{megabytes / limits['cached_gb_per_second'] / cores:.2f}",
        ),
        (
            "two random numbers and a logarithm for each spike",
            f"{spikes:,.0f}",
            f"{2 * spikes / limits['exponential_numbers_per_second'] / cores * 1e3:.2f}",
        ),
        (
            "new memory for the results of a window",
            f"{8 * cells / 1e6:.1f} MB",
            f"{8 * cells / limits['new_gb_per_second'] / 1e6:.2f}",
        ),
        ("measured", "", f"{20 * entry['microseconds_per_step'][EVENTS] / 1e3:.2f}"),
    ]
    header = (f"a tau of {n_stimuli} x {n_neurons}, engine `events`", "counted", "ms")
    return (
        "**Spike by spike** there are no exponentials and no Poisson numbers, and the step hardly "
        "matters: every spike is a pass over the rates of its population, which stay in the cache "
        f"({limits['cached_gb_per_second']:.0f} GB/s there, on one core), while the row of factors "
        "comes from the next one. The rest is the search for the neuron that fires, three sums of "
        "eight terms, each of which waits for the last.\n\n"
        + markdown_table(header, lines, n_text=2)
    )
