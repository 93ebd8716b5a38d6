"""The mosaic holds the columns of the dictionary."""

from dataclasses import replace

import numpy as np
import pytest

from ipvae_brian import plotting
from ipvae_brian.model.picture import tiles_across

N_NEURONS, SHAPE, RECORDED = 12, (4, 4), (7, 2, 9)


def tiles(ax, across):
    """Tiles of the drawn mosaic, row by row, with their separators taken off."""
    mosaic = np.ma.filled(ax.images[0].get_array(), np.nan)
    mosaic = np.pad(mosaic, ((0, 1), (0, 1)), constant_values=np.nan)
    rows, columns = SHAPE[0] + 1, SHAPE[1] + 1
    cut = mosaic.reshape(-1, rows, across, columns).swapaxes(1, 2).reshape(-1, rows, columns)
    assert np.isnan(cut[:, -1]).all() and np.isnan(cut[:, :, -1]).all()
    return cut[:, :-1, :-1]


def test_dictionary_shows_each_column_scaled_to_its_largest_value(parameters):
    ax = plotting.plot_dictionary(parameters)
    columns = parameters.dictionary.T
    expected = columns / np.abs(columns).max(axis=1, keepdims=True)
    np.testing.assert_allclose(tiles(ax, 4), expected.reshape(-1, *SHAPE))
    assert ax.images[0].get_clim() == (-1, 1)
    assert ax.get_title() == "12 of 12 neurons"


def test_dictionary_in_order_and_by_usage(parameters):
    usage = np.random.default_rng(2).random(N_NEURONS)
    order = np.argsort(-usage)
    by_order = plotting.plot_dictionary(parameters, n=4, order=order)
    by_usage = plotting.plot_dictionary(parameters, n=4, usage=usage)
    np.testing.assert_array_equal(tiles(by_order, 2), tiles(by_usage, 2))
    first = parameters.dictionary[:, order[0]].reshape(SHAPE)
    np.testing.assert_allclose(tiles(by_order, 2)[0], first / np.abs(first).max())
    assert "most used first" in by_usage.get_title()
    assert by_order.get_title() == "4 of 12 neurons"


def test_dictionary_with_a_column_of_zeros_is_grey_there(parameters):
    dictionary = parameters.dictionary.copy()
    dictionary[:, 3] = 0
    ax = plotting.plot_dictionary(replace(parameters, dictionary=dictionary))
    assert (tiles(ax, 4)[3] == 0).all()


@pytest.mark.parametrize("n", [1, 2, 5, 7, 12, 13, 64, 512, 1000, 1024])
def test_mosaic_holds_all_without_an_empty_row(n):
    across = tiles_across(n, 1.0)
    down = -(-n // across)
    assert across * down - n < across
    if n >= 64:
        assert 0.9 < across / down < 2.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"order": [0, 12]}, "order must be within the 12 neurons"),
        ({"order": [0.5]}, "order must be a list of neurons"),
        ({"order": []}, "order must be a list of neurons"),
        ({"usage": [1, 2]}, "usage must have shape"),
        ({"usage": np.ones(12), "order": [1]}, "exclude each other"),
        ({"n": 0}, "n must be at least 1"),
    ],
)
def test_dictionary_names_wrong_arguments(parameters, arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.plot_dictionary(parameters, **arguments)


def test_dictionary_of_whatever_has_parameters(parameters, response):
    class Fitted:
        parameters_ = parameters

    wanted = plotting.plot_dictionary(parameters).images[0].get_array()
    for value in (Fitted(), response):
        np.testing.assert_array_equal(plotting.plot_dictionary(value).images[0].get_array(), wanted)
    with pytest.raises(TypeError, match="^parameters must be a Parameters, or .*, got ndarray"):
        plotting.plot_dictionary(parameters.dictionary)
