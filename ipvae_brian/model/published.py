"""Checkpoints of the code that was published with the paper, read as fields of `Parameters`.

That code (Vafaii, Galor & Yates 2025, github hadivafaii/IterativeVAE, class `IPVAE`) keeps decoder
weights, the logarithm of each pixel's noise, the logarithms of the bias of each neuron and of the
step of an update, and the potentials at which inference starts.
"""

import json
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.errors import FileFormatError

# Of each field, its name in the checkpoint.
TENSORS = {
    "weight": "layer.phi.weight",
    "log_noise": "layer.dec_log_sigma",
    "log_bias": "layer.log_bias",
    "log_step": "layer.log_lr.0",
    "start": "layer.u_init.0",
}
# The logarithm of the noise is kept within this bound by a hyperbolic tangent.
LARGEST_LOG_NOISE = 3.45
LOWEST_POTENTIAL = -8.0
# Where the checkpoint's own configuration does not say otherwise.
HIGHEST_POTENTIAL = 10.0
CONFIGURATION = "ConfigPoisVAE.json"


def published_fields(path: str | PathLike, averaged: bool = True) -> dict[str, Any]:
    """Return arguments of `Parameters` from a checkpoint (.pt).

    The configuration that lies beside a checkpoint of that code is read too, if it is there: it
    says whether an update is one step, and where potentials are clamped.

    Parameters
    ----------
    path : path-like
    averaged : bool, default True
        Whether to take the moving average of the weights, where there is one.

    Raises
    ------
    FileNotFoundError, FileFormatError, ImportError
        As for `Parameters.from_published`.
    """
    path = Path(path)
    told = _state(path, averaged)
    configuration = _configuration(path)
    weight = _tensor(told, "weight", path, ndim=2)
    n_pixels, n_neurons = weight.shape
    noise = np.exp(LARGEST_LOG_NOISE * np.tanh(_row(told, "log_noise", path) / LARGEST_LOG_NOISE))
    bias, start = (_row(told, name, path) for name in ("log_bias", "start"))
    step = np.exp(_row(told, "log_step", path))
    for name, row, length in (
        ("log_noise", noise, n_pixels),
        ("log_bias", bias, n_neurons),
        ("start", start, n_neurons),
        ("log_step", step, 1),
    ):
        if len(row) != length:
            raise FileFormatError(
                f"{path}: {TENSORS[name]!r} must have {length} value(s) for weights "
                f"{weight.shape}, got {len(row)}"
            )
    highest = configuration.get("clamp_u", HIGHEST_POTENTIAL)
    if isinstance(highest, bool) or not isinstance(highest, int | float):
        raise FileFormatError(f"{CONFIGURATION}: clamp_u must be a number, got {highest!r}")
    highest = float(highest)
    return {
        "dictionary": weight,
        "threshold": np.exp(bias),
        "resting_potential": np.clip(start, LOWEST_POTENTIAL, highest),
        "natural_gradient_step": float(step[0]),
        "pixel_noise": noise,
        "lowest_potential": LOWEST_POTENTIAL,
        "highest_potential": highest,
        "provenance": {"name": path.stem, "published_checkpoint": path.name}
        | ({"published_configuration": configuration} if configuration else {}),
    }


def _state(path, averaged):
    """Return the tensors of the model in a checkpoint, by name."""
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        # By its name, so that types can be checked with PyTorch and without.
        torch: Any = import_module("torch")
    except ImportError:
        raise ImportError(
            "from_published needs PyTorch: pip install 'ipvae-brian[published]'"
        ) from None
    try:
        # Tensors and plain containers only: nothing in the file is executed.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch has many
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FileFormatError(
            f"{path}: not a checkpoint of tensors alone ({reason}); where it holds other objects, "
            "save its 'model' again with torch.save({'model': model.state_dict()}, path)"
        ) from error
    states = [content] if isinstance(content, dict) else []
    if states and "model" in content:
        names = ("model_ema", "model") if averaged else ("model",)
        states = [content.get(name) for name in names]
    for state in states:
        if isinstance(state, dict) and state:
            return state
    raise FileFormatError(f"{path}: holds no state of a model, got {type(content).__name__}")


def _tensor(state, name, path, ndim=None) -> NDArray[np.floating]:
    key = TENSORS[name]
    if key not in state:
        raise FileFormatError(
            f"{path}: {key!r} is missing: not an iterative Poisson VAE with a linear decoder"
        )
    try:
        array = np.asarray(state[key].detach().cpu(), np.float64)
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise FileFormatError(f"{path}: {key!r} is no array of numbers ({error})") from error
    if not array.size or not np.isfinite(array).all():
        raise FileFormatError(f"{path}: {key!r} must hold finite numbers")
    if ndim is not None and array.ndim != ndim:
        raise FileFormatError(f"{path}: {key!r} must have {ndim} dimensions, got {array.ndim}")
    return array


def _row(state, name, path):
    return _tensor(state, name, path).reshape(-1)


def _configuration(path):
    """Return the configuration beside a checkpoint, or in the folder above; empty without one."""
    for folder in (path.parent, path.parent.parent):
        file = folder / CONFIGURATION
        if not file.is_file():
            continue
        try:
            told = json.loads(file.read_text("utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise FileFormatError(f"{file}: not JSON ({error})") from error
        if not isinstance(told, dict):
            raise FileFormatError(f"{file}: must hold settings by name, got {type(told).__name__}")
        for name, wanted in (("dec_type", "lin"), ("inf_type", "grad"), ("n_iters_inner", 1)):
            if told.get(name, wanted) != wanted:
                raise FileFormatError(
                    f"{file}: {name} is {told[name]!r}, and only {wanted!r} can be simulated"
                )
        return told
    return {}
