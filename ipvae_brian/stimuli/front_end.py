"""The whitening used in training, with its constants frozen: turns light into model input."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, known_name, number
from ipvae_brian.stimuli.whitening import (
    ImageConstants,
    Whitening,
    as_whitening,
    filtered,
    local_contrast,
    whiten_and_measure,
)

NORMALISATIONS = ("maximum", "divisive")


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """What retina and LGN do for a model: the whitening it was trained on, with fixed constants.

    `whiten_image` takes the scale of the contrast normalisation and of the result from each image,
    which makes every image equally strong: gratings of contrast .05 and 1 come out equal. A front
    end has these constants from the images of training, so that contrast means something.

    Parameters
    ----------
    whitening : Whitening
        Filter, window of the contrast normalisation, border.
    floor : float
        Local contrast, after the filter, below which the normalisation leaves off: the average of
        the training images.
    mean, scale : float
        What is subtracted from the normalised image, then what it is divided by.
    normalisation : {"maximum", "divisive"}, default "maximum"
        What is divided by, of `floor` s and the local root mean square r.

        - ``"maximum"``: max(r, s), as in training. Contrast counts up to where r reaches s, and
          not beyond.
        - ``"divisive"``: sqrt(r^2 + s^2), the smooth saturation by which contrast responses of
          cortex are described [1]_. Contrasts far above and far below s come out as with
          ``"maximum"``, those near s up to 1.4 times weaker.

    Raises
    ------
    TypeError, ValueError
        If a field has the wrong type or range; the message names it.

    See Also
    --------
    FrontEnd.from_images : constants from images.
    ipvae_brian.Parameters : ``front_end`` is that of a model.

    References
    ----------
    .. [1] Heeger 1992, Visual Neuroscience 9:181, doi:10.1017/S0952523800009640

    Examples
    --------
    Gratings of .05 and 1, drawn as large as the front end needs them for a patch of 16 x 16:

    >>> import numpy as np
    >>> from ipvae_brian.stimuli import FrontEnd, load_photographs
    >>> front_end = FrontEnd.from_images(load_photographs(["camera", "grass"]))
    >>> height, width = front_end.frame_shape((16, 16))
    >>> grating = np.tile(np.cos(2 * np.pi * np.arange(width) / 8), (height, 1))
    >>> weak, strong = front_end.apply([0.05 * grating, grating])
    >>> weak.shape, bool(strong.std() > 2 * weak.std())
    ((16, 16), True)
    """

    whitening: Whitening
    floor: float
    mean: float = 0.0
    scale: float = 1.0
    normalisation: str = "maximum"

    def __post_init__(self):
        if not isinstance(self.whitening, Whitening):
            raise TypeError(f"whitening must be a Whitening, got {self.whitening!r}")
        checked = {
            "floor": number(self.floor, "floor", above=0),
            "mean": number(self.mean, "mean"),
            "scale": number(self.scale, "scale", above=0),
            "normalisation": known_name(self.normalisation, "normalisation", NORMALISATIONS),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_images(
        cls,
        images: dict[str, ArrayLike],
        whitening: Whitening | None = None,
        *,
        patches_mean: float = 0.0,
        patches_std: float = 1.0,
    ) -> FrontEnd:
        """Return the front end with the constants that `images` have in the median.

        Parameters
        ----------
        images : dict of str to array_like (height, width)
            Light on a linear scale that starts at black; only its contrast matters.
        whitening : Whitening, optional
            Default ``Whitening()``.
        patches_mean, patches_std : float, default 0 and 1
            What a `PatchSet` subtracted from its patches and divided them by.

        Raises
        ------
        TypeError, ValueError
            If an image cannot be whitened, or its mean is not positive; the message names it.
        """
        if not isinstance(images, dict) or not images:
            raise TypeError(f"images must be a dict of name to array, got {images!r}")
        whitening = as_whitening(whitening)
        constants = []
        for name, image in images.items():
            try:
                constants.append(whiten_and_measure(image, whitening)[1])
            except (TypeError, ValueError) as error:
                raise type(error)(f"image {name!r}: {error}") from error
            if np.isnan(constants[-1].floor):
                raise ValueError(f"image {name!r} has no contrast: its mean is not positive")
        return cls.from_constants(
            constants, whitening, patches_mean=patches_mean, patches_std=patches_std
        )

    @classmethod
    def from_constants(
        cls,
        constants: list[ImageConstants],
        whitening: Whitening,
        *,
        patches_mean: float = 0.0,
        patches_std: float = 1.0,
    ) -> FrontEnd:
        """Return the front end with the medians of what images were whitened with."""
        floor, mean, scale = np.median(
            [(c.floor, c.mean, c.scale) for c in constants], axis=0
        ).tolist()
        return cls(
            whitening=whitening,
            floor=floor,
            mean=mean + scale * patches_mean,
            scale=scale * patches_std,
        )

    @property
    def margin(self) -> int:
        """Pixels beyond each side of a patch that have an influence on it.

        The window of the contrast normalisation twice (for the local mean and the local root mean
        square of the rest) and the border, in which the filter wraps around.
        """
        return self.whitening.border + max(0, self.whitening.contrast_kernel - 1)

    def frame_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of the frames from which patches of `shape` come."""
        height, width = shape
        return height + 2 * self.margin, width + 2 * self.margin

    def apply(self, contrast: ArrayLike) -> NDArray[np.float64]:
        """Return frames as a model takes them, without the margin.

        Parameters
        ----------
        contrast : array_like (..., height, width)
            Light divided by its mean, minus 1: 0 is grey, a grating of contrast c goes from -c
            to c. `contrast_of` makes it from images.

        Returns
        -------
        patches : ndarray (..., height - 2 * margin, width - 2 * margin)

        Raises
        ------
        TypeError, ValueError
            If `contrast` does not hold finite numbers, has less than two dimensions, or is no
            larger than the margins.
        """
        frames = finite_array(contrast, "contrast")
        if frames.ndim < 2 or min(frames.shape[-2:]) <= 2 * self.margin:
            raise ValueError(
                f"contrast must be of frames larger than {2 * self.margin} x {2 * self.margin} "
                f"pixels (a margin of {self.margin} on each side), got shape {frames.shape}"
            )
        inside = slice(self.margin, -self.margin or None)
        return ((self._normalised(frames) - self.mean) / self.scale)[..., inside, inside]

    def _normalised(self, frames: NDArray) -> NDArray:
        result = filtered(frames, self.whitening)
        if not self.whitening.contrast_kernel:
            return result / self.floor
        result, contrast = local_contrast(
            result, self.whitening.contrast_kernel, self.whitening.contrast_sigma
        )
        if self.normalisation == "maximum":
            return result / np.maximum(contrast, self.floor)
        return result / np.hypot(contrast, self.floor)

    def replace(self, **changes: Any) -> FrontEnd:
        """Return a front end with some fields changed, such as ``normalisation="divisive"``."""
        for name in changes:
            known_name(name, "replace: field", tuple(field.name for field in fields(self)))
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain numbers, strings and a dict, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> FrontEnd:
        """Return the front end that `to_dict` described.

        Raises
        ------
        TypeError
            If `content` is not a dict, or a field is missing or of a wrong type.
        ValueError
            If a field is not known or its value is not allowed.
        """
        if not isinstance(content, dict):
            raise TypeError(f"front_end must be a dict of fields, got {content!r}")
        known = tuple(field.name for field in fields(cls))
        values: dict[str, Any] = {
            known_name(key, "front_end field", known): content[key] for key in content
        }
        for name in ("whitening", "floor"):
            if name not in values:
                raise TypeError(f"front_end needs the field {name!r}")
        values["whitening"] = Whitening.from_dict(values["whitening"])
        return cls(**values)


def contrast_of(image: ArrayLike) -> NDArray[np.float64]:
    """Return an image as a contrast: divided by its mean, minus 1.

    Parameters
    ----------
    image : array_like (height, width)
        Light on a linear scale that starts at black.

    Raises
    ------
    TypeError, ValueError
        If it does not hold finite numbers in two dimensions, or its mean is not positive.

    Examples
    --------
    >>> from ipvae_brian.stimuli import contrast_of
    >>> contrast_of([[1, 3], [2, 2]])
    array([[-0.5,  0.5],
           [ 0. ,  0. ]])
    """
    array = finite_array(image, "image", ndim=2)
    if not array.mean() > 0:
        raise ValueError(f"image has no contrast: its mean is {array.mean():g}, not positive")
    return array / array.mean() - 1
