"""The model in plain NumPy, written from its definition alone, to test the package against.

One step, with h = dt / tau:

1. z ~ Poisson(exp(u) h) from the potential before the update (here z is given);
2. u += h (eta (Phi^T x / sigma2 - b) - leak (u - u_rest));
3. each spike of neuron i takes eta_j W_ji from u_j, W = Phi^T Phi / sigma2, times its count;
4. u is kept within its bounds.
"""

import numpy as np


def simulate(parameters, stimuli, counts, step, *, start=None, resets=(), delay_steps=0):
    """Potentials that given counts lead to.

    Parameters
    ----------
    parameters : Parameters
    stimuli : array, shape (n_steps, n_pixels)
        What is seen in every time step.
    counts : array, shape (n_steps, n_neurons)
    step : float
        h = dt / tau.
    start : array, shape (n_neurons,), optional
        Potentials at the beginning; at rest without it.
    resets : collection of int
        Steps at whose beginning potentials are put at rest.
    delay_steps : int
        Steps from a spike to its inhibition.

    Returns
    -------
    tuple
        Potentials at the beginning of every step, (n_steps, n_neurons), and after the last.
    """
    phi, sigma2 = np.array(parameters.dictionary), parameters.noise_variance
    eta, rest = parameters.natural_gradient_step, parameters.resting_potential
    u = np.array(rest if start is None else start, float)
    potentials = []
    for t, x in enumerate(stimuli):
        if t in resets:
            u = np.array(rest)
        potentials.append(u.copy())
        drive = phi.T @ x / sigma2
        u += step * (eta * (drive - parameters.threshold) - parameters.leak * (u - rest))
        if t >= delay_steps:
            for i, z in enumerate(counts[t - delay_steps]):
                u -= eta * (phi.T @ phi[:, i]) / sigma2 * z
        u = np.clip(u, parameters.lowest_potential, parameters.highest_potential)
    return np.array(potentials), u


def of_response(response, *, start=None, carry_over=False, reset_frames=False, n_copies=1):
    """Potentials that the counts of a response lead to, in the shape of `Response.potentials`.

    Every neuron must have been recorded, in order. With `carry_over` a stimulus begins where the
    one before in the same copy ended; `start` (n_copies, n_neurons) is where the first ones
    begin. Returns the potentials and those after the last step of every stimulus.
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
        )
        potentials.append(u.T)
        ends_of.append(end)
    return np.array(potentials), np.array(ends_of[first:])
