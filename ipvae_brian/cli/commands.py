"""What the subcommands of `ipvae` do; each returns the figures that ``--json`` writes."""

import time
from argparse import Namespace

import numpy as np
from brian2.only import ms

from ipvae_brian._tools.checks import known_name
from ipvae_brian.cli.comparison import compare
from ipvae_brian.cli.options import without_folder
from ipvae_brian.cli.steps import (
    check_files,
    folder_for,
    held_out,
    progress,
    summary,
    time_step,
)
from ipvae_brian.cli.training import train
from ipvae_brian.learning.evaluation import evaluate as evaluate_model
from ipvae_brian.model.library import available_models, load_model
from ipvae_brian.network.engines.choice import available_engine
from ipvae_brian.network.spiking import SpikingNetwork

__all__ = ["compare", "demo", "evaluate", "inspect", "models", "simulate", "train"]


def demo(options: Namespace) -> dict:
    """Draw the demonstration."""
    from ipvae_brian.cli.demo import FILES, demonstrate

    out = folder_for(options.out)
    check_files(options, {f"{name} in --out": out / name for name in FILES})
    figures = demonstrate(
        options.out, model=options.model, seed=options.seed, progress=progress(options)
    )
    print(f"{options.model}: {summary(figures)}")
    print(f"figures and demo.json in {options.out} ({figures['seconds']:.0f} s)")
    return figures


def models(options: Namespace) -> dict:
    """List the models that come with the package."""
    check_files(options)
    listed, width = [], max(map(len, available_models()))
    print(f"{'model':{width}} neurons    pixels     R2  zeros      d  spikes/tau")
    for name in available_models():
        parameters = load_model(name)
        figures = parameters.provenance["figures"]
        keys = ("r2", "zeros", "distance", "spikes_per_tau")
        pixels = " x ".join(map(str, parameters.stimulus_shape))
        print(
            f"{name:{width}} {parameters.n_neurons:7} {pixels:>9} {figures['r2']:6.3f} "
            f"{figures['zeros']:6.3f} {figures['distance']:6.3f} {figures['spikes_per_tau']:11.0f}"
        )
        listed.append(
            {
                "name": name,
                "n_neurons": parameters.n_neurons,
                "stimulus_shape": list(parameters.stimulus_shape),
                "data_note": parameters.provenance["data_note"],
                "figures": {key: figures[key] for key in keys},
            }
        )
    print("R2, zeros, d: of held-out patches; `ipvae evaluate MODEL` measures them again")
    return {"models": listed}


def evaluate(options: Namespace) -> dict:
    """Measure a model on held-out patches."""
    check_files(options)
    parameters = load_model(options.model)
    dt = time_step(options, parameters)
    if options.engine is not None:
        available_engine(options.engine)
    if options.gain is not None:
        parameters = parameters.with_gain(options.gain)
    stimuli = held_out(parameters, options.data, options.n_stimuli, progress=progress(options))
    figures, _ = evaluate_model(
        parameters,
        stimuli,
        windows=options.windows,
        until=options.until,
        dt=dt,
        seed=options.seed,
        engine=options.engine,
        n_jobs=options.n_jobs,
        progress=progress(options),
    )
    print(
        f"{options.model} on {figures['n_stimuli']} patches, {figures['windows']} tau, "
        f"dt {figures['dt_ms']:g} ms: {summary(figures)} ({figures['seconds']:.0f} s)"
    )
    return {"model": options.model, "data": without_folder(options.data)} | figures


def simulate(options: Namespace) -> dict:
    """Simulate one patch, keep its spikes and potentials, draw them."""
    from ipvae_brian.cli.demo import save_figure
    from ipvae_brian.plotting import plot_membrane_and_raster

    known_name(options.pathway, "--pathway", ("synapses", "error_units"))
    parameters = load_model(options.model)
    dt = time_step(options, parameters)
    if options.duration_ms < float(parameters.tau / ms):
        raise ValueError(
            f"--duration-ms must be at least tau, {parameters.tau!s}, got {options.duration_ms:g}"
        )
    out = folder_for(options.out)
    files = ("response.npz", "membrane_raster.png")
    check_files(options, {f"{name} in --out": out / name for name in files})
    stimuli = held_out(parameters, options.data, progress=progress(options))
    if options.stimulus >= len(stimuli):
        raise ValueError(f"--stimulus must be below {len(stimuli)}, got {options.stimulus}")
    stimulus = stimuli[options.stimulus]
    excitation = parameters.drive(stimulus) - parameters.threshold
    strongest = np.argsort(-excitation, kind="stable")
    start = time.perf_counter()
    network = SpikingNetwork(
        parameters,
        pathway=options.pathway,
        dt=dt,
        record_potentials=np.sort(strongest[: options.record]),
    )
    response = network.present(
        stimulus, options.duration_ms * ms, seed=options.seed, progress=progress(options)
    )
    response.save(out / "response.npz")
    save_figure(plot_membrane_and_raster(response), out / "membrane_raster.png")
    figures = {
        "model": options.model,
        "stimulus": options.stimulus,
        "pathway": options.pathway,
        "r2": float(response.r2()[0]),
        "r2_expected_counts": float(response.r2(source="expected_counts")[0]),
        "zeros": float(response.zeros()[0]),
        "distance": response.distance(),
        "spikes_per_tau": float(response.spikes_per_window()[0, -1]),
        "duration_ms": options.duration_ms,
        "tau_ms": float(parameters.tau / ms),
        "dt_ms": float(network.dt / ms),
        "seconds": time.perf_counter() - start,
    }
    print(
        f"{options.model}, patch {options.stimulus}, {options.duration_ms:g} ms: {summary(figures)}"
    )
    print(f"response.npz and membrane_raster.png in {out}")
    return figures


def inspect(options: Namespace) -> dict:
    """Fit Gabor functions to the columns of a dictionary, and draw it."""
    from ipvae_brian.cli.demo import save_figure
    from ipvae_brian.physiology import fit_columns
    from ipvae_brian.plotting import plot_dictionary

    parameters = load_model(options.model)
    out = folder_for(options.out)
    check_files(options, {"dictionary.png in --out": out / "dictionary.png"})
    fits = fit_columns(parameters, progress=progress(options))
    best = np.argsort(-fits.r_squared, kind="stable")
    save_figure(plot_dictionary(parameters, order=best), out / "dictionary.png")
    figures = fits.figures()
    print(f"{options.model}: {figures['gabor_fraction']:.1%} of {figures['n_columns']} columns fit")
    distances = figures["distance_to_macaque"] or {}
    for name, unit in (("nx", ""), ("ny", ""), ("half_bandwidth", " degrees")):
        if figures[name] is not None:
            low, median, high = figures[name]
            print(
                f"  {name} {median:.2f}{unit} ({low:.2f} to {high:.2f}), distance to macaque "
                f"{distances[name]:.2f}"
            )
    print(f"dictionary.png in {out}")
    return {"model": options.model} | figures
