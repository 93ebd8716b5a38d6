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

Functions get whole matrices and the number of a copy: a slice would be an object whose references
are counted, which takes a good part of the time of a pass.
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

# Neuron j adds to partial sum j % COLUMNS: the leaves of a tree of sums.
COLUMNS = 64
# Neurons of a column that are taken together, without going through memory in between.
TOGETHER = 8
# Populations side by side: while one waits for the neuron that fires, others multiply.
LANES = 2
# How a population goes on: with the first half of a step, with spikes, or not at all.
BEGINS, SPIKES, ENDS = 0, 1, 2
# No neuron fires.
NONE = -1


@njit(forceinline=True, fastmath=MATHS)
def sum_tree(sums, b):
    """Sum up the partial sums of a copy, in eighths and these one after the other.

    Returns the whole sum. ``sums[b, 1:8]`` get the sums of the first eighths; ``sums[b, 0]`` is 0.
    """
    for c in range(8):
        k = COLUMNS + c
        near = (sums[b, k] + sums[b, k + 32]) + (sums[b, k + 16] + sums[b, k + 48])
        far = (sums[b, k + 8] + sums[b, k + 40]) + (sums[b, k + 24] + sums[b, k + 56])
        sums[b, 8 + c] = near + far
    sums[b, 0] = 0
    for c in range(7):
        sums[b, c + 1] = sums[b, c] + sums[b, 8 + c]
    return np.float64(sums[b, 7] + sums[b, 15])


@njit(forceinline=True, fastmath=MATHS)
def find(rates, b, sums, at):
    """Return the neuron in whose share of the sum of all rates the number `at` falls."""
    # Counting what is below it needs no branch, which would be mispredicted.
    eighth = 0
    for c in range(1, 8):
        eighth += at > sums[b, c]
    at -= sums[b, eighth]
    part, lower, upper = 0, 0.0, 0.0
    for k in range(7):
        upper += sums[b, COLUMNS + eighth + 8 * k]
        above = at > upper
        part += above
        lower = upper if above else lower
    at -= lower
    column = eighth + 8 * part
    row, upper, rows = 0, 0.0, rates.shape[1] // COLUMNS
    for block in range(rows // TOGETHER):
        for k in range(TOGETHER):
            upper += rates[b, column + COLUMNS * (block * TOGETHER + k)]
            row += at > upper
    for k in range(rows // TOGETHER * TOGETHER, rows):
        upper += rates[b, column + COLUMNS * k]
        row += at > upper
    # Not beyond the last neuron, whatever was lost in rounding.
    last = rates.shape[1] - 1
    return min(last, column + COLUMNS * min(row, max(0, last - column) // COLUMNS))


@njit(forceinline=True, fastmath=MATHS)
def multiply_one(rates, b, j, table, row, bounds, expected, elapsed, twice):
    """Multiply the rate of one neuron of a copy, and return it; see `multiply`."""
    lowest, highest = bounds
    r, factor = rates[b, j], table[row, j]
    expected[b, j] += elapsed * r
    r = min(max(r * factor, lowest), highest)
    if twice:
        r = min(max(r * factor, lowest), highest)
    rates[b, j] = r
    return r


@njit(forceinline=True, fastmath=MATHS)
def multiply(rates, b, table, row, bounds, expected, elapsed, sums, twice):
    """Multiply the rates of a copy by a row of factors, within bounds, and sum them up.

    Maybe by the same factors twice. Adds rate times the time `elapsed` before the change to
    `expected`.
    """
    n_neurons = rates.shape[1]
    rows = n_neurons // COLUMNS
    for c in range(COLUMNS):
        sums[b, COLUMNS + c] = 0
    for block in range(rows // TOGETHER):
        for c in range(COLUMNS):
            added = sums[b, COLUMNS + c]
            for k in range(TOGETHER):
                j = COLUMNS * (block * TOGETHER + k) + c
                added += multiply_one(rates, b, j, table, row, bounds, expected, elapsed, twice)
            sums[b, COLUMNS + c] = added
    for begin in range(rows // TOGETHER * TOGETHER * COLUMNS, n_neurons, COLUMNS):
        for c in range(min(COLUMNS, n_neurons - begin)):
            r = multiply_one(rates, b, begin + c, table, row, bounds, expected, elapsed, twice)
            sums[b, COLUMNS + c] += r


@njit(error_model="numpy", fastmath=MATHS)
def leak_factors(rates, b, growths, table, kept, logs, scratch):
    """Put the factors of half a step of a copy into the table where a leak pulls the potentials.

    They are growth * r**(kept - 1). Returns their row.
    """
    n_copies, n_neurons = rates.shape
    row = n_neurons + n_copies + b
    logarithm(rates[b], logs, scratch)
    for j in range(n_neurons):
        logs[j] *= kept - 1
    exponential_function(logs, table[row], scratch)
    for j in range(n_neurons):
        table[row, j] *= growths[b, j]
    return row


@njit(error_model="numpy", fastmath=MATHS)
def adapt(recents, b, drives, threshold, half_rate, growths, logs, scratch):
    """Growth of a copy over half a step under thresholds that fall with recent rates."""
    for j in range(len(threshold)):
        falls = half_rate / (half_rate + recents[b, j])
        logs[j] = drives[b, j] - threshold[j] * falls
    exponential_function(logs, growths[b], scratch)


@njit(forceinline=True, fastmath=MATHS)
def forget(recents, b, remembered):
    """Let recent rates of a copy fall by those of a step."""
    for j in range(recents.shape[1]):
        recents[b, j] *= remembered


@kernel(MATHS)
def grow(recent, drive, threshold, half_rate, growth):
    """Growth of all copies, for a new drive; see `advance`."""
    n_copies, n_neurons = drive.shape
    for b in prange(n_copies):
        logs, scratch = np.empty(n_neurons, drive.dtype), np.empty(n_neurons, np.int32)
        adapt(recent, b, drive, threshold, half_rate, growth, logs, scratch)


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


@kernel(MATHS, error_model="numpy")
def advance(
    rates,
    expected,
    sums,
    inputs,
    table,
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
    n_parts,
):
    """Simulate all copies for some steps of equal length.

    Parameters
    ----------
    rates : numpy.ndarray, shape (n_copies, n_neurons)
        In expected spikes per tau.
    expected, sums : numpy.ndarray, shape (n_copies, n_neurons), (n_copies, 2 * COLUMNS)
        Room to work in.
    inputs : tuple
        Growth, recent rates, input (n_copies, n_neurons each) and threshold (n_neurons,): the
        factors by which drive, threshold and leak multiply rates in half a step, and what they
        are worked out from where thresholds follow recent rates.
    table : numpy.ndarray, shape (n_neurons + n_copies, n_neurons), or n_copies more with a leak
        Row i: by what a spike of neuron i multiplies each rate. Then follow the growth of every
        copy, and room for what a leak makes of it.
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
    n_parts : int
        Into how many parts to divide the copies, each for one thread.
    """
    n_copies, n_neurons = rates.shape
    growths, recents, drives, threshold = inputs
    window_counts, window_expected = windows
    step, kept, lowest, highest, half_rate, remembered, jump = constants
    number, bounds, length = rates.dtype.type, (lowest, highest), np.float64(step)
    forgetting = -math.log(remembered) / length if half_rate else 0.0
    # Of each copy: the sum of its rates, what is left of the step; steps taken, what comes next.
    totals, rests = np.zeros(n_copies), np.zeros(n_copies)
    steps, phases = np.empty(n_copies, np.int64), np.empty(n_copies, np.int64)
    found = np.empty(n_copies, np.int64)
    for part in prange(n_parts):
        following, end = part * n_copies // n_parts, (part + 1) * n_copies // n_parts
        logs, scratch = np.empty(n_neurons, rates.dtype), np.empty(n_neurons, np.int32)
        working, n_working = np.empty(LANES, np.int64), 0
        while n_working or following < end:
            while n_working < LANES and following < end:
                b, following = following, following + 1
                z[b, :], n_spikes[b] = 0, 0
                if not ran_away[b]:
                    expected[b, :] = window_expected[b]
                    steps[b], phases[b] = 0, BEGINS
                    working[n_working], n_working = b, n_working + 1
            for lane in range(n_working):
                b = working[lane]
                found[b] = NONE
                spikes = totals[b] * rests[b] >= left[b] and not ran_away[b]
                if phases[b] == SPIKES and spikes:
                    streams[b, 0] += streams[b, 1]
                    at = uniform_number(streams[b, 0]) * totals[b]
                    found[b] = find(rates, b, sums, at)
            for lane in range(n_working):
                b = working[lane]
                row, twice, passed = found[b], False, 0.0
                if row != NONE:
                    passed = left[b] / totals[b]
                    rests[b] -= passed
                    streams[b, 0] += streams[b, 1]
                    left[b] = -math.log(uniform_number(streams[b, 0]))
                    window_counts[b, row] += 1
                    if steps[b] == n_steps - 1:
                        z[b, row] += 1
                        if spike_times.shape[1]:
                            spike_times[b, n_spikes[b]] = length - rests[b]
                            spike_neurons[b, n_spikes[b]] = row
                    if half_rate:
                        recents[b, row] += jump * number(math.exp(-forgetting * rests[b]))
                    n_spikes[b] += 1
                    ran_away[b] = n_spikes[b] == most_spikes
                else:
                    begins = phases[b] == BEGINS
                    if not begins:
                        passed = rests[b]
                        left[b] -= totals[b] * passed
                        steps[b] += 1
                        phases[b] = ENDS if ran_away[b] or steps[b] == n_steps else BEGINS
                        # With the half before the spikes of the next step.
                        begins = twice = kept == 1 and phases[b] == BEGINS
                        if half_rate:
                            adapt(recents, b, drives, threshold, half_rate, growths, logs, scratch)
                    row = n_neurons + b
                    if kept != 1:
                        row = leak_factors(rates, b, growths, table, kept, logs, scratch)
                    if begins:
                        rests[b], n_spikes[b], phases[b] = length, 0, SPIKES
                        if half_rate:
                            forget(recents, b, remembered)
                multiply(rates, b, table, row, bounds, expected, number(passed), sums, twice)
                totals[b] = sum_tree(sums, b)
            for lane in range(n_working - 1, -1, -1):
                b = working[lane]
                if phases[b] == ENDS:
                    window_expected[b, :] = expected[b]
                    n_working -= 1
                    working[lane] = working[n_working]


@partial(compiled, fastmath=MATHS)
def list_spikes(z, spikespace):
    """Put the numbers of the neurons with counts above zero where Brian2 finds them, in order."""
    flat, n = z.reshape(-1), 0
    for j in range(len(flat)):
        spikespace[n] = j
        n += flat[j] > 0
    spikespace[-1] = n
