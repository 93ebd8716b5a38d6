"""The oracle: orthogonal matching pursuit on a dictionary that somebody else has learned.

It chooses neurons one by one, the next always the one that explains most of what is left, and
solves for all chosen ones exactly: no network could, but it bounds what a code of that many
neurons of this dictionary can reconstruct.
"""

import numpy as np
from sklearn.linear_model import orthogonal_mp_gram

from benchmarks.baselines.interface import Rival, TradeOff

# Stimuli at a time, as the solver keeps a triangular matrix for each.
ROWS = 1000


class MatchingPursuit(Rival):
    """Orthogonal matching pursuit with scikit-learn.

    Parameters
    ----------
    n_pixels, n_latents : int
    dictionary : array_like, shape (n_pixels, n_latents), optional
        Scaled to unit columns; without it `set_dictionary` has to follow.

    Settings
    --------
    n_nonzero : int
        Neurons in use for each stimulus.
    """

    NAME, FAMILY = "orthogonal matching pursuit (oracle)", "sparse coding"
    REFERENCE = "Pati, Rezaiifar & Krishnaprasad 1993, Asilomar 27:40; scikit-learn"
    SPARSE = True
    TRADE_OFF = TradeOff("n_nonzero", (5, 10, 20, 30, 40, 60, 80, 120), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {"n_nonzero": 40}

    def __init__(self, n_pixels, n_latents, *, dictionary=None, seed=0, **settings):
        super().__init__(n_pixels, n_latents, seed=seed, **settings)
        if dictionary is not None:
            self.set_dictionary(dictionary)

    def set_dictionary(self, dictionary):
        """Take a dictionary over, scaled to unit columns; columns of zeros stay so."""
        dictionary = np.asarray(dictionary, np.float64)
        if dictionary.shape != (self.n_pixels, self.n_latents):
            wanted = (self.n_pixels, self.n_latents)
            raise ValueError(f"dictionary must have the shape {wanted}, got {dictionary.shape}")
        length = np.linalg.norm(dictionary, axis=0)
        self.dictionary = dictionary / np.where(length > 0, length, 1)

    def fit(self, stimuli, *, validation=None, minutes=None, n_epochs=None, progress=True):
        """Learn nothing: the dictionary is given."""
        return self

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return codes with `n_nonzero` neurons in use; see `Rival.infer`."""
        self._steps(n_steps)
        stimuli = self._stimuli(stimuli).astype(np.float64)
        codes = np.zeros((len(stimuli), self.n_latents), np.float32)
        gram = self.dictionary.T @ self.dictionary
        for begin in range(0, len(stimuli), ROWS):
            drive = self.dictionary.T @ stimuli[begin : begin + ROWS].T
            found = orthogonal_mp_gram(gram, drive, n_nonzero_coefs=self.settings["n_nonzero"])
            codes[begin : begin + ROWS] = found.reshape(self.n_latents, -1).T
        return codes

    def decode(self, codes):
        """Return the reconstructions."""
        return self._codes(codes) @ self.dictionary.T.astype(np.float32)

    def arrays(self):
        """Return the dictionary."""
        return {"dictionary": self.dictionary}

    def set_arrays(self, arrays):
        """Take it over."""
        self.dictionary = arrays["dictionary"]
