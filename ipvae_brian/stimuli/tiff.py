"""Read grey values from TIFF files with tifffile; files that could be misread are refused."""

import logging
import math
from collections.abc import Callable
from contextlib import contextmanager
from itertools import islice
from typing import IO

import numpy as np
import tifffile
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
GDAL_NODATA = 42113
MAXIMUM_SAMPLE_VALUE = 281
ORIENTATION = 274
MAXIMUM_PAGES = 100
# How rows and columns of the stored array become upright, by the tag's value (TIFF 6.0, page 36).
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: a.T[:, ::-1],
    7: lambda a: a.T[::-1, ::-1],
    8: lambda a: a.T[::-1],
}
JPEG_COMPRESSIONS = (6, 7, 34892)


def read_tiff(file: IO[bytes], require_size: Callable[[int, int], None]) -> NDArray:
    """Return the grey values of a TIFF file of one picture.

    Parameters
    ----------
    file : binary file
    require_size : callable
        Called with height and width before any pixel is decoded; raises if they are too large.

    Returns
    -------
    grey : ndarray (height, width)
        Upright, black at the low end, in the file's own type, or float64 for colours.

    Raises
    ------
    ValueError
        If the picture is of a kind that has no one reading as grey values.
    Exception
        Whatever tifffile raises on damaged files.
    """
    with _quiet(), tifffile.TiffFile(file) as tiff:
        page = _only_page(tiff)
        require_size(page.imagelength, page.imagewidth)
        _require_whole(page, tiff.filehandle.size)
        orientation = _tag(page, ORIENTATION, 1)
        if orientation not in UPRIGHT:
            raise ValueError(f"its orientation is {orientation}, which TIFF does not define")
        return UPRIGHT[orientation](_grey(page, _samples(page)))


@contextmanager
def _quiet():
    """Keep tifffile from logging what is wrong with a file: the error says it."""
    logger = logging.getLogger("tifffile")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _only_page(tiff):
    # A damaged file may lead from page to page for ever.
    pages = [page.aspage() for page in islice(tiff.pages, MAXIMUM_PAGES + 1)]
    if len(pages) > MAXIMUM_PAGES:
        raise ValueError(f"it has more than {MAXIMUM_PAGES} pages; one picture is needed")
    if any(page.is_mask for page in pages):
        raise ValueError("it has a transparency mask; save the picture without one")
    pages = [page for page in pages if not page.is_reduced]  # thumbnails of the same picture
    # ImageJ describes a stack that follows the first page without pages of its own.
    described = (tiff.imagej_metadata or {}).get("images", 1) if tiff.is_imagej else 1
    n_pictures = max(len(pages), described, *(page.imagedepth for page in pages))
    if len(pages) != 1 or n_pictures != 1:
        raise ValueError(f"it has {n_pictures} pictures; save each of them as a file of its own")
    return pages[0]


def _require_whole(page, file_size):
    """Refuse missing parts, which would be read as zeros."""
    spans = zip(page.dataoffsets, page.databytecounts, strict=True)
    if (
        not page.dataoffsets
        or len(page.dataoffsets) < math.prod(page.chunked)
        or any(count <= 0 or offset + count > file_size for offset, count in spans)
    ):
        raise ValueError("parts of its pixels are missing")


def _samples(page):
    """Pixels as (n_samples, height, width)."""
    n_bits = page.bitspersample if isinstance(page.bitspersample, int) else None
    if n_bits is None or page.dtype is None or page.dtype.kind not in "buif":
        raise ValueError(f"its samples are of type {page.dtype}, not plain numbers of one size")
    try:
        array = page.asarray()
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise ValueError(
                f"its compression ({getattr(page.compression, 'name', page.compression)}) or "
                "packing of bits needs imagecodecs: pip install 'ipvae-brian[tiff]'"
            ) from error
        raise
    size = (page.imagelength, page.imagewidth)
    if page.samplesperpixel == 1:
        return array.reshape(1, *size)
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        return array.reshape(page.samplesperpixel, *size)
    return np.moveaxis(array.reshape(*size, page.samplesperpixel), -1, 0)


def _grey(page, samples):
    kind = page.photometric
    kinds = tifffile.PHOTOMETRIC
    # tifffile's decoders of JPEG turn luma and chroma into RGB.
    colour = kind == kinds.RGB or (kind == kinds.YCBCR and page.compression in JPEG_COMPRESSIONS)
    n_expected = 3 if colour else 1
    if not colour and kind not in (kinds.MINISBLACK, kinds.MINISWHITE, kinds.PALETTE):
        raise ValueError(
            f"its colours are {getattr(kind, 'name', kind)}; only grey, RGB and palettes are read"
        )
    _require_opaque(page, samples, n_expected)
    samples = samples[:n_expected]
    _require_no_gaps(page, samples)
    if colour:
        return np.tensordot(LUMA, samples.astype(np.float64), axes=1)
    if kind == kinds.PALETTE:
        return _from_palette(page, samples[0])
    if kind == kinds.MINISWHITE:
        return _from_white(page, samples[0])
    # One bit: 0 and 255, like other pictures of black and white.
    return samples[0] * np.uint8(255) if samples.dtype == bool else samples[0]


def _require_opaque(page, samples, n_expected):
    extra = [int(kind) for kind in page.extrasamples]
    if len(samples) < n_expected or len(samples) - n_expected > max(len(extra), 0):
        raise ValueError(f"it has {len(samples)} samples a pixel instead of {n_expected}")
    if len(samples) > n_expected and n_expected == 1 and set(extra) == {0}:
        raise ValueError(f"it has {len(samples)} channels of which TIFF does not say what they are")
    opaque = _white(page, samples.dtype)
    for kind, channel in zip(extra[::-1], samples[::-1], strict=False):
        if kind in (1, 2) and (channel != opaque).any():  # associated and unassociated alpha
            raise ValueError("it has transparent pixels; save it without transparency")


def _require_no_gaps(page, samples):
    if GDAL_NODATA in page.tags and (samples == page.nodata).any():
        raise ValueError(f"it has pixels without data (marked by {page.nodata})")


def _from_palette(page, indices):
    if page.colormap is None or indices.dtype.kind != "u":
        raise ValueError("it has a palette without colours")
    if indices.max() >= page.colormap.shape[1]:
        raise ValueError(f"it has colours beyond the {page.colormap.shape[1]} of its palette")
    return (np.asarray(LUMA) @ page.colormap / 257)[indices]  # 65535 becomes 255


def _from_white(page, samples):
    if samples.dtype == bool:
        return ~samples * np.uint8(255)
    if samples.dtype.kind != "u":
        raise ValueError(f"white is its lowest value, which is not defined for {samples.dtype}")
    white = _tag(page, MAXIMUM_SAMPLE_VALUE, _white(page, samples.dtype))
    if samples.max() > white:
        raise ValueError(f"it has values above its own maximum of {white}")
    return samples.dtype.type(white) - samples


def _white(page, dtype):
    """Return the highest value that samples of this file can have."""
    if dtype.kind == "f":
        return 1
    return np.iinfo(dtype).max if dtype.kind == "i" else 2**page.bitspersample - 1


def _tag(page, code, default):
    tag = page.tags.get(code)
    return default if tag is None else int(np.max(tag.value))
