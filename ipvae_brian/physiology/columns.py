"""The columns of a dictionary as receptive fields: how many are Gabor functions, of what shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.progress import progress_bar
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.physiology.receptive_fields import GaborFit, fit_gabor
from ipvae_brian.physiology.reference import reference
from ipvae_brian.physiology.statistics import distance_to_counts, distance_to_percentiles

# A field of which a Gabor function explains less than this is none.
WELL_FITTED = 0.5
SHAPES = ("nx", "ny", "half_bandwidth", "frequency", "sigma_x", "sigma_y")
QUARTILES = (25, 50, 75)


@dataclass(frozen=True)
class ColumnFits:
    """Gabor functions fitted to the columns of a dictionary.

    Attributes
    ----------
    fits : tuple of GaborFit
        One for each neuron.
    """

    fits: tuple[GaborFit, ...]

    @cached_property
    def r_squared(self) -> NDArray[np.floating]:
        """Part of each column's variance that its fit explains, (n_neurons,)."""
        return np.array([fit.r_squared for fit in self.fits])

    @property
    def well_fitted(self) -> NDArray[np.bool_]:
        """Which columns are Gabor functions: more than half of the variance explained."""
        return self.r_squared > WELL_FITTED

    def of(self, name: str) -> NDArray[np.floating]:
        """Return an attribute of the fits, such as ``"ny"``; NaN for columns not well fitted.

        Parameters
        ----------
        name : str
            An attribute of `GaborFit` that is a number.
        """
        values = np.array([getattr(fit, name) for fit in self.fits], float)
        return np.where(self.well_fitted, values, np.nan)

    def figures(self) -> dict[str, Any]:
        """Return what a report tells of them, JSON-able.

        Returns
        -------
        dict
            `n_columns`; `gabor_fraction`; quartiles of `nx`, `ny`, `half_bandwidth` (degrees),
            `frequency` (cycles per pixel), `sigma_x` and `sigma_y` (pixels), None where no column
            is well fitted; and `distance_to_macaque`, the Kolmogorov-Smirnov distances of nx and ny
            to those of Ringach 2002 and of the half-bandwidth to Ringach et al. 2002.
        """
        told: dict[str, Any] = {
            "n_columns": len(self.fits),
            "gabor_fraction": float(self.well_fitted.mean()),
        }
        for name in SHAPES:
            values = self.of(name)
            defined = values[~np.isnan(values)]
            told[name] = np.percentile(defined, QUARTILES).tolist() if len(defined) else None
        if told["nx"] is None:
            return told | {"distance_to_macaque": None}
        sizes = reference("gabor_size").values
        joint, edges = np.array(sizes["joint_counts"]), sizes["bin_edges"]
        width = reference("half_bandwidth").percentiles
        distances = {
            "nx": distance_to_counts(self.of("nx"), edges, joint.sum(axis=1)),
            "ny": distance_to_counts(self.of("ny"), edges, joint.sum(axis=0)),
        }
        # Of fields that respond to all orientations nearly alike it is not defined.
        if told["half_bandwidth"] is not None:
            widths = self.of("half_bandwidth")
            distances["half_bandwidth"] = distance_to_percentiles(widths, width)
        return told | {"distance_to_macaque": distances}


def fit_columns(parameters: Parameters, *, progress: bool | None = None) -> ColumnFits:
    """Fit a Gabor function to every column of a dictionary.

    It takes 30 to 50 ms for each.

    Parameters
    ----------
    parameters : Parameters
        Of images: `stimulus_shape` has rows and columns.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook.

    Raises
    ------
    TypeError, ValueError
        If these are no parameters, or not of images of at least 4 by 4 pixels.

    Examples
    --------
    >>> from ipvae_brian import load_model
    >>> from ipvae_brian.physiology import fit_columns
    >>> model = load_model("photographs-512")
    >>> few = model.replace(dictionary=model.dictionary[:, :4], threshold=0,
    ...     natural_gradient_step=1, resting_potential=-2)
    >>> len(fit_columns(few).fits)
    4
    """
    if not isinstance(parameters, Parameters):
        raise TypeError(f"parameters must be a Parameters, got {type(parameters).__name__}")
    shape = parameters.stimulus_shape
    if len(shape) != 2:
        raise ValueError(f"parameters must be of images, with rows and columns, got {shape}")
    fits = []
    with progress_bar(parameters.n_neurons, "columns", progress) as bar:
        for column in parameters.dictionary.T:
            fits.append(fit_gabor(column.reshape(shape)))
            bar.update()
    return ColumnFits(tuple(fits))
