"""Grey images: the shipped photographs, a user's folder, van Hateren .iml files."""

from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ipvae_brian._tools.checks import finite_array, known_name

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
IML_SUFFIX = ".iml"
IML_SHAPE = (1024, 1536)


def photograph_names():
    """Return the names of the photographs that come with the package, a sorted tuple of str."""
    return tuple(sorted(_shipped_photographs()))


def load_photographs(names=None):
    """Load the photographs that come with the package.

    Thirteen grey photographs of nature, people and things, CC0 or CC-BY; their authors are in
    ``stimuli/photographs/ATTRIBUTION.md`` of the installed package.

    Parameters
    ----------
    names : iterable of str, optional
        Which ones; default all of `photograph_names`.

    Returns
    -------
    images : dict of str to ndarray of float32 (height, width)
        Grey values from 0 to 255, each photograph with a shape of its own.

    Raises
    ------
    ValueError
        If a name is not among `photograph_names`.
    """
    files = _shipped_photographs()
    names = sorted(files) if names is None else list(names)
    for name in names:
        known_name(name, "photograph", tuple(sorted(files)))
    images = {}
    for name in names:
        with files[name].open("rb") as file:
            images[name] = _read_picture(file, f"photograph {name}")
    return images


def _shipped_photographs():
    folder = resources.files("ipvae_brian.stimuli").joinpath("photographs")
    return {Path(f.name).stem: f for f in folder.iterdir() if f.name.endswith(".png")}


def load_image_folder(path):
    """Load all images of a folder as grey values.

    Parameters
    ----------
    path : path-like
        A folder. Read are .png, .jpg, .jpeg, .tif, .tiff and .bmp (Pillow) and van Hateren's .iml
        (1024 x 1536 big-endian uint16 [1]_), whether the suffix is in small or capital letters.
        Other files, hidden files and folders inside are passed over.

    Returns
    -------
    images : dict of str to ndarray of float32 (height, width)
        By file name, sorted. Colour becomes luma (ITU-R 601), without transparency; grey of 16
        bits or of floating point keeps its values. Of several pages the first is read.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no image in it.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If an image cannot be read; the message names the file.

    References
    ----------
    .. [1] van Hateren & van der Schaaf 1998, Proc. R. Soc. B 265:359, doi:10.1098/rspb.1998.0303
    """
    path = Path(path)
    if path.is_file():
        raise NotADirectoryError(f"{path} is a file; a folder of images is needed")
    if not path.is_dir():
        raise FileNotFoundError(f"no such folder: {path}")
    suffixes = (*PICTURE_SUFFIXES, IML_SUFFIX)
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        raise FileNotFoundError(f"no image in {path}: looked for {', '.join(suffixes)}")
    return {file.name: _read_file(file) for file in files}


def _read_file(path):
    if path.suffix.lower() == IML_SUFFIX:
        return _read_iml(path)
    with path.open("rb") as file:
        return _read_picture(file, path)


def _read_iml(path):
    size, wanted = path.stat().st_size, 2 * IML_SHAPE[0] * IML_SHAPE[1]
    if size != wanted:
        raise ValueError(
            f"{path}: not a van Hateren .iml image: {size} bytes instead of {wanted} "
            f"({IML_SHAPE[0]} x {IML_SHAPE[1]} big-endian uint16)"
        )
    return np.fromfile(path, dtype=">u2").reshape(IML_SHAPE).astype(np.float32)


def _read_picture(file, name):
    # Pillow's readers raise errors of many types for broken files, so all of them are caught.
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture)
            # Modes I... and F are grey of 16, 32 bits or floats, which "L" would clip to 8 bits.
            grey = upright if upright.mode.startswith(("I", "F")) else upright.convert("L")
            pixels = np.asarray(grey)
    except (MemoryError, PermissionError):
        raise
    except Exception as error:
        raise ValueError(f"{name}: not a readable image: {error}") from error
    return finite_array(pixels, str(name), ndim=2, dtype=np.float32)
