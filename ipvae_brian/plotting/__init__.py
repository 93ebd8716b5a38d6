"""Figures of recordings, responses, dictionaries and analyses, on your own Axes or on new ones.

Every function draws on the Axes it is given, or on a new figure from `matplotlib.pyplot`, and
returns what it drew on. Matplotlib is imported by the first call; its settings are left as they
are, and nothing is shown: that is for ``plt.show()`` or the notebook.
"""

from ipvae_brian.plotting.comparison import plot_curve, plot_property
from ipvae_brian.plotting.contrast import plot_contrast_responses, plot_plaids
from ipvae_brian.plotting.convergence import plot_convergence
from ipvae_brian.plotting.dictionary import plot_dictionary
from ipvae_brian.plotting.membrane import plot_membrane_and_raster, plot_membrane_traces
from ipvae_brian.plotting.prediction import plot_predictions
from ipvae_brian.plotting.raster import plot_raster
from ipvae_brian.plotting.reconstructions import plot_reconstructions
from ipvae_brian.plotting.style import COLOURS

__all__ = [
    "COLOURS",
    "plot_contrast_responses",
    "plot_convergence",
    "plot_curve",
    "plot_dictionary",
    "plot_membrane_and_raster",
    "plot_membrane_traces",
    "plot_plaids",
    "plot_predictions",
    "plot_property",
    "plot_raster",
    "plot_reconstructions",
]
