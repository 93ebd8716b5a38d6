"""Gratings: drifting, flashed, of several sizes and contrasts, with a mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from brian2.only import Hz, ms
from numpy.typing import ArrayLike

from ipvae_brian._tools.checks import finite_array, number
from ipvae_brian._tools.types import Frequency, Time
from ipvae_brian.stimuli.drawings import Drawing, Grating, Plaid
from ipvae_brian.stimuli.protocols.building import (
    across,
    combinations,
    contrast_values,
    frames_of,
    frequencies,
    session_of,
    sizes,
    values,
)
from ipvae_brian.stimuli.protocols.space import Space
from ipvae_brian.stimuli.session import Session


def drifting_gratings(
    *,
    directions: ArrayLike,
    spatial_frequencies: ArrayLike,
    temporal_frequencies: Frequency = 2 * Hz,
    contrasts: ArrayLike = 1.0,
    diameters: ArrayLike | None = None,
    phases: ArrayLike = 0.0,
    centre: tuple[float, float] = (0.0, 0.0),
    duration: Time = 1000 * ms,
    frame_duration: Time = 10 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of gratings that drift.

    Parameters
    ----------
    directions : array_like
        Where they drift to, in degrees.
    spatial_frequencies : array_like
        Cycles per patch, or per degree.
    temporal_frequencies : Quantity, default 2*Hz
    contrasts : array_like, default 1
    diameters : array_like, optional
        Of a round aperture; by default gratings fill the field.
    phases : array_like, default 0
        At the onset, in degrees.
    centre : (float, float), default (0, 0)
        Of the aperture, to the right of and above the middle of the patch.
    duration, frame_duration : Quantity, default 1000*ms and 10*ms
    shape, degrees_per_patch, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its conditions are direction, orientation, spatial_frequency, temporal_frequency,
        contrast, diameter and phase.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, unit or range, or pixels or frames cannot show it.

    Examples
    --------
    >>> from brian2 import Hz
    >>> from ipvae_brian.stimuli import protocols
    >>> protocols.drifting_gratings(
    ...     directions=range(0, 360, 30), spatial_frequencies=[1, 2, 4], repeats=10
    ... )
    <Session of drifting gratings: 36 conditions x 10 repeats, trials of 1200 ms, 16 x 16 pixels>
    """
    return _gratings(
        "drifting gratings",
        {
            "direction": values(directions, "directions"),
            "spatial_frequency": values(spatial_frequencies, "spatial_frequencies"),
            "temporal_frequency": frequencies(
                temporal_frequencies, frame_duration, "temporal_frequencies"
            ),
            "contrast": contrast_values(contrasts),
            "diameter": sizes(diameters, "diameters"),
            "phase": values(phases, "phases"),
        },
        Space(shape, degrees_per_patch),
        centre,
        blank,
        session | {"frame_durations": frames_of(duration, frame_duration)},
    )


def size_tuning(
    *,
    diameters: ArrayLike,
    direction: float,
    spatial_frequency: float,
    **drifting: Any,
) -> Session:
    """Return a session of drifting gratings of several sizes.

    Parameters
    ----------
    diameters : array_like
        Of the aperture, in pixels or degrees.
    direction, spatial_frequency : float
        What the neuron prefers.
    **drifting
        Further arguments of `drifting_gratings`, such as ``centre``.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> protocols.size_tuning(diameters=[3, 5, 8, 12, 16], direction=0, spatial_frequency=3)
    <Session of size tuning: 5 conditions, trials of 1200 ms, 16 x 16 pixels>
    """
    session = drifting_gratings(
        diameters=diameters,
        directions=number(direction, "direction"),
        spatial_frequencies=number(spatial_frequency, "spatial_frequency", above=0),
        **drifting,
    )
    return session.renamed("size tuning")


def flashed_gratings(
    *,
    orientations: ArrayLike,
    spatial_frequencies: ArrayLike,
    phases: ArrayLike = 0.0,
    contrasts: ArrayLike = 1.0,
    diameters: ArrayLike | None = None,
    centre: tuple[float, float] = (0.0, 0.0),
    duration: Time = 200 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of gratings that appear and stand still.

    Parameters
    ----------
    orientations : array_like
        Of the bars: 0 is horizontal, 90 vertical.
    spatial_frequencies : array_like
        Cycles per patch, or per degree.
    phases : array_like, default 0
        Degrees.
    contrasts : array_like, default 1
        Several of them give a contrast response.
    diameters : array_like, optional
        Of a round aperture; by default gratings fill the field.
    centre : (float, float), default (0, 0)
        Of the aperture, to the right of and above the middle of the patch.
    duration : Quantity, default 200*ms
    shape, degrees_per_patch, blank, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its conditions are orientation, spatial_frequency, contrast, diameter and phase.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range, or pixels cannot show it.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.flashed_gratings(
    ...     orientations=45, spatial_frequencies=2, contrasts=[0.1, 0.5, 1]
    ... )
    >>> session.pictures().max(axis=(1, 2)).round(2)
    array([0.1, 0.5, 1. ])
    """
    return _gratings(
        "flashed gratings",
        {
            "orientation": values(orientations, "orientations"),
            "spatial_frequency": values(spatial_frequencies, "spatial_frequencies"),
            "contrast": contrast_values(contrasts),
            "diameter": sizes(diameters, "diameters"),
            "phase": values(phases, "phases"),
        },
        Space(shape, degrees_per_patch),
        centre,
        blank,
        session | {"frame_durations": duration},
    )


def plaids(
    *,
    orientations: ArrayLike,
    spatial_frequencies: ArrayLike,
    contrasts: ArrayLike = (0.0, 0.5),
    mask_contrasts: ArrayLike = (0.0, 0.5),
    mask_angle: float = 90.0,
    phases: ArrayLike = 0.0,
    mask_phases: ArrayLike = 0.0,
    diameters: ArrayLike | None = None,
    centre: tuple[float, float] = (0.0, 0.0),
    duration: Time = 200 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    blank: bool = False,
    **session: Any,
) -> Session:
    """Return a session of flashed gratings with a mask: a second grating at an angle.

    By default each plaid is shown with its components: each of the two contrasts may be 0.

    Parameters
    ----------
    orientations, spatial_frequencies, phases, diameters, centre
        Of the first grating; see `flashed_gratings`.
    contrasts, mask_contrasts : array_like, default (0, 0.5)
        Of the two gratings; no two may add up to more than 1.
    mask_angle : float, default 90
        From the first orientation to that of the mask, in degrees.
    mask_phases : array_like, default 0
        Degrees.
    duration, shape, degrees_per_patch, blank, **session
        See `flashed_gratings`.

    Returns
    -------
    session : Session
        Its conditions are orientation, spatial_frequency, contrast, mask_contrast,
        mask_orientation, diameter, phase and mask_phase.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or range, or pixels cannot show it.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.plaids(orientations=0, spatial_frequencies=2)
    >>> session.conditions["contrast"], session.conditions["mask_contrast"]
    (array([0. , 0. , 0.5, 0.5]), array([0. , 0.5, 0. , 0.5]))
    """
    space = Space(shape, degrees_per_patch)
    place = space.point(centre)
    angle = number(mask_angle, "mask_angle")
    rows = combinations(
        {
            "orientation": values(orientations, "orientations"),
            "spatial_frequency": values(spatial_frequencies, "spatial_frequencies"),
            "contrast": contrast_values(contrasts),
            "mask_contrast": contrast_values(mask_contrasts, "mask_contrasts"),
            "diameter": sizes(diameters, "diameters"),
            "phase": values(phases, "phases"),
            "mask_phase": values(mask_phases, "mask_phases"),
        }
    )
    drawings: list[Drawing] = []
    for row in rows:
        if row["contrast"] + row["mask_contrast"] > 1 + 1e-12:
            raise ValueError(
                "contrasts and mask_contrasts must not add up to more than 1, "
                f"got {row['contrast']:g} and {row['mask_contrast']:g}"
            )
        row["mask_orientation"] = (row["orientation"] + angle) % 180
        mask = {
            "orientation": row["orientation"] + angle,
            "contrast": row["mask_contrast"],
            "phase": row["mask_phase"],
        }
        drawings.append(Plaid((_grating(row, space, place), _grating(row | mask, space, place))))
    return session_of("plaids", drawings, rows, space, blank, session, duration)


def contrast_steps(
    *,
    contrasts: Sequence[Sequence[float]],
    direction: float,
    spatial_frequency: float,
    temporal_frequency: Frequency = 0 * Hz,
    phase: float = 0.0,
    step_duration: Time = 500 * ms,
    frame_duration: Time = 10 * ms,
    shape: tuple[int, int] = (16, 16),
    degrees_per_patch: float | None = None,
    **session: Any,
) -> Session:
    """Return a session of gratings whose contrast changes in steps.

    Parameters
    ----------
    contrasts : sequence of sequences of float
        For each stimulus its contrasts, one after the other; all equally many.
    direction, spatial_frequency : float
        Of the grating; it keeps its phase when the contrast changes.
    temporal_frequency : Quantity, default 0*Hz
        By default the grating stands still.
    phase : float, default 0
        Degrees.
    step_duration, frame_duration : Quantity, default 500*ms and 10*ms
    shape, degrees_per_patch, **session
        See `ipvae_brian.stimuli.protocols` and `Session`.

    Returns
    -------
    session : Session
        Its conditions are contrast_0, contrast_1, ...: those of the steps.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, unit or range, or pixels or frames cannot show it.

    Examples
    --------
    >>> from ipvae_brian.stimuli import protocols
    >>> session = protocols.contrast_steps(
    ...     contrasts=[[0.1, 0.8, 0.1], [0.8, 0.1, 0.8]], direction=0, spatial_frequency=3
    ... )
    >>> session
    <Session of contrast steps: 2 conditions, trials of 1700 ms, 16 x 16 pixels>
    >>> session.conditions["contrast_1"]
    array([0.8, 0.1])
    """
    space = Space(shape, degrees_per_patch)
    array = finite_array(contrasts, "contrasts", ndim=2)
    contrast_values(array.ravel(), "contrasts")
    (frequency,) = frequencies(temporal_frequency, frame_duration, "temporal_frequency")
    grating: dict[str, Any] = {
        "direction": number(direction, "direction"),
        "spatial_frequency": space.cycles_per_pixel(spatial_frequency),
        "temporal_frequency": frequency,
        "phase": number(phase, "phase"),
    }
    frames = [step_duration] if frequency == 0 else frames_of(step_duration, frame_duration)
    rows, drawings = [], []
    for steps in array.tolist():
        rows.append({f"contrast_{i}": contrast for i, contrast in enumerate(steps)})
        drawings.append(
            Grating(**grating, contrast_steps=tuple(steps), frames_per_step=len(frames))
        )
    durations = frames * array.shape[1]
    return session_of("contrast steps", drawings, rows, space, False, session, durations)


def _gratings(
    name: str,
    factors: dict[str, list[float]],
    space: Space,
    centre: Any,
    blank: bool,
    session: dict[str, Any],
) -> Session:
    rows = combinations(factors)
    place = space.point(centre)
    drawings = [_grating(row, space, place) for row in rows]
    for row in rows:
        if "direction" in row:
            row["orientation"] = (row["direction"] + 90) % 180
    return session_of(name, drawings, rows, space, blank, session, session.pop("frame_durations"))


def _grating(row: dict[str, Any], space: Space, place: tuple[float, float]) -> Grating:
    direction = row["direction"] if "direction" in row else across(row["orientation"])
    return Grating(
        direction=direction,
        spatial_frequency=space.cycles_per_pixel(row["spatial_frequency"]),
        temporal_frequency=row.get("temporal_frequency", 0.0),
        phase=row["phase"],
        contrast=row["contrast"],
        diameter=space.pixels * row["diameter"],
        centre=place,
    )
