"""Compiled functions for all engines that use Numba: arithmetic, random numbers, decoding."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.engines.kernels import kernel, parts_of, several_threads

# Taylor coefficients of exp; enough of them for single precision at |f| <= log(2) / 2.
TAYLOR = tuple(np.float32(1 / math.factorial(k)) for k in range(8))
# log(2) in two parts: the first has so few digits that whole multiples of it are exact.
LOG2_E, LOG_2, LOG_2_REST = (
    np.float32(value) for value in (1 / math.log(2), 0.693359375, math.log(2) - 0.693359375)
)
# Beyond these the exponential has no place in a float32.
SMALLEST_POWER, LARGEST_POWER = np.float32(-87), np.float32(88)
# No licence to reorder sums: it would join the parts of log(2) again, and what is compiled afresh
# would round otherwise than what comes from the cache.
MATHS = {"nnan", "ninf", "nsz", "contract"}
# log(v) = n log(2) + log(f) with f within a factor sqrt(2) of 1, and
# log(f) = 2 (s + s^3/3 + s^5/5 + ...) with s = (f - 1) / (f + 1).
LOG_TERMS = tuple(np.float32(2 / k) for k in (1, 3, 5, 7, 9))
SQRT_HALF_BITS, MANTISSA, ONE_BITS = np.int32(0x3F3504F3), np.int32(0x7FFFFF), np.int32(127 << 23)
# SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195), which finds its next number
# from a counter, so that several can be worked out at once. Every copy has its own increment.
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31, 11))


@njit(inline="always")
def uniform_number(counter):
    """Return a number in (0, 1] from a counter."""
    mixed = (counter ^ (counter >> SHIFTS[0])) * MIX_1
    mixed = (mixed ^ (mixed >> SHIFTS[1])) * MIX_2
    mixed = mixed ^ (mixed >> SHIFTS[2])
    return (np.float64(np.int64(mixed >> SHIFTS[3])) + 1.0) * 2.0**-53


@njit(inline="always", fastmath=MATHS)
def exponential_number(counter, number):
    """Return a standard exponential number, of the type `number`."""
    return -np.log(number(uniform_number(counter)))


@njit(inline="always")
def exponential_function(values, out, scratch):
    """Work out exp of a row; in single precision for many elements at once.

    exp(v) = 2**n * exp(f), where the whole number n goes into the exponent of a float32.
    """
    if out.itemsize == 8:
        for j in range(len(values)):
            out[j] = np.exp(values[j])
        return
    power = scratch.view(np.float32)
    c0, c1, c2, c3, c4, c5, c6, c7 = TAYLOR
    for j in range(len(values)):
        v = min(max(np.float32(values[j]), SMALLEST_POWER), LARGEST_POWER)
        n = np.floor(v * LOG2_E + np.float32(0.5))
        f = v - n * LOG_2 - n * LOG_2_REST
        scratch[j] = (np.int32(n) + np.int32(127)) << np.int32(23)
        out[j] = c0 + f * (c1 + f * (c2 + f * (c3 + f * (c4 + f * (c5 + f * (c6 + f * c7))))))
    for j in range(len(values)):
        out[j] *= power[j]


@njit(inline="always", fastmath=MATHS)
def logarithm(values, out, scratch):
    """Work out the natural logarithm of a row of positive numbers; `scratch` is int32."""
    if out.itemsize == 8:
        for j in range(len(values)):
            out[j] = np.log(values[j])
        return
    t1, t3, t5, t7, t9 = LOG_TERMS
    bits = values.view(np.int32)
    for j in range(len(values)):
        # What the exponent has beyond that of sqrt(1/2), and the rest, which is near 1.
        n = (bits[j] - SQRT_HALF_BITS) >> np.int32(23)
        scratch[j] = bits[j] - (n << np.int32(23))
        out[j] = np.float32(n) * np.float32(math.log(2))
    near_one = scratch.view(np.float32)
    for j in range(len(values)):
        s = (near_one[j] - np.float32(1)) / (near_one[j] + np.float32(1))
        q = s * s
        out[j] += s * (t1 + q * (t3 + q * (t5 + q * (t7 + q * t9))))


@kernel(MATHS)
def decode(counts, columns, decoded, n_parts):
    """Add up the dictionary's `columns`, one in each row, over the spikes of each copy."""
    n_copies, n_neurons = counts.shape
    number = decoded.dtype.type
    for part in prange(n_parts):
        fired = np.empty(n_neurons, np.int32)
        for b in range(part * n_copies // n_parts, (part + 1) * n_copies // n_parts):
            x, z = decoded[b], counts[b]
            n_fired = 0
            for j in range(n_neurons):
                fired[n_fired] = j
                n_fired += z[j] != 0
            x[:] = 0
            # Four at a time, so that pixels are fetched and stored less often.
            in_fours = n_fired // 4 * 4
            for k in range(0, in_fours, 4):
                j0, j1, j2, j3 = fired[k], fired[k + 1], fired[k + 2], fired[k + 3]
                z0, z1, z2, z3 = number(z[j0]), number(z[j1]), number(z[j2]), number(z[j3])
                c0, c1, c2, c3 = columns[j0], columns[j1], columns[j2], columns[j3]
                for pixel in range(len(x)):
                    x[pixel] += z0 * c0[pixel] + z1 * c1[pixel] + z2 * c2[pixel] + z3 * c3[pixel]
            for k in range(in_fours, n_fired):
                z0, c0 = number(z[fired[k]]), columns[fired[k]]
                for pixel in range(len(x)):
                    x[pixel] += z0 * c0[pixel]


class CompiledCopies(Circuit):
    """Copies that Numba's threads simulate and decode.

    Parameters as for `Circuit`.

    Attributes
    ----------
    columns : numpy.ndarray, shape (n_neurons, n_pixels)
        A column of the dictionary in each row, in the precision of the potentials.
    """

    columns: NDArray

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Use as many threads as the work pays for, while those of BLAS stand back.

        Threads of OpenBLAS keep a core busy for a while after each product, waiting for the next.
        """
        with one_blas_thread(), several_threads(self.n_copies * self.n_neurons):
            yield

    def decode(self, counts: ArrayLike) -> NDArray:
        """Return the stimuli that counts (n, n_neurons) stand for, (n, n_pixels)."""
        counts = np.asarray(counts)
        decoded = np.empty((len(counts), self.columns.shape[1]), self.columns.dtype)
        decode(counts, self.columns, decoded, parts_of(len(counts)))
        return decoded
