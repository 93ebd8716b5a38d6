"""The locally competitive algorithm with soft threshold (Rozell et al. 2008), in NumPy.

Potentials v of a batch follow dv = rate * (D^T x - v - (D^T D - I) a), with the code a = soft(v).
Its fixed point solves the LASSO: it minimises |x - D a|^2 / 2 + sparsity * |a|_1. The dictionary D,
of unit columns, then goes along the gradient of the residual (Olshausen & Field 1996).
"""

import numpy as np

from benchmarks.baselines.interface import Rival, TradeOff


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


class LocallyCompetitiveAlgorithm(Rival):
    """LCA as a rival: the dictionary learned by gradient steps after inference.

    Settings
    --------
    sparsity : float
        Of inference; training has `training_sparsity`.
    nonnegative : bool
    rate : float
        Of the integration, dt over the time constant.
    n_steps : int
        Of inference; training takes `training_steps`.
    learning_rate : float
        At the start; it falls linearly to a tenth.
    """

    NAME, FAMILY = "LCA", "sparse coding"
    REFERENCE = "Rozell et al. 2008, Neural Comput. 20:2526"
    SPARSE = ITERATIVE = True
    TRADE_OFF = TradeOff("sparsity", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {
        "sparsity": 0.5,
        "training_sparsity": 0.5,
        "nonnegative": False,
        "rate": 0.1,
        "n_steps": 300,
        "training_steps": 100,
        "learning_rate": 1.0,
    }
    N_EPOCHS = 2

    def __init__(self, n_pixels, n_latents, *, seed=0, **settings):
        super().__init__(n_pixels, n_latents, seed=seed, **settings)
        rng = np.random.default_rng(seed)
        dictionary = rng.standard_normal((n_pixels, n_latents), np.float32)
        self.dictionary = dictionary / np.linalg.norm(dictionary, axis=0)

    def _solver(self, sparsity):
        kept = {name: self.settings[name] for name in ("nonnegative", "rate")}
        return LCA(self.dictionary, sparsity, **kept)

    def learn(self, batch, share):
        """Take one gradient step; see `Rival.learn`."""
        s = self.settings
        solver = self._solver(s["training_sparsity"])
        dictionary = solver.dictionary
        code = solver.learn(batch, s["training_steps"], s["learning_rate"] * (1 - 0.9 * share))
        self.dictionary = solver.dictionary
        error = ((batch - code @ dictionary.T) ** 2).sum(axis=1)
        return float((error / 2 + s["training_sparsity"] * np.abs(code).sum(axis=1)).mean())

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return the code that competition arrives at; see `Rival.infer`."""
        solver = self._solver(self.settings["sparsity"])
        return solver.infer(self._stimuli(stimuli), self._steps(n_steps), after_step)

    def decode(self, codes):
        """Return the reconstructions."""
        return self._codes(codes) @ self.dictionary.T

    def arrays(self):
        """Return the dictionary."""
        return {"dictionary": self.dictionary}

    def set_arrays(self, arrays):
        """Take it over."""
        self.dictionary = arrays["dictionary"]
