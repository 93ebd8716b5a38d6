"""Figures of responses and dictionaries, on your own Axes or on new ones."""

from ipvae_brian.plotting.figures import (
    plot_convergence,
    plot_dictionary,
    plot_membrane_and_raster,
    plot_membrane_traces,
    plot_raster,
    plot_reconstructions,
)

__all__ = [
    "plot_convergence",
    "plot_dictionary",
    "plot_membrane_and_raster",
    "plot_membrane_traces",
    "plot_raster",
    "plot_reconstructions",
]
