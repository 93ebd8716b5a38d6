"""How good the codes of the shipped models are, and whether any stimulus diverges."""

import numpy as np

from benchmarks.common import BATCH, network
from benchmarks.report import at_most, markdown_table, short
from ipvae_brian import load_model
from ipvae_brian.cli.steps import held_out
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.network.presentation import Presentation

TITLE = "Codes"
# The largest distance d that each model is to reach, on `N_HELD_OUT` patches.
MODELS = {
    "vanhateren-512": 0.235,
    "vanhateren-512-adaptive": 0.20,
    "vanhateren-1024": 0.15,
    "vanhateren-1024-adaptive": 0.125,
    "photographs-512": 0.25,
    "photographs-512-adaptive": 0.22,
}
N_HELD_OUT = 2000
WINDOWS = 16
# Patches on which divergence is looked for: all for validation, and more from training.
N_WATCHED = 25_000
WATCHED_MODELS = ("vanhateren-512", "vanhateren-512-adaptive")
KEPT = ("r2", "zeros", "distance", "spikes_per_tau", "n_stimuli", "windows", "dt_ms")


def figure_of(model):
    """Return the name of the figure of a model's distance."""
    return f"{model.replace('-', '_')}_distance"


FIGURES = {
    figure_of(model): at_most(
        bound, f"distance d of `{model}` on {N_HELD_OUT:,} held-out patches, {WINDOWS} tau"
    )
    for model, bound in MODELS.items()
} | {
    "diverged_stimuli": at_most(
        0,
        f"diverged stimuli of {N_WATCHED:,} patches, {WINDOWS} tau, the most of "
        + " and ".join(f"`{model}`" for model in WATCHED_MODELS),
    )
}


def n_diverged(parameters, stimuli, windows):
    """Return how many stimuli diverge in the course of some windows of tau."""
    net = network(parameters, BATCH, engine="events").build(stimuli)
    steps = np.array([windows * net.steps_per_tau])
    n = 0

    def presentations():
        for wave, begin in enumerate(range(0, len(stimuli), BATCH)):
            frames = np.zeros((BATCH, 1, stimuli.shape[1]), np.float32)
            part = stimuli[begin : begin + BATCH]
            frames[: len(part), 0] = part
            yield Presentation(frames, steps, seed=[0, wave], used=len(part))

    def collect(presentation, outcome):
        nonlocal n
        n += int(outcome.diverged[: presentation.used].sum())

    net.run(presentations(), collect)
    return n


def measure(setup):
    """Return what was measured and the figures; see `benchmarks.measurements`."""
    n_held_out, windows = (100, 2) if setup.quick else (N_HELD_OUT, WINDOWS)
    detail, figures = {"models": {}, "watched": {}}, {}
    for name in MODELS:
        if name.startswith("vanhateren") and setup.data is None:
            continue
        parameters = load_model(name)
        data = "photographs" if name.startswith("photographs") else str(setup.data)
        stimuli = held_out(parameters, data, n_held_out, progress=False)
        found, _ = evaluate(parameters, stimuli, windows=windows, progress=False)
        detail["models"][name] = {key: found[key] for key in KEPT}
        figures[figure_of(name)] = found["distance"]
        setup.log(f"  {name}: {found['distance']:.4f}")
    if setup.data is None:
        return detail, figures
    patches, n = setup.patches, 400 if setup.quick else N_WATCHED
    watched = np.concatenate(
        [patches.validation[:n], patches.train[: max(n - len(patches.validation), 0)]]
    )
    detail["n_validation"] = min(n, len(patches.validation))
    detail["n_train"] = len(watched) - detail["n_validation"]
    for name in WATCHED_MODELS:
        detail["watched"][name] = n_diverged(load_model(name), watched, windows)
        setup.log(f"  {name}: {detail['watched'][name]} of {len(watched)} diverged")
    figures["diverged_stimuli"] = max(detail["watched"].values())
    return detail, figures


def report(detail, machine):
    """Return the section of the page."""
    lines = [
        (
            name,
            *(short(entry[key]) for key in ("r2", "zeros", "distance")),
            f"{entry['spikes_per_tau']:.0f}",
            MODELS[name],
        )
        for name, entry in detail["models"].items()
    ]
    first = next(iter(detail["models"].values()))
    text = (
        f"Of each model's {first['n_stimuli']:,} held-out patches after {first['windows']} tau, as "
        "`ipvae evaluate` measures them.\n\n"
        + markdown_table(("model", "R2", "zeros", "d", "spikes per tau", "d aimed at"), lines)
    )
    if not detail["watched"]:
        return text
    found = ", ".join(f"{n} with `{name}`" for name, n in detail["watched"].items())
    return (
        f"{text}\n\nOf all {detail['n_validation']:,} validation patches and "
        f"{detail['n_train']:,} training patches there diverged: {found}."
    )
