"""What a code is worth: R2, zeros, d, and comparisons at equal zeros."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.stats import rankdata
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from ipvae_brian.response.metrics import distance, mean_r_squared, r_squared

# Inverse regularisation of logistic regression: tried from strong to weak.
REGULARISATION = (0.001, 0.003, 0.01, 0.03, 0.1, 1.0, 10.0)
# The part of the training codes on which it is chosen.
HELD_OUT = 0.2
# Codes with at least as many zeros are sparse.
SPARSE = 0.8
# Share of zeros above which a sparse matrix is faster.
WORTH_PACKING = 0.7


class Point(NamedTuple):
    """A code somewhere on the curve of reconstruction against zeros."""

    zeros: float
    r2: float


def score(stimuli, codes, reconstructions):
    """Return R2 per image about its mean, squared error per pixel, zeros and d, as a dict.

    Parameters
    ----------
    stimuli, reconstructions : numpy.ndarray, shape (n_stimuli, n_pixels)
    codes : numpy.ndarray, shape (n_stimuli, n_latents)
        `spikes`, their sum, means something where they are counts.
    """
    error = (np.asarray(stimuli, np.float64) - reconstructions) ** 2
    r2 = float(mean_r_squared(r_squared(stimuli, reconstructions)))
    zeros = float((codes == 0).mean())
    return {
        "r2": r2,
        "squared_error": float(error.mean()),
        "zeros": zeros,
        "distance": float(distance(r2, zeros)),
        "spikes": float(np.abs(codes).sum(axis=1).mean()),
    }


def largest_kept(codes, zeros):
    """Return codes of which each keeps its largest entries, so that a share `zeros` is zero."""
    kept = max(1, round((1 - zeros) * codes.shape[1]))
    if kept >= codes.shape[1]:
        return codes
    size = np.abs(codes)
    smallest = np.partition(size, -kept, axis=1)[:, -kept, None]
    return np.where((size >= smallest) & (size > 0), codes, 0)


def r2_at_zeros(points, zeros):
    """Return the R2 that a curve has at a share of zeros.

    In between, it is interpolated on a straight line; for more zeros than any point has there is
    no value (None). For fewer, it is the best of all points, since a code that has more zeros than
    are asked for has done at least what was asked.

    Parameters
    ----------
    points : iterable of Point
    zeros : float
    """
    points = [Point(*point) for point in points]
    sparser = [p for p in points if p.zeros >= zeros]
    if not sparser:
        return None
    best = max(p.r2 for p in sparser)
    denser = [p for p in points if p.zeros < zeros]
    for left in denser:
        for right in sparser:
            share = (zeros - left.zeros) / (right.zeros - left.zeros)
            best = max(best, left.r2 + share * (right.r2 - left.r2)) if share < 1 else best
    return best


def best_at_zeros(points, truncated, zeros):
    """Return R2 at a share of zeros, of the curve or of codes cut to their largest entries.

    Parameters
    ----------
    points : iterable of Point
        The curve of a model's own trade-off.
    truncated : float or None
        R2 of `largest_kept` codes at this share, the only way for a model without zeros.
    """
    found = [r2 for r2 in (r2_at_zeros(points, zeros), truncated) if r2 is not None]
    return max(found) if found else None


def ranks(values, *, largest_first=True):
    """Return the rank of each value by name, 1 for the best; equal values share the better rank.

    Without a value (None or NaN) there is no rank.
    """
    known = {name: v for name, v in values.items() if v is not None and np.isfinite(v)}
    signed = [-v if largest_first else v for v in known.values()]
    found = rankdata(signed, method="min").astype(int) if known else []
    return {name: int(rank) for name, rank in zip(known, found, strict=True)}


def accuracy(codes, labels, test_codes, test_labels):
    """Return the share of test stimuli that logistic regression classifies correctly.

    Its regularisation is chosen on a part of the training codes, and then it learns from all of
    them.

    Returns
    -------
    dict
        accuracy, and the regularisation C that was chosen.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    codes, labels = np.asarray(codes, np.float32)[order], np.asarray(labels)[order]
    scale = np.sqrt((codes.astype(np.float64) ** 2).mean()).astype(np.float32) or np.float32(1)
    x, x_test = codes / scale, np.asarray(test_codes, np.float32) / scale
    if (x == 0).mean() > WORTH_PACKING:  # the same numbers in a tenth of the time
        x, x_test = csr_matrix(x), csr_matrix(x_test)
    n = round((1 - HELD_OUT) * len(labels))
    found, regression = [], _regression()
    for regularisation in REGULARISATION:
        regression.set_params(C=regularisation)
        _fit(regression, x[:n], labels[:n])
        found.append(regression.score(x[n:], labels[n:]))
    chosen = REGULARISATION[int(np.argmax(found))]
    if len(np.unique(labels)) > len(regression.classes_):  # of some, all were held out
        regression = _regression()
    regression.set_params(C=chosen)
    _fit(regression, x, labels)
    return {"accuracy": float(regression.score(x_test, test_labels)), "regularisation": chosen}


def _regression():
    return LogisticRegression(max_iter=100, tol=1e-4, warm_start=True)


def _fit(regression, codes, labels):
    """Fit from where the last fit ended; a hundred steps are enough on the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(codes, labels)
