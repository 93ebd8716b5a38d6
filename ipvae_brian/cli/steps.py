"""Steps that several subcommands share: check files, load stimuli, print figures."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from brian2.only import Quantity, ms

from ipvae_brian._tools.outputs import require_outputs
from ipvae_brian.cli.options import N_HELD_OUT
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.stimuli import PatchSet, load_stimuli


def check_files(options: Namespace, outputs: Mapping[str, Path] | None = None) -> None:
    """Fail before the work if what a command writes could not be written or hits its own files."""
    inputs = {}
    if getattr(options, "data", "photographs") != "photographs":
        inputs["--data"] = options.data
    if getattr(options, "model", None):
        inputs["the model"] = options.model
    require_outputs({"--json": options.json, **(outputs or {})}, inputs)


def folder_for(path: Path) -> Path:
    """Return a folder, made if it is missing."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"--out must be a folder, {path} is a file")
    path.mkdir(parents=True, exist_ok=True)
    return path


def load(
    data: str,
    n_validation: int | None,
    n_train: int | None = None,
    *,
    progress: bool | None = None,
) -> PatchSet:
    """Load patches with so many held-out ones; by default 2,000, or all that a file has."""
    if n_validation is None:
        n_validation = N_HELD_OUT
        if Path(data).is_file():
            n_validation = min(n_validation, len(load_stimuli(data).validation))
    return load_stimuli(data, n_train=n_train, n_validation=n_validation, progress=progress)


def held_out(
    parameters: Parameters,
    data: str,
    n_stimuli: int | None = None,
    *,
    progress: bool | None = None,
) -> np.ndarray:
    """Load validation patches that fit a model, (n_stimuli, n_pixels).

    They are z-scored over all patches, except for models that say ``values_as_stored`` in their
    provenance: these put the values of the file on their own scale.
    """
    # Training patches are not needed, but decide the scale.
    patches = load(data, n_stimuli, progress=progress)
    if np.prod(patches.shape) != parameters.n_pixels:
        raise ValueError(
            f"--data: patches of {patches.shape} pixels do not fit a model for stimuli of "
            f"{parameters.stimulus_shape}"
        )
    if parameters.provenance.get("values_as_stored"):
        return parameters.standardise(patches.validation * patches.std + patches.mean)
    return patches.validation


def time_step(options: Namespace, parameters: Parameters) -> Quantity | None:
    """Return the time step that was asked for, if any."""
    if options.dt_ms is None:
        return None
    if options.dt_ms > float(parameters.tau / ms):
        raise ValueError(f"--dt-ms must be at most tau, {parameters.tau!s}, got {options.dt_ms:g}")
    return options.dt_ms * ms


def progress(options: Namespace) -> bool | None:
    """Return whether progress shows: by default where somebody is there to see it."""
    return False if options.quiet else None


def summary(figures: dict) -> str:
    """Return the main figures in a line."""
    return (
        f"R2 {figures['r2']:.3f} (expected counts {figures['r2_expected_counts']:.3f}), "
        f"zeros {figures['zeros']:.3f}, distance {figures['distance']:.3f}, "
        f"{figures['spikes_per_tau']:.0f} spikes per tau"
    )
