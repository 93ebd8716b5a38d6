"""Grey images: the shipped photographs, a user's folder, van Hateren .iml files."""

from collections.abc import Iterable
from importlib import resources
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import known_name
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian.stimuli.pictures import read_picture

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
IML_SUFFIX = ".iml"
IML_SHAPE = (1024, 1536)


def photograph_names() -> tuple[str, ...]:
    """Return the names of the photographs that come with the package, a sorted tuple of str."""
    return tuple(sorted(_shipped_photographs()))


def load_photographs(names: Iterable[str] | None = None) -> dict[str, NDArray[np.float32]]:
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
            images[name] = read_picture(file, f"photograph {name}")
    return images


def _shipped_photographs():
    folder = resources.files("ipvae_brian.stimuli").joinpath("photographs")
    return {Path(f.name).stem: f for f in folder.iterdir() if f.name.endswith(".png")}


def load_image_folder(
    path: str | PathLike, *, progress: bool | None = None
) -> dict[str, NDArray[np.floating]]:
    """Load all images of a folder as grey values.

    Parameters
    ----------
    path : path-like
        A folder. Read are .png, .jpg, .jpeg and .bmp (Pillow), .tif and .tiff (tifffile), whatever
        of these a file really holds, and van Hateren's .iml (1024 x 1536 big-endian uint16 [1]_),
        whether the suffix is in small or capital letters. Other files, hidden files and folders
        inside are passed over.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook, where it takes
        long.

    Returns
    -------
    images : dict of str to ndarray (height, width)
        By file name, sorted; float32, or float64 where float32 would round. Grey keeps its values,
        whatever their type and range; colours and palettes become luma (ITU-R BT.601); of one bit,
        black is 0 and white 255. White is the high end, and pictures are turned as they say.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no image in it.
    NotADirectoryError
        If `path` is a file.
    ValueError
        If an image cannot be read, is larger than `pictures.MAXIMUM_PIXELS`, or has no one reading
        as grey values: several pictures in one file, transparent pixels, inks (CMYK), colours of
        16 bits in PNG (Pillow keeps 8), channels of unknown meaning. The message names the file.

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
    shown = progress_bar(len(files), "files", progress, iterable=files)
    return {file.name: _read_file(file) for file in shown}


def _read_file(path):
    if path.suffix.lower() == IML_SUFFIX:
        return _read_iml(path)
    with path.open("rb") as file:
        return read_picture(file, path)


def _read_iml(path):
    size, wanted = path.stat().st_size, 2 * IML_SHAPE[0] * IML_SHAPE[1]
    if size != wanted:
        raise ValueError(
            f"{path}: not a van Hateren .iml image: {size} bytes instead of {wanted} "
            f"({IML_SHAPE[0]} x {IML_SHAPE[1]} big-endian uint16)"
        )
    return np.fromfile(path, dtype=">u2").reshape(IML_SHAPE).astype(np.float32)
