"""Bring all stimuli to the mean and scale of the training stimuli."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Rows that are read at a time, since stimuli may be more than fit into memory.
ROWS = 10_000


@dataclass(frozen=True)
class Standardisation:
    """What is subtracted from stimuli, and what they are divided by.

    Parameters
    ----------
    mean : float, default 0
    scale : float, default 1

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.learning.standardisation import Standardisation
    >>> standardisation = Standardisation.of(np.array([[1.0, 3.0], [3.0, 1.0]]))
    >>> standardisation
    Standardisation(mean=2.0, scale=1.0)
    >>> standardisation.apply([[2.0, 4.0]])
    array([[0., 2.]], dtype=float32)
    """

    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, stimuli: NDArray) -> Self:
        """Return the mean and the standard deviation of stimuli, (n_stimuli, n_pixels).

        Raises
        ------
        ValueError
            If all numbers are the same.
        """
        # About one of the values, to keep precision.
        origin, total, squares = float(stimuli[0, 0]), 0.0, 0.0
        for begin in range(0, len(stimuli), ROWS):
            part = stimuli[begin : begin + ROWS].astype(np.float64) - origin
            total += part.sum()
            squares += (part**2).sum()
        mean = total / stimuli.size
        scale = math.sqrt(max(squares / stimuli.size - mean**2, 0.0))
        mean = float(origin + mean)
        if not scale > 1e-12 * max(1.0, abs(mean)):
            raise ValueError(
                f"X is constant ({mean:g} in {len(stimuli)} samples): there is nothing to learn"
            )
        return cls(mean, scale)

    def apply(self, stimuli: ArrayLike) -> NDArray[np.float32]:
        """Return stimuli as the network takes them."""
        stimuli = np.asarray(stimuli)
        standardised = np.empty(stimuli.shape, np.float32)
        for begin in range(0, len(stimuli), ROWS):
            # In double precision: a large mean would take the digits of what is left.
            part = stimuli[begin : begin + ROWS].astype(np.float64)
            standardised[begin : begin + ROWS] = (part - self.mean) / self.scale
        return standardised

    def undo(self, stimuli: NDArray) -> NDArray:
        """Return standardised stimuli in their own units."""
        return stimuli * self.scale + self.mean
