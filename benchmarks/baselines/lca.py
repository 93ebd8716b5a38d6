"""The locally competitive algorithm with soft threshold (Rozell et al. 2008), in NumPy.

Potentials v of a batch follow dv = rate * (D^T x - v - (D^T D - I) a), with the code a = soft(v).
Its fixed point solves the LASSO: it minimises |x - D a|^2 / 2 + sparsity * |a|_1. The dictionary D,
of unit columns, then goes along the gradient of the residual (Olshausen & Field 1996).
"""

import numpy as np


def soft_threshold(potential, sparsity, nonnegative, out=None):
    """Return what of the potential exceeds the threshold, with its sign (or only above)."""
    if nonnegative:
        out = np.subtract(potential, sparsity, out=out)
        return np.maximum(out, 0, out=out)
    # v - clip(v) needs no sign and no absolute value.
    out = np.clip(potential, -sparsity, sparsity, out=out)
    return np.subtract(potential, out, out=out)


class LCA:
    """Sparse coding of batches by competition.

    Parameters
    ----------
    dictionary : array_like, shape (n_pixels, n_neurons)
        Scaled to unit columns.
    sparsity : float, default 0.5
    nonnegative : bool, default False
        Whether codes are kept at zero or above, as firing rates are.
    rate : float, default 0.1
        Of the integration, dt over the time constant.
    """

    def __init__(self, dictionary, sparsity=0.5, *, nonnegative=False, rate=0.1):
        self.sparsity = np.float32(sparsity)
        self.nonnegative = nonnegative
        self.rate = np.float32(rate)
        self.set_dictionary(np.asarray(dictionary, np.float32))

    @classmethod
    def random(cls, n_pixels, n_neurons, sparsity=0.5, seed=0, **others):
        """With a random dictionary."""
        rng = np.random.default_rng(seed)
        return cls(rng.standard_normal((n_pixels, n_neurons), np.float32), sparsity, **others)

    def set_dictionary(self, dictionary):
        """Take another dictionary, scaled to unit columns."""
        self.dictionary = dictionary / np.linalg.norm(dictionary, axis=0)
        # What competes: (D^T D - I) a is subtracted, so this is added to the drive.
        self.lateral = np.eye(dictionary.shape[1], dtype=np.float32)
        self.lateral -= self.dictionary.T @ self.dictionary

    def infer(self, stimuli, n_steps=100, after_step=None):
        """Codes of stimuli (B, n_pixels) after `n_steps`, (B, n_neurons)."""
        drive = np.asarray(stimuli, np.float32) @ self.dictionary
        potential = np.zeros_like(drive)
        code = np.zeros_like(drive)
        change = np.empty_like(drive)
        for _ in range(n_steps):
            np.matmul(code, self.lateral, out=change)
            change += drive
            change -= potential
            change *= self.rate
            potential += change
            soft_threshold(potential, self.sparsity, self.nonnegative, out=code)
            if after_step is not None:
                after_step(code)
        return code

    def learn(self, stimuli, n_steps=100, learning_rate=1.0):
        """One gradient step of the dictionary after inference; columns stay of unit length."""
        code = self.infer(stimuli, n_steps)
        residual = stimuli - code @ self.dictionary.T
        gradient = residual.T @ code / len(stimuli)
        self.set_dictionary(self.dictionary + np.float32(learning_rate) * gradient)
        return code
