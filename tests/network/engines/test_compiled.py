"""Arithmetic and random numbers of all compiled engines."""

import numpy as np
import pytest
from numba import njit
from scipy.stats import kstest, pearsonr

from ipvae_brian.network.engines import compiled


@njit
def exponential_function(values, out, scratch):
    compiled.exponential_function(values, out, scratch)


@njit
def exponential_numbers(counter, increment, out):
    number = out.dtype.type
    for k in range(len(out)):
        counter += increment
        out[k] = compiled.exponential_number(counter, number)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-7), (np.float64, 1e-15)])
def test_exponential_function(dtype, tolerance):
    """Over more than the potentials' default bounds; 3e-7 is three roundings of a float32."""
    values = np.concatenate([np.linspace(-30, 30, 100_001), [0, -8, 6, 0.5 * np.log(2)]])
    values = values.astype(dtype)
    out, scratch = np.empty_like(values), np.empty(len(values), np.int32)
    exponential_function(values, out, scratch)
    np.testing.assert_allclose(out, np.exp(values.astype(float)), rtol=tolerance)


def test_exponential_function_beyond_single_precision():
    values = np.array([-1000, -87, 88, 1000], np.float32)
    out = np.empty_like(values)
    exponential_function(values, out, np.empty(4, np.int32))
    assert 0 <= out[0] <= out[1] < 2e-38 and 1e38 < out[2] <= out[3] < np.inf


def streams(n, size, dtype):
    rng = np.random.default_rng(0)
    numbers = np.empty((n, size), dtype)
    for row in numbers:
        counter, increment = rng.integers(2**64, size=2, dtype=np.uint64)
        exponential_numbers(counter, increment | np.uint64(1), row)
    return numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_numbers_are_exponential(dtype):
    """Kolmogorov-Smirnov, p > 1e-3 for each of 20 streams: at other seeds 1 in 50 would fail."""
    for row in streams(20, 20_000, dtype):
        assert (row >= 0).all()
        assert kstest(row, "expon").pvalue > 1e-3


def test_random_numbers_are_independent_within_and_between_streams():
    """Correlations of 20,000 numbers; p > 1e-4 for each of about 100."""
    rows = streams(10, 20_001, np.float64)
    for row in rows:
        assert pearsonr(row[1:], row[:-1]).pvalue > 1e-4
    for k, row in enumerate(rows):
        for other in rows[k + 1 :]:
            assert pearsonr(row, other).pvalue > 1e-4
            assert pearsonr(row[1:], other[:-1]).pvalue > 1e-4


@njit
def natural_logarithm(values, out, scratch):
    compiled.logarithm(values, out, scratch)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 4e-7), (np.float64, 1e-15)])
def test_logarithm(dtype, tolerance):
    """From rates far below any bound to far above; near 1, where it is 0, the error is absolute."""
    values = np.concatenate([np.logspace(-12, 12, 50_001), [1, 0.5, 2, np.sqrt(0.5)]])
    values = values.astype(dtype)
    out, scratch = np.empty_like(values), np.empty(len(values), np.int32)
    natural_logarithm(values, out, scratch)
    expected = np.log(values.astype(float))
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance)
