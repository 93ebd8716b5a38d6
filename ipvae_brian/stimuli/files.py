"""Patches from a user's own .npy or .npz file."""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian.stimuli.patches import PatchSet, patch_shape, split_images, standardise

PATCH_SUFFIXES = (".npy", ".npz")
HELD_OUT = ("x_val", "x_test")
# What NumPy and zipfile raise for truncated, damaged, encrypted or foreign files.
BROKEN = (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def load_patches(
    path, *, n_train=None, n_validation=None, shape=None, validation_fraction=0.2, seed=0
):
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
        Height and width for patches stored flat. Default: square, or else a single row.
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
        constant, has NaN or infinity, another rank or another shape than it should.
        The errors name the file and, where it is known, the array.
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
    scale = _scale(arrays, path)
    train = _as_patches(train[rows[0]], scale, f"{path}: {names[0]}")
    validation = _as_patches(validation[rows[1]], scale, f"{path}: {names[1]}")
    mean, std = standardise(train, validation, f"{path}: {names[0]}")
    images = [
        () if i is None else tuple(np.unique(i[r]).tolist()) for i, r in zip(ids, rows, strict=True)
    ]
    return PatchSet(
        train=train,
        validation=validation,
        shape=shape,
        source=str(path),
        mean=mean,
        std=std,
        train_images=images[0],
        validation_images=images[1],
        data_note=_data_note(arrays, path),
    )


def _read(path):
    """The arrays of the file that `load_patches` has a use for."""
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if path.suffix.lower() not in PATCH_SUFFIXES:
        raise ValueError(f"{path}: patches are read from .npy or .npz files only")
    try:
        loaded = np.load(path, allow_pickle=False)
    except BROKEN as error:
        raise ValueError(
            f"{path}: not readable: the file is damaged, or not a NumPy file of "
            "numbers (pickled objects are not read)"
        ) from error
    if isinstance(loaded, np.ndarray):
        return {"x": loaded}
    with loaded:
        return {name: _read_array(loaded, name, path) for name in _wanted(loaded.files, path)}


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


def _read_array(loaded, name, path):
    try:
        array = loaded[name]
    except BROKEN as error:
        raise ValueError(
            f"{path}: array {name!r} is damaged or holds Python objects: {error}"
        ) from error
    if not isinstance(array, np.ndarray):  # any other file inside of the archive comes as bytes
        raise ValueError(f"{path}: {name!r} is not a NumPy array")
    return array


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


def _as_patches(array, scale, name):
    patches = finite_array(array, name, dtype=np.float32).reshape(len(array), -1)
    patches *= np.float32(scale)  # in place: indexing has already made a copy
    return patches
