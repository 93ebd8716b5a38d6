"""What was varied in a recording: curves over one condition at each unit's best of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.trials import REPEAT, counts_in, group_trials
from ipvae_brian.physiology.tuning import tuning_curve
from ipvae_brian.recordings.recording import Recording

# Of a grating: what an experimenter looks for the best of.
OTHERS = ("spatial_frequency", "temporal_frequency", "diameter", "contrast")
GRATING = ("orientation", "direction", *OTHERS[:3], "phase", "contrast")
MASK = "mask_contrast"
# Of light it is 1; in whitened space, where 1 is that of a natural patch, it may be more.
HIGHEST_CONTRAST = 3.0
# Spikes, on average over repeats, that a unit needs at its best condition for a curve to be one.
FEWEST_SPIKES = 5.0


@dataclass(frozen=True)
class Curves:
    """Mean rates over one condition at each unit's best values of the others.

    Attributes
    ----------
    values : numpy.ndarray, shape (n_values,)
    rates : numpy.ndarray, shape (n_values, n_units)
        In Hz; NaN for units that fire too little.
    others : tuple of dict
        The combinations of other conditions.
    best : numpy.ndarray of int, shape (n_units,)
        Which of them is each unit's.
    """

    values: NDArray
    rates: NDArray[np.floating]
    others: tuple[dict[str, Any], ...]
    best: NDArray[np.integer]

    @property
    def responsive(self) -> NDArray[np.bool_]:
        """Units that fire enough."""
        return np.isfinite(self.rates[0])

    def apply(self, function: Any, *arguments: Any) -> NDArray[np.floating]:
        """Return what a function of rates (n_values, n_units) gives; NaN for other units."""
        out = np.full(self.rates.shape[1], np.nan)
        if self.responsive.any():
            out[self.responsive] = function(self.rates[:, self.responsive], *arguments)
        return out


def angle_of(recording: Recording) -> str:
    """Return the name of the condition that has orientations or directions."""
    for name in ("direction", "orientation"):
        if name in recording.conditions and len(_different(recording, name)) >= 4:
            return name
    raise ValueError("it needs at least 4 orientations or directions as a condition")


def best_curves(recording: Recording, condition: str, period: float | None = None) -> Curves:
    """Return the curve of every unit over a condition, at its best combination of the others."""
    require(recording, condition)
    recording = without_mask(recording)
    others = [name for name in OTHERS if name != condition and name in recording.conditions]
    others = [name for name in others if len(_different(recording, name)) > 1]
    shown = np.isfinite(recording.conditions[condition].astype(float))
    combinations: list[dict[str, Any]] = [{}]
    if others:
        groups = group_trials(recording.select(shown), others)
        columns = groups.conditions
        combinations = [{n: columns[n][i] for n in others} for i in range(len(groups))]
    found = [
        tuning_curve(recording, condition, where=where or None, period=period)
        for where in combinations
    ]
    # A combination may lack some values, as in an unfinished experiment.
    values = max((one.values for one in found), key=len)
    whole = [i for i, one in enumerate(found) if np.array_equal(one.values, values)]
    rates = np.stack([found[i].rates for i in whole])
    # By the peak, as an experimenter looks for the best grating.
    score = rates.max(axis=1)
    best = score.argmax(axis=0)
    chosen = np.take_along_axis(rates, best[None, None], axis=0)[0]
    duration = counts_in(recording)[1]
    n_trials = np.array([found[i].n_trials.min() for i in whole])
    spikes = chosen.max(axis=0) * duration * n_trials[best]
    chosen = np.where(spikes >= FEWEST_SPIKES, chosen, np.nan)
    return Curves(values, chosen, tuple(combinations[i] for i in whole), best)


def require(recording: Recording, *names: str) -> None:
    """Raise ValueError if a recording does not have these conditions."""
    missing = [name for name in names if name not in recording.conditions]
    if missing:
        known = ", ".join(n for n in recording.conditions if n != REPEAT) or "none"
        raise ValueError(f"it needs the condition {missing[0]}; the recording has {known}")


def varied(recording: Recording, name: str, at_least: int) -> NDArray:
    """Return the different values of a condition, if there are enough."""
    require(recording, name)
    values = _different(recording, name)
    if len(values) < at_least:
        raise ValueError(f"it needs at least {at_least} values of {name}, there are {len(values)}")
    return values


def contrasts_of(recording: Recording, at_least: int) -> NDArray[np.floating]:
    """Return the different contrasts, as parts of 1, if there are enough.

    Raises
    ------
    ValueError
        If there are too few, or they are in percent, as many files have them: a contrast of 10 is
        no contrast, and 1 would be taken for the highest.
    """
    values = varied(recording, "contrast", at_least)
    if values[-1] > HIGHEST_CONTRAST:
        raise ValueError(
            f"it needs contrasts from 0 to 1, and they go up to {values[-1]:g}: if they are in "
            "percent, divide them by 100"
        )
    return values


def _different(recording: Recording, name: str) -> NDArray:
    column = recording.conditions[name]
    if column.dtype.kind == "f":
        column = column[~np.isnan(column)]
    return np.unique(column)


def own_trials(recording: Recording, unit: int, **where: Any) -> NDArray[np.bool_]:
    """Return which trials were made for a unit, as a mask.

    Where each unit had stimuli of its own, the condition ``target`` names it as the unit's column
    ``neuron`` does. Otherwise all trials are every unit's.
    """
    own = np.ones(recording.n_trials, bool)
    if "target" in recording.conditions:
        own = recording.conditions["target"] == unit_number(recording, unit)
    for name, value in where.items():
        own &= recording.conditions[name] == value
    return own


def unmasked(recording: Recording) -> NDArray[np.bool_]:
    """Return in which trials no second grating was shown, as a mask of trials."""
    if MASK not in recording.conditions:
        return np.ones(recording.n_trials, bool)
    return ~(recording.conditions[MASK] > 0)


def without_mask(recording: Recording) -> Recording:
    """Return the trials in which no second grating was shown.

    Raises
    ------
    ValueError
        If there is none.
    """
    alone = unmasked(recording)
    if alone.all():
        return recording
    if not alone.any():
        raise ValueError("it needs trials without a mask")
    return Recording.select(recording, alone)


def best_trials(
    recording: Recording, unit: int, counts: NDArray, *free: str, among: NDArray | None = None
) -> NDArray[np.bool_]:
    """Return the trials of a unit's best grating, as a mask of trials.

    Parameters
    ----------
    recording : Recording
    unit : int
    counts : numpy.ndarray, shape (n_trials,)
        Spikes of the unit.
    *free : str
        Conditions that are looked at, and so may have any value.
    among : numpy.ndarray of bool, shape (n_trials,), optional
        In which trials the best is looked for; by default those without a mask.
    """
    own = own_trials(recording, unit)
    if "target" in recording.conditions:
        return own
    looked_at = own & (unmasked(recording) if among is None else among)
    for name in GRATING:
        column = recording.conditions.get(name)
        if column is None or name in free:
            continue
        values = np.unique(column[looked_at & np.isfinite(column.astype(float))])
        if len(values) > 1:
            means = [counts[looked_at & (column == value)].mean() for value in values]
            same = column == values[int(np.argmax(means))]
            own, looked_at = own & same, looked_at & same
    return own


def unit_number(recording: Recording, unit: int) -> int:
    """Return the number by which the condition ``target`` knows a unit."""
    numbers: Mapping[str, NDArray] = recording.units
    return int(numbers["neuron"][unit]) if "neuron" in numbers else unit


def targets(recording: Recording) -> NDArray[np.integer]:
    """Return the units for which there are trials: those named as a target, or all."""
    if "target" not in recording.conditions:
        return np.arange(recording.n_neurons)
    named = set(recording.conditions["target"].tolist())
    units = [u for u in range(recording.n_neurons) if unit_number(recording, u) in named]
    return np.array(units, int)
