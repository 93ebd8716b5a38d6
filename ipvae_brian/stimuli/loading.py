"""Load stimuli from any source."""

from os import PathLike, fspath
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.checks import known_name, whole_number
from ipvae_brian.stimuli.files import PATCH_SUFFIXES, load_patches
from ipvae_brian.stimuli.front_end import FrontEnd
from ipvae_brian.stimuli.images import load_image_folder, load_photographs
from ipvae_brian.stimuli.patches import (
    PatchSet,
    count_places,
    extract_and_measure,
    patch_shape,
    split_images,
    standardise,
)
from ipvae_brian.stimuli.whitening import Whitening, as_whitening


def load_stimuli(
    source: str | PathLike = "photographs",
    *,
    shape: tuple[int, int] | None = None,
    n_train: int | None = None,
    n_validation: int | None = None,
    whitening: Whitening | None = None,
    seed: int = 0,
    validation_fraction: float = 0.2,
    progress: bool | None = None,
) -> PatchSet:
    """Load training and validation patches, ready for the model.

    Parameters
    ----------
    source : str or path-like, default "photographs"
        - ``"photographs"``: the photographs that come with the package;
        - a folder of images, see `load_image_folder` (``"./photographs"`` for one of that name);
        - a .npy or .npz file of patches, see `load_patches`.
    shape : (int, int), optional
        Height and width of a patch in pixels. Default (16, 16) for images. A file's patches keep
        their own shape; here it may only say how patches that are stored flat are to be read.
    n_train, n_validation : int, optional
        How many patches. Default 50,000 and 5,000 from images, all of a file.
    whitening : Whitening, optional
        For images, default ``Whitening()``. A file's patches are taken as they are.
    seed : int, default 0
        For everything random. The validation patches do not depend on `n_train`.
    validation_fraction : float, default 0.2
        The share of the images (of a file: see `load_patches`) kept for validation. No image gives
        both training and validation patches.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal or in a notebook, where it takes
        long.

    Returns
    -------
    patches : PatchSet

    Raises
    ------
    FileNotFoundError
        If the path does not exist, or there is no image in the folder.
    TypeError
        If `source` is neither a name nor a path, or another argument is of a wrong type.
    ValueError
        If the source is not known or not readable, or an argument does not fit it.
    MemoryLimitError
        If the patches from images do not fit into the free memory.

    Examples
    --------
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> load_stimuli(n_train=2000, n_validation=500)
    PatchSet(2000 training and 500 validation patches of 16 x 16 pixels from 'photographs')
    """
    if not isinstance(source, (str, PathLike)):
        raise TypeError(f"source must be a name or a path, got {type(source).__name__}")
    if not isinstance(source, str) and fspath(source) == "photographs":
        source = "./photographs"  # a path is a folder; only the bare name is the package's
    source = fspath(source)
    path = Path(source)
    if source != "photographs" and path.suffix.lower() in PATCH_SUFFIXES and not path.is_dir():
        if whitening is not None:
            raise ValueError(
                f"whitening does not apply to {source}: the patches of a file are taken as they are"
            )
        return load_patches(
            path,
            n_train=n_train,
            n_validation=n_validation,
            shape=shape,
            validation_fraction=validation_fraction,
            seed=seed,
        )
    return _patches_of_images(
        source,
        shape=shape,
        n_train=n_train,
        n_validation=n_validation,
        whitening=whitening,
        seed=seed,
        validation_fraction=validation_fraction,
        progress=progress,
    )


def _patches_of_images(
    source: str,
    *,
    shape: tuple[int, int] | None,
    n_train: int | None,
    n_validation: int | None,
    whitening: Whitening | None,
    seed: int,
    validation_fraction: float,
    progress: bool | None,
) -> PatchSet:
    """Cut patches from whitened images; arguments as for `load_stimuli`."""
    # Arguments first: loading many images takes a while.
    whitening = as_whitening(whitening)
    shape = patch_shape((16, 16) if shape is None else shape)
    numbers = (
        whole_number(50_000 if n_train is None else n_train, "n_train"),
        whole_number(5_000 if n_validation is None else n_validation, "n_validation"),
    )
    seed = whole_number(seed, "seed", minimum=0)
    images = _load_images(source, progress)
    for name, image in images.items():
        count_places(image, name, shape, whitening.border)
    names = split_images(images, validation_fraction, seed)
    (train, constants), (validation, _) = (
        extract_and_measure(
            {name: images[name] for name in part},
            n_patches,
            shape,
            np.random.default_rng((seed, stream)),
            whitening,
            progress=progress,
        )
        for part, n_patches, stream in zip(names, numbers, (1, 2), strict=True)
    )
    train, validation, mean, std = standardise(
        train, validation, ("the training images", "the validation images")
    )
    front_end = None
    if all(np.isfinite(measured.floor) for measured in constants):
        front_end = FrontEnd.from_constants(
            constants, whitening, patches_mean=mean, patches_std=std
        )
    return PatchSet(
        train=train,
        validation=validation,
        shape=shape,
        source=source,
        mean=mean,
        std=std,
        whitening=whitening.to_dict(),
        train_images=names[0],
        validation_images=names[1],
        front_end=front_end,
    )


def _load_images(source: str, progress: bool | None) -> dict[str, NDArray]:
    path = Path(source)
    if source != "photographs":
        if path.is_dir():
            return dict(load_image_folder(path, progress=progress))
        if path.is_file():
            raise ValueError(
                f"{source} is neither a folder of images nor a file of patches "
                f"({', '.join(PATCH_SUFFIXES)})"
            )
        if path.suffix or len(path.parts) > 1:
            raise FileNotFoundError(f"no such folder or file: {source}")
    known_name(source, "source, if neither a folder nor a file,", ("photographs",))
    return dict(load_photographs())
