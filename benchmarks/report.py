"""The page docs/benchmarks.md: figures with their targets, then what each measurement reports."""

from collections.abc import Callable
from typing import NamedTuple

QUICK = {False: "", True: " **This is a quick run on small sizes: its figures mean nothing.**"}

CONTESTANTS = """\
## Contestants

- **ours**: `SpikingNetwork` with many copies: engine `events`, the default in continuous time,
  which simulates spike by spike; `numba`, which takes time steps; `numpy`, the same without Numba.
  `IPVAE` for training.
- **torch**: the paper's inference step and training iteration in PyTorch on the CPU, written after
  the paper (`benchmarks/baselines/poisson_vae.py`): two Poisson draws, three products with the
  dictionary, clamps, likelihood and KL in each step; in training, back-propagation through 16 steps
  with draws by arrival times, Adamax, and schedules of temperature, beta and learning rate like the
  published ones, stretched over the length of the training. Its draws skip events that can no
  longer count and keep one array for the way back, so it is faster than the published code.
- **LCA**: soft threshold, float32 batches, gradient steps of the dictionary after inference.
- **scikit-learn**: `MiniBatchDictionaryLearning` with coordinate descent, the fastest of its
  solvers here."""


class Figure(NamedTuple):
    """One number that sums up a measurement.

    Attributes
    ----------
    meaning : str
    target : str
        In words; empty where there is none.
    is_reached : callable, optional
        Takes the value.
    """

    meaning: str
    target: str = ""
    is_reached: Callable[[float], bool] | None = None


def at_least(bound, meaning):
    """Return a figure that should not be below a bound."""
    return Figure(meaning, f"at least {bound:g}", lambda value: value >= bound)


def at_most(bound, meaning, target=None):
    """Return a figure that should not be above a bound."""
    return Figure(meaning, target or f"at most {bound:g}", lambda value: value <= bound)


def all_figures(measurements):
    """Return the figures of all measurements by name, in their order."""
    return {name: f for module in measurements.values() for name, f in module.FIGURES.items()}


def document(results, measurements):
    """Return the page in Markdown.

    Parameters
    ----------
    results : dict
        As `benchmarks.run` writes them.
    measurements : dict of str to module
        Those of `benchmarks.measurements`; the page has them in this order.
    """
    measured = results["measurements"]
    sections = [
        "# Benchmarks",
        "Written by the commands below; the numbers behind it are in `benchmarks/results.json`. "
        "Every figure is a ratio, or a time, measured in one run with the contestants taking "
        "turns: medians of the repeats, except where the section on training says less. With "
        "`--cpu`, seconds are those of CPU, as the machine had other work at the time."
        + QUICK[results["quick"]],
        f"```\n{_commands(measured)}\n```",
        figure_table(results["figures"], all_figures(measurements)),
        _environment(results),
        CONTESTANTS,
    ]
    for name, module in measurements.items():
        if name in measured:
            detail = measured[name]["detail"]
            skipped = detail.get("skipped")
            machine = measured[name].get("machine", results["machine"])
            body = f"Skipped: {skipped}." if skipped else module.report(detail, machine)
            sections.append(f"## {module.TITLE}\n\n{body}")
    return "\n\n".join(section.rstrip("\n") for section in sections) + "\n"


def markdown_table(header, lines, n_text=1):
    """Return a Markdown table whose first `n_text` columns are text and the others numbers."""
    rule = ["---"] * n_text + ["---:"] * (len(header) - n_text)
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (header, rule, *lines))


def short(value):
    """Return a number in three figures as text, or a dash for None."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def figure_table(values, figures):
    """Return the table of all figures, with their targets and whether these are reached.

    Parameters
    ----------
    values : dict of str to float
        Figures without a value get a dash.
    figures : dict of str to Figure
    """
    lines = []
    for name, figure in figures.items():
        value, reached = values.get(name), ""
        if figure.is_reached is not None and value is not None:
            reached = "yes" if figure.is_reached(value) else "no"
        lines.append((f"`{name}`", figure.meaning, short(value), figure.target, reached))
    return markdown_table(("figure", "meaning", "value", "target", "reached"), lines, n_text=2)


def _commands(measured):
    return "\n".join(dict.fromkeys(entry["command"] for entry in measured.values()))


def _environment(results):
    """Return on which machines what was measured."""
    names = {}
    for name, entry in results["measurements"].items():
        machine = entry.get("machine", results["machine"])
        threads = ", ".join(entry.get("thread_pools", results.get("thread_pools", [])))
        listed = ", ".join(f"{n} {version}" for n, version in entry["versions"].items() if version)
        text = (
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
            f"{machine['system']}. Threads: {threads}. Versions: {listed}."
        )
        names.setdefault(text, []).append(name)
    if len(names) == 1:
        return "Machine: " + next(iter(names))
    lines = (f"- {', '.join(measured)}: {text}" for text, measured in names.items())
    return "Machines, by measurement:\n\n" + "\n".join(lines)
