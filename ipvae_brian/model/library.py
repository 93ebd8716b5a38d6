"""The trained models that come with the package, and the cards that describe models."""

import os
from importlib import resources
from os import PathLike
from pathlib import Path

from ipvae_brian._tools.checks import known_name
from ipvae_brian.model.derived import DERIVED, load_derived
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
    return sorted(_named((".npz", DERIVED)))


def load_model(model: str | PathLike) -> Parameters:
    """Load a trained model.

    Parameters
    ----------
    model : str or path-like
        A name from `available_models`, or the path of a model file: .npz, or .json of a model that
        uses the dictionary of another.

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
    by_name = isinstance(model, str) and os.path.basename(model) == model
    if not by_name or path.suffix in (".npz", DERIVED) or path.is_file():
        return load_derived(path, _load_base) if path.suffix == DERIVED else Parameters.load(path)
    name = known_name(model, "model, if not the path of a file,", available_models())
    if name in _named(".npz"):
        return _load_base(name)
    with resources.as_file(_folder() / f"{name}{DERIVED}") as file:
        return load_derived(file, _load_base)


def _named(suffix):
    """Return the names of the shipped files with a suffix, or one of several."""
    return [Path(e.name).stem for e in _folder().iterdir() if e.name.endswith(suffix)]


def _load_base(model):
    """Load a model that has a dictionary of its own, by its name or path."""
    if model.endswith(".npz"):
        return Parameters.load(model)
    name = known_name(model, "model, if not the path of a file,", sorted(_named(".npz")))
    with resources.as_file(_folder() / f"{name}.npz") as file:
        return Parameters.load(file)
