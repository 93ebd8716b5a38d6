import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvae_brian.stimuli import Whitening, load_photographs, whiten_image
from ipvae_brian.stimuli.whitening import filter_gain, normalise_contrast

FILTER_ONLY = {"contrast_kernel": 0, "border": 0}


def grating(rows, columns, size=64):
    """`rows` and `columns` cycles per image down and across."""
    y, x = np.mgrid[:size, :size] / size
    return np.cos(2 * np.pi * (rows * y + columns * x))


def measured_gain(cycles, whitening, size=64, reference=(8, 0)):
    """Gain for one grating relative to a reference grating, from one image that holds both."""
    out = whiten_image(grating(*reference, size) + grating(*cycles, size), whitening)
    return np.sum(out * grating(*cycles, size)) / np.sum(out * grating(*reference, size))


def radial_gain(f, cutoff=0.5, steepness=4):
    return f * np.exp(-((f / cutoff) ** steepness))


@pytest.mark.parametrize("cycles", [(1, 0), (0, 5), (12, 12), (3, 20), (0, 27), (30, 30)])
@pytest.mark.parametrize("parameters", [{}, {"cutoff": 0.3, "steepness": 2}])
def test_radial_gain_of_single_gratings(cycles, parameters):
    expected = radial_gain(np.hypot(*cycles) / 64, **parameters) / radial_gain(8 / 64, **parameters)
    gain = measured_gain(cycles, Whitening(**parameters, **FILTER_ONLY))
    assert gain == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("cycles", [(1, 0), (0, 5), (12, 12), (3, 20), (0, 27), (30, 30)])
def test_as_published_swaps_low_and_high_frequencies_along_each_axis(cycles):
    size = 256
    cycles = tuple(4 * c for c in cycles)

    def swapped(rows, columns):
        return radial_gain(np.hypot(0.5 - rows / size, 0.5 - columns / size))

    whitening = Whitening(filter="as_published", **FILTER_ONLY)
    gain = measured_gain(cycles, whitening, size=size, reference=(32, 0))
    # The published grid of frequencies has both ends, which shifts it by about 1/size.
    assert gain == pytest.approx(swapped(*cycles) / swapped(32, 0), rel=0.05)


def test_as_published_is_the_published_arithmetic(rng):
    image = rng.normal(size=(40, 31))
    f_rows = np.linspace(-0.5, 0.5, 40)
    f_columns = np.linspace(-0.5, 0.5, 31)
    f = np.sqrt(f_rows[:, None] ** 2 + f_columns[None, :] ** 2)
    expected = np.fft.ifft2(np.fft.fft2(image) * f * np.exp(-((f / 0.5) ** 4))).real
    expected = (expected - expected.mean()) / expected.std()
    result = whiten_image(image, Whitening(filter="as_published", **FILTER_ONLY))
    # The image's own mean is taken out first; its gain is not zero but it is only a constant.
    np.testing.assert_allclose(result, expected, atol=1e-10)


def test_gain_shapes():
    assert filter_gain((5, 8), Whitening()).shape == (5, 8)
    assert filter_gain((5, 8), Whitening())[0, 0] == 0
    assert (filter_gain((5, 8), Whitening(filter="none")) == 1).all()


@pytest.mark.parametrize(("kernel", "sigma"), [(13, 0.5), (5, 0.8)])
def test_contrast_normalisation_against_a_direct_loop(rng, kernel, sigma):
    image = rng.normal(size=(19, 16))
    half = kernel // 2
    offsets = range(-half, half + 1)
    window = {
        (i, j): np.exp(-(i**2 + j**2) / (2 * (sigma * half) ** 2)) for i in offsets for j in offsets
    }
    total = sum(window.values())

    def local_mean(values):
        out = np.zeros_like(values)
        for y, x in np.ndindex(values.shape):
            for (i, j), weight in window.items():
                if 0 <= y + i < values.shape[0] and 0 <= x + j < values.shape[1]:
                    out[y, x] += weight / total * values[y + i, x + j]
        return out

    centred = image - local_mean(image)
    contrast = np.sqrt(local_mean(centred**2))
    expected = centred / np.where(contrast > contrast.mean(), contrast, contrast.mean())
    np.testing.assert_allclose(normalise_contrast(image, kernel, sigma), expected, atol=1e-12)


def test_contrast_becomes_equal():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(100, 200)) * np.where(np.arange(200) < 100, 5, 2)
    before = Whitening(filter="none", contrast_kernel=0)
    left_to_right = [
        out[:, :90].std() / out[:, -90:].std()
        for out in (whiten_image(image, before), whiten_image(image, Whitening(filter="none")))
    ]
    assert left_to_right[0] > 2.3
    assert left_to_right[1] < 1.9  # below the average contrast the divisor is the average


def octave_power(image):
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    f = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in image.shape), indexing="ij"))
    edges = [0.02, 0.04, 0.08, 0.16, 0.25]
    return np.array(
        [power[(f >= a) & (f < b)].mean() for a, b in zip(edges, edges[1:], strict=False)]
    )


def test_radial_filter_flattens_the_spectrum_of_the_photographs():
    spread = []
    for whitening in (Whitening(filter="none", contrast_kernel=0), Whitening(contrast_kernel=0)):
        powers = [
            np.log10(octave_power(whiten_image(image, whitening)))
            for image in load_photographs().values()
        ]
        spread.append(np.ptp(np.mean(powers, axis=0)))
    assert spread[0] > 2  # a hundredfold over three octaves
    assert spread[1] < 0.6


@settings(max_examples=30)
@given(
    filter_name=st.sampled_from(["radial", "as_published", "none"]),
    kernel=st.sampled_from([0, 3, 13]),
    border=st.integers(0, 6),
    shape=st.tuples(st.integers(16, 40), st.integers(16, 40)),
    scale=st.floats(1e-3, 1e6),
    offset=st.floats(-1e5, 1e5),
)
def test_result_is_standardised_and_ignores_scale_and_offset(
    filter_name, kernel, border, shape, scale, offset
):
    image = np.random.default_rng(1).uniform(size=shape)
    whitening = Whitening(filter=filter_name, contrast_kernel=kernel, border=border)
    result = whiten_image(image, whitening)
    assert result.shape == (shape[0] - 2 * border, shape[1] - 2 * border)
    assert abs(result.mean()) < 1e-9
    assert result.std() == pytest.approx(1)
    # What float64 keeps of the image beside the offset.
    lost = 1e-15 * (1 + abs(offset) / scale)
    np.testing.assert_allclose(
        whiten_image(scale * image + offset, whitening), result, atol=1e-9 + 1e5 * lost
    )


def test_the_input_is_left_alone(rng):
    image = rng.uniform(size=(32, 32))
    before = image.copy()
    whiten_image(image)
    np.testing.assert_array_equal(image, before)


def test_integers_are_whitened_like_floats(rng):
    image = rng.integers(0, 256, (32, 32)).astype(np.uint8)
    np.testing.assert_array_equal(whiten_image(image), whiten_image(image.astype(float)))


@pytest.mark.parametrize("filter_name", ["radial", "as_published", "none"])
@pytest.mark.parametrize("value", [0, 0.1, 255, 1e12, -3.7])
def test_constant_image(filter_name, value):
    with pytest.raises(ValueError, match="image has no variance: the image is constant"):
        whiten_image(np.full((32, 32), value), Whitening(filter=filter_name))


def test_image_that_is_constant_inside_of_its_border():
    image = np.zeros((32, 32))
    image[0, 0] = 1
    with pytest.raises(ValueError, match="constant inside of its border"):
        whiten_image(image, Whitening(filter="none", contrast_kernel=0, border=4))


def test_image_of_which_the_filter_leaves_nothing():
    checkerboard = np.indices((32, 32)).sum(0) % 2
    with pytest.raises(ValueError, match="'radial' leaves nothing of the image"):
        whiten_image(checkerboard, Whitening(cutoff=0.01))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.ones(50), ValueError, "image must have 2 dimension.*shape .50,"),
        (np.ones((3, 32, 32)), ValueError, "image must have 2 dimension"),
        (np.ones((0, 32)), ValueError, "image is empty"),
        (np.full((32, 32), np.nan), ValueError, "image must be finite, got 1024"),
        (np.full((32, 32), np.inf), ValueError, "image must be finite"),
        (np.ones((12, 40)), ValueError, "too small to whiten: 12 x 40 pixels.*at least 13"),
        (np.full((32, 32), "a"), TypeError, "image must hold real numbers"),
        (np.ones((32, 32), complex), TypeError, "image must hold real numbers"),
    ],
)
def test_bad_images(image, error, message):
    with pytest.raises(error, match=message):
        whiten_image(image)


def test_image_smaller_than_its_borders(rng):
    with pytest.raises(ValueError, match="at least 22"):
        whiten_image(rng.normal(size=(20, 20)), Whitening(border=10))


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"filter": "radiall"}, ValueError, "filter must be one of .* did you mean 'radial'"),
        ({"cutoff": 0}, ValueError, "cutoff must be > 0"),
        ({"cutoff": "half"}, TypeError, "cutoff must be a number"),
        ({"steepness": -1}, ValueError, "steepness must be > 0"),
        ({"contrast_kernel": 12}, ValueError, "contrast_kernel must be 0 or odd"),
        ({"contrast_kernel": 1}, ValueError, "contrast_kernel must be 0 or odd"),
        ({"contrast_kernel": 13.0}, TypeError, "contrast_kernel must be a whole number"),
        ({"contrast_sigma": 0}, ValueError, "contrast_sigma must be > 0"),
        ({"border": -1}, ValueError, "border must be at least 0"),
    ],
)
def test_bad_fields(fields, error, message):
    with pytest.raises(error, match=message):
        Whitening(**fields)


def test_whitening_is_frozen():
    with pytest.raises(AttributeError):
        Whitening().cutoff = 1


@pytest.mark.parametrize("whitening", ["radial", {}, 1])
def test_whitening_of_another_type(whitening):
    with pytest.raises(TypeError, match="must be a Whitening or None"):
        whiten_image(np.eye(32), whitening)


@given(
    cutoff=st.floats(0.01, 10),
    kernel=st.integers(1, 20).map(lambda n: 2 * n + 1),
    border=st.integers(0, 50),
)
def test_json_and_back(cutoff, kernel, border):
    whitening = Whitening(
        cutoff=np.float64(cutoff), contrast_kernel=kernel, border=np.int64(border)
    )
    assert Whitening.from_dict(json.loads(json.dumps(whitening.to_dict()))) == whitening


def test_from_dict_of_something_else():
    assert Whitening.from_dict({}) == Whitening()
    with pytest.raises(ValueError, match="whitening field .* did you mean 'cutoff'"):
        Whitening.from_dict({"cutof": 0.4})
    with pytest.raises(TypeError, match="must be a dict"):
        Whitening.from_dict("radial")
