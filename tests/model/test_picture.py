"""The mosaic is tested where it is drawn, in tests/plotting/test_dictionary.py; here its edges."""

import numpy as np

from ipvae_brian.model.picture import mosaic


def test_tiles_have_their_own_scale_and_a_line_between_them():
    tiles = np.array([[[1.0, -2.0]], [[0.0, 0.0]], [[5.0, 10.0]]])
    nan = np.nan
    expected = [[0.5, -1, nan, 0, 0], [nan] * 5, [0.5, 1, nan, nan, nan]]
    np.testing.assert_array_equal(mosaic(tiles, 2), expected)
