"""What the subcommands of `ipvae` do; each returns the figures that ``--json`` writes."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from brian2.only import ms

from ipvae_brian._tools.checks import known_name, number, whole_number
from ipvae_brian._tools.files import require_writable, write_bytes
from ipvae_brian.cli import options as tables
from ipvae_brian.learning.evaluation import evaluate as evaluate_model
from ipvae_brian.learning.evaluation import with_gain
from ipvae_brian.model.card import model_card
from ipvae_brian.model.library import available_models, load_model
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.stimuli import load_stimuli

N_HELD_OUT = 2000


def demo(options):
    """Draw the demonstration."""
    from ipvae_brian.cli.demo import demonstrate

    figures = demonstrate(
        options.out, model=options.model, seed=options.seed, progress=_progress(options)
    )
    print(f"{options.model}: {_summary(figures)}")
    print(f"figures and demo.json in {options.out} ({figures['seconds']:.0f} s)")
    return figures


def train(options):
    """Learn a dictionary, evaluate it, write the model and its card."""
    from ipvae_brian.learning.estimator import IPVAE

    out = Path(options.out)
    if out.suffix != ".npz":
        raise ValueError(f"--out must end in .npz, got {options.out}")
    require_writable(out)
    checkpoint = Path(options.checkpoint or out.with_suffix(".checkpoint.npz"))
    settings = {}
    for option, *_ in tables.TRAINING_OPTIONS:
        name = option.replace("-", "_")
        if getattr(options, name) is not None:
            settings[name] = getattr(options, name)
    if "tau_ms" in settings:
        settings["tau"] = number(settings.pop("tau_ms"), "--tau-ms", above=0) * ms
    patches = _load(options.data, options.n_evaluate, "--n-evaluate", n_train=options.n_train)
    model = IPVAE(
        **settings,
        random_state=whole_number(options.seed, "--seed", minimum=0),
        checkpoint=checkpoint,
        standardise=False,
        progress=_progress(options),
    )
    start = time.perf_counter()
    try:
        model.fit(patches.train, resume=options.resume)
    except KeyboardInterrupt:
        print(f"\nstopped after {model.n_batches_} batches; go on with --resume")
        raise
    seconds = time.perf_counter() - start
    print(
        f"trained on {len(patches.train)} patches in {seconds:.0f} s: "
        f"{model.n_revived_} neurons revived, {model.n_diverged_} stimuli diverged"
    )
    parameters = model.parameters_
    held_out = patches.validation
    figures, _ = evaluate_model(
        parameters,
        held_out,
        seed=options.seed,
        n_jobs=options.n_jobs,
        progress=_progress(options),
    )
    print(f"on {len(held_out)} validation patches: {_summary(figures)}")
    told = out.stem if out.stem in available_models() else out.name
    figures["command"] = (
        f"ipvae evaluate {told} --data {Path(options.data).name} "
        f"--n-stimuli {len(held_out)} --seed {options.seed}"
    )
    parameters = replace(
        parameters,
        stimulus_shape=patches.shape,
        whitening=patches.whitening,
        provenance={
            "name": out.stem,
            "data": Path(options.data).name,
            "data_note": options.data_note or _data_note(options.data),
            "command": _without_folders(options.line),
            "settings": model.settings_,
            "n_train": len(patches.train),
            "patches_mean": patches.mean,
            "patches_std": patches.std,
            "n_batches": model.n_batches_,
            "n_revived": model.n_revived_,
            "n_diverged": model.n_diverged_,
            "seconds": round(seconds, 1),
            "figures": {k: v for k, v in figures.items() if k != "convergence"},
        },
    )
    parameters.save(out)
    write_bytes(out.with_suffix(".md"), model_card(parameters).encode())
    checkpoint.unlink(missing_ok=True)
    print(f"model in {out}, its card in {out.with_suffix('.md')}")
    return {"model": out.stem, "training_seconds": seconds} | figures


def evaluate(options):
    """Measure a model on held-out patches."""
    parameters = load_model(options.model)
    if options.gain is not None:
        parameters = with_gain(parameters, options.gain)
    stimuli = _held_out(parameters, options.data, options.n_stimuli)
    figures, _ = evaluate_model(
        parameters,
        stimuli,
        windows=options.windows,
        dt=_dt(options),
        seed=options.seed,
        engine=options.engine,
        n_jobs=options.n_jobs,
        progress=_progress(options),
    )
    print(
        f"{options.model} on {figures['n_stimuli']} patches, {options.windows} tau, "
        f"dt {figures['dt_ms']:g} ms: {_summary(figures)} ({figures['seconds']:.0f} s)"
    )
    return {"model": options.model, "data": Path(options.data).name} | figures


def simulate(options):
    """Simulate one patch, keep its spikes and potentials, draw them."""
    from ipvae_brian.cli.demo import save_figure
    from ipvae_brian.plotting import figures as plotting

    parameters = load_model(options.model)
    known_name(options.pathway, "--pathway", ("synapses", "error_units"))
    stimuli = _held_out(parameters, options.data)
    index = whole_number(options.stimulus, "--stimulus", minimum=0)
    if index >= len(stimuli):
        raise ValueError(f"--stimulus must be below {len(stimuli)}, got {index}")
    n_recorded = whole_number(options.record, "--record")
    excitation = parameters.drive(stimuli[index]) - parameters.threshold
    neurons = np.argsort(-excitation, kind="stable")[: min(n_recorded, parameters.n_neurons)]
    duration = number(options.duration_ms, "--duration-ms", above=0) * ms
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    require_writable(out / "response.npz")
    start = time.perf_counter()
    network = SpikingNetwork(
        parameters,
        pathway=options.pathway,
        dt=_dt(options),
        record_potentials=np.sort(neurons),
    )
    response = network.present(stimuli[index], duration, seed=options.seed)
    response.save(out / "response.npz")
    save_figure(plotting.plot_membrane_and_raster(response), out / "membrane_raster.png")
    figures = {
        "model": options.model,
        "stimulus": index,
        "pathway": options.pathway,
        "r2": float(response.r2()[0]),
        "r2_rates": float(response.r2(source="rates")[0]),
        "zeros": float(response.zeros()[0]),
        "distance": response.distance(),
        "spikes_per_tau": float(response.spikes_per_window()[0, -1]),
        "duration_ms": options.duration_ms,
        "tau_ms": float(parameters.tau / ms),
        "dt_ms": float(network.dt / ms),
        "seconds": time.perf_counter() - start,
    }
    print(f"{options.model}, patch {index}, {options.duration_ms:g} ms: {_summary(figures)}")
    print(f"response.npz and membrane_raster.png in {out}")
    return figures


def _load(data, n_validation, option, n_train=None):
    """Patches with so many held-out ones; by default 2,000, or all that a file has."""
    if n_validation is not None:
        n_validation = whole_number(n_validation, option)
    elif Path(data).is_file():
        n_validation = min(N_HELD_OUT, len(load_stimuli(data).validation))
    else:
        n_validation = N_HELD_OUT
    return load_stimuli(data, n_train=n_train, n_validation=n_validation)


def _held_out(parameters, data, n_stimuli=None):
    """Validation patches that fit the model."""
    patches = _load(data, n_stimuli, "--n-stimuli")
    if np.prod(patches.shape) != parameters.n_pixels:
        raise ValueError(
            f"--data: patches of {patches.shape} pixels do not fit a model for stimuli of "
            f"{parameters.stimulus_shape}"
        )
    return patches.validation


def _dt(options):
    return None if options.dt_ms is None else number(options.dt_ms, "--dt-ms", above=0) * ms


def _progress(options):
    return False if options.quiet else None


def _summary(figures):
    return (
        f"R2 {figures['r2']:.3f} (rates {figures['r2_rates']:.3f}), "
        f"zeros {figures['zeros']:.3f}, distance {figures['distance']:.3f}, "
        f"{figures['spikes_per_tau']:.0f} spikes per tau"
    )


def _data_note(source):
    name = Path(source).name.lower()
    for key, note in tables.DATA_NOTES.items():
        if key in name:
            return note
    return f"{name}, given by the user."


def _without_folders(line):
    """A command line as others can type it: names of files without this machine's folders."""
    return " ".join(Path(word).name if os.sep in word else word for word in line.split(" "))
