import hashlib
import json
import pickle

import numpy as np
import pytest
from helpers import make_parameters
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian import Parameters, available_models, load_model
from ipvae_brian.stimuli import (
    FrontEnd,
    PatchSet,
    Whitening,
    contrast_of,
    load_photographs,
    load_stimuli,
    whiten_image,
)
from ipvae_brian.stimuli.whitening import ImageConstants, filter_gain, whiten_and_measure

FILTERS = ("radial", "as_published", "none")
# Arrays of the shipped models before they had front ends: weights, thresholds, steps, rests.
WEIGHTS = {
    "photographs-512": "c20a03db2a2f97c4d1c1f7d2ea02695ca9f60c6e5e2048aef9b93176f4ebd2e0",
    "vanhateren-512": "9c4a1a35361531645da6f1049efad33aa239303a417787a178aaec2361a6394d",
    "vanhateren-1024": "7ec95e64d15130b20e4e3122261fe3ec0daab22baebcd85fd6017da38b54acd1",
}


@pytest.fixture(scope="module")
def photographs():
    return load_photographs(["camera", "grass", "life_by_Aitzol_Berasategi"])


@pytest.fixture(scope="module", params=FILTERS)
def front_end(request, photographs):
    return FrontEnd.from_images(photographs, Whitening(filter=request.param))


def grating(shape, frequency, angle=0.0, phase=0.3):
    """A cosine of contrast 1; frequency in cycles per pixel."""
    y, x = np.indices(shape) - (np.array(shape).reshape(2, 1, 1) - 1) / 2
    return np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) - phase)


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("kernel", [0, 13])
def test_with_the_constants_of_one_image_it_whitens_that_image(photographs, filter_name, kernel):
    whitening = Whitening(filter=filter_name, contrast_kernel=kernel)
    for image in photographs.values():
        whitened, constants = whiten_and_measure(image, whitening)
        np.testing.assert_array_equal(whitened, whiten_image(image, whitening))
        front_end = FrontEnd.from_constants([constants], whitening)
        cut = front_end.margin - whitening.border
        inside = (slice(cut, -cut or None),) * 2
        got = front_end.apply(contrast_of(image))
        np.testing.assert_allclose(got, whitened[inside], atol=1e-9)


def test_the_scale_of_light_does_not_matter_but_contrast_does(photographs, front_end):
    image = photographs["camera"] + 1.0
    once, brighter = (front_end.apply(contrast_of(k * image)) for k in (1, 37.5))
    np.testing.assert_allclose(once, brighter, atol=1e-9)
    weaker = front_end.apply(0.1 * contrast_of(image))
    assert weaker.std() < 0.6 * once.std()


def test_a_small_frame_is_as_good_as_the_whole_image(photographs, front_end):
    rng = np.random.default_rng(0)
    errors = []
    for image in photographs.values():
        contrast = contrast_of(image)
        whole = front_end.apply(contrast)
        height, width = front_end.frame_shape((16, 16))
        for _ in range(20):
            y, x = (rng.integers(n - s) for n, s in zip(image.shape, (height, width), strict=True))
            frame = front_end.apply(contrast[y : y + height, x : x + width])
            patch = whole[y : y + 16, x : x + 16]
            errors.append((frame - patch).std() / patch.std())
    # Mostly the published filter, which is another one for each size of the image.
    assert np.percentile(errors, 90) < 0.12


@pytest.mark.parametrize("normalisation", ["maximum", "divisive"])
def test_contrast_counts(front_end, normalisation):
    """What whitening each image anew erased: gratings of .05 and 1 were equal to 3e-15."""
    front_end = front_end.replace(normalisation=normalisation)
    frame = grating(front_end.frame_shape((16, 16)), 0.16)
    contrasts = [0.001, 0.002, 0.05, 0.1, 1, 10, 20]
    rms = np.array([front_end.apply(c * frame).std() for c in contrasts])
    assert (np.diff(rms) >= -1e-9).all()
    assert rms[4] > 2 * rms[2]  # the issue's .05 and 1
    assert rms[1] / rms[0] == pytest.approx(2, rel=0.01)  # linear far below the floor
    assert rms[-1] / rms[-2] < 1.01  # saturates far above it


@pytest.mark.parametrize("frequency", [1 / 16, 1 / 8, 1 / 4])
@pytest.mark.parametrize("contrast", [0.02, 0.3, 1])
def test_a_grating_in_closed_form(frequency, contrast):
    """Filtered by its gain, halved by the window's own local mean and divided by the rms."""
    whitening = Whitening()
    constants = ImageConstants(floor=0.05, mean=0.02, scale=0.7)
    front_end = FrontEnd.from_constants([constants], whitening, patches_mean=0.1, patches_std=1.1)
    n = 128
    got = front_end.apply(contrast * grating((n, n), frequency, phase=0.0))
    gain = filter_gain((n, n), whitening)[0, round(frequency * n)]
    weights = np.exp(-(np.linspace(-1, 1, 13) ** 2) / (2 * 0.5**2))
    weights /= weights.sum()
    lags = np.arange(-6, 7)
    x = np.arange(n) - (n - 1) / 2
    kept = 1 - weights @ np.cos(2 * np.pi * frequency * lags)
    centred = contrast * gain * kept * np.cos(2 * np.pi * frequency * x)
    square = np.array(
        [
            weights @ (contrast * gain * kept * np.cos(2 * np.pi * frequency * (v + lags))) ** 2
            for v in x
        ]
    )
    expected = centred / np.maximum(np.sqrt(square), 0.05)
    expected = ((expected - 0.02) / 0.7 - 0.1) / 1.1
    inside = slice(front_end.margin, -front_end.margin)
    np.testing.assert_allclose(got, np.tile(expected[inside], (len(got), 1)), atol=1e-6)


def test_normalisations_differ_near_the_floor_only(front_end):
    frame = grating(front_end.frame_shape((16, 16)), 0.16)
    divisive = front_end.replace(normalisation="divisive")
    offset = front_end.mean / front_end.scale
    ratios = [
        (front_end.apply(c * frame) + offset).std() / (divisive.apply(c * frame) + offset).std()
        for c in np.geomspace(1e-3, 100, 40)
    ]
    assert ratios[0] == pytest.approx(1, abs=1e-3)
    assert ratios[-1] == pytest.approx(1, abs=1e-3)
    assert 1.2 < max(ratios) <= np.sqrt(2) + 1e-9


@given(
    shape=st.tuples(st.integers(33, 50), st.integers(33, 50)),
    stack=st.lists(st.integers(1, 3), max_size=2),
    seed=st.integers(0, 100),
)
def test_stacks_are_frames_one_by_one(shape, stack, seed):
    front_end = FrontEnd(whitening=Whitening(), floor=0.1, mean=0.1, scale=0.7)
    frames = np.random.default_rng(seed).normal(size=(*stack, *shape))
    got = front_end.apply(frames)
    assert got.shape == (*stack, shape[0] - 32, shape[1] - 32)
    for place in np.ndindex(*stack):
        np.testing.assert_allclose(got[place], front_end.apply(frames[place]), atol=1e-12)


@given(c=st.floats(1e-4, 1), seed=st.integers(0, 20))
def test_sign_is_kept(c, seed):
    """Dark and bright are treated alike: the front end is odd about grey."""
    front_end = FrontEnd(whitening=Whitening(), floor=0.05, scale=0.7)
    frame = c * np.random.default_rng(seed).uniform(-1, 1, (48, 48))
    np.testing.assert_allclose(front_end.apply(-frame), -front_end.apply(frame), atol=1e-12)


def test_grey_is_grey(front_end):
    got = front_end.apply(np.zeros(front_end.frame_shape((16, 16))))
    np.testing.assert_allclose(got, -front_end.mean / front_end.scale)
    assert np.abs(got).max() < 0.02


def test_constants_are_medians(photographs):
    measured = [whiten_and_measure(image)[1] for image in photographs.values()]
    front_end = FrontEnd.from_images(photographs, patches_mean=0.1, patches_std=1.2)
    scale = np.median([m.scale for m in measured])
    assert front_end.floor == np.median([m.floor for m in measured])
    assert front_end.mean == pytest.approx(np.median([m.mean for m in measured]) + 0.1 * scale)
    assert front_end.scale == pytest.approx(1.2 * scale)


def test_patches_come_with_their_front_end():
    patches = load_stimuli(n_train=3000, n_validation=10)
    front_end = patches.front_end
    images = load_photographs(patches.train_images)
    assert front_end == FrontEnd.from_images(
        images, patches_mean=patches.mean, patches_std=patches.std
    )
    # Photographs through the front end are what training patches are: mean 0, about one strength.
    strengths = [front_end.apply(contrast_of(image)).std() for image in images.values()]
    assert 0.8 < np.median(strengths) < 1.2


def test_patches_of_images_without_contrast_have_none(tmp_path, rng):
    import tifffile

    for name in "abc":
        tifffile.imwrite(tmp_path / f"{name}.tif", rng.normal(size=(40, 40)) - 5)
    assert load_stimuli(tmp_path, n_train=10, n_validation=10).front_end is None


@pytest.mark.parametrize("name", sorted(WEIGHTS))
def test_shipped_models_have_theirs_and_the_same_weights(name):
    assert name in available_models()
    model = load_model(name)
    digest = hashlib.sha256()
    arrays, _ = model.to_arrays()
    for key in ("dictionary", "natural_gradient_step", "resting_potential", "threshold"):
        digest.update(key.encode() + arrays[key].tobytes())
    assert digest.hexdigest() == WEIGHTS[name]
    frame = grating(model.front_end.frame_shape(model.stimulus_shape), 0.2)
    weak, strong = (model.front_end.apply(c * frame).std() for c in (0.05, 1))
    assert 0.1 < weak < 0.8
    assert 1.3 < strong < 1.6  # 1 / .69: the divisor is the grating's own rms


def test_the_front_end_of_photographs_512_is_that_of_its_training():
    model = load_model("photographs-512")
    told = model.provenance
    patches = load_stimuli(n_train=5, n_validation=5)
    expected = FrontEnd.from_images(
        load_photographs(patches.train_images),
        Whitening.from_dict(model.whitening),
        patches_mean=told["patches_mean"],
        patches_std=told["patches_std"],
    )
    assert model.front_end.floor == pytest.approx(expected.floor, rel=1e-9)
    assert model.front_end.mean == pytest.approx(expected.mean, rel=1e-6)
    assert model.front_end.scale == pytest.approx(expected.scale, rel=1e-9)


def test_the_front_ends_of_the_van_hateren_models_are_the_measured_ones(shared_folder):
    measured = json.loads((shared_folder / "reference" / "vanhateren_front_end.json").read_text())
    constants = {name: value.get("median") for name, value in measured["as-coded"].items()}
    for name in ("vanhateren-512", "vanhateren-1024"):
        model = load_model(name)
        scale = constants["sd_after_normalisation"]
        assert model.front_end.whitening == Whitening(filter="as_published")
        assert model.front_end.floor == constants["floor"]
        told = model.provenance
        assert model.front_end.scale == pytest.approx(scale * told["patches_std"])
        assert model.front_end.mean == pytest.approx(
            constants["mean_after_normalisation"] + scale * told["patches_mean"]
        )


def test_in_a_model_file(tmp_path):
    front_end = FrontEnd(whitening=Whitening(border=3), floor=0.02, normalisation="divisive")
    model = make_parameters(front_end=front_end)
    model.save(tmp_path / "m.npz")
    assert Parameters.load(tmp_path / "m.npz").front_end == front_end
    assert make_parameters(front_end=front_end.to_dict()).front_end == front_end
    assert pickle.loads(pickle.dumps(model)).front_end == front_end
    arrays, metadata = model.to_arrays()
    del metadata["front_end"]  # as in files from before there were front ends
    assert Parameters.from_arrays(arrays, metadata, "m.npz").front_end is None
    assert make_parameters().front_end is None


@pytest.mark.parametrize("value", [Whitening(), "radial", 3])
def test_not_a_front_end(value):
    with pytest.raises(TypeError, match="front_end must be a FrontEnd or None"):
        make_parameters(front_end=value)
    with pytest.raises(TypeError, match="front_end must be a FrontEnd or None"):
        PatchSet(
            train=np.zeros((3, 6)), validation=np.zeros((2, 6)), shape=(2, 3), source="somewhere",
            mean=0, std=1, front_end=value,
        )  # fmt: skip


@given(
    floor=st.floats(1e-3, 10),
    mean=st.floats(-1, 1),
    normalisation=st.sampled_from(["maximum", "divisive"]),
)
def test_json_and_back(floor, mean, normalisation):
    front_end = FrontEnd(
        whitening=Whitening(cutoff=0.4), floor=floor, mean=mean, normalisation=normalisation
    )
    assert FrontEnd.from_dict(json.loads(json.dumps(front_end.to_dict()))) == front_end


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("radial", TypeError, "front_end must be a dict"),
        ({"floor": 1}, TypeError, "front_end needs the field 'whitening'"),
        ({"whitening": {}}, TypeError, "front_end needs the field 'floor'"),
        ({"whitening": {}, "flor": 1}, ValueError, "front_end field .* did you mean 'floor'"),
        ({"whitening": {"cutof": 1}, "floor": 1}, ValueError, "whitening field"),
        ({"whitening": {}, "floor": 0}, ValueError, "floor must be > 0"),
        ({"whitening": {}, "floor": "1"}, TypeError, "floor must be a number"),
        ({"whitening": {}, "floor": 1, "scale": 0}, ValueError, "scale must be > 0"),
        ({"whitening": {}, "floor": 1, "mean": None}, TypeError, "mean must be a number"),
        ({"whitening": {}, "floor": 1, "normalisation": "max"}, ValueError, "normalisation must"),
    ],
)
def test_bad_fields(content, error, message):
    with pytest.raises(error, match=message):
        FrontEnd.from_dict(content)


def test_bad_arguments(photographs):
    front_end = FrontEnd.from_images(photographs)
    for frames in (np.zeros(48), np.zeros((32, 48)), np.zeros((3, 48, 32))):
        with pytest.raises(ValueError, match="contrast must be of frames larger than 32 x 32"):
            front_end.apply(frames)
    with pytest.raises(ValueError, match="contrast must be finite"):
        front_end.apply(np.full((48, 48), np.nan))
    with pytest.raises(ValueError, match="replace: field .* did you mean 'normalisation'"):
        front_end.replace(normalization="divisive")
    with pytest.raises(TypeError, match="whitening must be a Whitening"):
        FrontEnd(whitening={}, floor=1)
    with pytest.raises(TypeError, match="images must be a dict"):
        FrontEnd.from_images({})
    with pytest.raises(ValueError, match="image 'a': image has no variance"):
        FrontEnd.from_images({"a": np.ones((40, 40))})
    with pytest.raises(ValueError, match="image 'a' has no contrast: its mean is not positive"):
        FrontEnd.from_images({"a": photographs["grass"] - 300})
    with pytest.raises(ValueError, match="image has no contrast"):
        contrast_of(np.zeros((3, 3)))
    with pytest.raises(AttributeError):
        front_end.floor = 2


def test_contrast_of():
    contrast = contrast_of([[0, 10], [20, 10]])
    np.testing.assert_allclose(contrast, [[-1, 0], [1, 0]])
