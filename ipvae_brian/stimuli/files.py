"""Patches from a user's own .npy or .npz file."""

import math
from os import PathLike
from pathlib import Path

import numpy as np

from ipvae_brian._tools.checks import number, whole_number
from ipvae_brian._tools.numpy_files import load_arrays
from ipvae_brian.stimuli.layout import require_patches
from ipvae_brian.stimuli.patches import PatchSet, patch_shape, split_images, standardise

PATCH_SUFFIXES = (".npy", ".npz")
HELD_OUT = ("x_val", "x_test")


def load_patches(
    path: str | PathLike,
    *,
    n_train: int | None = None,
    n_validation: int | None = None,
    shape: tuple[int, int] | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> PatchSet:
    """Load patches from a .npy or .npz file.

    Pickles are never read. The patches are not whitened: the file is expected to hold what the
    neurons are to see. They are only put on a common scale: minus the mean, divided by the
    standard deviation, both over all pixels of the training patches.

    Parameters
    ----------
    path : path-like
        A .npy file holds one array ``x``. A .npz file holds

        - ``x``: patches of shape (n, height, width) or (n, n_pixels), floats or integers; or
          ``x_train`` and ``x_val`` (or ``x_test``, as in Keras' mnist.npz): their split is kept;
        - optionally ``image_id``, one integer or name per patch of ``x``: then whole images go to
          validation, so that no image gives patches of both kinds. For an existing split,
          ``image_id_train`` and ``image_id_val`` are only noted;
        - optionally ``scale``, one number by which the values are multiplied, so that patches can
          be stored as small integers;
        - optionally ``data_note``, a text on origin and terms of the data, for model cards.

        Arrays of other names are passed over.
    n_train, n_validation : int, optional
        How many patches to take, drawn at random without repetition. Default: all, in the file's
        order.
    shape : (int, int), optional
        Height and width of a patch. Default: that of the array; for patches stored flat, square or
        else a single row. Needed where the array may be something else than patches, such as a
        photograph or a stack of them, see `layout.require_patches`.
    validation_fraction : float, default 0.2
        Of the images or, without ``image_id``, of the patches. Only for ``x``.
    seed : int, default 0
        For splitting and drawing.

    Returns
    -------
    patches : PatchSet

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If an array does not hold real numbers.
    ValueError
        If the file is damaged, foreign or needs a pickle, or if an array is missing, empty,
        constant, has NaN or infinity, another rank or another shape than it should, or may be
        something else than patches and `shape` does not say.
        The errors name the file and, where it is known, the array.
    MemoryLimitError
        If the arrays do not fit into the free memory.
    """
    path = Path(path)
    seed = whole_number(seed, "seed", minimum=0)
    fraction = number(validation_fraction, "validation_fraction", above=0, below=1)
    arrays = _read(path)
    held_out = next((name for name in HELD_OUT if name in arrays), None)
    names = ("x_train", held_out) if held_out else ("x", "x")
    train, validation = (_checked(arrays[name], f"{path}: {name}") for name in names)
    if train.shape[1:] != validation.shape[1:]:
        raise ValueError(
            f"{path}: {names[0]} and {names[1]} hold patches of different shapes: "
            f"{train.shape[1:]} and {validation.shape[1:]}"
        )
    if shape is None:
        require_patches(train, f"{path}: {names[0]}")
    shape = _shape_of(train, shape, f"{path}: {names[0]}")
    ids = [_ids(arrays, name, path) for name in names]
    if held_out:
        rows = [np.arange(len(train)), np.arange(len(validation))]
    else:
        rows = _split(ids[0], len(train), fraction, seed, path)
    # Each part draws from a stream of its own, so that n_train does not change the validation.
    rows = [
        _draw(rows[0], n_train, "n_train", path, (seed, 1)),
        _draw(rows[1], n_validation, "n_validation", path, (seed, 2)),
    ]
    train, validation = (
        array[r].reshape(len(r), -1) for array, r in zip((train, validation), rows, strict=True)
    )
    labels = tuple(f"{path}: {name}" for name in names)
    train, validation, mean, std = standardise(train, validation, labels)
    scale = _scale(arrays, path)  # standardised patches are the same with any
    images = [
        () if i is None else tuple(np.unique(i[r]).tolist()) for i, r in zip(ids, rows, strict=True)
    ]
    return PatchSet(
        train=train,
        validation=validation,
        shape=shape,
        source=str(path),
        mean=mean * scale,
        std=std * scale,
        train_images=images[0],
        validation_images=images[1],
        data_note=_data_note(arrays, path),
    )


def _read(path):
    """Return the arrays of the file that `load_patches` has a use for."""
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if path.suffix.lower() not in PATCH_SUFFIXES:
        raise ValueError(f"{path}: patches are read from .npy or .npz files only")
    return load_arrays(path, lambda names: _wanted(names, path))


def _wanted(names, path):
    held_out = next((name for name in HELD_OUT if name in names), None)
    if "x_train" in names and held_out:
        wanted = ("x_train", held_out, *(_id_name(n) for n in ("x_train", held_out)))
    elif "x" in names:
        wanted = ("x", _id_name("x"))
    else:
        raise ValueError(
            f"{path}: needs an array 'x', or 'x_train' together with 'x_val' or 'x_test'; "
            f"has {', '.join(map(repr, names)) or 'none'}"
        )
    return [name for name in (*wanted, "scale", "data_note") if name in names]


def _checked(array, name):
    # Not `finite_array`: the numbers are converted only after the wanted patches are drawn.
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim not in (2, 3):
        raise ValueError(
            f"{name} must have shape (n, height, width) or (n, n_pixels), got {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty (shape {array.shape})")
    return array


def _shape_of(array, shape, name):
    wanted = None if shape is None else patch_shape(shape)
    if array.ndim == 3:
        if wanted not in (None, array.shape[1:]):
            raise ValueError(
                f"{name} holds patches of shape {array.shape[1:]}, shape {wanted} was asked for: "
                "leave shape out, a file's patches keep theirs"
            )
        return array.shape[1:]
    n_pixels = array.shape[1]
    if wanted is None:
        side = math.isqrt(n_pixels)
        return (side, side) if side**2 == n_pixels else (1, n_pixels)
    if wanted[0] * wanted[1] != n_pixels:
        raise ValueError(
            f"{name} holds patches of {n_pixels} pixels, which shape {wanted} does not fit"
        )
    return wanted


def _id_name(name):
    return name.replace("x", "image_id", 1)


def _ids(arrays, name, path):
    ids, n_patches = arrays.get(_id_name(name)), len(arrays[name])
    if ids is None:
        return None
    if ids.dtype.kind not in "iuU" or ids.shape != (n_patches,):
        raise ValueError(
            f"{path}: {_id_name(name)} must hold one integer or name for each of the {n_patches} "
            f"patches, got dtype {ids.dtype} and shape {ids.shape}"
        )
    return ids


def _split(ids, n_patches, fraction, seed, path):
    if ids is None:
        if n_patches < 2:
            raise ValueError(f"{path}: x has only one patch; at least 2 are needed")
        ids = np.arange(n_patches)
    try:
        _, validation = split_images(np.unique(ids).tolist(), fraction, seed)
    except ValueError as error:
        raise ValueError(f"{path}: image_id: {error}") from None
    held_out = np.isin(ids, validation)
    return [np.flatnonzero(~held_out), np.flatnonzero(held_out)]


def _draw(rows, n, name, path, seed):
    if n is None:
        return rows
    if whole_number(n, name) > len(rows):
        raise ValueError(f"{path}: {name} is {n}, but there are only {len(rows)} such patches")
    return np.random.default_rng(seed).choice(rows, size=n, replace=False)


def _scale(arrays, path):
    scale = arrays.get("scale", np.array(1.0))
    if scale.size != 1 or scale.dtype.kind not in "iuf":
        raise ValueError(
            f"{path}: scale must be one number, got dtype {scale.dtype} and shape {scale.shape}"
        )
    return number(scale.item(), f"{path}: scale", above=0)


def _data_note(arrays, path):
    note = arrays.get("data_note", np.array(""))
    if note.size != 1 or note.dtype.kind != "U":
        raise ValueError(
            f"{path}: data_note must be one text, got dtype {note.dtype} and shape {note.shape}"
        )
    return str(note.item())
