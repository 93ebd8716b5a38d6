import json

import numpy as np
import pytest

from ipvae_brian import Parameters
from ipvae_brian.physiology import ColumnFits, GaborFit, fit_columns, fit_gabor

GABORS = [
    GaborFit(0.5 * i - 2, 1.0, 40.0 * i, 0.15, 30.0 * i, 1.0 + 0.3 * i, 1.5, 1.0, 1.0, (12, 14))
    for i in range(6)
]


def model(columns):
    """A model of patches of 12 x 14 pixels."""
    return Parameters(dictionary=np.stack([c.ravel() for c in columns], 1), stimulus_shape=(12, 14))


def test_every_column_is_fitted_and_noise_is_none(rng):
    noise = [rng.normal(size=(12, 14)) for _ in range(2)]
    found = fit_columns(model([g.field for g in GABORS] + noise), progress=False)
    assert found.well_fitted.tolist() == 6 * [True] + 2 * [False]
    for name in ("nx", "ny", "frequency"):
        expected = [getattr(g, name) for g in GABORS]
        np.testing.assert_allclose(found.of(name)[:6], expected, rtol=0.02)
    assert np.isnan(found.of("ny")[6:]).all()
    figures = json.loads(json.dumps(found.figures()))
    assert (figures["n_columns"], figures["gabor_fraction"]) == (8, 0.75)
    widths = [g.half_bandwidth for g in GABORS]
    expected = np.percentile(widths, [25, 50, 75])
    np.testing.assert_allclose(figures["half_bandwidth"], expected, rtol=0.03)
    # All of ny .225, in the second of the published bins: 11 of 79 lie below it, 57 above.
    assert figures["distance_to_macaque"]["ny"] == pytest.approx(57 / 79)


def test_columns_without_any_gabor_function(rng):
    figures = fit_columns(model(rng.normal(size=(2, 12, 14))), progress=False).figures()
    assert figures["gabor_fraction"] == 0
    assert figures["nx"] is None and figures["distance_to_macaque"] is None


@pytest.mark.parametrize("gabor", [*GABORS[:3], GaborFit(0, 0, 70, 0.2, 90, 1, 2, 1, 1, (16, 16))])
def test_half_bandwidth_is_that_of_responses_to_gratings(gabor):
    """Drifting gratings on a field without borders: the amplitude of what they evoke."""
    wide = GaborFit(**{**vars(gabor), "shape": (81, 81)}).field
    y, x = np.mgrid[40:-41:-1, -40:41]
    turns = np.arange(0, 90, 0.5)
    directions = np.deg2rad(gabor.orientation - 90 + turns)
    cycles = gabor.frequency * (
        x.ravel() * np.cos(directions)[:, None] + y.ravel() * np.sin(directions)[:, None]
    )
    response = np.abs(np.exp(2j * np.pi * cycles) @ wide.ravel())
    below = turns[np.argmax(response < response[0] / np.sqrt(2))]
    assert gabor.half_bandwidth == pytest.approx(below, abs=0.75)


def test_a_narrow_field_has_the_bandwidth_of_its_length():
    """Of a long field, exp(-2 (pi ny angle)^2) falls to 1/sqrt(2) at .1325 / ny."""
    long = GaborFit(0, 0, 0, 0.2, 0, 3.0, 10.0, 1, 1, (16, 16))
    assert long.half_bandwidth == pytest.approx(np.rad2deg(0.1325 / long.ny), abs=0.1)
    dot = GaborFit(0, 0, 0, 0.05, 0, 1.0, 1.0, 1, 1, (16, 16))
    assert np.isnan(dot.half_bandwidth)


def test_wrong_models():
    with pytest.raises(TypeError, match="parameters must be a Parameters, got ndarray"):
        fit_columns(np.eye(4))
    with pytest.raises(ValueError, match="must be of images, with rows and columns"):
        fit_columns(Parameters(dictionary=np.eye(4)))
    one = fit_gabor(GABORS[0].field)
    with pytest.raises(AttributeError):
        ColumnFits((one,)).of("nz")


def test_fields_without_tuning_for_orientation_are_told():
    """They have a size, but no half-bandwidth."""
    fit = GaborFit(0, 0, 0, 0.05, 0, 1.0, 1.0, 1.0, 0.9, (8, 8))
    assert np.isnan(fit.half_bandwidth)
    told = ColumnFits((fit,) * 3).figures()
    assert told["half_bandwidth"] is None and told["nx"][1] == pytest.approx(0.05)
    assert set(told["distance_to_macaque"]) == {"nx", "ny"}
