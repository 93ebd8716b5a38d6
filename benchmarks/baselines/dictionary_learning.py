"""scikit-learn's MiniBatchDictionaryLearning (Mairal et al. 2009), coding by coordinate descent.

Of its solvers of the LASSO, coordinate descent is the fastest for 512 atoms; least-angle regression
gives the same codes more slowly. Orthogonal matching pursuit fixes how many atoms are used, and
plain thresholding does not let atoms compete.
"""

import warnings

import numpy as np
from sklearn.decomposition import MiniBatchDictionaryLearning, sparse_encode
from sklearn.exceptions import ConvergenceWarning


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
