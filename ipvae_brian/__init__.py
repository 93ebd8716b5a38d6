"""Spiking networks that infer: the iterative Poisson VAE as a Brian2 plugin."""

from typing import TYPE_CHECKING

from ipvae_brian._version import __version__
from ipvae_brian.errors import (
    DivergenceError,
    MemoryLimitError,
    ModelFileError,
    StabilityWarning,
)
from ipvae_brian.model_library import available_models, load_model
from ipvae_brian.network import SpikingNetwork
from ipvae_brian.parameters import Parameters
from ipvae_brian.response import Response

if TYPE_CHECKING:
    from ipvae_brian.estimator import IPVAE

__all__ = [
    "IPVAE",
    "DivergenceError",
    "MemoryLimitError",
    "ModelFileError",
    "Parameters",
    "Response",
    "SpikingNetwork",
    "StabilityWarning",
    "__version__",
    "available_models",
    "load_model",
]


def __getattr__(name):
    # scikit-learn takes longer to import than all the rest: only for those who use it.
    if name == "IPVAE":
        from ipvae_brian.estimator import IPVAE

        return IPVAE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
