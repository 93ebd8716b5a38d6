"""The demonstration: a trained model infers held-out natural images, with figures."""

import io
import time
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from brian2.only import ms

from ipvae_brian import plotting
from ipvae_brian._tools.files import write_bytes, write_json
from ipvae_brian._tools.outputs import file_to_write
from ipvae_brian.learning.evaluation import evaluate
from ipvae_brian.model.library import load_model
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.stimuli import load_stimuli

KEYS = (
    "r2",
    "r2_expected_counts",
    "zeros",
    "distance",
    "spikes_per_tau",
    "tau_ms",
    "dt_ms",
    "free_energy",
)
BATCH_WINDOWS = 16
# Of the one patch: the same code at rates of neurons of visual cortex; see docs/theory.md.
SLOW_TAU = 100 * ms
# What is written into the folder.
FILES = (
    "demo.json",
    "membrane_raster.png",
    "dictionary.png",
    "reconstructions.png",
    "convergence.png",
)


def demonstrate(
    out: str | PathLike,
    *,
    model: str = "photographs-512",
    n_stimuli: int = 200,
    seed: int = 0,
    progress: bool | None = None,
) -> dict:
    """Simulate one held-out patch in milliseconds and many as a batch; draw what happened.

    Leaves membrane_raster.png, dictionary.png, reconstructions.png, convergence.png and
    demo.json in a folder.

    Parameters
    ----------
    out : path-like
        The folder; it is made if it is missing.
    model : str, default "photographs-512"
    n_stimuli : int, default 200
    seed : int, default 0
    progress : bool, optional

    Returns
    -------
    dict
        What demo.json holds: model, r2, r2_expected_counts, zeros, distance, spikes_per_tau,
        tau_ms, dt_ms, free_energy, seconds.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    start = time.perf_counter()
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        file_to_write(out / name)
    parameters = load_model(model)
    patches = load_stimuli("photographs", n_validation=n_stimuli, progress=progress)
    figures, batch = evaluate(
        parameters, patches.validation, windows=BATCH_WINDOWS, seed=seed, progress=progress
    )
    # Ten neurons that respond to the one patch, and that patch a typical one of the batch.
    energy = (patches.validation**2).sum(axis=1)
    chosen = int(np.argsort(energy)[len(energy) // 2])
    neurons = np.argsort(-batch.counts[chosen].sum(axis=0), kind="stable")[:10]
    slow = parameters.replace(tau=SLOW_TAU)
    network = SpikingNetwork(slow, dt=SLOW_TAU / 200, record_potentials=neurons)
    single = network.present(patches.validation[chosen], 1000 * ms, seed=seed, progress=progress)

    usage = batch.counts.sum(axis=(0, 1))
    save_figure(plotting.plot_membrane_and_raster(single), out / "membrane_raster.png")
    save_figure(plotting.plot_dictionary(parameters, usage=usage), out / "dictionary.png")
    save_figure(plotting.plot_reconstructions(batch), out / "reconstructions.png")
    save_figure(plotting.plot_convergence(batch), out / "convergence.png")
    summary = {"model": model} | {key: figures[key] for key in KEYS}
    summary["free_energy"] = figures["free_energy"]["total"]
    summary["seconds"] = time.perf_counter() - start
    write_json(out / "demo.json", summary)
    return summary


def save_figure(drawn: Any, path: str | PathLike) -> None:
    """Write a figure, given as itself or through its Axes, whole or not at all."""
    import matplotlib.pyplot as plt

    figure = np.ravel(drawn)[0] if not hasattr(drawn, "savefig") else drawn
    figure = getattr(figure, "figure", figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, bbox_inches="tight")
    plt.close(figure)
    write_bytes(path, content.getvalue())
