"""The trained models that come with the package, and the cards that describe models."""

import os
from importlib import resources
from os import PathLike
from pathlib import Path

from ipvae_brian._tools.checks import known_name
from ipvae_brian.model.parameters import Parameters


def _folder():
    """Where the models are: installed as ipvae_brian.models, in a source tree beside it."""
    try:
        return resources.files("ipvae_brian.models")
    except ModuleNotFoundError:
        return Path(__file__).parents[2] / "models"


def is_shipped(path: str | PathLike) -> bool:
    """Return whether a model file lies where those lie that come with the package."""
    folder = _folder()
    return isinstance(folder, Path) and Path(path).resolve().parent == folder.resolve()


def available_models() -> list[str]:
    """Return the names of the models that come with the package, sorted."""
    return sorted(
        Path(entry.name).stem for entry in _folder().iterdir() if entry.name.endswith(".npz")
    )


def load_model(model: str | PathLike) -> Parameters:
    """Load a trained model.

    Parameters
    ----------
    model : str or path-like
        A name from `available_models`, or the path of a model file (.npz).

    Returns
    -------
    parameters : Parameters

    Raises
    ------
    ValueError
        If there is no such model; the nearest name is suggested.
    FileNotFoundError, FileFormatError
        If the file does not exist or is not a model.

    Examples
    --------
    >>> from ipvae_brian import load_model
    >>> load_model("photographs-512").n_neurons
    512
    """
    path = Path(model)
    if not isinstance(model, str) or os.path.basename(model) != model or path.suffix == ".npz":
        return Parameters.load(path)
    if path.is_file():
        return Parameters.load(path)
    name = known_name(model, "model, if not the path of a file,", available_models())
    with resources.as_file(_folder() / f"{name}.npz") as file:
        return Parameters.load(file)
