"""Recording: spikes by trial, whatever they come from."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Spikes(NamedTuple):
    """All spikes in order of time; each entry is one neuron in one time step."""

    stimulus: np.ndarray
    neuron: np.ndarray
    time: np.ndarray
    """Seconds from the onset of the stimulus."""
    count: np.ndarray
    """Spikes of that neuron in that step: almost always 1 for dt << tau."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What monitors kept: spikes, and potentials of the recorded neurons; None where not asked."""

    spikes: Spikes | None = None
    recorded_neurons: tuple = ()
    potentials: np.ndarray | None = None
    step_counts: np.ndarray | None = None

    @classmethod
    def from_events(cls, events, traces, recorded, n_stimuli, n_copies, n_neurons, timing):
        """Sort what a run of waves of copies left by stimulus.

        Parameters
        ----------
        events : tuple of numpy.ndarray or None
            Index in the group, step since the beginning of the run, and count of each event.
        traces : tuple of numpy.ndarray or None
            Potentials and counts, (n_copies * len(recorded), n_waves * n_steps).
        recorded : tuple of int
        n_stimuli, n_copies, n_neurons : int
        timing : Timing
        """
        spikes = potentials = counts = None
        if events is not None:
            index, step, count = events
            wave, step = np.divmod(step, timing.n_steps)
            copy, neuron = np.divmod(index, n_neurons)
            stimulus = wave * n_copies + copy
            used = stimulus < n_stimuli
            spikes = Spikes(*(a[used] for a in (stimulus, neuron, step * timing.dt, count)))
        if traces is not None:
            potentials, counts = (
                a.reshape(n_copies, len(recorded), -1, timing.n_steps)
                .transpose(2, 0, 1, 3)
                .reshape(-1, len(recorded), timing.n_steps)[:n_stimuli]
                for a in traces
            )
        return cls(spikes, recorded, potentials, counts)
