"""Whitening of images: a filter that flattens the spectrum, then equal contrast everywhere."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, known_name, number, whole_number

FILTERS = ("radial", "as_published", "none")


@dataclass(frozen=True, kw_only=True)
class Whitening:
    """How an image is whitened before patches are cut from it.

    Natural images have amplitude spectra that fall as 1/f. The filter's gain

        R(f) = f * exp(-(f / cutoff) ** steepness),        f in cycles per pixel

    rises where they fall and then cuts the highest frequencies, which are mostly noise [1]_.

    Parameters
    ----------
    filter : {"radial", "as_published", "none"}, default "radial"
        - ``"radial"``: R of the true radial frequency, so that the spectrum becomes flat up to
          about half of `cutoff`.
        - ``"as_published"``: as in the code behind the iterative Poisson VAE [2]_. It computes R
          on frequencies from -0.5 to 0.5 but multiplies it with a Fourier transform that starts
          at zero. Along each axis low and high frequencies are therefore swapped: a true
          frequency f (along one axis) has the gain meant for 0.5 - f. The result is still mostly
          high-pass, with more of the highest and oblique frequencies than the radial filter
          leaves. For comparing with the published figures.
        - ``"none"``: frequencies are left as they are.
    cutoff : float, default 0.5
        Cycles per pixel. 0.5 is the highest frequency along an axis.
    steepness : float, default 4
    contrast_kernel : int, default 13
        Width in pixels, odd, of the Gaussian window of the local contrast normalisation;
        0 leaves it out.
    contrast_sigma : float, default 0.5
        Standard deviation of that Gaussian, in half widths of the window: 0.5 at 13 pixels is
        3 pixels.
    border : int, default 4
        Pixels cut from each side at the end: the filter wraps around there.

    Notes
    -----
    Local contrast normalisation [3]_ subtracts the local mean from each pixel, then divides by the
    local root mean square of what is left, or by its average over the image where that is larger
    (so that noise in flat regions is not blown up). Both local averages are Gaussian-weighted;
    pixels outside of the image count as zeros.

    References
    ----------
    .. [1] Olshausen & Field 1997, Vision Research 37:3311, doi:10.1016/S0042-6989(97)00169-7
    .. [2] Vafaii, Galor & Yates 2025, Brain-like variational inference, arXiv:2410.19315
    .. [3] Jarrett, Kavukcuoglu, Ranzato & LeCun 2009, ICCV, doi:10.1109/ICCV.2009.5459469

    Examples
    --------
    Four pixels are cut from each side.

    >>> from ipvae_brian.stimuli import Whitening, load_photographs, whiten_image
    >>> camera = load_photographs()["camera"]
    >>> camera.shape, whiten_image(camera, Whitening(cutoff=0.4)).shape
    ((512, 512), (504, 504))
    """

    filter: str = "radial"
    cutoff: float = 0.5
    steepness: float = 4.0
    contrast_kernel: int = 13
    contrast_sigma: float = 0.5
    border: int = 4

    def __post_init__(self):
        checked = {
            "filter": known_name(self.filter, "filter", FILTERS),
            "cutoff": number(self.cutoff, "cutoff", above=0),
            "steepness": number(self.steepness, "steepness", above=0),
            "contrast_kernel": whole_number(self.contrast_kernel, "contrast_kernel", minimum=0),
            "contrast_sigma": number(self.contrast_sigma, "contrast_sigma", above=0),
            "border": whole_number(self.border, "border", minimum=0),
        }
        kernel = checked["contrast_kernel"]
        if kernel and (kernel < 3 or kernel % 2 == 0):
            raise ValueError(f"contrast_kernel must be 0 or odd and at least 3, got {kernel}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain numbers and strings, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Return the Whitening that `to_dict` described; fields left out take their defaults.

        Raises
        ------
        TypeError
            If `content` is not a dict.
        ValueError
            If it has a field that is not one of Whitening, or a field's value is not allowed.
        """
        if not isinstance(content, dict):
            raise TypeError(f"whitening must be a dict of fields, got {content!r}")
        known = tuple(field.name for field in fields(cls))
        return cls(**{known_name(key, "whitening field", known): content[key] for key in content})


def filter_gain(shape: tuple[int, int], whitening: Whitening) -> NDArray[np.float64]:
    """Return the filter's gain for each coefficient of ``numpy.fft.fft2``.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image in pixels.
    whitening : Whitening

    Returns
    -------
    gain : ndarray (height, width)
        Real and not negative. Ones for the filter "none".
    """
    if whitening.filter == "none":
        return np.ones(shape)
    if whitening.filter == "radial":
        rows, columns = (np.fft.fftfreq(n) for n in shape)
    else:  # the order of a shifted transform, which the transform that it multiplies is not in
        rows, columns = (np.linspace(-0.5, 0.5, n) for n in shape)
    frequency = np.hypot(rows[:, None], columns)
    return frequency * np.exp(-((frequency / whitening.cutoff) ** whitening.steepness))


def local_contrast(
    images: NDArray, kernel: int, sigma: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what is left without the local mean, and its local root mean square.

    Parameters
    ----------
    images : ndarray (..., height, width)
    kernel : int
        Width of the Gaussian window in pixels, odd.
    sigma : float
        Its standard deviation, in half widths of the window.

    Returns
    -------
    centred, contrast : ndarray (..., height, width)
        Pixels outside of the image count as zeros.
    """
    from scipy.ndimage import correlate1d  # here, as models need the rest of this module only

    weights = np.exp(-(np.linspace(-1, 1, kernel) ** 2) / (2 * sigma**2))
    weights /= weights.sum()

    def local_mean(values):
        along_rows = correlate1d(values, weights, axis=-2, mode="constant")
        return correlate1d(along_rows, weights, axis=-1, mode="constant")

    centred = images - local_mean(images)
    return centred, np.sqrt(local_mean(centred**2))


def normalise_contrast(image: NDArray, kernel: int, sigma: float) -> NDArray[np.float64]:
    """Subtract the local mean and divide by the local root mean square.

    Parameters
    ----------
    image : ndarray (height, width)
    kernel : int
        Width of the Gaussian window in pixels, odd.
    sigma : float
        Its standard deviation, in half widths of the window.

    Returns
    -------
    normalised : ndarray (height, width)
        See the notes of `Whitening`.
    """
    centred, contrast = local_contrast(image, kernel, sigma)
    return centred / np.maximum(contrast, contrast.mean())


@dataclass(frozen=True)
class ImageConstants:
    """What `whiten_image` took from one image instead of knowing it beforehand.

    Parameters
    ----------
    floor : float
        Lowest divisor of the contrast normalisation for the image as a contrast, that is divided
        by its mean, minus 1; NaN if its mean is not positive.
    mean, scale : float
        Of the normalised image, inside of its border.
    """

    floor: float
    mean: float
    scale: float


def whiten_image(image: ArrayLike, whitening: Whitening | None = None) -> NDArray[np.float64]:
    """Whiten one image: filter, local contrast normalisation, border cut, z-score.

    Parameters
    ----------
    image : array_like (height, width)
        Grey values on any scale; their mean and scale do not matter.
    whitening : Whitening, optional
        Default ``Whitening()``.

    Returns
    -------
    whitened : ndarray of float64 (height - 2 * border, width - 2 * border)
        Mean 0 and standard deviation 1.

    Raises
    ------
    TypeError
        If `image` does not hold real numbers, or `whitening` is not a Whitening.
    ValueError
        If `image` is not 2-D, is smaller than the window of the contrast normalisation or than
        its borders, holds NaN or infinity, or has no variance (before or after the filter).

    Examples
    --------
    >>> from ipvae_brian.stimuli import Whitening, load_photographs, whiten_image
    >>> camera = load_photographs()["camera"]
    >>> whiten_image(camera, Whitening(border=6)).shape
    (500, 500)
    """
    return whiten_and_measure(image, whitening)[0]


def whiten_and_measure(
    image: ArrayLike, whitening: Whitening | None = None
) -> tuple[NDArray[np.float64], ImageConstants]:
    """Return `whiten_image` of an image, and its ImageConstants."""
    whitening = as_whitening(whitening)
    image = finite_array(image, "image", ndim=2)
    border = whitening.border
    smallest = max(whitening.contrast_kernel, 2 * border + 2)
    if min(image.shape) < smallest:
        raise ValueError(
            f"image is too small to whiten: {image.shape[0]} x {image.shape[1]} pixels, each side "
            f"must be at least {smallest} (contrast_kernel {whitening.contrast_kernel}, border "
            f"{border} on both sides)"
        )
    result = _zscore(image, np.abs(image).max(), "the image is constant")
    luminance = image.mean()
    unit = image.std() / luminance if luminance > 0 else np.nan  # of `result`, as a contrast
    if whitening.filter != "none":
        result = filtered(result, whitening)
        unit *= result.std()
        result = _zscore(result, 1, f"the filter {whitening.filter!r} leaves nothing of the image")
    floor = 1.0  # without normalisation, the divisor is the image's own scale
    if whitening.contrast_kernel:
        centred, contrast = local_contrast(
            result, whitening.contrast_kernel, whitening.contrast_sigma
        )
        floor = contrast.mean()
        result = centred / np.maximum(contrast, floor)
    inside = result[border : image.shape[0] - border, border : image.shape[1] - border]
    constants = ImageConstants(float(floor * unit), float(inside.mean()), float(inside.std()))
    return _zscore(inside, 1, "the image is constant inside of its border"), constants


def filtered(images: NDArray, whitening: Whitening) -> NDArray[np.float64]:
    """Return images (..., height, width) after the filter of `whitening`."""
    if whitening.filter == "none":
        return images
    gain = filter_gain(images.shape[-2:], whitening)
    # The published gain is not quite symmetric; the real part averages it over +f and -f.
    return np.fft.ifft2(np.fft.fft2(images) * gain).real


def as_whitening(whitening: Whitening | None) -> Whitening:
    """Return `whitening`, or the default one for None; raise TypeError for anything else."""
    if whitening is None:
        return Whitening()
    if not isinstance(whitening, Whitening):
        raise TypeError(f"whitening must be a Whitening or None, got {whitening!r}")
    return whitening


def _zscore(image, scale, problem):
    # Rounding leaves a constant image with about 1e-16 of its scale; that is not a variance.
    std = image.std()
    if not std > 1e-10 * scale:
        raise ValueError(f"image has no variance: {problem}")
    return (image - image.mean()) / std
