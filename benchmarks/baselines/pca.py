"""Principal components (Pearson 1901), as many as the code that is compared has non-zeros."""

import numpy as np
from sklearn.decomposition import PCA

from benchmarks.baselines.interface import Rival, TradeOff


class PrincipalComponents(Rival):
    """The best linear code of a given number of components; the others are zero.

    Settings
    --------
    n_components : int, optional
        In use, by default all `n_latents`. A fair comparison takes as many as the other code has
        non-zeros on average.
    """

    NAME, FAMILY = "PCA", "linear"
    REFERENCE = "Pearson 1901, Phil. Mag. 2:559; scikit-learn"
    # Zeros of components that are never used are no sparse code, but count as zeros.
    SPARSE = True
    TRADE_OFF = TradeOff("n_components", (8, 16, 32, 64, 128, 256), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {"n_components": None}

    def fit(self, stimuli, *, validation=None, minutes=None, n_epochs=None, progress=True):
        """Find the components in closed form; budgets do not matter."""
        stimuli = self._stimuli(stimuli)
        pca = PCA(min(self.n_latents, *stimuli.shape), svd_solver="covariance_eigh").fit(stimuli)
        missing = self.n_latents - pca.n_components_
        self.components = np.pad(pca.components_, ((0, missing), (0, 0))).astype(np.float32)
        self.mean = pca.mean_.astype(np.float32)
        return self

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return the projections on the first components; see `Rival.infer`."""
        self._steps(n_steps)
        codes = (self._stimuli(stimuli) - self.mean) @ self.components.T
        in_use = self.settings["n_components"]
        codes[:, self.n_latents if in_use is None else in_use :] = 0
        return codes

    def decode(self, codes):
        """Return the reconstructions."""
        return self._codes(codes) @ self.components + self.mean

    def arrays(self):
        """Return components and mean."""
        return {"components": self.components, "mean": self.mean}

    def set_arrays(self, arrays):
        """Take them over."""
        self.components, self.mean = arrays["components"], arrays["mean"]
