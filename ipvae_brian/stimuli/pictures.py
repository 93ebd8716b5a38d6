"""Read one picture file as grey values, recognised by its content rather than by its name."""

from os import PathLike
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ipvae_brian._tools.checks import finite_array
from ipvae_brian._tools.memory import require_memory
from ipvae_brian.stimuli.tiff import read_tiff

# Declared height times width; whitening takes some 60 bytes a pixel. A script that trusts larger
# pictures may raise it: ipvae_brian.stimuli.pictures.MAXIMUM_PIXELS = ...
MAXIMUM_PIXELS = 50_000_000

BYTES_PER_PIXEL = 24  # while it is read

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Not all that Pillow knows: some of its readers start other programs.
FORMATS = ("PNG", "JPEG", "BMP")
# The ways in which Pillow holds grey and colour. Not inks (CMYK), Lab, HSV.
GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L")
COLOURS = ("P", "PA", "RGB", "RGBA", "RGBX", "LA")


def read_picture(file: IO[bytes], name: str | PathLike) -> NDArray[np.floating]:
    """Return the grey values of a picture.

    Parameters
    ----------
    file : binary file
        PNG, JPEG, BMP or TIFF.
    name : str or path-like
        What errors call it.

    Returns
    -------
    grey : ndarray (height, width)
        float32, or float64 where float32 would round. See `load_image_folder`.

    Raises
    ------
    ValueError
        If it is damaged, too large, or of a kind without one reading as grey values.
    """
    start = file.read(4)
    file.seek(0)
    # The readers raise errors of many types for broken files, so all of them are caught.
    try:
        if start in TIFF_STARTS:
            pixels = read_tiff(file, _require_size)
        else:
            pixels = _read_with_pillow(file)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{name}: not a readable image: {reason}") from error
    pixels = finite_array(pixels, str(name), ndim=2, dtype=pixels.dtype.newbyteorder("="))
    grey = _as_floats(pixels)
    if grey is None:
        raise ValueError(f"{name}: not a readable image: its numbers have more digits than float64")
    return grey


def _as_floats(pixels):
    """Return the same numbers in the smallest of float32 and float64 that holds them, or None."""
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize == 8:
        if pixels.max() > 2**53 or pixels.min() < -(2**53):
            return None
        pixels = pixels.astype(np.float64)
    for dtype in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            floats = pixels.astype(dtype)
        if (floats == pixels).all():
            return floats
    return None


def _require_size(height, width):
    if height * width > MAXIMUM_PIXELS:
        raise ValueError(
            f"{height} x {width} pixels are {height * width / 1e6:.0f} million, more than "
            f"{MAXIMUM_PIXELS / 1e6:g} million; make it smaller or, if you trust it, raise "
            "ipvae_brian.stimuli.pictures.MAXIMUM_PIXELS"
        )
    # Of a folder of many pictures, the one that is too much.
    require_memory(
        {"the picture": BYTES_PER_PIXEL * height * width}, "load fewer or smaller pictures"
    )


def _read_with_pillow(file):
    try:
        picture = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(
            "it is not PNG, JPEG, BMP or TIFF, or its first bytes are damaged"
        ) from None
    with picture:
        _require_size(picture.height, picture.width)
        # A JPEG's further pictures (MPO) belong to the first: previews, depth, gain.
        n_frames = getattr(picture, "n_frames", 1)
        if n_frames > 1 and picture.format != "MPO":
            raise ValueError(f"it has {n_frames} pictures; save each of them as a file of its own")
        if picture.format == "PNG":
            _require_8_bit_colours(picture, file)
        if picture.mode not in (*GREY, *COLOURS):
            raise ValueError(
                f"its colours are {picture.mode}; only grey, RGB and palettes are read"
            )
        upright = ImageOps.exif_transpose(picture)
        if upright.has_transparency_data:
            alpha = np.asarray(upright.convert("RGBA"))[..., 3]
            if (alpha != 255).any():
                raise ValueError("it has transparent pixels; save it without transparency")
        if upright.mode in GREY[2:]:  # "L" would clip them to 8 bits
            return np.asarray(upright)
        if upright.mode in ("P", "PA", "LA", "RGBX"):
            upright = upright.convert("RGBA").convert("RGB")
        return np.asarray(upright.convert("L"))


def _require_8_bit_colours(picture, file):
    """Refuse what Pillow would cut to 8 bits without a word."""
    place = file.tell()
    file.seek(24)  # the header comes first: 8 bytes of signature, 8 of chunk, width, height
    depth, kind = file.read(2)
    file.seek(place)
    if depth == 16 and kind != 0:
        raise ValueError(
            "its colours have 16 bits, of which 8 would be kept; save it as grey or as TIFF"
        )
