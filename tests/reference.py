"""The model in plain NumPy, written from its definition alone, to test the package against.

One step, with h = dt / tau:

1. z ~ Poisson(exp(u) h) from the potential before the update (here z is given);
2. u += h (eta (Phi^T x / sigma2 - b) - leak (u - u_rest));
   with an adaptive prior, b / (1 + a / a_half) instead of b;
   with pixel noise, sigma2 times its square for each pixel, here and in the next step;
3. each spike of neuron i takes eta_j W_ji from u_j, W = Phi^T Phi / sigma2, times its count;
4. u is kept within its bounds;
5. the recent rate a, in spikes per tau, moves towards z / h by 1 - exp(-h / memory).
"""

import numpy as np


def simulate(
    parameters,
    stimuli,
    counts,
    step,
    *,
    start=None,
    resets=(),
    delay_steps=0,
    lateral="all",
    drives=None,
):
    """Potentials that given counts lead to.

    Parameters
    ----------
    parameters : Parameters
    stimuli : array, shape (n_steps, n_pixels)
        What is seen in every time step.
    counts : array, shape (n_steps, n_neurons)
    step : float
        h = dt / tau.
    start : array, shape (2, n_neurons), optional
        Potentials and recent rates at the beginning; at rest without it.
    resets : collection of int
        Steps at whose beginning potentials are put at rest.
    delay_steps : int
        Steps from a spike to its inhibition.
    lateral : {"all", "self", "off"}
        Which neurons a spike inhibits.
    drives : array, shape (n_steps, n_neurons), optional
        Of every step, with noise, in place of what the stimuli drive.

    Returns
    -------
    tuple
        Potentials at the beginning of every step, (n_steps, n_neurons), and potentials and recent
        rates after the last, (2, n_neurons).
    """
    phi, sigma2 = np.array(parameters.dictionary), parameters.noise_variance
    relative = 1.0 if parameters.pixel_noise is None else parameters.pixel_noise
    precision = 1 / (sigma2 * relative**2 * np.ones(len(phi)))
    eta, rest = parameters.natural_gradient_step, parameters.resting_potential
    at_rest = np.array([rest, np.zeros_like(rest)])
    u, recent = np.array(at_rest if start is None else start)
    threshold = parameters.threshold
    potentials = []
    for t, x in enumerate(stimuli):
        if t in resets:
            u, recent = at_rest.copy()
        potentials.append(u.copy())
        drive = phi.T @ (precision * x) if drives is None else drives[t]
        if parameters.half_threshold_rate is not None:
            threshold = parameters.threshold / (1 + recent / parameters.half_threshold_rate)
            forgotten = 1 - np.exp(-step / parameters.threshold_memory)
            recent += forgotten * (np.asarray(counts[t]) / step - recent)
        u += step * (eta * (drive - threshold) - parameters.leak * (u - rest))
        if t >= delay_steps:
            for i, z in enumerate(counts[t - delay_steps]):
                u -= eta * inhibited(phi.T @ (precision * phi[:, i]), i, lateral) * z
        u = np.clip(u, parameters.lowest_potential, parameters.highest_potential)
    return np.array(potentials), np.array([u, recent])


def inhibited(weights, i, lateral):
    """What a spike of neuron i takes from every neuron, of what it would take from all."""
    own = np.arange(len(weights)) == i
    return weights * {"all": 1, "self": own, "off": 0}[lateral]


def of_response(
    response, *, start=None, carry_over=False, reset_frames=False, n_copies=1, lateral="all"
):
    """Potentials that the counts of a response lead to, in the shape of `Response.potentials`.

    Every neuron must have been recorded, in order. With `carry_over` a stimulus begins where the
    one before in the same copy ended; `start` (n_copies, 2, n_neurons) is where the first ones
    begin. Returns the potentials, and potentials and recent rates at the end of every stimulus.
    """
    clock = response.timing
    assert response.recorded_neurons == tuple(range(response.parameters.n_neurons))
    ends = np.cumsum(clock.frame_steps)
    resets = (0, *ends[:-1]) if reset_frames else ()
    ends_of = [] if start is None else list(start)
    first = len(ends_of)
    potentials = []
    for s, frames in enumerate(response.frames):
        u, end = simulate(
            response.parameters,
            np.repeat(frames, clock.frame_steps, axis=0),
            response.step_counts[s].T,
            clock.dt / clock.tau,
            start=ends_of[-n_copies] if carry_over else None,
            resets=resets,
            lateral=lateral,
        )
        potentials.append(u.T)
        ends_of.append(end)
    return np.array(potentials), np.array(ends_of[first:])


def in_continuous_time(parameters, drives, spikes, step, start=None, lateral="all"):
    """Potentials at the ends of the steps of one population, given the times of its spikes.

    Drive, threshold and leak act for half a step before the spikes and for half a step after them,
    exactly; every spike inhibits at its time.

    Parameters
    ----------
    parameters : Parameters
    drives : array, shape (n_steps, n_neurons)
        Phi^T x / sigma2 in every step.
    spikes : list of lists of (float, int)
        For each step, time since its beginning in tau, and neuron.
    step : float
    start : array, shape (2, n_neurons), optional
        Potentials and recent rates at the beginning; at rest without it.

    Returns
    -------
    tuple
        Potentials at the end of every step, (n_steps, n_neurons), and potentials and recent rates
        after the last.
    """
    p = parameters
    relative = np.ones(p.n_pixels) if p.pixel_noise is None else p.pixel_noise
    weights = p.dictionary.T @ (p.dictionary / relative[:, None] ** 2) / p.noise_variance
    u, recent = (p.resting_potential, np.zeros(p.n_neurons)) if start is None else start
    memory = p.threshold_memory

    def bounded(u):
        return np.clip(u, p.lowest_potential, p.highest_potential)

    def half_step(u, drive, recent):
        threshold = p.threshold
        if p.half_threshold_rate is not None:
            threshold = threshold / (1 + recent / p.half_threshold_rate)
        pull = p.natural_gradient_step * (drive - threshold)
        if p.leak == 0:
            return bounded(u + step / 2 * pull)
        end = p.resting_potential + pull / p.leak
        return bounded(end + (u - end) * np.exp(-p.leak * step / 2))

    potentials = []
    for drive, in_step in zip(drives, spikes, strict=True):
        u, passed = half_step(u, drive, recent), 0.0
        for time, neuron in in_step:
            recent = recent * np.exp(-(time - passed) / memory)
            passed = time
            recent[neuron] += 1 / memory
            taken = inhibited(weights[:, neuron], neuron, lateral)
            u = bounded(u - p.natural_gradient_step * taken)
        recent = recent * np.exp(-(step - passed) / memory)
        u = half_step(u, drive, recent)
        potentials.append(u)
    return np.array(potentials), np.array([u, recent])
