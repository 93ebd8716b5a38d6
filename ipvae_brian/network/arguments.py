"""Check the stimuli, durations and neurons that users give; return arrays and seconds."""

from collections.abc import Iterable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import finite_array, seconds, whole_number
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import TimingWarning
from ipvae_brian.model.parameters import Parameters

# What `record_potentials` may be.
Neurons = Iterable[int] | slice | bool | Literal["all"]


def as_stimuli(stimuli: ArrayLike, parameters: Parameters, name: str) -> NDArray:
    """Return stimuli as (n_stimuli, n_pixels): one or many, as rows of pixels or as images."""
    array = finite_array(stimuli, name, ndim=(1, 2, 3), dtype=_precision(stimuli))
    shape, n_pixels = parameters.stimulus_shape, parameters.n_pixels
    if array.shape == (n_pixels,) or array.shape == shape:
        return array.reshape(1, n_pixels)
    if array.shape[1:] in (shape, (n_pixels,)):
        return array.reshape(-1, n_pixels)
    raise ValueError(
        f"{name} must have shape (n_stimuli, {n_pixels}) or (n_stimuli, *{shape}), "
        f"got {array.shape}"
    )


def _precision(value):
    """Single precision is kept, as many stimuli take much memory; all else becomes double."""
    return np.float32 if getattr(value, "dtype", None) == np.float32 else np.float64


def as_movies(frames: ArrayLike, parameters: Parameters, name: str) -> NDArray:
    """Return movies as (n_stimuli, n_frames, n_pixels)."""
    array = finite_array(frames, name, ndim=(2, 3, 4), dtype=_precision(frames))
    shape, n_pixels = parameters.stimulus_shape, parameters.n_pixels
    image_rank = len(shape)
    if image_rank > 1 and array.ndim > image_rank and array.shape[-image_rank:] == shape:
        array = array.reshape(*array.shape[:-image_rank], n_pixels)
    if array.ndim in (2, 3) and array.shape[-1] == n_pixels:
        return array.reshape(-1, *array.shape[-2:])
    raise ValueError(
        f"{name} must have shape (n_frames, {n_pixels}) or (n_stimuli, n_frames, {n_pixels}), "
        f"or with {shape} for the pixels, got {np.shape(frames)}"
    )


def frame_durations(duration: Any, n_frames: int) -> NDArray:
    """Return the durations of the frames in seconds, (n_frames,)."""
    if np.ndim(duration) == 0:
        return np.full(n_frames, seconds(duration, "duration"))
    if len(duration) != n_frames:
        raise ValueError(f"duration must be one time or {n_frames}, got {len(duration)}")
    return np.array([seconds(d, f"duration[{i}]") for i, d in enumerate(duration)])


def steps_of_frames(lengths: NDArray, dt: float) -> NDArray[np.int64]:
    """Return how many time steps each frame lasts, so that none begins too early or late.

    Frames begin with the time step that is nearest to the sum of the frames before, so that
    rounding does not add up over a movie.

    Parameters
    ----------
    lengths : numpy.ndarray, shape (n_frames,)
        In seconds.
    dt : float
        In seconds.

    Raises
    ------
    ValueError
        If a frame is shorter than a time step.

    Warns
    -----
    TimingWarning
        If frames cannot begin and end at the times that were asked for.
    """
    ends = np.cumsum(lengths) / dt
    rounded = np.rint(ends).astype(np.int64)
    steps = np.diff(rounded, prepend=0)
    if (steps < 1).any():
        raise ValueError(
            f"duration must be at least one time step, {dt * 1e3:g} ms, "
            f"got {lengths[steps < 1][0] * 1e3:g} ms"
        )
    off = np.abs(ends - rounded)
    # Sums of many lengths are themselves rounded.
    if off.max() > 1e-6 * max(1.0, len(lengths) ** 0.5):
        worst = int(np.argmax(off))
        warn_user(
            f"duration: frame {worst} is to end at {ends[worst] * dt * 1e3:.6g} ms, which is no "
            f"whole number of time steps of dt = {dt * 1e3:g} ms; it ends at "
            f"{rounded[worst] * dt * 1e3:.6g} ms",
            TimingWarning,
        )
    return steps


def largest_energy(stimuli: NDArray) -> float:
    """Return the squared length of the strongest stimulus of (n_stimuli, n_pixels)."""
    return float((stimuli**2).sum(axis=1).max())


def recorded_neurons(neurons: Neurons, n_neurons: int) -> tuple[int, ...]:
    """Return the neurons to be recorded, each of them once.

    True and "all" are all of them, False is none; slices are as for lists.
    """
    if isinstance(neurons, (bool, np.bool_)):
        neurons = range(n_neurons) if neurons else ()
    elif isinstance(neurons, str) and neurons == "all":
        neurons = range(n_neurons)
    elif isinstance(neurons, slice):
        neurons = range(n_neurons)[neurons]
    if isinstance(neurons, str) or np.ndim(cast(Any, neurons)) != 1:
        raise TypeError(
            f"record_potentials must be True, a slice or a list of neurons, got {neurons!r}"
        )
    recorded = tuple(whole_number(j, "record_potentials", minimum=0) for j in neurons)
    if recorded and max(recorded) >= n_neurons:
        raise ValueError(
            f"record_potentials must be below {n_neurons} (the neurons), got {max(recorded)}"
        )
    if len(set(recorded)) != len(recorded):
        raise ValueError("record_potentials must not name a neuron twice")
    return recorded


def whole_fraction(dt: float, parameters: Parameters) -> float:
    """Return dt in seconds, if tau is a whole number of such steps."""
    tau = float(parameters.tau)
    if dt > tau * (1 + 1e-9):
        raise ValueError(f"dt must be at most tau = {tau * 1e3:g} ms, got {dt * 1e3:g} ms")
    steps = round(tau / dt)
    if abs(steps * dt - tau) > 1e-6 * tau:
        raise ValueError(
            f"dt must be tau = {tau * 1e3:g} ms divided by a whole number, got {dt * 1e3:g} ms; "
            f"nearest is {tau / steps * 1e3:g} ms"
        )
    return dt


def steps_per_tau(dt: Time | None, parameters: Parameters) -> int | None:
    """Return how many time steps of `dt` make up tau; None if `dt` is still to be chosen."""
    if dt is None:
        return None
    return round(float(parameters.tau) / whole_fraction(seconds(dt, "dt"), parameters))
