"""What a property is: its name, what is shown, and how it is worked out from a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipvae_brian.physiology.measured import Biology, Check, Distribution
from ipvae_brian.recordings.recording import Recording

# Units that a distribution needs, and the part of those looked at for which it is defined.
FEWEST_UNITS = 10
LEAST_DEFINED = 0.25


@dataclass(frozen=True)
class Sample:
    """A property of every unit of a recording, and what has to hold for it.

    Attributes
    ----------
    distribution : Distribution
    checks : tuple of Check
        Of this number, besides those of `Specification.model_checks`.
    """

    distribution: Distribution
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Specification:
    """A property that models and recordings may have.

    Attributes
    ----------
    name, title, unit, group, meaning
        As for `Property`.
    experiment : str
        Name of the experiment that a model is put through for it.
    measure : callable
        From a `Recording` to a `Sample`. It raises ValueError if the recording does not have what
        is needed, and says what.
    model_checks : tuple of str
        Which checks of the model itself belong to it: ``"columns"``, whether columns of the
        dictionary are Gabor functions; the time step always does.
    single : bool
        Whether it is one number of a whole recording, not one for each unit.
    references : tuple of str
        Names of the biological values; by default that of the property.
    adapt : callable, optional
        From what a laboratory has to what is compared, such as deviations from the median.
    """

    name: str
    title: str
    unit: str
    group: str
    meaning: str
    experiment: str
    measure: Callable[[Recording], Sample]
    model_checks: tuple[str, ...] = ()
    single: bool = False
    references: tuple[str, ...] = ()
    adapt: Callable[[Biology], Biology] | None = None


def sample(
    values: NDArray, *checks: Check, window_ms: float | None = None, note: str = ""
) -> Sample:
    """Return a number for every unit, NaN where it is not defined, with its checks."""
    found = Distribution.of(values, window_ms=window_ms, note=note)
    if not found.n:
        raise ValueError("it is not defined for any unit")
    return Sample(found, (*checks, *_checks_of_units(found)))


def single(value: float, *checks: Check, window_ms: float | None = None, note: str = "") -> Sample:
    """Return one number of a whole recording."""
    if not np.isfinite(value):
        raise ValueError("it is not defined for this recording")
    return Sample(Distribution.of([value], window_ms=window_ms, note=note), checks)


def _checks_of_units(found):
    part = found.n / found.n_looked_at
    return (
        Check(
            "units",
            found.n,
            FEWEST_UNITS,
            found.n >= FEWEST_UNITS,
            f"{found.n} units, at least {FEWEST_UNITS} are needed",
        ),
        Check(
            "defined",
            part,
            LEAST_DEFINED,
            part >= LEAST_DEFINED,
            f"defined for {part:.0%} of {found.n_looked_at} units, at least "
            f"{LEAST_DEFINED:.0%} are needed",
        ),
    )


def most(name: str, value: float, limit: float, text: str) -> Check:
    """Return the check that a part, 0 to 1, is at most a limit."""
    passed = bool(value <= limit)
    return Check(name, float(value), limit, passed, f"{value:.0%} of {text}, at most {limit:.0%}")


def least(name: str, value: float, limit: float, text: str) -> Check:
    """Return the check that a part, 0 to 1, is at least a limit."""
    passed = bool(value >= limit)
    return Check(name, float(value), limit, passed, f"{value:.0%} of {text}, at least {limit:.0%}")
