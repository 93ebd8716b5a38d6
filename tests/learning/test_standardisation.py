"""One mean and one scale for all stimuli, whatever their offset, type and size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvae_brian.learning import standardisation
from ipvae_brian.learning.standardisation import Standardisation


def stimuli(n=50):
    return np.random.default_rng(0).normal(size=(n, 16))


@given(st.floats(-1e8, 1e8), st.floats(1e-3, 1e3))
def test_offset_and_unit_do_not_matter(offset, unit):
    """Double precision has 16 digits, of which an offset of 1e8 units of 0.001 leaves five."""
    x = stimuli()
    expected = (x - x.mean()) / x.std()
    moved = unit * x + offset
    found = Standardisation.of(moved)
    digits = 1e-6 + 20 * np.finfo(float).eps * abs(offset) / unit
    assert found.mean == pytest.approx(moved.mean(), rel=1e-9, abs=1e-9 * unit)
    np.testing.assert_allclose(found.apply(moved), expected, atol=10 * digits)
    assert found.apply(moved).dtype == np.float32
    np.testing.assert_allclose(found.undo(expected), moved, rtol=1e-12, atol=10 * digits * unit)


def test_read_in_pieces(monkeypatch):
    x = stimuli()
    whole = Standardisation.of(x)
    monkeypatch.setattr(standardisation, "ROWS", 7)
    pieces = Standardisation.of(x)
    assert (pieces.mean, pieces.scale) == pytest.approx((whole.mean, whole.scale), rel=1e-12)
    np.testing.assert_array_equal(whole.apply(x), np.float32((x - whole.mean) / whole.scale))


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_whole_numbers_keep_their_digits(kind):
    x = np.arange(100).reshape(10, 10) + (0 if kind == np.int8 else 2**15)
    if np.dtype(kind).itemsize > 2:
        x = x + 2**30  # float32 has 128 between these and their neighbours
    found = Standardisation.of(x.astype(kind))
    expected = (np.arange(100).reshape(10, 10) - 49.5) / np.arange(100).std()
    np.testing.assert_allclose(found.apply(x.astype(kind)), expected, rtol=1e-6)


def test_none():
    x = np.float32(stimuli())
    np.testing.assert_array_equal(Standardisation().apply(x), x)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e7])
def test_constant_stimuli(value):
    with pytest.raises(ValueError, match="X is constant .* in 5 samples.: there is nothing"):
        Standardisation.of(np.full((5, 16), value))
