"""Every kind of TIFF that tifffile writes: the right values, or a refusal that says why."""

import io
import logging
import subprocess
import sys
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from ipvae_brian.stimuli import load_image_folder, load_photographs
from ipvae_brian.stimuli.pictures import read_picture

LUMA = [0.299, 0.587, 0.114]
SHAPE = (24, 32)
LOSSLESS = [
    "zlib",
    "lzw",
    "packbits",
    "lzma",
    "zstd",
    "png",
    "jpeg2000",
    "jpegxl",
    "jpegxr",
    "lerc",
]


@pytest.fixture
def grey(rng):
    return rng.integers(0, 100, SHAPE)


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)


def written(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    file.seek(0)
    return file


def by_pillow(array, format="TIFF", **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format, **options)
    file.seek(0)
    return file


def read(file):
    return read_picture(file, "a.tif")


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", "u1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split())
def test_grey_keeps_its_values(grey, dtype, byteorder, bigtiff):
    array = grey.astype(dtype)
    if array.dtype.kind != "u":
        array = array - array.dtype.type(50)
    got = read(written(array, byteorder=byteorder, bigtiff=bigtiff))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("dtype", "u2 u4 i4 f4 f8".split())
def test_large_values_and_offsets_keep_their_digits(rng, dtype):
    array = rng.integers(0, 50, SHAPE).astype(dtype)
    array += array.dtype.type({"u2": 65_000, "f4": 1e6}.get(dtype, 2_000_000_001))
    np.testing.assert_array_equal(read(written(array)), array)


def test_more_digits_than_double_precision_has(grey):
    with pytest.raises(ValueError, match="a.tif: .* more digits than float64"):
        read(written(grey.astype(np.uint64) + 2**60))


def test_12_bits_in_16_keep_their_values(rng):
    array = rng.integers(0, 4096, SHAPE).astype(np.uint16)
    np.testing.assert_array_equal(read(written(array)), array)
    np.testing.assert_array_equal(
        read(written(array, photometric="miniswhite", extratags=[(281, "H", 1, 4095, True)])),
        4095 - array.astype(int),
    )


@pytest.mark.parametrize("n_bits", [2, 4, 10, 12, 14])
def test_packed_bits(rng, n_bits):
    array = rng.integers(0, 2**n_bits, SHAPE).astype(np.uint8 if n_bits <= 8 else np.uint16)
    try:
        file = written(array, bitspersample=n_bits)
    except ValueError as error:
        pytest.skip(f"tifffile does not write them: {error}")
    np.testing.assert_array_equal(read(file), array)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit_is_black_and_white(rng, photometric):
    array = rng.integers(0, 2, SHAPE).astype(bool)
    file = written(array, photometric=photometric)
    expected = 255 * (array if photometric == "minisblack" else ~array)
    np.testing.assert_array_equal(read(file), expected)
    file.seek(0)
    np.testing.assert_array_equal(np.asarray(Image.open(file).convert("L")), expected)
    np.testing.assert_array_equal(read(by_pillow(array)), 255 * array)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
def test_white_is_zero(grey, dtype):
    array = grey.astype(dtype)
    expected = np.iinfo(dtype).max - array.astype(float)
    np.testing.assert_array_equal(read(written(array, photometric="miniswhite")), expected)


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_white_is_zero_of_signed_numbers(grey, dtype):
    with pytest.raises(ValueError, match="a.tif: .*white is its lowest value"):
        read(written(grey.astype(dtype), photometric="miniswhite"))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f2", "f4", "f8"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colour_becomes_luma(rgb, planar, dtype, byteorder, compression):
    array = (rgb.astype("f8") * (257 if dtype in ("u2", "u4") else 0.25)).astype(dtype)
    expected = array.astype(float) @ LUMA
    stored = array if planar == "contig" else np.moveaxis(array, -1, 0)
    options = {"byteorder": byteorder, "compression": compression, "photometric": "rgb"}
    got = read(written(stored, planarconfig=planar, **options))
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_the_picture_of_the_issue(tmp_path):
    """16-bit colours one plane after another, which came out as noise."""
    camera = load_photographs(["camera"])["camera"]
    planes = np.stack([(camera * 257).astype("u2")] * 3)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_allclose(load_image_folder(tmp_path)["a.tif"], 257 * camera, rtol=1e-6)
    with warnings.catch_warnings():  # newer versions of tifffile write three pages
        warnings.simplefilter("ignore", DeprecationWarning)
        file = written(planes)
    with tifffile.TiffFile(file) as tiff:
        n_pages = len(tiff.pages)
    file.seek(0)
    if n_pages == 1:
        np.testing.assert_allclose(read(file), 257 * camera, rtol=1e-6)
    else:
        with pytest.raises(ValueError, match="a.tif: .*it has 3 pictures"):
            read(file)


@pytest.mark.parametrize(("size", "dtype"), [(1, "u1"), (4, "u1"), (8, "u1"), (12, "u2")])
def test_palette(rng, size, dtype):
    n_colours = 2 ** (8 if dtype == "u1" else 16)
    colours = rng.integers(0, 65536, (3, n_colours)).astype(np.uint16)
    array = rng.integers(0, 2**size, SHAPE).astype(dtype)
    got = read(written(array, photometric="palette", colormap=colours))
    np.testing.assert_allclose(got, (LUMA @ (colours / 257.0))[array], rtol=1e-6)


def test_palette_as_pillow_reads_it(rgb):
    picture = Image.fromarray(rgb).quantize(16)
    file = io.BytesIO()
    picture.save(file, "TIFF")
    file.seek(0)
    np.testing.assert_allclose(read(file), np.asarray(picture.convert("L")), atol=1.2)


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_lossless_compressions(grey, compression, dtype):
    array = grey.astype(dtype)
    np.testing.assert_array_equal(read(written(array, compression=compression)), array)


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 7}])
def test_predictors_tiles_and_strips(grey, compression, dtype, layout):
    array = grey.astype(dtype)
    got = read(written(array, compression=compression, predictor=True, **layout))
    np.testing.assert_array_equal(got, array)


def test_jpeg_inside():
    ramp = np.add.outer(np.arange(64), 2 * np.arange(64)).astype(np.uint8)
    np.testing.assert_allclose(read(written(ramp, compression="jpeg")), ramp, atol=6)
    colour = np.stack([ramp, ramp[::-1], 255 - ramp], axis=-1)
    for file in (  # the first holds luma and chroma
        written(colour, compression="jpeg", photometric="rgb"),
        by_pillow(colour, compression="jpeg", quality=95),
    ):
        np.testing.assert_allclose(read(file), colour @ LUMA, atol=12)


def test_luma_and_chroma_without_jpeg(rgb):
    with pytest.raises(ValueError, match="a.tif: .*YCBCR"):
        read(written(rgb, photometric="ycbcr"))


def test_as_pillow_writes_them(grey, rgb):
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "tiff_deflate"):
        for array, expected in ((grey.astype(np.uint8), grey), (rgb, rgb @ LUMA)):
            file = by_pillow(array, compression=compression)
            np.testing.assert_allclose(read(file), expected, rtol=1e-6)
    for compression in ("group3", "group4"):
        array = grey > 50
        np.testing.assert_array_equal(read(by_pillow(array, compression=compression)), 255 * array)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(grey, orientation):
    array = grey.astype(np.uint8)
    file = by_pillow(array, tiffinfo={274: orientation})
    expected = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    file.seek(0)
    np.testing.assert_array_equal(read(file), expected)


def test_unknown_orientation(grey):
    with pytest.raises(ValueError, match="a.tif: .*orientation is 9"):
        read(written(grey.astype("u1"), extratags=[(274, "H", 1, 9, True)]))


@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_transparency(grey, rgb, kind, colour, planar):
    shown = rgb if colour else grey.astype(np.uint8)[..., None]
    alpha = np.full((*SHAPE, 1), 255, np.uint8)
    options = {"photometric": "rgb" if colour else "minisblack", "planarconfig": planar}

    def stored():
        array = np.concatenate([shown, alpha], axis=-1)
        array = array if planar == "contig" else np.moveaxis(array, -1, 0)
        return written(array, extrasamples=[kind], **options)

    np.testing.assert_allclose(read(stored()), rgb @ LUMA if colour else grey, rtol=1e-6)
    alpha[3, 4] = 254
    with pytest.raises(ValueError, match="a.tif: .*transparent pixels"):
        read(stored())


def test_channels_of_unknown_meaning(rng):
    array = rng.integers(0, 256, (*SHAPE, 5)).astype(np.uint8)
    options = {"planarconfig": "contig", "photometric": "minisblack", "metadata": None}
    with pytest.raises(ValueError, match="a.tif: .*5 channels"):
        read(written(array, **options))


@pytest.mark.parametrize("photometric", ["separated", "cielab", "cfa", "icclab", "linear_raw"])
def test_other_colours(rng, photometric):
    array = rng.integers(0, 256, (*SHAPE, {"separated": 4, "cfa": 1}.get(photometric, 3)))
    options = {"photometric": photometric}
    if photometric == "cfa":
        array = array[..., 0]
    with pytest.raises(ValueError, match=f"a.tif: .*{photometric.upper()}"):
        read(written(array.astype(np.uint8), **options))


@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"ome": True}, {"metadata": None}])
def test_several_pictures(rng, options):
    stack = rng.integers(0, 256, (5, *SHAPE)).astype(np.uint8)
    with pytest.raises(ValueError, match="a.tif: .*it has 5 pictures"):
        read(written(stack, photometric="minisblack", **options))


def test_very_many_pictures(rng):
    stack = rng.integers(0, 256, (150, 8, 8)).astype(np.uint8)
    with pytest.raises(ValueError, match="a.tif: .*more than 100 pages"):
        read(written(stack, photometric="minisblack"))


def test_pages_that_lead_to_each_other(grey):
    """Each page names the next; here the second names the first."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for _ in range(2):
            writer.write(grey.astype(np.uint8), metadata=None)
    content = file.getvalue()
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        first, second = (page.offset for page in tiff.pages)
    n_tags = int.from_bytes(content[second : second + 2], "little")
    place = second + 2 + 12 * n_tags
    looped = content[:place] + first.to_bytes(4, "little") + content[place + 4 :]
    with pytest.raises(ValueError, match="a.tif: .*pictures|a.tif: .*pages"):
        read(io.BytesIO(looped))


def test_imagej_stack_with_one_page(rng):
    stack = rng.integers(0, 256, (5, *SHAPE)).astype(np.uint8)
    page = written(stack[0], description="ImageJ=1.53\nimages=5\nslices=5\n", metadata=None)
    with pytest.raises(ValueError, match="it has 5 pictures"):
        read(page)


def test_volume(rng):
    volume = rng.integers(0, 256, (4, 16, 16)).astype(np.uint8)
    with pytest.raises(ValueError, match="it has 4 pictures"):
        read(written(volume, volumetric=True, tile=(4, 16, 16), photometric="minisblack"))


def test_thumbnails_are_passed_over_and_masks_refused(grey):
    file = io.BytesIO()
    array = grey.astype(np.uint8)
    with tifffile.TiffWriter(file) as writer:
        writer.write(array, metadata=None)
        writer.write(array[::2, ::2], subfiletype=1, metadata=None)
    file.seek(0)
    np.testing.assert_array_equal(read(file), array)
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(array, metadata=None)
        writer.write(array > 3, subfiletype=4, metadata=None)
    file.seek(0)
    with pytest.raises(ValueError, match="transparency mask"):
        read(file)


def test_pixels_without_data(grey):
    array = grey.astype(np.int16)
    tag = [(42113, "s", 0, "-9999", True)]
    np.testing.assert_array_equal(read(written(array, extratags=tag)), array)
    array[2, 3] = -9999
    with pytest.raises(ValueError, match="a.tif: .*without data .marked by -9999"):
        read(written(array, extratags=tag))


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_numbers(grey, dtype):
    with pytest.raises(ValueError, match="a.tif: .*complex"):
        read(written(grey.astype(dtype)))


def test_nan(grey):
    array = grey.astype(np.float32)
    array[0, 0] = np.nan
    with pytest.raises(ValueError, match="a.tif must be finite"):
        read(written(array))


def test_missing_strips(grey):
    array = grey.astype(np.uint8)
    content = written(array, rowsperstrip=4).getvalue()
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        end = tiff.pages[0].dataoffsets[-1] + 5
    with pytest.raises(ValueError, match="a.tif: .*parts of its pixels are missing"):
        read(io.BytesIO(content[:end]))


@pytest.mark.parametrize("layout", [{"tile": (16, 16)}, {"rowsperstrip": 4}])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_more_pixels_than_there_are_parts(grey, layout, compression):
    """A width or height that was damaged: what is missing must not become zeros."""
    array = grey.astype(np.uint8)
    for name in ("ImageWidth", "ImageLength"):
        content = bytearray(written(array, compression=compression, **layout).getvalue())
        with tifffile.TiffFile(io.BytesIO(content)) as tiff:
            tag = tiff.pages[0].tags[name]
        size = int(tag.value) + 64
        content[tag.valueoffset : tag.valueoffset + 2] = size.to_bytes(2, "little")
        with pytest.raises(ValueError, match="a.tif: not a readable image"):
            read(io.BytesIO(content))


def test_too_large_by_its_declared_size():
    file = written(np.zeros((9000, 9000), np.uint8), compression="zlib")
    with pytest.raises(ValueError, match="a.tif: .*9000 x 9000 pixels are 81 million, more than"):
        read(file)


WITHOUT_EXTRA = """
import sys
sys.modules["imagecodecs"] = None
from ipvae_brian.stimuli.pictures import read_picture
for name in ("none", "zlib", "lzw"):
    try:
        with open(f"{sys.argv[1]}/{name}.tif", "rb") as file:
            print(name, read_picture(file, name).sum())
    except ValueError as error:
        print(error)
"""


def test_compression_without_its_extra(tmp_path, grey):
    for compression in ("none", "zlib", "lzw"):
        path = tmp_path / f"{compression}.tif"
        tifffile.imwrite(path, grey.astype(np.uint8), compression=compression)
    command = [sys.executable, "-c", WITHOUT_EXTRA, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    none, zlib, lzw = result.stdout.splitlines()
    assert none.split() == ["none", f"{grey.sum():.1f}"]
    assert zlib.split() == ["zlib", f"{grey.sum():.1f}"]
    assert "(LZW)" in lzw and "pip install 'ipvae-brian[tiff]'" in lzw
    assert not result.stderr


def test_told_by_content_not_by_name(tmp_path, grey):
    array = grey.astype(np.uint16) * 600
    tifffile.imwrite(tmp_path / "a.png", array, photometric="miniswhite")
    Image.fromarray(array).save(tmp_path / "b.tif", "PNG")
    images = load_image_folder(tmp_path)
    np.testing.assert_array_equal(images["a.png"], 65535 - array.astype(int))
    np.testing.assert_array_equal(images["b.tif"], array)


def test_logging_is_as_before(grey):
    logger = logging.getLogger("tifffile")
    read(written(grey.astype(np.uint8)))
    with pytest.raises(ValueError, match="a.tif"):
        read(io.BytesIO(b"II*\0" + bytes(40)))
    assert not logger.disabled
