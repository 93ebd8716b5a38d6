"""Damaged files of every kind: an error that names the file, or numbers; nothing else."""

import warnings

import numpy as np
import pytest
import tifffile
from fuzzing import N_FILES, mutated
from PIL import Image

from ipvae_brian.stimuli import images, load_image_folder, load_stimuli

SHAPE = (24, 32)


def pictures(rng):
    grey = rng.integers(0, 256, SHAPE).astype(np.uint8)
    rgb = rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    palette = Image.fromarray(rgb).quantize(16)
    smooth = np.add.outer(np.arange(24), 5 * np.arange(32)).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = 6
    return {
        "png": [
            lambda path: Image.fromarray(grey).save(path),
            lambda path: Image.fromarray(rgb).save(path),
            lambda path: palette.save(path),
            lambda path: Image.fromarray(grey.astype(np.uint16) * 200).save(path),
        ],
        "jpg": [
            lambda path: Image.fromarray(smooth).save(path),
            lambda path: Image.fromarray(rgb).save(path, exif=exif),
        ],
        "bmp": [
            lambda path: Image.fromarray(rgb).save(path),
            lambda path: palette.save(path),
        ],
        "tif": [
            lambda path: tifffile.imwrite(path, grey),
            lambda path: tifffile.imwrite(path, rgb, photometric="rgb", compression="zlib"),
            lambda path: tifffile.imwrite(path, grey.astype(">f4"), tile=(16, 16)),
            lambda path: tifffile.imwrite(path, rgb, compression="jpeg", photometric="rgb"),
            lambda path: tifffile.imwrite(path, grey, compression="lzw", predictor=True),
            lambda path: palette.save(path),
        ],
        "iml": [lambda path: np.tile(grey, (2, 2)).astype(">u2").tofile(path)],
    }


def patches(rng):
    x = rng.normal(size=(40, 5, 6))
    ids = np.repeat(np.arange(8), 5)
    return {
        "npy": [
            lambda path: np.save(path, x),
            lambda path: np.save(path, (100 * x).astype(np.int8).reshape(40, 30)),
        ],
        "npz": [
            lambda path: np.savez(path, x=x, image_id=ids, scale=0.5),
            lambda path: np.savez_compressed(path, x_train=x, x_val=x[:9], other=ids),
        ],
    }


def fuzz(kinds, suffix, tmp_path, load):
    """Count what is loaded and what is refused, and fail for anything else."""
    rng = np.random.default_rng(0)
    path = tmp_path / f"damaged.{suffix}"
    originals = []
    for write in kinds(rng)[suffix]:
        write(path)
        load(path)
        originals.append(path.read_bytes())
    loaded = refused = 0
    for i in range(N_FILES):
        path.write_bytes(mutated(originals[i % len(originals)], rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for array in load(path):
                    assert np.isfinite(array).all()
            loaded += 1
        except (ValueError, TypeError) as error:
            assert path.name in str(error), error
            refused += 1
    assert loaded + refused == N_FILES
    assert min(loaded, refused) > 3
    return loaded


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "iml"])
def test_damaged_pictures(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(images, "IML_SHAPE", (2 * SHAPE[0], 2 * SHAPE[1]))
    fuzz(pictures, suffix, tmp_path, lambda path: load_image_folder(path.parent).values())


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_damaged_patches(tmp_path, suffix):
    def load(path):
        loaded = load_stimuli(path)
        return loaded.train, loaded.validation

    fuzz(patches, suffix, tmp_path, load)


def test_a_damaged_picture_in_a_folder_is_named(tmp_path, rng):
    for name in "abc":
        Image.fromarray(rng.integers(0, 256, (40, 40)).astype(np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    content = (tmp_path / "b.png").read_bytes()
    (tmp_path / "b.png").write_bytes(content[:300])
    with pytest.raises(ValueError, match="b.png: not a readable image"):
        load_stimuli(tmp_path)


def test_the_command_line_shows_one_line(tmp_path, capsys):
    from ipvae_brian.cli.main import main

    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (40, 4, 4".ljust(117) + b"\n"
    path = tmp_path / "d.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert main(["evaluate", "photographs-512", "--data", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ipvae evaluate: error: ") and error.count("\n") == 1
    assert "d.npy: not readable" in error
