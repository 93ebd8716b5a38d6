"""When inference has settled: presentations that end early."""

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.response.metrics import mean_r_squared, r_squared


class Settling:
    """Whether the mean R2 of some stimuli still changes from one window of tau to the next.

    Parameters
    ----------
    parameters : Parameters
    stimuli : numpy.ndarray, shape (n_stimuli, n_pixels)
        Shown to the first copies.
    until : float
        Change of the mean R2 below which inference has settled.

    Attributes
    ----------
    n_windows : int or None
        How many windows it took; None while it has not settled.
    """

    def __init__(self, parameters: Parameters, stimuli: NDArray, until: float):
        self.parameters = parameters
        self.stimuli = stimuli
        self.until = until
        self.n_windows: int | None = None
        self.r2: list[float] = []

    def __call__(self, counts: NDArray) -> bool:
        """Take the counts of a further window, (n_copies, n_neurons); return whether it was enough.

        Without any stimulus of which R2 is known, it never is.
        """
        decoded = self.parameters.decode(counts[: len(self.stimuli)], np.float32)
        self.r2.append(float(mean_r_squared(r_squared(self.stimuli, decoded))))
        if len(self.r2) < 2 or not abs(self.r2[-1] - self.r2[-2]) < self.until:
            return False
        self.n_windows = len(self.r2)
        return True
