"""How much of a recording a code explains: cross-validated ridge regression with noise ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import finite_array, number, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.trials import Groups, counts_in, group_trials
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response.response import Response

# Ridge penalties that are tried, times the number of images and the mean variance of a predictor.
PENALTIES = tuple(np.logspace(-3, 3, 13).tolist())
# Below, regression on hundreds of predictors says nothing.
FEWEST_IMAGES = 20


class NoiseCeiling(NamedTuple):
    """How much of the variance of mean counts over images could be predicted, (n_neurons,) each."""

    fraction: NDArray[np.floating]
    """Part that is the same whenever the images are shown; NaN without a spike.

    An estimate: of a neuron that ignores images it is about 0 on average, and may be negative.
    """
    variance: NDArray[np.floating]
    """Of mean counts over images, what `fraction` is of."""
    noise: NDArray[np.floating]
    """Part of `variance` that is left of the variability of trials."""


@dataclass(frozen=True)
class Prediction:
    """How well the mean counts of neurons were predicted for images left out of the fit.

    Attributes
    ----------
    predicted, measured : numpy.ndarray, shape (n_images, n_neurons)
        Mean counts of each image; those predicted come from a fit without that image.
    ceiling : NoiseCeiling
    minimum_ceiling : float
        Of `ceiling.fraction`: neurons below it are left out of `normalised`.
    """

    predicted: NDArray[np.floating]
    measured: NDArray[np.floating]
    ceiling: NoiseCeiling
    minimum_ceiling: float

    @property
    def explained(self) -> NDArray[np.floating]:
        """Explained part of the variance of mean counts, (n_neurons,); below 0 if worse than none.

        NaN without a spike. It cannot exceed the ceiling but by chance.
        """
        error = ((self.predicted - self.measured) ** 2).mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.ceiling.variance > 0, 1 - error / self.ceiling.variance, np.nan)

    @property
    def normalised(self) -> NDArray[np.floating]:
        """Explained part of what could be predicted, (n_neurons,): 1 for the true model.

        NaN for neurons whose ceiling is below `minimum_ceiling`.
        """
        fraction = self.ceiling.fraction
        enough = fraction >= self.minimum_ceiling
        return np.where(enough, self.explained / np.where(enough, fraction, 1), np.nan)


def noise_ceiling(
    recording: Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
) -> NoiseCeiling:
    """Return how much of the variance over images could be predicted of each neuron.

    The mean count of n repeats varies over images by the signal and by a noise that is the
    variance of single trials over n. The latter, estimated without bias from the repeats, is
    subtracted: with m the mean counts and v their variance over repeats, the signal is
    var(m) - mean(v / n) [1]_. This is the power of the signal of Sahani & Linden, and needs
    nothing of the noise but that it is independent from trial to trial.

    Parameters
    ----------
    recording : Recording
        With at least two repeats of every image, not necessarily as many of all.
    by : str or sequence of str, optional
        What tells images apart: by default all that was varied but the repeat, or else the number
        of the stimulus.
    window : (Quantity, Quantity), optional
        Beginning and end, from the onset of the stimulus; by default while it is shown.

    Raises
    ------
    TypeError, ValueError
        If an image was shown once, there are fewer than two, or no neuron fires.

    References
    ----------
    .. [1] Sahani & Linden 2003, "How linear are auditory cortical responses?", NIPS 15.

    Examples
    --------
    Counts whose means have variance 4 and whose trials are Poisson with mean 10, 5 repeats: a
    part 4 / (4 + 10 / 5) of the variance is signal.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import noise_ceiling
    >>> rng, image = np.random.default_rng(0), np.repeat(np.arange(2000), 5)
    >>> counts = rng.poisson(rng.normal(10, 2, 2000).clip(0)[image])[:, None, None]
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=200)
    >>> noise_ceiling(Recording(counts, timing, conditions={"image": image})).fraction.round(2)
    array([0.67])
    """
    return _ceiling(*_repeats(recording, by, window))


def _repeats(recording: Recording, by: Any, window: Any) -> tuple[Groups, NDArray[np.floating]]:
    """Return the trials of each image and their counts, (n_trials, n_neurons)."""
    groups = group_trials(recording, by)
    if len(groups) < 2:
        raise ValueError(f"recording must have at least 2 images, got {len(groups)}")
    groups.require_repeats(2)
    counts, _ = counts_in(recording, window)
    if not counts.any():
        raise ValueError("recording has no spike in the window")
    return groups, counts


def _ceiling(groups, counts):
    variance = groups.mean(counts).var(axis=0, ddof=1)
    noise = (groups.variance(counts) / groups.n_trials[:, None]).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(variance > 0, 1 - noise / variance, np.nan)
    return NoiseCeiling(fraction, variance, noise)


def predict_recording(
    recording: Recording,
    predictors: ArrayLike | Recording,
    by: str | Sequence[str] | None = None,
    *,
    window: tuple[Time, Time] | None = None,
    n_folds: int = 10,
    together: ArrayLike | None = None,
    penalties: Sequence[float] = PENALTIES,
    minimum_ceiling: float = 0.1,
    seed: int = 0,
) -> Prediction:
    """Return how well mean counts for each image are predicted by a linear readout of predictors.

    Images are divided into folds. For each, a ridge regression with its own penalty for every
    neuron, chosen by leaving single images out, is fitted to all other images and predicts those
    of the fold.

    Parameters
    ----------
    recording : Recording
        With at least two repeats of every image, and 20 images.
    predictors : array_like, shape (n_images, n_predictors), or Recording
        What the model says of every image, such as the rates of its neurons. An array has its
        rows in the order of the images' values of `by`, from the lowest to the highest, as
        `natural_responses` has them. Of a recording with these conditions, images are matched by
        their values; without any conditions, its stimuli are the images in that order. Of a
        `Response`, expected counts are taken, otherwise counts; both while the stimulus is shown.
    by, window
        As for `noise_ceiling`.
    n_folds : int, default 10
    together : array_like, shape (n_images,), optional
        Images with the same entry are left out together: patches of one photograph, frames of one
        film. Otherwise what such images share is learned from one and predicted for the other.
    penalties : sequence of float
        To choose from, relative: they are multiplied by the number of images and the mean
        variance of a predictor. Predictors keep their variance relative to each other.
    minimum_ceiling : float, default 0.1
        Neurons with less to be predicted are left out of `Prediction.normalised`.
    seed : int, default 0
        Of the folds.

    Returns
    -------
    Prediction

    Raises
    ------
    TypeError, ValueError
        If images or repeats are too few, predictors are not those of these images or do not vary,
        or no neuron fires.

    See Also
    --------
    ipvae_brian.physiology.predictors_of : what a model's code has to be compared with.

    References
    ----------
    Normalised by the ceiling as in Sahani & Linden 2003, NIPS 15; the same as the "fraction of
    explainable variance explained" of Cadena et al. 2019, PLoS Comput. Biol. 15:e1006897.

    Examples
    --------
    Poisson neurons that are driven by the first two of four predictors.

    >>> import numpy as np
    >>> from ipvae_brian import Recording, Timing
    >>> from ipvae_brian.physiology import predict_recording
    >>> rng = np.random.default_rng(0)
    >>> code, image = rng.uniform(0, 10, (200, 4)), np.repeat(np.arange(200), 10)
    >>> counts = rng.poisson(code[image, :2])[:, None]
    >>> timing = Timing(dt=0.001, n_steps=200, steps_per_window=200)
    >>> recording = Recording(counts, timing, conditions={"image": image})
    >>> predict_recording(recording, code).normalised.round(1)
    array([1., 1.])
    >>> predict_recording(recording, code[:, 2:]).normalised.round(1) + 0.0
    array([0., 0.])
    """
    groups, counts = _repeats(recording, by, window)
    n_images = len(groups)
    n_folds = whole_number(n_folds, "n_folds", minimum=2)
    if n_images < max(FEWEST_IMAGES, 2 * n_folds):
        raise ValueError(
            f"recording must have at least {max(FEWEST_IMAGES, 2 * n_folds)} images for "
            f"{n_folds} folds, got {n_images}"
        )
    values = _values_of(predictors, by, groups)
    chosen = finite_array(penalties, "penalties", ndim=1)
    if (chosen <= 0).any():
        raise ValueError(f"penalties must be > 0, got {chosen.min():g}")
    measured = groups.mean(counts)
    folds = _folds(n_images, n_folds, together, whole_number(seed, "seed", minimum=0))
    return Prediction(
        predicted=_left_out(values, measured, folds, chosen),
        measured=measured,
        ceiling=_ceiling(groups, counts),
        minimum_ceiling=number(minimum_ceiling, "minimum_ceiling", above=0, maximum=1),
    )


def _values_of(predictors, by, groups) -> NDArray[np.floating]:
    """Return what is known of each image, (n_images, n_predictors), with variance 1 on average."""
    if isinstance(predictors, Recording):
        predictors = _rates_by_image(predictors, by, groups)
    values = finite_array(predictors, "predictors", ndim=2)
    if len(values) != len(groups):
        raise ValueError(
            f"predictors must have a row for each of the {len(groups)} images, got {len(values)}"
        )
    scale = np.sqrt(values.var(axis=0).mean())
    if not scale > 0:
        raise ValueError("predictors must differ between images, they are all the same")
    return values / scale


def _rates_by_image(recording, by, groups):
    rates = _rates(recording)
    if not recording.conditions:
        known = recording.stimulus_numbers is not None
        return group_trials(recording).mean(rates) if known else rates
    own = group_trials(recording, list(groups.conditions) if by is None else by)
    for name, column in groups.conditions.items():
        if len(own) != len(groups) or not _same(own.conditions[name], column):
            raise ValueError(
                f"predictors must be of the same images as the recording: {name} has other values"
            )
    return own.mean(rates)


def _same(one, other):
    """Return whether two columns are equal; NaN, of blanks, is a value like others."""
    numbers = one.dtype.kind == other.dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=numbers)


def _rates(recording):
    windows = recording.timing.windows_of_stimulus
    counts = recording.expected_counts if isinstance(recording, Response) else recording.counts
    return counts[:, windows].mean(axis=1, dtype=np.float64)


def _folds(n_images, n_folds, together, seed):
    """Return pairs of the images to learn from and those left out."""
    from sklearn.model_selection import GroupKFold, KFold

    if together is None:
        return list(KFold(n_folds, shuffle=True, random_state=seed).split(np.zeros(n_images)))
    labels = np.asarray(together)
    if labels.shape != (n_images,):
        raise ValueError(f"together must have shape ({n_images},), got {labels.shape}")
    kinds = len(np.unique(labels))
    if kinds < n_folds:
        raise ValueError(f"together must have at least n_folds = {n_folds} values, got {kinds}")
    folds = GroupKFold(n_folds, shuffle=True, random_state=seed)
    return list(folds.split(np.zeros(n_images), groups=labels))


def _left_out(values, measured, folds, penalties):
    """Return predictions for each image from a fit to images of other folds."""
    from sklearn.linear_model import RidgeCV

    predicted = np.empty_like(measured)
    for known, left_out in folds:
        ridge = RidgeCV(alphas=len(known) * penalties, alpha_per_target=True)
        ridge.fit(values[known], measured[known])
        predicted[left_out] = ridge.predict(values[left_out]).reshape(len(left_out), -1)
    return predicted
