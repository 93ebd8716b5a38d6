"""Factors of an experiment, their combinations, and the session of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from brian2.only import Hz, Quantity, get_dimensions, second
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import finite_array, flag, number, seconds
from ipvae_brian._tools.types import Frequency, Time
from ipvae_brian.stimuli.drawings import Drawing, Grey
from ipvae_brian.stimuli.protocols.space import Space
from ipvae_brian.stimuli.session import Session

# Of a frame: how far a duration may be from a whole number of frames.
ROUNDING = 1e-6


def values(value: ArrayLike, name: str, **bounds: Any) -> list[float]:
    """Return the values of a factor, one or several, as a list of numbers within the bounds."""
    array = finite_array(value, name, ndim=(0, 1))
    return [number(v, name, **bounds) for v in np.atleast_1d(array).tolist()]


def sizes(value: ArrayLike | None, name: str) -> list[float]:
    """Return positive lengths; None is without an end."""
    return [np.inf] if value is None else values(value, name, above=0)


def contrast_values(
    value: ArrayLike, name: str = "contrasts", *, negative: bool = False
) -> list[float]:
    """Return contrasts up to 1: light cannot be less than none."""
    return values(value, name, minimum=-1 if negative else 0, maximum=1)


def frequencies(value: Frequency, frame: Time, name: str) -> list[float]:
    """Return temporal frequencies in Hz.

    Raises
    ------
    TypeError
        If they have no unit or another one than Hz.
    ValueError
        If frames of such a duration cannot show them.
    """
    if not isinstance(value, Quantity) or get_dimensions(value) != get_dimensions(Hz):
        raise TypeError(f"{name} must be in hertz, such as 2*Hz, got {value!s}")
    found = values(np.asarray(value), name, minimum=0)
    limit = 0.5 / seconds(frame, "frame_duration")
    for frequency in found:
        if frequency >= limit:
            raise ValueError(
                f"{name} must be below {limit:g} Hz (half a cycle per frame of "
                f"{frame!s}), got {frequency:g} Hz"
            )
    return found


def frames_of(duration: Time, frame: Time) -> list[Time]:
    """Return durations of the frames that fill `duration`.

    Raises
    ------
    ValueError
        If it is not a whole number of frames.
    """
    length, each = seconds(duration, "duration"), seconds(frame, "frame_duration")
    n_frames = round(length / each)
    if n_frames < 1 or abs(n_frames * each - length) > ROUNDING * each:
        raise ValueError(
            f"duration must be a whole number of frames of {each * 1e3:g} ms, "
            f"got {length * 1e3:g} ms"
        )
    return [each * second] * n_frames


def combinations(factors: Mapping[str, list[float]]) -> list[dict[str, float]]:
    """Return all combinations of the factors' values; the last factor changes fastest."""
    return [dict(zip(factors, row, strict=True)) for row in itertools.product(*factors.values())]


def columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return rows of conditions as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def across(orientation: float) -> float:
    """Return the direction across bars: to the right, or up for horizontal ones."""
    direction = (orientation + 90) % 180
    return direction if direction <= 90 else direction - 180


def session_of(
    name: str,
    drawings: Sequence[Drawing],
    rows: list[dict[str, Any]],
    space: Space,
    blank: bool,
    session: dict[str, Any],
    frame_durations: Any,
) -> Session:
    """Return the session of drawings and their conditions, one row for each."""
    if flag(blank, "blank"):
        nothing = {key: "" if isinstance(v, str) else np.nan for key, v in rows[0].items()}
        rows = [*rows, nothing | {key: 0.0 for key in nothing if "contrast" in key}]
        drawings = [*drawings, Grey()]
    units = {
        "direction": "degree",
        "orientation": "degree",
        "mask_orientation": "degree",
        "phase": "degree",
        "mask_phase": "degree",
        "spatial_frequency": space.frequency,
        "temporal_frequency": "Hz",
        "diameter": space.length,
        "position": space.length,
        "top": "pixel",
        "left": "pixel",
    }
    return Session(
        name,
        drawings,
        columns(rows),
        units={key: units[key] for key in rows[0] if key in units},
        shape=space.shape,
        frame_durations=frame_durations,
        **session,
    )
