"""The page docs/benchmarks.md: figures, targets and tables from results, and what bounds them."""

# Flat figures: (what it is, target in words, whether a value meets it).
FIGURES = {
    "throughput_ratio_b200_dt_tau": (
        "steps x stimuli per second over PyTorch's, 200 stimuli, dt = tau",
        "at least 5",
        lambda v: v >= 5,
    ),
    "throughput_ratio_b200_dt_tau_20": ("the same, dt = tau / 20", "", None),
    "convergence_ratio": (
        "PyTorch's seconds over ours until R2 is within 0.01 of its final value",
        "at least 8",
        lambda v: v >= 8,
    ),
    "training_cpu_ratio_bptt": (
        "CPU of back-propagation through time over ours, to the same distance d",
        "at least 50",
        lambda v: v >= 50,
    ),
    "exponent_neurons": ("cost of a step against neurons", "at most 2", lambda v: v <= 2),
    "exponent_batch": ("cost of a step against stimuli", "1 (linear)", lambda v: v <= 1.1),
    "exponent_steps": ("cost of a run against steps", "1 (linear)", lambda v: v <= 1.1),
    "memory_ratio": (
        "peak memory beyond that of one stimulus, over state and weights",
        "at most 2",
        lambda v: v <= 2,
    ),
    "cold_start_seconds": ("to the first raster, empty caches", "at most 5", lambda v: v <= 5),
    "warm_start_seconds": ("to the first raster", "at most 2", lambda v: v <= 2),
    "import_extra_seconds": ("import beyond Brian2's own", "at most 1.5", lambda v: v <= 1.5),
    "two_process_speedup": (
        "two processes against one, the lower of evaluation and training in large batches",
        "at least 1.7",
        lambda v: v >= 1.7,
    ),
}


def document(results):
    """The page in Markdown."""
    rows = results["rows"]
    sections = [
        "# Benchmarks",
        "Written by the command below; the numbers behind it are in `benchmarks/results.json`. "
        "Every figure is a ratio, or a time, measured in one run with the contestants taking "
        "turns: medians of the repeats, except where row 3 says less." + QUICK[results["quick"]],
        f"```\n{commands(rows)}\n```",
        figure_table(results["figures"]),
        environment(results),
        CONTESTANTS,
    ]
    writers = {
        "1": throughput,
        "2": convergence,
        "3": training,
        "4": scaling,
        "5": start,
        "6": processes,
    }
    for number, writer in writers.items():
        if number in rows:
            detail = rows[number]["detail"]
            body = f"Skipped: {detail['skipped']}." if "skipped" in detail else writer(detail)
            sections.append(f"## {number}. {TITLES[number]}\n\n{body}")
    if "1" in rows and "limits" in rows["1"]["detail"]:
        sections.append(bounds(rows["1"]["detail"], results["machine"]["cores"]))
    return "\n\n".join(sections) + "\n"


QUICK = {False: "", True: " **This is a quick run on small sizes: its figures mean nothing.**"}

TITLES = {
    "1": "Throughput",
    "2": "Convergence",
    "3": "Training",
    "4": "Growth of cost, memory",
    "5": "Start",
    "6": "Two processes",
}

CONTESTANTS = """\
## Contestants

- **ours**: `SpikingNetwork` with copies and its defaults, which with Numba is the engine `numba`;
  `IPVAE` for training.
- **torch**: the paper's inference step and training iteration in PyTorch on the CPU, written after
  the paper (`benchmarks/peers/poisson_vae_torch.py`): two Poisson draws, three products with the
  dictionary, clamps, likelihood and KL in each step; in training, back-propagation through 16 steps
  with draws by arrival times, Adamax, and schedules of temperature, beta and learning rate like the
  published ones, stretched over the length of the training. Its draws skip events that can no
  longer count and keep one array for the way back, so it is faster than the published code.
- **LCA**: soft threshold, float32 batches, gradient steps of the dictionary after inference.
- **scikit-learn**: `MiniBatchDictionaryLearning` with coordinate descent, the fastest of its
  solvers here."""


def markdown_table(header, lines):
    """A Markdown table; the first column is text."""
    out = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    out += ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return "\n".join(out)


def short(value):
    """A number in three figures, or a dash."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def commands(rows):
    return "\n".join(sorted({row["command"] for row in rows.values()}))


def figure_table(figures):
    lines = []
    for name, (meaning, target, met) in FIGURES.items():
        value = figures.get(name)
        reached = "" if met is None or value is None else ("yes" if met(value) else "no")
        lines.append((f"`{name}`", meaning, short(value), target, reached))
    table = markdown_table(("figure", "meaning", "value", "target", "reached"), lines)
    return table.replace("| --- | ---: |", "| --- | --- |", 1)


def environment(results):
    machine = results["machine"]
    newest = next(reversed(results["rows"].values()), None)
    versions = newest["versions"] if newest else {}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    threads = ", ".join(results.get("thread_pools", []))
    return (
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}. Threads: {threads}. Versions: {listed}."
    )


def throughput(detail):
    steps = ("dt = tau", "dt = tau / 20")
    lines = []
    for entry in detail["sizes"]:
        speed, ratios = entry["steps_x_stimuli_per_second"], entry.get("ratio", {})
        names = (*steps, *(f"{step}, NumPy" for step in steps), "torch")
        lines.append(
            (
                entry["n_stimuli"],
                *(short(speed.get(name)) for name in names),
                *(short(ratios.get(name)) for name in names[:4]),
                *(short(entry["with_start_up"].get(name)) for name in steps),
            )
        )
    header = ("ours, tau", "ours, tau/20", "NumPy, tau", "NumPy, tau/20")
    ratio = ("ratio, tau", "ratio, tau/20", "NumPy, tau", "NumPy, tau/20")
    table = markdown_table(
        ("stimuli", *header, "torch", *ratio, "with start-up, tau", "with start-up, tau/20"), lines
    )
    return (
        f"Steps x stimuli per second, 512 neurons, 256 pixels, {detail['stimuli']}. Ours is the "
        "default with Numba; NumPy is the engine that is used without it. Brian2's start-up is "
        "taken off by the difference of a long and a short run; the last columns have it in them. "
        "PyTorch's step has no dt: its figure is compared with both.\n\n" + table
    )


def convergence(detail):
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
    )


def training(detail):
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
    )


def scaling(detail):
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
    )


def start(detail):
    lines = [(name, short(value)) for name, value in detail["seconds"].items()]
    return (
        f"Fresh processes; to the first raster is from `python -c` until the spikes of one patch "
        f"shown for {detail['simulated_ms']} ms to `{detail['model']}` are there, or the counts of "
        "many, for which Numba compiles when nothing is cached.\n\n"
        + markdown_table(("", "seconds"), lines)
    )


def processes(detail):
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
        f"and the way to memory. With both the speed-up would be {short(best)}."
    )


def bounds(detail, cores, n_neurons=512, n_pixels=256):
    """What a step needs, counted, against what the machine did in the same run."""
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
    table = markdown_table(
        (f"a step of {n_stimuli} x {n_neurons}, ms", "counted", *names), lines
    ).replace("| --- | ---: |", "| --- | --- |", 1)
    dense = 2 * cells * n_neurons
    peer = 3 * 2 * cells * n_pixels
    return f"""\
## What bounds them

Measured in the same run: a float32 product at {gflops:.0f} GFLOP/s on all cores; on one core
{limits["exp_per_second"] / 1e9:.2g} billion float32 exponentials and
{limits["exponential_numbers_per_second"] / 1e9:.2g} billion exponential random numbers per second,
{limits["add_gb_per_second"]:.0f} GB/s through memory in use and {limits["new_gb_per_second"]:.2g}
GB/s into new memory.

{table}

- *dt = tau.* One neuron in five spikes, twice or more. Adding their rows of the weights is cheaper
  than the dense product of {dense / 1e6:.0f} MFLOP, {dense / gflops / 1e6:.2f} ms. Every step is
  also a window of tau, whose counts and rates are kept: the system has to find and clear the memory
  for them. PyTorch's step keeps only the last counts; it has {peer / 1e6:.0f} MFLOP of products,
  {peer / gflops / 1e6:.2f} ms, and two Poisson numbers for every neuron take most of its time.
- *dt = tau / 20.* Few neurons spike, so exponentials and passes over the state remain.
- *One stimulus.* A step costs what Python and Brian2 need to call it, whatever is in it.

**Convergence.** Continuous time needs more steps than discrete updates, each of them cheaper; what
is saved are Poisson numbers, and what is paid are exponentials. LCA needs neither, and its steps
can be as large as its fixed point allows; it has no spikes.

**Training.** A batch costs us two windows of tau without a way back, and one solution of a
{n_neurons} x {n_neurons} system, which takes about as long as the spikes. Back-propagation costs
16 steps, each with two draws of several events per neuron, and the way back through all of them,
and needs many more batches, because a gradient step of Adamax is small where the M-step is a
least-squares solution.

**Growth.** The lateral sum is quadratic in neurons and everything else linear, so for large sizes
the exponent of neurons lies between 1 and 2, and those of stimuli and steps are 1. What every step
and every run costs whatever its size lowers the exponents that are fitted; caches that the state
outgrows raise them.

**Memory.** Beyond the arrays of the equations there are two that Brian2 keeps of a group, the
numbers of its neurons and of those that spike, and the stimuli.

**Start.** Most of it is importing Brian2, SymPy and NumPy; no compiler is used.

**Two processes.** What one process does alone bounds them: choosing the time step in evaluation;
the M-step in training, which is why large batches gain and small ones do not; and in training what
travels, the dictionary and its sums. Counts and rates do not travel on one machine: workers write
them into memory that they share. (The engine `numba` uses all cores in one process, too; here each
has one thread.)
"""
