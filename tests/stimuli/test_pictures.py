"""PNG, JPEG and BMP of every kind: the right values, or a refusal that says why."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from ipvae_brian._tools import memory
from ipvae_brian.errors import MemoryLimitError
from ipvae_brian.stimuli import pictures
from ipvae_brian.stimuli.pictures import read_picture

LUMA = [0.299, 0.587, 0.114]
SHAPE = (24, 32)


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)


@pytest.fixture
def grey(rgb):
    return rgb[..., 0]


def saved(picture, format="PNG", **options):
    file = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(file, format, **options)
    file.seek(0)
    return file


def png(rows, n_bits, kind, *chunks):
    """A PNG made by hand: `rows` are the bytes of each row, `kind` the colour type."""

    def chunk(name, content):
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0], n_bits, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def read(file):
    return read_picture(file, "a.png")


def test_one_bit(grey):
    array = grey > 100
    for format in ("PNG", "BMP"):
        np.testing.assert_array_equal(read(saved(array, format)), 255 * array)


@pytest.mark.parametrize("n_bits", [1, 2, 4, 8])
def test_grey_of_few_bits(rng, n_bits):
    """Few bits are stretched to 255, as the standard asks of whoever shows them."""
    array = rng.integers(0, 2**n_bits, SHAPE)
    bits = np.unpackbits(array[..., None].astype(np.uint8), axis=-1)[..., -n_bits:]
    rows = np.packbits(bits.reshape(SHAPE[0], -1), axis=1)
    np.testing.assert_array_equal(read(png(rows, n_bits, 0)), array * (255 // (2**n_bits - 1)))


def test_16_bit_grey(rng):
    array = rng.integers(0, 65536, SHAPE)
    got = read(png(array.astype(">u2").view(np.uint8), 16, 0))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, array)


def test_12_bits_in_16(rng):
    array = rng.integers(0, 4096, SHAPE).astype(np.uint16)
    np.testing.assert_array_equal(read(saved(array)), array)


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colours_are_not_cut_to_8(rng, kind, channels):
    """Of 12-bit colours in 16 bits, Pillow leaves 16 levels."""
    array = rng.integers(0, 4096, (*SHAPE, channels)).astype(">u2")
    with pytest.raises(ValueError, match="a.png: .*its colours have 16 bits"):
        read(png(array.view(np.uint8).reshape(SHAPE[0], -1), 16, kind))


@pytest.mark.parametrize("format", ["PNG", "BMP"])
def test_palette(rgb, format):
    picture = Image.fromarray(rgb).quantize(16)
    expected = np.asarray(picture.convert("RGB")) @ LUMA
    np.testing.assert_allclose(read(saved(picture, format)), expected, atol=1)


def test_palette_in_an_order_of_its_own(rng):
    """A dark colour may have a high index."""
    array = rng.integers(0, 4, SHAPE).astype(np.uint8)
    colours = bytes([250, 250, 250, 10, 10, 10, 200, 200, 200, 90, 90, 90])
    got = read(png(array, 8, 3, (b"PLTE", colours)))
    np.testing.assert_array_equal(got, np.array([250, 10, 200, 90])[array])


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA"])
def test_transparency(rgb, mode):
    picture = Image.fromarray(rgb).convert("RGBA")
    picture = picture.convert("LA") if mode == "LA" else picture
    opaque = picture.quantize(32) if mode == "PA" else picture
    expected = np.asarray(opaque.convert("RGB")) @ LUMA
    np.testing.assert_allclose(read(saved(opaque)), expected, atol=1)
    picture.putpixel((3, 4), (*picture.getpixel((3, 4))[:-1], 200))
    file = saved(picture.quantize(32) if mode == "PA" else picture)
    with pytest.raises(ValueError, match="a.png: .*transparent pixels"):
        read(file)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_a_colour_that_stands_for_transparency(grey, mode):
    picture = Image.fromarray(grey).convert(mode)
    first = picture.getpixel((0, 0))
    with pytest.raises(ValueError, match="a.png: .*transparent pixels"):
        read(saved(picture, transparency=first))
    if mode in ("L", "RGB"):
        absent = 7 if mode == "L" else (1, 2, 3)
        picture = picture.point(lambda v: 8 if v == 7 else v)
        np.testing.assert_allclose(
            read(saved(picture, transparency=absent)), np.asarray(picture.convert("L")), atol=1
        )


def test_several_pictures(rgb):
    frames = [Image.fromarray(rgb), Image.fromarray(255 - rgb)]
    file = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match="a.png: .*it has 2 pictures"):
        read(file)


def test_previews_in_a_jpeg_are_passed_over(rgb):
    smooth = np.add.outer(np.arange(32), 3 * np.arange(48)).astype(np.uint8)
    file = saved(smooth, "MPO", save_all=True, append_images=[Image.fromarray(255 - smooth)])
    assert Image.open(file).n_frames == 2
    file.seek(0)
    np.testing.assert_allclose(read(file), smooth, atol=8)


def test_jpeg_of_inks(rgb):
    with pytest.raises(ValueError, match="a.png: .*its colours are CMYK"):
        read(saved(Image.fromarray(rgb).convert("CMYK"), "JPEG"))


def test_grey_and_colour_jpeg():
    ramp = np.add.outer(np.arange(32), 3 * np.arange(48)).astype(np.uint8)
    np.testing.assert_allclose(read(saved(ramp, "JPEG", quality=95)), ramp, atol=6)
    colour = np.stack([ramp, 255 - ramp, ramp // 2], axis=-1)
    np.testing.assert_allclose(read(saved(colour, "JPEG", quality=95)), colour @ LUMA, atol=8)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(format, orientation):
    ramp = np.add.outer(np.arange(32), 3 * np.arange(48)).astype(np.uint8)
    exif = Image.Exif()
    exif[274] = orientation
    file = saved(ramp, format, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    assert expected.shape == (ramp.shape if orientation < 5 else ramp.shape[::-1])
    file.seek(0)
    np.testing.assert_array_equal(read(file), expected)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PPM", "EPS", "ICO"])
def test_other_formats_under_the_name_of_a_picture(rgb, format):
    with pytest.raises(ValueError, match="a.png: not a readable image: it is not PNG, JPEG, BMP"):
        read(saved(rgb, format))


def test_too_large_by_its_declared_size(monkeypatch):
    """A small file of 59 megapixels; nothing is decoded."""
    file = saved(Image.new("1", (7700, 7700)), "PNG")
    assert len(file.getvalue()) < 20_000
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(ValueError, match="7700 x 7700 pixels are 59 million, more than 50 million"):
        read(file)


def test_the_limit_can_be_raised(rgb, monkeypatch):
    monkeypatch.setattr(pictures, "MAXIMUM_PIXELS", 700)
    with pytest.raises(ValueError, match="a.png: .*raise .*pictures.MAXIMUM_PIXELS"):
        read(saved(rgb))
    monkeypatch.setattr(pictures, "MAXIMUM_PIXELS", 800)
    assert read(saved(rgb)).shape == SHAPE


def test_more_than_memory(rgb, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 24 * 24 * 32)
    with pytest.raises(MemoryLimitError, match="the picture .*: load fewer or smaller pictures"):
        read(saved(rgb))
