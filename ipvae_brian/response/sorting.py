"""Sort the contents of monitors by trial when copies of a network run side by side.

A network of several copies shows stimuli in waves: copy i of wave w shows stimulus
w * n_copies + i. In the last wave some copies may have nothing to show.
"""

import numpy as np

from ipvae_brian.recordings.spikes import Spikes


def spikes_by_trial(events, n_trials, n_copies, n_neurons, timing):
    """Return the spikes of the trials that events of all copies are.

    Parameters
    ----------
    events : tuple of numpy.ndarray
        Index in the group, step since the beginning of the run (not a whole number where spikes
        have exact times), and count of each event.
    n_trials, n_copies, n_neurons : int
    timing : Timing
        Of a trial.
    """
    which, step, count = events
    wave = (step // timing.n_steps).astype(np.int64)
    step = step - wave * timing.n_steps
    copy, neuron = np.divmod(which, n_neurons)
    trial = wave * n_copies + copy
    used = trial < n_trials
    time = (step - timing.onset_step) * timing.dt
    return Spikes(*(a[used] for a in (trial, neuron, time, count)))


def traces_by_trial(traces, n_trials, n_copies, timing):
    """Return traces of recorded neurons by trial.

    Parameters
    ----------
    traces : numpy.ndarray, shape (n_copies * n_recorded, n_waves * n_steps)
    n_trials, n_copies : int
    timing : Timing
        Of a trial.

    Returns
    -------
    numpy.ndarray, shape (n_trials, n_recorded, n_steps)
    """
    by_wave = traces.reshape(n_copies, -1, len(traces[0]) // timing.n_steps, timing.n_steps)
    by_trial = by_wave.transpose(2, 0, 1, 3).reshape(-1, by_wave.shape[1], timing.n_steps)
    return by_trial[:n_trials]
