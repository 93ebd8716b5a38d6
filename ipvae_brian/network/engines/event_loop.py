"""The network in continuous time, simulated spike by spike: the compiled loop of `events`.

Between two spikes every rate of a population stays what it is (drive, threshold and leak are
applied at the ends of short steps, below), and a spike of neuron i multiplies the rate of each
neuron j by exp(-eta_j W_ji). So the state can be the rates themselves, and three things repeat
(Gillespie 1976, doi:10.1016/0021-9991(76)90041-3):

1. an exponential number, the expected spikes of the whole population until its next one, divided
   by the sum of the rates, says when that one comes;
2. a uniform number, looked up among partial sums of the rates, says which neuron fires it;
3. one pass over the neurons multiplies their rates by that neuron's row and sums them anew.

The exponential number left at the end of a step is kept: it is exponential whatever happened
before. Drive, threshold and leak act by half before the spikes of a step and by half after them,
each half exactly as in continuous time, so the error of a step falls with its square.
"""

import math
from functools import partial

import numpy as np
from numba import njit, prange

from ipvae_brian.network.engines.compiled import (
    MATHS,
    exponential_function,
    logarithm,
    uniform_number,
)
from ipvae_brian.network.engines.kernels import compiled, kernel

# Neuron j adds to partial sum j % COLUMNS: a power of two, the leaves of a tree of sums.
COLUMNS = 64


@njit(inline="always", fastmath=MATHS)
def sum_tree(sums):
    """Sum up the partial sums, in eighths and these one after the other; return the whole sum.

    ``sums[1:8]`` get the sums of the first eighths, and ``sums[0]`` is zero.
    """
    width = COLUMNS // 2
    while width >= 8:
        for c in range(width):
            sums[width + c] = sums[2 * width + c] + sums[3 * width + c]
        width //= 2
    sums[0] = 0
    for c in range(7):
        sums[c + 1] = sums[c] + sums[8 + c]
    return np.float64(sums[7] + sums[15])


@njit(inline="always", fastmath=MATHS)
def find(r, sums, at):
    """Return the neuron in whose share of the sum of all rates the number `at` falls."""
    # Counting what is below it needs no branch, which would be mispredicted.
    eighth = 0
    for c in range(1, 8):
        eighth += at > sums[c]
    at -= sums[eighth]
    part, lower, upper = 0, 0.0, 0.0
    for k in range(7):
        upper += sums[COLUMNS + eighth + 8 * k]
        above = at > upper
        part += above
        lower = upper if above else lower
    at -= lower
    column = eighth + 8 * part
    row, upper = 0, 0.0
    for j in range(column, len(r) - COLUMNS, COLUMNS):
        upper += r[j]
        row += at > upper
    return column + COLUMNS * row


@njit(inline="always", fastmath=MATHS)
def multiply(r, factors, bounds, expected, elapsed, sums, twice):
    """Multiply rates by factors, within bounds, and sum them up; maybe by the same factors twice.

    Adds rate times the time `elapsed` before the change to `expected`.
    """
    lowest, highest = bounds
    rows = len(r) // COLUMNS
    for c in range(COLUMNS):
        sums[COLUMNS + c] = 0
    for k in range(rows):
        for c in range(COLUMNS):
            j = k * COLUMNS + c
            expected[j] += elapsed * r[j]
            r[j] = min(max(r[j] * factors[j], lowest), highest)
            if twice:
                r[j] = min(max(r[j] * factors[j], lowest), highest)
            sums[COLUMNS + c] += r[j]
    for c in range(len(r) - rows * COLUMNS):
        j = rows * COLUMNS + c
        expected[j] += elapsed * r[j]
        r[j] = min(max(r[j] * factors[j], lowest), highest)
        if twice:
            r[j] = min(max(r[j] * factors[j], lowest), highest)
        sums[COLUMNS + c] += r[j]


@njit(inline="always", fastmath=MATHS)
def leak_factors(r, growth, kept, factors, logs, scratch):
    """Factors of half a step where a leak pulls the potentials: growth * r**(kept - 1)."""
    logarithm(r, logs, scratch)
    for j in range(len(r)):
        logs[j] *= kept - 1
    exponential_function(logs, factors, scratch)
    for j in range(len(r)):
        factors[j] *= growth[j]


@njit(inline="always", fastmath=MATHS)
def adapt(recent, drive, threshold, half_rate, growth, logs, scratch):
    """Growth over half a step under thresholds that fall with each neuron's recent rate."""
    for j in range(len(drive)):
        logs[j] = drive[j] - threshold[j] * (half_rate / (half_rate + recent[j]))
    exponential_function(logs, growth, scratch)


@kernel(MATHS)
def grow(recent, drive, threshold, half_rate, growth):
    """Growth of all copies, for a new drive; see `advance`."""
    n_copies, n_neurons = drive.shape
    for b in prange(n_copies):
        logs, scratch = np.empty(n_neurons, drive.dtype), np.empty(n_neurons, np.int32)
        adapt(recent[b], drive[b], threshold, half_rate, growth[b], logs, scratch)


@kernel(MATHS)
def potentials_of(rates, potentials):
    """Work out the potentials of all copies."""
    n_copies, n_neurons = rates.shape
    for b in prange(n_copies):
        logarithm(rates[b], potentials[b], np.empty(n_neurons, np.int32))


@kernel(MATHS)
def follow_potentials(potentials, before, rates, lowest, highest):
    """Change rates as their potentials were changed by others."""
    n_copies, n_neurons = rates.shape
    for b in prange(n_copies):
        for j in range(n_neurons):
            if potentials[b, j] != before[b, j]:
                factor = np.exp(potentials[b, j] - before[b, j])
                rates[b, j] = min(max(rates[b, j] * factor, lowest), highest)


@kernel(MATHS)
def advance(
    rates,
    inputs,
    inhibition,
    constants,
    n_steps,
    left,
    streams,
    windows,
    most_spikes,
    ran_away,
    z,
    spike_times,
    spike_neurons,
    n_spikes,
):
    """Simulate all copies for some steps of equal length.

    Parameters
    ----------
    rates : numpy.ndarray, shape (n_copies, n_neurons)
        In expected spikes per tau.
    inputs : tuple
        Growth, recent rates, input (n_copies, n_neurons each) and threshold (n_neurons,): the
        factors by which drive, threshold and leak multiply rates in half a step, and what they
        are worked out from where thresholds follow recent rates.
    inhibition : numpy.ndarray, shape (n_neurons, n_neurons)
        Row i: by what a spike of neuron i multiplies each rate.
    constants : tuple of float
        Length of a step in tau; by what power half a step raises rates (1 without a leak);
        lowest and highest rate; the recent rate that halves a threshold (0: thresholds are
        constant), the part of a recent rate that is left after a step, and what a spike adds.
    n_steps : int
    left : numpy.ndarray of float64, shape (n_copies,)
        Expected spikes of each population until its next one.
    streams : numpy.ndarray of uint64, shape (n_copies, 2)
        Counter and increment of the random numbers of each copy.
    windows : tuple of numpy.ndarray, shape (n_copies, n_neurons)
        Counts (int32) and expected counts, which are added to.
    most_spikes : int
        A population that fires more of them in a step has run away and is stopped.
    ran_away : numpy.ndarray of bool, shape (n_copies,)
        Populations that did are marked, and left out from then on.
    z : numpy.ndarray of int32, shape (n_copies, n_neurons)
        Gets the counts of the last step.
    spike_times, spike_neurons : numpy.ndarray, shape (n_copies, most_spikes), or (n_copies, 0)
        Get the spikes of the last step in order: time since its beginning in tau, and neuron.
        Nothing is recorded without columns.
    n_spikes : numpy.ndarray of int64, shape (n_copies,)
        Gets their numbers.
    """
    n_copies, n_neurons = rates.shape
    growths, recents, drives, threshold = inputs
    window_counts, window_expected = windows
    step, kept, lowest, highest, half_rate, remembered, jump = constants
    number = rates.dtype.type
    length = np.float64(step)
    forgetting = -math.log(remembered) / length if half_rate else 0.0
    bounds = lowest, highest
    recording = spike_times.shape[1] > 0
    for b in prange(n_copies):
        r, growth, counts, expected = rates[b], growths[b], window_counts[b], window_expected[b]
        for j in range(n_neurons):
            z[b, j] = 0
        sums = np.zeros(2 * COLUMNS, rates.dtype)
        factors, logs = np.empty(n_neurons, rates.dtype), np.empty(n_neurons, rates.dtype)
        scratch = np.empty(n_neurons, np.int32)
        counter, increment = streams[b]
        wait, fired = left[b], 0
        for t in range(n_steps):
            if ran_away[b]:
                break
            last, fired = t == n_steps - 1, 0
            if kept != 1:
                leak_factors(r, growth, kept, factors, logs, scratch)
                multiply(r, factors, bounds, expected, number(0), sums, False)
            elif t == 0:
                multiply(r, growth, bounds, expected, number(0), sums, False)
            if half_rate:
                for j in range(n_neurons):
                    recents[b, j] *= remembered
            rest = length
            total = sum_tree(sums)
            while total * rest >= wait:
                elapsed = wait / total
                rest -= elapsed
                counter += increment
                i = find(r, sums, uniform_number(counter) * total)
                counter += increment
                wait = -math.log(uniform_number(counter))
                counts[i] += 1
                if last:
                    z[b, i] += 1
                    if recording:
                        spike_times[b, fired] = length - rest
                        spike_neurons[b, fired] = i
                if half_rate:
                    recents[b, i] += jump * number(math.exp(-forgetting * rest))
                multiply(r, inhibition[i], bounds, expected, number(elapsed), sums, False)
                total = sum_tree(sums)
                fired += 1
                if fired == most_spikes:
                    ran_away[b] = True
                    break
            wait -= total * rest
            if half_rate:
                adapt(recents[b], drives[b], threshold, half_rate, growth, logs, scratch)
            if kept != 1:
                for j in range(n_neurons):
                    expected[j] += number(rest) * r[j]
                leak_factors(r, growth, kept, factors, logs, scratch)
                multiply(r, factors, bounds, expected, number(0), sums, False)
            elif last or ran_away[b]:
                multiply(r, growth, bounds, expected, number(rest), sums, False)
            else:
                # With the half before the spikes of the next step.
                multiply(r, growth, bounds, expected, number(rest), sums, True)
        streams[b, 0], left[b], n_spikes[b] = counter, wait, fired


@partial(compiled, fastmath=MATHS)
def list_spikes(z, spikespace):
    """Put the numbers of the neurons with counts above zero where Brian2 finds them, in order."""
    flat, n = z.reshape(-1), 0
    for j in range(len(flat)):
        spikespace[n] = j
        n += flat[j] > 0
    spikespace[-1] = n
