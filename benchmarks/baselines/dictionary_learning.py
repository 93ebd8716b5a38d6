"""scikit-learn's MiniBatchDictionaryLearning (Mairal et al. 2009), coding by coordinate descent.

Of its solvers of the LASSO, coordinate descent is the fastest for 512 atoms; least-angle regression
gives the same codes more slowly. Orthogonal matching pursuit fixes how many atoms are used, and
plain thresholding does not let atoms compete.
"""

import warnings

import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode
from sklearn.exceptions import ConvergenceWarning

from benchmarks.baselines.interface import Rival, TradeOff


class DictionaryLearning:
    """Dictionary learning in batches, with codes at any sparsity.

    Parameters
    ----------
    n_neurons : int
    sparsity : float, default 0.5
        Weight of the L1 norm against half the squared error, as for LCA.
    positive_code : bool, default False
    seed : int, default 0
    batch_size : int, default 200
    """

    def __init__(self, n_neurons, sparsity=0.5, *, positive_code=False, seed=0, batch_size=200):
        self.positive_code = positive_code
        self.estimator = MiniBatchDictionaryLearning(
            n_neurons,
            alpha=sparsity,
            batch_size=batch_size,
            fit_algorithm="cd",
            transform_algorithm="lasso_cd",
            positive_code=positive_code,
            random_state=seed,
        )

    @property
    def dictionary(self):
        """Unit columns, (n_pixels, n_neurons)."""
        return self.estimator.components_.T

    def learn(self, stimuli):
        """Learn from one batch."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.estimator.partial_fit(stimuli)

    def infer(self, stimuli, sparsity):
        """Codes of stimuli, (B, n_neurons)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return sparse_encode(
                np.asarray(stimuli, np.float64),
                self.estimator.components_.astype(np.float64),
                algorithm="lasso_cd",
                alpha=sparsity,
                positive=self.positive_code,
            )


class SparseCoding(Rival):
    """Sparse coding of scikit-learn as a rival, its solver of the LASSO at any sparsity.

    Settings
    --------
    sparsity : float
        Of inference; training has `training_sparsity`.
    positive_code : bool
    """

    NAME, FAMILY = "sparse coding (scikit-learn)", "sparse coding"
    REFERENCE = "Mairal et al. 2009, ICML; scikit-learn MiniBatchDictionaryLearning"
    SPARSE = True
    TRADE_OFF = TradeOff("sparsity", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {
        "sparsity": 0.5,
        "training_sparsity": 0.5,
        "positive_code": False,
    }
    N_EPOCHS = 1

    def __init__(self, n_pixels, n_latents, *, seed=0, **settings):
        super().__init__(n_pixels, n_latents, seed=seed, **settings)
        s = self.settings
        self.solver = DictionaryLearning(
            n_latents,
            s["training_sparsity"],
            positive_code=s["positive_code"],
            seed=seed,
            batch_size=s["batch_size"],
        )

    def learn(self, batch, share):
        """Learn by one `partial_fit` and return the squared error of the code after it."""
        self.solver.learn(batch)
        code = self.solver.infer(batch[:20], self.settings["training_sparsity"])
        return float(((batch[:20] - code @ self.solver.dictionary.T) ** 2).sum(axis=1).mean())

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return the solution of the LASSO; see `Rival.infer`."""
        self._steps(n_steps)
        codes = self.solver.infer(self._stimuli(stimuli), self.settings["sparsity"])
        return codes.astype(np.float32)

    def decode(self, codes):
        """Return the reconstructions."""
        return self._codes(codes) @ self.solver.dictionary.T.astype(np.float32)

    def arrays(self):
        """Return the dictionary."""
        return {"dictionary": self.solver.dictionary}

    def set_arrays(self, arrays):
        """Take it over."""
        self.solver.estimator.components_ = arrays["dictionary"].T
