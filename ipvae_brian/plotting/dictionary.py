"""The dictionary as a mosaic of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, index, whole_number
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.model.picture import mosaic, tiles_across
from ipvae_brian.plotting.style import SMALL, image_shape, own_axes, show_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_dictionary(
    parameters: Parameters | Any,
    n: int | None = None,
    order: ArrayLike | None = None,
    usage: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot columns of the dictionary as images: what one spike of each neuron stands for.

    Each is scaled to its own largest absolute value; mid-grey is zero. They go from left to right,
    then down.

    Parameters
    ----------
    parameters : Parameters
        Of images: `stimulus_shape` has rows and columns. A fitted `IPVAE`, or anything else with
        ``parameters_`` or ``parameters``, will do.
    n : int, optional
        How many at most; by default all.
    order : array_like of int, optional
        Neurons in the order in which to show them.
    usage : array_like, shape (n_neurons,), optional
        Instead of `order`: the largest first, such as ``IPVAE.mean_counts_``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If there are no parameters, stimuli are not images, or `n`, `order` or `usage` do not fit
        the dictionary.
    """
    parameters = _parameters_of(parameters)
    shape = image_shape(parameters)
    chosen = _chosen_neurons(parameters.n_neurons, n, order, usage)
    across = tiles_across(len(chosen), shape[1] / shape[0])
    picture = mosaic(parameters.dictionary.T[chosen].reshape(-1, *shape), across)
    width = float(np.clip(0.6 * across, 3, 9))
    ax = own_axes(ax, (width, width * picture.shape[0] / picture.shape[1] + 0.3))
    ax.set_facecolor("white")
    show_image(ax, picture, 1)
    note = f"{len(chosen):,} of {parameters.n_neurons:,} neurons"
    ax.set_title(note + (", most used first" if usage is not None else ""), fontsize=SMALL)
    return ax


def _parameters_of(value) -> Parameters:
    """Return the parameters themselves, or those that a model or a response has."""
    for name in ("parameters_", "parameters"):
        value = getattr(value, name, value)
    if not isinstance(value, Parameters):
        raise TypeError(
            "parameters must be a Parameters, or have parameters_ as a fitted IPVAE does, got "
            f"{type(value).__name__}"
        )
    return value


def _chosen_neurons(n_neurons, n, order, usage) -> NDArray:
    """Return the indices of the columns to show."""
    if order is not None and usage is not None:
        raise ValueError("order and usage exclude each other: give one of them")
    chosen = np.arange(n_neurons)
    if usage is not None:
        chosen = np.argsort(-finite_array(usage, "usage", shape=(n_neurons,)), kind="stable")
    if order is not None:
        order = np.asarray(order)
        if order.ndim != 1 or order.size == 0 or order.dtype.kind not in "iu":
            raise ValueError("order must be a list of neurons, whole numbers")
        chosen = np.array([index(int(j), "order", n_neurons, "neurons") for j in order])
    return chosen if n is None else chosen[: whole_number(n, "n")]
