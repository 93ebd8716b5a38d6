"""The engine "numba": the step of the engine "numpy", compiled; copies are divided among cores.

Each copy is simulated while it is in the cache of its core, with the same arithmetic and the same
sampler. Spikes inhibit one by one, each adding its row of the weights, because a sum over a fifth
of the neurons is still cheaper than the product with all of them.

Every copy has its own random numbers, so its activity depends neither on the number of cores nor
on the other copies.
"""

from typing import Any

import numpy as np
from numba import prange

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.engines.compiled import (
    MATHS,
    CompiledCopies,
    exponential_function,
    exponential_number,
)
from ipvae_brian.network.engines.kernels import kernel, parts_of
from ipvae_brian.network.engines.numpy import NumpyCopies

# Spikes of a neuron in a step that are drawn one by one. Rates are as high where a run diverges.
ONE_BY_ONE = 500


@kernel(MATHS)
def draw(
    potential,
    left,
    counts,
    window_counts,
    window_expected,
    streams,
    step,
    spikes,
    first,
    n_parts,
):
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
    n_parts : int
        Into how many parts the copies are divided. Each has its scratch arrays, because to allocate
        them for every copy takes a seventh of the time.

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
    for part in prange(n_parts):
        expected = np.empty(n_neurons, potential.dtype)
        pending = np.empty(n_neurons, np.int32)
        over = np.zeros((n_neurons + 7) // 8 * 8, np.uint8)
        eights = over.view(np.uint64)
        for b in range(part * n_copies // n_parts, (part + 1) * n_copies // n_parts):
            left_b, counts_b, fired = (
                left[b],
                counts[b],
                spikes[b * n_neurons : (b + 1) * n_neurons],
            )
            exponential_function(potential[b], expected, pending)
            for j in range(n_neurons):
                expected[j] *= step
                window_expected[b, j] += expected[j]
                left_b[j] -= expected[j]
            # Eight flags at a time, as most neurons are silent. Among the others, writing first and
            # counting after needs no branch, which would be mispredicted.
            for j in range(n_neurons):
                over[j] = left_b[j] <= 0
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
                    left_b[j] += exponential_number(counter, number)
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


@kernel(MATHS)
def update(
    potential,
    kept,
    drive,
    scale,
    offset,
    lowest,
    highest,
    counts,
    spikes,
    first,
    weights,
    recent_rates,
    threshold,
    memory,
):
    """Take potentials, and recent rates if thresholds follow them, to the next step.

    `scale`, `offset`, `threshold` and rows of `weights` are per neuron.
    """
    n_copies, n_neurons = potential.shape
    half_rate, remembered, jump = memory
    number = potential.dtype.type
    for b in prange(n_copies):
        u, begin = potential[b], b * n_neurons
        for j in range(n_neurons):
            u[j] = kept * u[j] + (scale[j] * drive[b, j] + offset[j])
        if half_rate:
            recent = recent_rates[b]
            for j in range(n_neurons):
                u[j] -= threshold[j] * (half_rate / (half_rate + recent[j]))
                recent[j] *= remembered
            for k in range(first[b], first[b + 1]):
                i = spikes[k] - begin
                recent[i] += jump * number(counts[b, i])
        # Eight spikes at a time, then four, so that potentials are fetched and stored less often.
        in_eights = first[b] + (first[b + 1] - first[b]) // 8 * 8
        for k in range(first[b], in_eights, 8):
            i0, i1 = spikes[k] - begin, spikes[k + 1] - begin
            i2, i3 = spikes[k + 2] - begin, spikes[k + 3] - begin
            i4, i5 = spikes[k + 4] - begin, spikes[k + 5] - begin
            i6, i7 = spikes[k + 6] - begin, spikes[k + 7] - begin
            z0, z1 = number(counts[b, i0]), number(counts[b, i1])
            z2, z3 = number(counts[b, i2]), number(counts[b, i3])
            z4, z5 = number(counts[b, i4]), number(counts[b, i5])
            z6, z7 = number(counts[b, i6]), number(counts[b, i7])
            w0, w1, w2, w3 = weights[i0], weights[i1], weights[i2], weights[i3]
            w4, w5, w6, w7 = weights[i4], weights[i5], weights[i6], weights[i7]
            for j in range(n_neurons):
                taken = z0 * w0[j] + z1 * w1[j] + z2 * w2[j] + z3 * w3[j]
                u[j] -= taken + (z4 * w4[j] + z5 * w5[j] + z6 * w6[j] + z7 * w7[j])
        in_fours = in_eights + (first[b + 1] - in_eights) // 4 * 4
        for k in range(in_eights, in_fours, 4):
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


class NumbaCopies(CompiledCopies, NumpyCopies):
    """The step of `NumpyCopies`, compiled for all cores.

    Parameters as for `Circuit`.
    """

    engine = "numba"
    label = "numba"
    own_state = ("left", "streams", "first")

    def _allocate(self):
        self.streams = np.empty((self.n_copies, 2), np.uint64)
        self.first = np.zeros(self.n_copies + 1, np.int64)

    def set_parameters(self, parameters: Parameters) -> None:
        """Work out weights, constants and bounds in the precision of the potentials."""
        super().set_parameters(parameters)
        self.lowest = self.dtype.type(parameters.lowest_potential)
        self.highest = self.dtype.type(parameters.highest_potential)

    def reseed(self, seed: Any) -> None:
        """Restart the random numbers, those of every copy at a place of its own."""
        super().reseed(seed)
        self.streams[:] = self.rng.integers(2**64, size=self.streams.shape, dtype=np.uint64)
        self.streams[:, 1] |= np.uint64(1)

    def _take_drive(self):
        pass  # done in every step

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
            parts_of(self.n_copies),
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
            self.lowest,
            self.highest,
            self._copies(self.counts),
            self.spikespace,
            self.first,
            self.inhibition,
            self._copies(self.recent_rate),
            self.threshold,
            self.memory,
        )
