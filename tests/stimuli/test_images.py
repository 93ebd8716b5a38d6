import numpy as np
import pytest
from PIL import Image

from ipvae_brian.stimuli import load_image_folder, load_photographs, photograph_names


def save(path, pixels):
    Image.fromarray(pixels).save(path)


def test_the_shipped_photographs():
    images = load_photographs()
    assert tuple(images) == photograph_names()
    assert len(images) == 13
    assert {"camera", "china", "grass"} <= set(images)
    for image in images.values():
        assert image.ndim == 2
        assert min(image.shape) >= 300
        assert image.dtype == np.float32
        assert image.min() >= 0 and 20 < image.std() and image.max() <= 255


def test_some_photographs():
    assert list(load_photographs(["grass", "camera"])) == ["grass", "camera"]
    with pytest.raises(ValueError, match="photograph must be one of .* did you mean 'camera'"):
        load_photographs(["kamera"])


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp", "PNG"])
def test_lossless_grey(tmp_path, rng, suffix):
    pixels = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    save(tmp_path / f"a.{suffix}", pixels)
    images = load_image_folder(tmp_path)
    assert list(images) == [f"a.{suffix}"]
    np.testing.assert_array_equal(images[f"a.{suffix}"], pixels)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg"])
def test_jpeg(tmp_path, suffix):
    pixels = np.add.outer(np.arange(32), 3 * np.arange(48)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", quality=95)
    np.testing.assert_allclose(load_image_folder(tmp_path)[f"a.{suffix}"], pixels, atol=6)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_kept(tmp_path, rng, suffix):
    pixels = rng.integers(0, 2**16, (20, 30)).astype(np.uint16)
    save(tmp_path / f"a.{suffix}", pixels)
    np.testing.assert_array_equal(load_image_folder(tmp_path)[f"a.{suffix}"], pixels)


def test_float_tiff_is_kept(tmp_path, rng):
    pixels = rng.normal(size=(20, 30)).astype(np.float32)
    save(tmp_path / "a.tif", pixels)
    np.testing.assert_array_equal(load_image_folder(tmp_path)["a.tif"], pixels)


def test_colour_becomes_luma(tmp_path, rng):
    pixels = rng.integers(0, 256, (20, 30, 4)).astype(np.uint8)
    pixels[..., 3] = 255
    save(tmp_path / "rgb.png", pixels[..., :3])
    save(tmp_path / "rgba.png", pixels)
    luma = pixels[..., :3] @ [0.299, 0.587, 0.114]
    images = load_image_folder(tmp_path)
    assert len(images) == 2
    for image in images.values():
        np.testing.assert_allclose(image, luma, atol=1)


def test_iml_written_and_read_back(tmp_path, rng):
    pixels = rng.integers(0, 2**15, (1024, 1536))
    pixels.astype(">u2").tofile(tmp_path / "imk00001.iml")
    images = load_image_folder(tmp_path)
    assert list(images) == ["imk00001.iml"]
    assert images["imk00001.iml"].dtype == np.float32
    np.testing.assert_array_equal(images["imk00001.iml"], pixels)


def test_iml_of_another_size(tmp_path):
    (tmp_path / "cut.iml").write_bytes(b"\0" * 1000)
    with pytest.raises(ValueError, match="cut.iml.*1000 bytes instead of 3145728"):
        load_image_folder(tmp_path)


def test_other_and_hidden_files_are_passed_over_and_names_sorted(tmp_path):
    for name in ("b.png", "a.png"):
        save(tmp_path / name, np.eye(20, dtype=np.uint8))
    (tmp_path / "._a.png").write_bytes(b"resource fork")
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "folder.png").mkdir()
    assert list(load_image_folder(tmp_path)) == ["a.png", "b.png"]


def test_missing_folder_file_and_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder: .*nowhere"):
        load_image_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no image in .* looked for .png.*iml"):
        load_image_folder(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(NotADirectoryError, match="a folder of images is needed"):
        load_image_folder(tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
@pytest.mark.parametrize("kept", [0, 0.1, 0.5])
def test_broken_picture(tmp_path, rng, suffix, kept):
    path = tmp_path / f"broken.{suffix}"
    save(path, rng.integers(0, 256, (60, 60)).astype(np.uint8))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match=f"broken.{suffix}: not a readable image"):
        load_image_folder(tmp_path)


def test_foreign_file_with_the_name_of_a_picture(tmp_path):
    (tmp_path / "page.png").write_text("<html>")
    with pytest.raises(ValueError, match="page.png: not a readable image"):
        load_image_folder(tmp_path)


def test_nan_in_a_picture(tmp_path):
    save(tmp_path / "nan.tif", np.full((20, 20), np.nan, np.float32))
    with pytest.raises(ValueError, match="nan.tif must be finite"):
        load_image_folder(tmp_path)


def test_picture_of_too_many_pixels(tmp_path, monkeypatch):
    save(tmp_path / "large.png", np.eye(100, dtype=np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match="large.png: not a readable image.*10000 pixels"):
        load_image_folder(tmp_path)
