"""What a code has to beat when it predicts a recording: pixels, energy, no competition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, whole_number
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.physiology.receptive_fields import GaborFit
from ipvae_brian.response.response import Response

# Standard deviation of an envelope times its frequency: a bandwidth of 1.4 octaves.
WIDTH = 0.42
# Cycles from one filter to the next.
SPACING = 0.75


def predictors_of(response: Response) -> dict[str, NDArray[np.floating]]:
    """Return the code of a model, and what it has to be compared with, for the same images.

    Parameters
    ----------
    response : Response
        Of a model to static images, one trial each.

    Returns
    -------
    dict of str to numpy.ndarray, shape (n_images, n_predictors)
        ``"code"``, expected counts while the image is shown; ``"without competition"``, see
        `rates_without_competition`; ``"Gabor energy"``, see `gabor_energy`; and ``"pixels"``.

    Raises
    ------
    TypeError, ValueError
        If it is no response to static images with rows and columns.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> from ipvae_brian.physiology import predictors_of
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> model, images = load_model("photographs-512"), load_stimuli("photographs").validation[:8]
    >>> response = SpikingNetwork(model, n_copies=8).present(images, 100 * ms, seed=0)
    >>> {name: values.shape[1] for name, values in predictors_of(response).items()}
    {'code': 512, 'without competition': 512, 'Gabor energy': 744, 'pixels': 256}
    """
    if not isinstance(response, Response):
        raise TypeError(f"response must be a Response, got {type(response).__name__}")
    if len(response.timing.frame_steps) != 1:
        raise ValueError(
            f"response must be to static images, got {len(response.timing.frame_steps)} frames"
        )
    shape = response.parameters.stimulus_shape
    if len(shape) != 2:
        raise ValueError(f"response must be to images with rows and columns, got {shape}")
    numbers = response.stimulus_numbers
    images = response._known_frames()[slice(None) if numbers is None else numbers, 0]
    shown = response.timing.windows_of_stimulus
    return {
        "code": response.expected_counts[:, shown].mean(axis=1, dtype=np.float64),
        "without competition": rates_without_competition(response.parameters, images),
        "Gabor energy": gabor_energy(images.reshape(-1, *shape)),
        "pixels": images.astype(np.float64),
    }


def rates_without_competition(parameters: Parameters, images: ArrayLike) -> NDArray[np.floating]:
    """Return the settled rates of neurons that inhibit themselves, but not each other.

    Without leak, the potential of neuron j settles where its drive less its threshold equals its
    own inhibition: at the rate max(Phi_j^T x / sigma2 - b_j, 0) / W_jj. It is the mean of a network
    with ``lateral="self"``.

    Parameters
    ----------
    parameters : Parameters
    images : array_like, shape (n_images, n_pixels)
        As the network takes them.

    Returns
    -------
    numpy.ndarray, shape (n_images, n_neurons)
        Expected spikes per tau.

    Raises
    ------
    TypeError, ValueError
        If images do not fit the model.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian import Parameters
    >>> from ipvae_brian.physiology import rates_without_competition
    >>> model = Parameters(dictionary=0.5 * np.eye(2), threshold=0.1)
    >>> rates_without_competition(model, [[2, -2]]).round(2)
    array([[3.6, 0. ]])
    """
    images = finite_array(images, "images", shape=(None, parameters.n_pixels))
    driven = np.maximum(parameters.drive(images) - parameters.threshold, 0)
    return driven / np.diag(parameters.lateral_weights)


def gabor_energy(
    images: ArrayLike, *, frequencies: Sequence[float] = (2, 4, 6), n_orientations: int = 8
) -> NDArray[np.floating]:
    """Return the energy of images in Gabor filters: the standard model of complex cells.

    The energy is the root of the summed squares of two filters that differ by a quarter of a
    cycle. Filters have a bandwidth of 1.4 octaves and lie three quarters of a cycle apart.

    Parameters
    ----------
    images : array_like, shape (n_images, height, width)
    frequencies : sequence of float, default (2, 4, 6)
        In cycles per width of the image, below half a cycle per pixel.
    n_orientations : int, default 8

    Returns
    -------
    numpy.ndarray, shape (n_images, n_filters)

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or range.

    References
    ----------
    Adelson & Bergen 1985, J. Opt. Soc. Am. A 2:284.

    Examples
    --------
    It is the same for any phase of a grating.

    >>> import numpy as np
    >>> from ipvae_brian.physiology import gabor_energy
    >>> x = np.arange(16) / 4
    >>> gratings = [np.tile(np.cos(2 * np.pi * (x + phase)), (16, 1)) for phase in (0, 0.1, 0.3)]
    >>> energy = gabor_energy(gratings, frequencies=[4]).max(axis=1)
    >>> bool(np.ptp(energy) < 0.01 * energy.mean())
    True
    """
    images = finite_array(images, "images", ndim=3)
    height, width = images.shape[1:]
    cycles = finite_array(frequencies, "frequencies", ndim=1)
    if cycles.min() < 1 or cycles.max() >= width / 2:
        raise ValueError(
            f"frequencies must be from 1 to below {width / 2:g} cycles per width, got {cycles}"
        )
    n_orientations = whole_number(n_orientations, "n_orientations")
    pairs = _quadrature_pairs((height, width), tuple(cycles.tolist()), n_orientations)
    return np.hypot(*(images.reshape(len(images), -1) @ part for part in pairs))


@cache
def _quadrature_pairs(shape, frequencies, n_orientations):
    """Return filters of both phases, (2, n_pixels, n_filters), each of length 1."""
    filters = []
    for cycles in frequencies:
        frequency = cycles / shape[1]
        up, right = (_centres(length, frequency) for length in shape)
        for orientation in np.arange(n_orientations) * 180 / n_orientations:
            for y in up:
                for x in right:
                    filters.append(
                        [_filter(x, y, orientation, frequency, phase, shape) for phase in (0, 90)]
                    )
    return np.array(filters).transpose(1, 2, 0)


def _centres(length, frequency):
    """Return places around the middle of as many pixels, in pixels from it."""
    n = max(1, int(length * frequency / SPACING))
    return (np.arange(n) - (n - 1) / 2) * SPACING / frequency


def _filter(x, y, orientation, frequency, phase, shape):
    size = WIDTH / frequency
    gabor = GaborFit(x, y, orientation, frequency, phase, size, size, 1, 1, shape)
    field = gabor.field.ravel()
    return field / np.linalg.norm(field)
