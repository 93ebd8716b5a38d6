import numpy as np
import pytest
from helpers import make_parameters

from ipvae_brian import Recording, SpikingNetwork, Timing
from ipvae_brian.physiology import gabor_energy, predictors_of, rates_without_competition


def grating(frequency, degrees, phase=0.0, size=16):
    y, x = np.mgrid[:size, :size] / size
    across = x * np.cos(np.deg2rad(degrees)) - y * np.sin(np.deg2rad(degrees))
    return np.cos(2 * np.pi * (frequency * across + phase))


def test_energy_ignores_phase_and_grows_with_contrast():
    energy = gabor_energy([grating(4, 30, phase) for phase in np.linspace(0, 1, 7)])
    strongest = energy.max(axis=1)
    assert np.ptp(strongest) < 0.02 * strongest.mean()
    np.testing.assert_allclose(gabor_energy([3 * grating(4, 30)]), 3 * energy[:1])


@pytest.mark.parametrize("frequency", [2, 4, 6])
@pytest.mark.parametrize("orientation", [0, 1, 5])
def test_energy_is_largest_in_filters_of_the_gratings_own(frequency, orientation):
    """Filters come by frequency, then by orientation, from bars that are horizontal on."""
    numbers = [8 * max(1, int(f / 0.75)) ** 2 for f in (2, 4, 6)]
    first = np.cumsum([0, *numbers])
    # Bars at 0 degrees are horizontal: across them is up.
    energy = gabor_energy([grating(frequency, 22.5 * orientation + 90)])[0]
    assert len(energy) == first[-1]
    best = energy.argmax()
    which = np.searchsorted(first, best, side="right") - 1
    assert (2, 4, 6)[which] == frequency
    assert (best - first[which]) // (numbers[which] // 8) == orientation


def test_energy_of_images_that_are_not_square():
    assert gabor_energy(np.ones((2, 10, 14)), frequencies=[2], n_orientations=4).shape[0] == 2


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.ones((2, 256)), {}, "images must have 3 dimension"),
        (np.ones((2, 8, 8)), {}, "from 1 to below 4 cycles per width"),
        (np.ones((2, 16, 16)), {"frequencies": [0.5]}, "from 1 to below 8 cycles"),
        (np.ones((2, 16, 16)), {"n_orientations": 0}, "n_orientations must be at least 1"),
    ],
)
def test_wrong_energies(images, options, message):
    with pytest.raises(ValueError, match=message):
        gabor_energy(images, **options)


def test_rates_without_competition_are_those_of_neurons_alone(stimuli):
    """Each neuron in a network of its own, which settles where its own inhibition holds it."""
    parameters = make_parameters(n_neurons=4)
    expected = rates_without_competition(parameters, stimuli)
    assert (expected > 0).any() and (expected == 0).any()
    for j in range(4):
        one = parameters.replace(
            dictionary=parameters.dictionary[:, j : j + 1],
            **{
                name: getattr(parameters, name)[j]
                for name in ("threshold", "resting_potential", "natural_gradient_step")
            },
        )
        shown = np.repeat(stimuli, 20, axis=0)
        response = SpikingNetwork(one, n_copies=len(shown), engine="numpy").present(
            shown, 60 * one.tau, seed=0
        )
        found = response.settled_counts()[:, 0].reshape(-1, 20).mean(axis=1)
        np.testing.assert_allclose(found, expected[:, j], rtol=0.1, atol=0.05)


def test_images_must_fit_the_model(parameters):
    with pytest.raises(ValueError, match="images must have shape"):
        rates_without_competition(parameters, np.ones((2, 7)))


def test_predictors_of_a_response(stimuli):
    parameters = make_parameters(n_pixels=256, scale=0.05, stimulus_shape=(16, 16))
    images = np.random.default_rng(0).normal(size=(5, 256))
    response = SpikingNetwork(parameters, n_copies=5, engine="numpy").present(
        images, 4 * parameters.tau, seed=0
    )
    found = predictors_of(response)
    assert list(found) == ["code", "without competition", "Gabor energy", "pixels"]
    np.testing.assert_allclose(found["code"], response.expected_counts.mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found["pixels"], images)
    np.testing.assert_array_equal(
        found["without competition"], rates_without_competition(parameters, images)
    )


def test_what_has_no_predictors(parameters, stimuli):
    timing = Timing(dt=0.001, n_steps=20, steps_per_window=20)
    with pytest.raises(TypeError, match="response must be a Response, got Recording"):
        predictors_of(Recording(np.ones((1, 1, 2), int), timing))
    network = SpikingNetwork(parameters, n_copies=1, engine="numpy")
    movie = network.present_movie(stimuli[:2], 2 * parameters.tau, seed=0)
    with pytest.raises(ValueError, match="static images, got 2 frames"):
        predictors_of(movie)
    flat = network.parameters.replace(stimulus_shape=(16,))
    with pytest.raises(ValueError, match="images with rows and columns"):
        predictors_of(
            SpikingNetwork(flat, n_copies=1, engine="numpy").present(stimuli[:1], 2 * flat.tau)
        )
