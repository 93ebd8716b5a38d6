"""Bars: flashed at several places, and moving across the field."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.only import ms, second
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import number, seconds
from ipvae_brian._tools.types import Time
from ipvae_brian.stimuli.drawings import Bar
from ipvae_brian.stimuli.protocols.building import (
    across,
    combinations,
    contrast_values,
    session_of,
    values,
)
from ipvae_brian.stimuli.protocols.space import Space
from ipvae_brian.stimuli.session import Session


def flashed_bars(
    *,
    orientations: ArrayLike,
    positions: ArrayLike,
    width: float,
    length: float | None = None,
    contrasts: ArrayLike = (1.0, -1.0),
    centre: tuple[float, float] = (0.0, 0.0),
    duration: Time = 200 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of light and dark bars that appear at several places.

    Parameters
    ----------
    orientations : array_like
        Of the long side: 0 is horizontal, 90 vertical.
    positions : array_like
        Across the bar, from `centre` on: to the right for vertical bars, up for horizontal ones.
    width, length : float
        Pixels or degrees; by default bars are as long as the field.
    contrasts : array_like, default (1, -1)
        Of light against grey: 1 is twice as bright, -1 black.
    centre : (float, float), default (0, 0)
        To the right of and above the middle of the patch.
    duration : Quantity, default 200*ms
    shape, degrees_per_patch, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its conditions are orientation, position and contrast.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> protocols.flashed_bars(orientations=[0, 90], positions=range(-6, 7, 2), width=2)
    <Session of flashed bars: 28 conditions, trials of 400 ms, 16 x 16 pixels>
    """
    space = Space(shape, degrees_per_patch)
    rows = combinations(
        {
            "orientation": values(orientations, "orientations"),
            "position": values(positions, "positions"),
            "contrast": contrast_values(contrasts, negative=True),
        }
    )
    drawings = []
    for row in rows:
        direction = across(row["orientation"])
        bar = _bar(space, centre, width, length, row["contrast"], direction, row["position"])
        drawings.append(bar)
    return session_of("flashed bars", drawings, rows, space, blank, session, duration)


def moving_bars(
    *,
    directions: ArrayLike,
    speed: float,
    width: float,
    length: float | None = None,
    contrasts: ArrayLike = 1.0,
    path: float | None = None,
    centre: tuple[float, float] = (0.0, 0.0),
    frame_duration: Time = 10 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of bars that move across the field, as Hubel and Wiesel's [1]_.

    Parameters
    ----------
    directions : array_like
        Where bars move to, at right angles to their long side.
    speed : float
        Pixels, or degrees of visual angle, per second.
    width, length : float
        Pixels or degrees; by default bars are as long as the field.
    contrasts : array_like, default 1
        Of light against grey: 1 is twice as bright, -1 black.
    path : float, optional
        How far bars move, with `centre` in the middle; by default from outside of the patch to
        outside of it, whatever the direction.
    centre : (float, float), default (0, 0)
        To the right of and above the middle of the patch.
    frame_duration : Quantity, default 10*ms
    shape, degrees_per_patch, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its conditions are direction, orientation and contrast. It lasts as many whole frames as
        the path takes.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range.

    References
    ----------
    .. [1] Hubel & Wiesel 1959, J. Physiol. 148:574, doi:10.1113/jphysiol.1959.sp006308

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> protocols.moving_bars(directions=range(0, 360, 45), speed=40, width=2)
    <Session of moving bars: 8 conditions, trials of 820 ms, 16 x 16 pixels>
    """
    space = Space(shape, degrees_per_patch)
    speed = number(speed, "speed", above=0)
    each = seconds(frame_duration, "frame_duration")
    if path is None:
        path = (np.hypot(*space.shape) / space.pixels) + number(width, "width", above=0)
    path = number(path, "path", above=0)
    n_frames = int(np.ceil(path / speed / each - 1e-9))
    rows = combinations(
        {
            "direction": values(directions, "directions"),
            "contrast": contrast_values(contrasts, negative=True),
        }
    )
    drawings = []
    for row in rows:
        row["orientation"] = (row["direction"] + 90) % 180
        drawings.append(
            _bar(space, centre, width, length, row["contrast"], row["direction"], -path / 2, speed)
        )
    frames = [each * second] * n_frames
    return session_of("moving bars", drawings, rows, space, blank, session, frames)


def _bar(
    space: Space,
    centre: Any,
    width: float,
    length: float | None,
    contrast: float,
    direction: float,
    position: float,
    speed: float = 0.0,
) -> Bar:
    return Bar(
        direction=direction,
        width=space.pixels * number(width, "width", above=0),
        length=np.inf if length is None else space.pixels * number(length, "length", above=0),
        position=space.pixels * position,
        speed=space.pixels * speed,
        contrast=contrast,
        centre=space.point(centre),
    )
