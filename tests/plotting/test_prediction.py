import numpy as np
import pytest

from ipvae_brian import plotting
from ipvae_brian.physiology import NoiseCeiling, Prediction, confidence_interval


def prediction(error, n_neurons=30, seed=0):
    rng = np.random.default_rng(seed)
    measured = rng.normal(size=(60, n_neurons))
    variance = measured.var(axis=0, ddof=1)
    fraction = np.linspace(0.05, 0.9, n_neurons)
    ceiling = NoiseCeiling(fraction, variance, (1 - fraction) * variance)
    predicted = measured + error * np.random.default_rng(1).normal(size=measured.shape)
    return Prediction(predicted, measured, ceiling, minimum_ceiling=0.1)


def test_a_dot_for_every_neuron_that_can_be_predicted():
    both = {"code": prediction(0.7), "pixels": prediction(0.9)}
    ax = plotting.plot_predictions(both)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["code", "pixels"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first at the top
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    for row, (line, one) in enumerate(zip(dots, both.values(), strict=True)):
        shown = one.normalised[np.isfinite(one.normalised)]
        assert 20 < len(shown) < 30
        np.testing.assert_allclose(line.get_xdata(), shown.clip(-0.5))
        assert np.abs(line.get_ydata() - row).max() < 0.3
    low, high = ax.get_xlim()
    assert low < -0.5 and high > max(np.nanmax(one.normalised) for one in both.values())
    medians = [f"{confidence_interval(one.normalised).estimate:.2f}" for one in both.values()]
    assert [text.get_text() for text in ax.texts] == medians
    assert "of 30 neurons, 60 images" in ax.get_title("right")


def test_it_draws_on_given_axes(plt):
    ax = plt.figure().subplots()
    assert plotting.plot_predictions({"code": prediction(0.5)}, ax=ax) is ax


def test_what_cannot_be_compared():
    with pytest.raises(TypeError, match="predictions must be a dict"):
        plotting.plot_predictions([prediction(0.5)])
    with pytest.raises(TypeError, match="predictions must be a dict"):
        plotting.plot_predictions({})
    with pytest.raises(ValueError, match="of the same recording"):
        plotting.plot_predictions({"a": prediction(0.5), "b": prediction(0.5, seed=1)})
    with pytest.raises(ValueError, match="at least 5 units, got 3"):
        plotting.plot_predictions({"a": prediction(0.5, n_neurons=4)})
