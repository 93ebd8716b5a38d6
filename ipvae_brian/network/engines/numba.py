"""The engine "numba": the step of the engine "numpy", compiled; copies are divided among cores.

Each copy is worked on while it is in the cache of its core, with the same arithmetic and the same
sampler as in there. Spikes inhibit one by one, each adding its row of the weights, because a
sum over a fifth of the neurons is still cheaper than the product with all.

Every copy has random numbers of its own, so what it does depends neither on the number of cores
nor on the other copies.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from numba import njit, prange
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.engines.numpy import NumpyCopies

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
# Spikes of a neuron in a step that are drawn one by one. Rates are as high where a run diverges.
ONE_BY_ONE = 500
# SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195), which finds its next number
# from a counter, so that several can be worked out at once. Every copy has its own increment.
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = tuple(np.uint64(n) for n in (30, 27, 31, 11))


@njit(inline="always", fastmath=MATHS)
def _exponential_number(counter, number):
    """Return a standard exponential number, of the type `number`."""
    mixed = (counter ^ (counter >> SHIFTS[0])) * MIX_1
    mixed = (mixed ^ (mixed >> SHIFTS[1])) * MIX_2
    mixed = mixed ^ (mixed >> SHIFTS[2])
    # Uniform in (0, 1].
    uniform = (np.float64(np.int64(mixed >> SHIFTS[3])) + 1.0) * 2.0**-53
    return -np.log(number(uniform))


@njit(inline="always")
def _exponential_function(values, out, scratch):
    """Put the exponential of a row into `out`; in single precision, of many elements at once.

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


@njit(parallel=True, fastmath=MATHS, cache=True)
def draw(potential, left, counts, window_counts, window_expected, streams, step, spikes, first):
    """Draw the counts of a step.

    Parameters
    ----------
    potential, left, window_expected : numpy.ndarray, shape (n_copies, n_neurons)
    counts, window_counts : numpy.ndarray of int32, shape (n_copies, n_neurons)
    streams : numpy.ndarray of uint64, shape (n_copies, 2)
        Counter and increment of the random numbers of each copy.
    step : float
        In the precision of the potentials.
    spikes : numpy.ndarray of int32, shape (n_copies * n_neurons + 1,)
        Those of the last step; gets the numbers of the neurons that spiked, in order, and at the
        end how many there are.
    first : numpy.ndarray of int64, shape (n_copies + 1,)
        Gets where the spikes of each copy begin.

    Returns
    -------
    int
        How many neurons, with nothing left, have more spikes than were drawn.
    """
    n_copies, n_neurons = potential.shape
    number = potential.dtype.type
    unfinished = np.zeros(n_copies, np.int64)
    flat_counts = counts.reshape(-1)
    for k in range(spikes[-1]):
        flat_counts[spikes[k]] = 0
    for b in prange(n_copies):
        expected = np.empty(n_neurons, potential.dtype)
        pending = np.empty(n_neurons, np.int32)
        left_b, counts_b, fired = left[b], counts[b], spikes[b * n_neurons : (b + 1) * n_neurons]
        _exponential_function(potential[b], expected, pending)
        for j in range(n_neurons):
            expected[j] *= step
            window_expected[b, j] += expected[j]
            left_b[j] -= expected[j]
        # Eight flags at a time, as most neurons are silent. Among the others, writing first and
        # counting after needs no branch, which would be mispredicted.
        over = np.zeros((n_neurons + 7) // 8 * 8, np.uint8)
        for j in range(n_neurons):
            over[j] = left_b[j] <= 0
        eights = over.view(np.uint64)
        n_fired = 0
        for k in range(n_neurons // 8):
            if eights[k]:
                for j in range(8 * k, 8 * k + 8):
                    fired[n_fired] = j
                    n_fired += over[j]
        for j in range(n_neurons // 8 * 8, n_neurons):
            fired[n_fired] = j
            n_fired += over[j]
        n_pending = n_fired
        for k in range(n_fired):
            pending[k] = fired[k]
        counter, increment = streams[b]
        for _ in range(ONE_BY_ONE):
            if n_pending == 0:
                break
            n_still = 0
            for k in range(n_pending):
                j = pending[k]
                counter += increment
                left_b[j] += _exponential_number(counter, number)
                counts_b[j] += 1
                pending[n_still] = j
                n_still += left_b[j] <= 0
            n_pending = n_still
        unfinished[b] = n_pending
        streams[b, 0] = counter
        for k in range(n_fired):
            window_counts[b, fired[k]] += counts_b[fired[k]]
        first[b + 1] = n_fired
    total = 0
    for b in range(n_copies):
        begin, n_fired = b * n_neurons, first[b + 1]
        for k in range(n_fired):
            spikes[total + k] = begin + spikes[begin + k]
        total += n_fired
        first[b + 1] = total
    spikes[-1] = total
    return unfinished.sum()


@njit(parallel=True, fastmath=MATHS, cache=True)
def update(potential, kept, drive, scale, offset, lowest, highest, counts, spikes, first, weights):
    """Take potentials to the next step; `scale`, `offset`, rows of `weights` are per neuron."""
    n_copies, n_neurons = potential.shape
    number = potential.dtype.type
    for b in prange(n_copies):
        u, begin = potential[b], b * n_neurons
        for j in range(n_neurons):
            u[j] = kept * u[j] + (scale[j] * drive[b, j] + offset[j])
        # Four spikes at a time, so that the potentials are fetched and stored less often.
        in_fours = first[b] + (first[b + 1] - first[b]) // 4 * 4
        for k in range(first[b], in_fours, 4):
            i0, i1 = spikes[k] - begin, spikes[k + 1] - begin
            i2, i3 = spikes[k + 2] - begin, spikes[k + 3] - begin
            z0, z1 = number(counts[b, i0]), number(counts[b, i1])
            z2, z3 = number(counts[b, i2]), number(counts[b, i3])
            w0, w1, w2, w3 = weights[i0], weights[i1], weights[i2], weights[i3]
            for j in range(n_neurons):
                u[j] -= z0 * w0[j] + z1 * w1[j] + z2 * w2[j] + z3 * w3[j]
        for k in range(in_fours, first[b + 1]):
            i = spikes[k] - begin
            z, w = number(counts[b, i]), weights[i]
            for j in range(n_neurons):
                u[j] -= z * w[j]
        for j in range(n_neurons):
            u[j] = min(max(u[j], lowest), highest)


@njit(parallel=True, fastmath=MATHS, cache=True)
def decode(counts, columns, decoded):
    """Add up the dictionary's `columns`, one in each row, over the spikes of each copy."""
    n_copies, n_neurons = counts.shape
    number = decoded.dtype.type
    for b in prange(n_copies):
        x = decoded[b]
        x[:] = 0
        for j in range(n_neurons):
            if counts[b, j]:
                z, column = number(counts[b, j]), columns[j]
                for pixel in range(len(x)):
                    x[pixel] += z * column[pixel]


class NumbaCopies(NumpyCopies):
    """The step of `NumpyCopies`, compiled for all cores.

    Parameters as for `Circuit`.
    """

    engine = "numba"
    label = "numba"

    def _allocate(self):
        self.streams = np.empty((self.n_copies, 2), np.uint64)
        self.first = np.zeros(self.n_copies + 1, np.int64)

    def set_parameters(self, parameters: Parameters) -> None:
        """Work out weights, constants and bounds in the precision of the potentials."""
        super().set_parameters(parameters)
        self.bounds = tuple(
            self.dtype.type(bound)
            for bound in (parameters.lowest_potential, parameters.highest_potential)
        )

    def reseed(self, seed: Any) -> None:
        """Restart the random numbers, those of every copy at a place of its own."""
        super().reseed(seed)
        self.streams[:] = self.rng.integers(2**64, size=self.streams.shape, dtype=np.uint64)
        self.streams[:, 1] |= np.uint64(1)

    def _take_drive(self):
        pass  # done in every step

    def _copies(self, array):
        return array.reshape(self.n_copies, self.n_neurons)

    def draw(self) -> None:
        """Draw the counts of this step from the potentials before they change."""
        n_unfinished = draw(
            self._copies(self.potential),
            self._copies(self.left),
            self._copies(self.counts),
            self._copies(self.window_counts),
            self._copies(self.window_expected),
            self.streams,
            self.dtype.type(self.step),
            self.spikespace,
            self.first,
        )
        if n_unfinished:
            pending = np.flatnonzero(self.left <= 0)
            left = self.left[pending]
            more = self._more(left)
            self.left[pending] = left
            self.counts[pending] += more
            self.window_counts[pending] += more

    def update(self) -> None:
        """Take the potentials to the next step."""
        update(
            self._copies(self.potential),
            self.kept,
            self._copies(self.drive),
            self.drive_scale,
            self.offset,
            *self.bounds,
            self._copies(self.counts),
            self.spikespace,
            self.first,
            self.inhibition,
        )

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Use as many threads as OMP_NUM_THREADS allows, while those of BLAS stand back.

        Dask and batch systems set the variable, and Numba does not ask. Threads of OpenBLAS keep a
        core busy for a while after each product, waiting for the next one.
        """
        before = numba.get_num_threads()
        allowed = os.environ.get("OMP_NUM_THREADS", "")
        with one_blas_thread():
            if "NUMBA_NUM_THREADS" not in os.environ and allowed.isdecimal():
                numba.set_num_threads(max(1, min(before, int(allowed))))
            try:
                yield
            finally:
                numba.set_num_threads(before)

    def decode(self, counts: ArrayLike) -> NDArray:
        """Return the stimuli that counts (n, n_neurons) stand for, (n, n_pixels)."""
        counts = np.asarray(counts)
        decoded = np.empty((len(counts), self.columns.shape[1]), self.dtype)
        decode(counts, self.columns, decoded)
        return decoded
