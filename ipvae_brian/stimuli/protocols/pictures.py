"""White noise, natural images, and sequences of one's own pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2.only import ms
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import finite_array, flag, number, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.stimuli.drawings import Noise, Pictures
from ipvae_brian.stimuli.front_end import contrast_of
from ipvae_brian.stimuli.protocols.building import session_of
from ipvae_brian.stimuli.protocols.space import Space
from ipvae_brian.stimuli.session import Session


def white_noise(
    *,
    n_sequences: int = 1,
    n_frames: int = 1000,
    contrast: float = 0.3,
    binary: bool = False,
    check: int = 1,
    frame_duration: Time = 20 * ms,
    seed: int = 0,
    shape: tuple[int, int] = (16, 16),
    **session: Any,
) -> Session:
    """Return a session of white noise, for receptive fields by reverse correlation.

    Parameters
    ----------
    n_sequences : int, default 1
        Different sequences of noise, each a stimulus; with ``repeats``, the same again.
    n_frames : int, default 1000
        Of each sequence.
    contrast : float, default 0.3
        Standard deviation of a check. In whitened space, 1 is that of natural patches; of light,
        normally distributed checks much above 0.3 would be darker than black.
    binary : bool, default False
        Whether checks have one of two values, instead of being normally distributed.
    check : int, default 1
        Pixels along the side of a check.
    frame_duration : Quantity, default 20*ms
    seed : int, default 0
    shape, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its condition is sequence. `Session.frames` has the noise.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.white_noise(n_frames=500, contrast=0.3)
    >>> session.frames(0).shape, session.frames(0).std().round(2)
    ((500, 16, 16), np.float64(0.3))
    """
    space = Space(shape, None)
    seed = whole_number(seed, "seed", minimum=0)
    options = {
        "contrast": number(contrast, "contrast", above=0, maximum=1),
        "binary": flag(binary, "binary"),
        "check": whole_number(check, "check"),
    }
    rows = [{"sequence": i} for i in range(whole_number(n_sequences, "n_sequences"))]
    drawings = [Noise(seed=(seed, i), **options) for i in range(len(rows))]
    frames = [frame_duration] * whole_number(n_frames, "n_frames")
    return session_of("white noise", drawings, rows, space, False, session, frames)


def natural_images(
    images: Mapping[str, ArrayLike],
    *,
    n_per_image: int = 1,
    margin: int = 16,
    seed: int = 0,
    duration: Time = 200 * ms,
    shape: tuple[int, int] = (16, 16),
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of patches of natural images, each cut at random.

    Parameters
    ----------
    images : dict of str to array_like (height, width)
        Light on a linear scale that starts at black, as from `load_photographs`. Contrast is
        that of the whole image.
    n_per_image : int, default 1
        Patches of each image.
    margin : int, default 16
        Pixels around a patch that are kept for the front end; `FrontEnd.margin` or more.
    seed : int, default 0
    duration : Quantity, default 200*ms
    shape, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`. ``repeats`` shows all
        patches again.

    Returns
    -------
    session : Session
        Its conditions are image, and top and left of the patch in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range, or an image is smaller than a patch with its
        margin, or has no contrast; the message names the image.

    Examples
    --------
    >>> from ipvae_brian.stimuli import load_photographs, protocols
    >>> protocols.natural_images(load_photographs(), n_per_image=2, repeats=20)
    <Session of natural images: 26 conditions x 20 repeats, trials of 400 ms, 16 x 16 pixels>
    """
    if not isinstance(images, Mapping) or not images:
        raise TypeError(f"images must be a dict of name to array, got {type(images).__name__}")
    space = Space(shape, None)
    margin = whole_number(margin, "margin", minimum=0)
    rng = np.random.default_rng(whole_number(seed, "seed", minimum=0))
    height, width = (n + 2 * margin for n in space.shape)
    rows, drawings = [], []
    for name, image in images.items():
        try:
            contrast = contrast_of(image)
        except (TypeError, ValueError) as error:
            raise type(error)(f"image {name!r}: {error}") from None
        if contrast.shape[0] < height or contrast.shape[1] < width:
            raise ValueError(
                f"image {name!r} is too small: {contrast.shape[0]} x {contrast.shape[1]} pixels, "
                f"a patch with its margin has {height} x {width}"
            )
        for _ in range(whole_number(n_per_image, "n_per_image")):
            top = int(rng.integers(contrast.shape[0] - height + 1))
            left = int(rng.integers(contrast.shape[1] - width + 1))
            rows.append({"image": str(name), "top": top + margin, "left": left + margin})
            cut = contrast[top : top + height, left : left + width].astype(np.float32)
            drawings.append(Pictures(cut[None]))
    return session_of("natural images", drawings, rows, space, blank, session, duration)


def image_sequences(
    frames: ArrayLike,
    *,
    frame_duration: Time = 20 * ms,
    shape: tuple[int, int] = (16, 16),
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of one's own pictures, one after another.

    Parameters
    ----------
    frames : array_like (n_sequences, n_frames, height, width)
        Contrast: light divided by its mean, minus 1. Larger than a patch by the margin of the
        front end, if they are to go through one; of larger ones the middle is shown. For
        whitened space, values as the model takes them.
    frame_duration : Quantity, default 20*ms
    shape, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its condition is sequence.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or range.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.stimuli import protocols
    >>> protocols.image_sequences(np.random.default_rng(0).uniform(-1, 1, (3, 25, 48, 48)))
    <Session of image sequences: 3 conditions, trials of 700 ms, 16 x 16 pixels>
    """
    space = Space(shape, None)
    array = finite_array(frames, "frames", ndim=4)
    if array.shape[2] < space.shape[0] or array.shape[3] < space.shape[1]:
        raise ValueError(
            f"frames must be at least as large as a patch of {space.shape[0]} x {space.shape[1]}, "
            f"got shape {array.shape}"
        )
    rows = [{"sequence": i} for i in range(len(array))]
    drawings = [Pictures(sequence) for sequence in array]
    durations = [frame_duration] * array.shape[1]
    return session_of("image sequences", drawings, rows, space, blank, session, durations)
