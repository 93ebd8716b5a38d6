"""Baselines: what users would pick instead, all with one interface, that of `Rival`.

A rival is made, fitted, asked for codes, and decoded:

>>> import numpy as np
>>> from benchmarks.baselines import RIVALS, rival
>>> x = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
>>> pca = rival("pca")(n_pixels=16, n_latents=8, seed=0).fit(x, progress=False)
>>> codes = pca.infer(x)
>>> codes.shape, pca.decode(codes).shape
((200, 8), (200, 16))

`RIVALS` lists their keys, in the order in which tables show them; `rival(key)` imports the class,
and only then PyTorch, if it needs it. Each class has

- NAME, FAMILY, REFERENCE: texts for tables;
- SPARSE: whether its codes can hold zeros;
- ITERATIVE: whether inference takes steps (`infer(stimuli, n_steps, after_step)`);
- STOCHASTIC: whether `infer` draws codes (`sample=False` gives the mean instead);
- TRADE_OFF: the setting that trades sparsity against reconstruction, a grid of its values, and
  whether each value needs a training of its own;
- DEFAULTS: all settings with their values.

The older classes `LCA`, `DictionaryLearning` and `PoissonVAE` are the solvers below three of them;
the measurements of speed use these directly.
"""

from importlib import import_module

# Key: module and class.
RIVALS = {
    "gaussian_amortized": ("amortized", "AmortizedGaussianVAE"),
    "gaussian_amortized_conv": ("amortized", "ConvolutionalGaussianVAE"),
    "relu_amortized": ("amortized", "AmortizedReluVAE"),
    "relu_amortized_conv": ("amortized", "ConvolutionalReluVAE"),
    "poisson_amortized": ("amortized", "AmortizedPoissonVAE"),
    "poisson_amortized_conv": ("amortized", "ConvolutionalPoissonVAE"),
    "gaussian_iterative": ("iterative_gaussian", "IterativeGaussianVAE"),
    "relu_iterative": ("iterative_gaussian", "IterativeReluVAE"),
    "poisson_iterative": ("iterative_poisson", "IterativePoissonVAE"),
    "predictive_coding": ("predictive_coding", "PredictiveCoding"),
    "incremental_predictive_coding": ("predictive_coding", "IncrementalPredictiveCoding"),
    "hybrid": ("hybrid", "HybridVAE"),
    "semi_amortized": ("semi_amortized", "SemiAmortizedVAE"),
    "lca": ("lca", "LocallyCompetitiveAlgorithm"),
    "sparse_coding": ("dictionary_learning", "SparseCoding"),
    "pca": ("pca", "PrincipalComponents"),
    "matching_pursuit": ("matching_pursuit", "MatchingPursuit"),
}
# Those that work without PyTorch, which is in the extra `bench`.
WITHOUT_TORCH = ("lca", "sparse_coding", "pca", "matching_pursuit")


def rival(key):
    """Return the class of a rival; `RIVALS` has the keys.

    Raises
    ------
    ValueError
        If there is no rival of that key.
    ImportError
        If it needs PyTorch and there is none.
    """
    if key not in RIVALS:
        raise ValueError(f"rival must be one of {', '.join(RIVALS)}, got {key!r}")
    module, name = RIVALS[key]
    try:
        return getattr(import_module(f"benchmarks.baselines.{module}"), name)
    except ImportError as error:
        if key in WITHOUT_TORCH or error.name != "torch":
            raise
        raise ImportError(
            f"the rival {key!r} needs PyTorch: pip install 'ipvae-brian[bench]'", name="torch"
        ) from error
