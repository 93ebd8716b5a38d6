import numpy as np
import pytest
from brian2.only import ms

from ipvae_brian import SpikingNetwork, load_model
from ipvae_brian.stimuli import FrontEnd, contrast_of, load_photographs, load_stimuli, protocols


def test_white_noise():
    session = protocols.white_noise(n_sequences=3, n_frames=200, contrast=0.25, repeats=2, seed=4)
    assert (session.n_stimuli, session.n_trials) == (3, 6)
    np.testing.assert_array_equal(session.conditions["sequence"], [0, 1, 2] * 2)
    np.testing.assert_allclose(session.durations[1:] / ms, 20)
    frames = np.stack([session.frames(i) for i in range(3)])
    assert frames.std() == pytest.approx(0.25, rel=0.01)
    assert abs(np.corrcoef(frames.reshape(3, -1))[0, 1:]).max() < 0.02
    other = protocols.white_noise(n_sequences=3, n_frames=200, contrast=0.25, seed=5)
    assert abs(np.corrcoef(other.frames(0).ravel(), frames[0].ravel())[0, 1]) < 0.02
    np.testing.assert_allclose(session.movies(None)[0, 1:], frames[0].reshape(200, -1), rtol=1e-6)


def test_natural_images_through_the_front_end_are_those_of_the_whole_image():
    images = load_photographs(["camera", "grass"])
    model = load_model("photographs-512")
    session = protocols.natural_images(images, n_per_image=3, repeats=2, seed=1)
    assert session.conditions["image"].tolist() == (["camera"] * 3 + ["grass"] * 3) * 2
    seen = session.movies(model.front_end)[:, 1].reshape(-1, 16, 16)
    table = session.conditions
    cut = model.front_end.margin
    for i in range(session.n_stimuli):
        contrast = contrast_of(images[table["image"][i]])
        top, left = table["top"][i], table["left"][i]
        np.testing.assert_allclose(
            session.frames(i)[0], contrast[top : top + 16, left : left + 16], rtol=1e-5, atol=1e-6
        )
        whole = model.front_end.apply(contrast)
        expected = whole[top - cut : top - cut + 16, left - cut : left - cut + 16]
        assert np.corrcoef(seen[i].ravel(), expected.ravel())[0, 1] > 0.99


def test_natural_images_take_every_place():
    image = np.arange(12 * 9.0).reshape(12, 9) + 1
    session = protocols.natural_images({"a": image}, n_per_image=400, margin=2, shape=(6, 4))
    places = {
        (t, left)
        for t, left in zip(session.conditions["top"], session.conditions["left"], strict=True)
    }
    assert places == {(t, left) for t in range(2, 5) for left in range(2, 4)}


def test_image_sequences(rng):
    frames = rng.uniform(-1, 1, (2, 5, 48, 48))
    session = protocols.image_sequences(frames, frame_duration=1000 / 60 * ms, dt=0.1 * ms)
    np.testing.assert_array_equal(session.frames(1), frames[1, :, 16:32, 16:32])
    np.testing.assert_array_equal(session.frames(1, margin=16), frames[1])
    assert session.frame_steps.sum() == round(5000 / 60 * 10)
    front_end = load_model("photographs-512").front_end
    np.testing.assert_allclose(
        session.movies(front_end)[0, 1:], front_end.apply(frames[0]).reshape(5, -1), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n_sequences": 0}, ValueError, "n_sequences must be at least 1"),
        ({"n_frames": 1.5}, TypeError, "n_frames must be a whole number"),
        ({"contrast": 0}, ValueError, "contrast must be > 0"),
        ({"contrast": 2}, ValueError, "contrast must be > 0 and <= 1, got 2"),
        ({"binary": 1}, TypeError, "binary must be True or False"),
        ({"check": 0}, ValueError, "check must be at least 1"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"frame_duration": 20}, TypeError, r"frame_durations\[0\] must be a time"),
    ],
)
def test_bad_noise(changes, error, message):
    with pytest.raises(error, match=message):
        protocols.white_noise(**changes)


def test_bad_pictures():
    image = np.ones((48, 60)) + np.eye(48, 60)
    for images in ({}, [image], image):
        with pytest.raises(TypeError, match="images must be a dict"):
            protocols.natural_images(images)
    with pytest.raises(ValueError, match="image 'a' is too small: 47 x 60 .* margin has 48 x 48"):
        protocols.natural_images({"a": image[1:]})
    with pytest.raises(ValueError, match="image 'a': image has no contrast"):
        protocols.natural_images({"a": -image})
    with pytest.raises(ValueError, match="margin must be at least 0"):
        protocols.natural_images({"a": image}, margin=-1)
    with pytest.raises(ValueError, match="n_per_image must be at least 1"):
        protocols.natural_images({"a": image}, n_per_image=0)
    with pytest.raises(ValueError, match="frames must have 4 dimension"):
        protocols.image_sequences(image)
    with pytest.raises(ValueError, match="frames must be at least as large as a patch of 16 x 16"):
        protocols.image_sequences(np.zeros((2, 3, 15, 16)))
    larger = FrontEnd.from_images(load_photographs(["grass"])).replace()
    session = protocols.natural_images({"a": image}, margin=3)
    with pytest.raises(ValueError, match="pictures of 22 x 22 pixels are too small"):
        session.movies(larger)


def test_a_model_codes_light_as_well_as_its_training_patches():
    """What comes out of the front end is what the network was trained on."""
    model = load_model("photographs-512")
    patches = load_stimuli(n_train=2000, n_validation=60)
    photographs = load_photographs(patches.validation_images)
    session = protocols.natural_images(photographs, n_per_image=20)
    seen = session.movies(model.front_end)[:, 1]
    textured = seen.std(axis=1) > 0.2  # as for patches: skies have next to nothing to code
    network = SpikingNetwork(model, n_copies=60)
    r2 = network.present(seen, 160 * ms, seed=1, progress=False).r2()
    trained = network.present(patches.validation, 160 * ms, seed=1, progress=False).r2()
    assert textured.sum() > 45
    assert r2[textured].mean() > 0.8
    assert r2[textured].mean() == pytest.approx(trained.mean(), abs=0.08)
