"""Gratings, bars, noise and pictures, drawn as contrast on a grid of pixels over time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# A grating of contrast 1 has a root mean square of 1 / sqrt(2).
GRATING_SCALE = float(np.sqrt(2))


@dataclass(frozen=True)
class Grid:
    """Pixels of a patch and of a margin around it.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the patch.
    margin : int, default 0
        Pixels beyond each side.
    """

    shape: tuple[int, int]
    margin: int = 0

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width with the margin."""
        return self.shape[0] + 2 * self.margin, self.shape[1] + 2 * self.margin

    @cached_property
    def x(self) -> NDArray:
        """Pixels to the right of the middle of the patch, shape (1, width)."""
        width = self.frame_shape[1]
        return np.arange(width)[None, :] - (width - 1) / 2

    @cached_property
    def y(self) -> NDArray:
        """Pixels above the middle of the patch, shape (height, 1)."""
        height = self.frame_shape[0]
        return (height - 1) / 2 - np.arange(height)[:, None]


class Drawing(Protocol):
    """What a stimulus looks like at any time.

    Attributes
    ----------
    whitened_scale : float
        What contrast is multiplied by where stimuli are shown in whitened space, so that contrast
        1 has the root mean square of natural patches, 1.
    """

    whitened_scale: float

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at some times, (n_times, height, width).

        Parameters
        ----------
        grid : Grid
        times : ndarray (n_times,)
            Onsets of frames in seconds from the onset of the stimulus.
        first : int, default 0
            Number of the first of these frames.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Grating:
    """A sine grating, full field or in a round aperture.

    Parameters
    ----------
    direction : float
        Where it drifts to, in degrees counterclockwise from the right; its bars are at right
        angles to that.
    spatial_frequency : float
        Cycles per pixel.
    temporal_frequency : float, default 0
        Cycles per second; 0 stands still.
    phase : float, default 0
        Degrees. At 0, a bright bar runs through `centre` at the onset.
    contrast : float, default 1
        Michelson contrast.
    diameter : float, default infinity
        Of the aperture, in pixels; its edge is a linear ramp of one pixel.
    centre : (float, float), default (0, 0)
        Pixels to the right of and above the middle of the patch.
    contrast_steps : tuple of float, optional
        Contrasts one after the other, instead of `contrast`.
    frames_per_step : int, default 1
        Frames with each of them.
    """

    direction: float
    spatial_frequency: float
    temporal_frequency: float = 0.0
    phase: float = 0.0
    contrast: float = 1.0
    diameter: float = np.inf
    centre: tuple[float, float] = (0.0, 0.0)
    contrast_steps: tuple[float, ...] = ()
    frames_per_step: int = 1

    whitened_scale = GRATING_SCALE

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at `times`, (n_times, height, width)."""
        x, y = grid.x - self.centre[0], grid.y - self.centre[1]
        angle = np.deg2rad(self.direction)
        cycles = self.spatial_frequency * (x * np.cos(angle) + y * np.sin(angle))
        phases = self.temporal_frequency * times + self.phase / 360
        waves = np.cos(2 * np.pi * (cycles - phases[:, None, None]))
        if np.isfinite(self.diameter):
            waves *= np.clip(self.diameter / 2 - np.hypot(x, y) + 0.5, 0, 1)
        if not self.contrast_steps:
            return self.contrast * waves
        step = np.arange(first, first + len(times)) // self.frames_per_step
        return np.array(self.contrast_steps)[step][:, None, None] * waves


@dataclass(frozen=True)
class Plaid:
    """Gratings on top of each other: their contrasts add up."""

    components: tuple[Grating, ...]

    whitened_scale = GRATING_SCALE

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at `times`, (n_times, height, width)."""
        return np.sum([c.draw(grid, times, first) for c in self.components], axis=0)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A light or dark bar on grey, standing or moving, with edges that are ramps of one pixel.

    Parameters
    ----------
    direction : float
        Across the bar, and where it moves to, in degrees counterclockwise from the right.
    position : float, default 0
        Pixels from `centre` in that direction at the onset.
    speed : float, default 0
        Pixels per second.
    width, length : float
        Pixels; the width is along `direction`.
    contrast : float, default 1
        Of light against grey: 1 is twice as bright, -1 black.
    centre : (float, float), default (0, 0)
        Pixels to the right of and above the middle of the patch.
    """

    direction: float
    width: float
    length: float = np.inf
    position: float = 0.0
    speed: float = 0.0
    contrast: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)

    whitened_scale = 1.0

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at `times`, (n_times, height, width)."""
        x, y = grid.x - self.centre[0], grid.y - self.centre[1]
        angle = np.deg2rad(self.direction)
        along = x * np.cos(angle) + y * np.sin(angle)
        beside = y * np.cos(angle) - x * np.sin(angle)
        places = self.position + self.speed * times
        inside = _within(along - places[:, None, None], self.width) * _within(beside, self.length)
        return self.contrast * inside


def _within(distance: NDArray, width: float) -> NDArray:
    """How much of a pixel at `distance` from the middle of a stripe lies inside of it."""
    upper = np.clip(width / 2 - distance, -0.5, 0.5)
    lower = np.clip(-width / 2 - distance, -0.5, 0.5)
    return upper - lower


@dataclass(frozen=True, kw_only=True)
class Noise:
    """White noise: a new picture in each frame, every check independent.

    Parameters
    ----------
    seed : tuple of int
        The patch is the same with any margin.
    contrast : float
        Standard deviation.
    binary : bool, default False
        Whether checks are plus or minus the contrast, instead of normally distributed.
    check : int, default 1
        Pixels along the side of a check, which begin at the patch's corner.
    """

    seed: tuple[int, ...]
    contrast: float
    binary: bool = False
    check: int = 1

    whitened_scale = 1.0

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at `times`, (n_times, height, width)."""
        frames = np.empty((len(times), *grid.frame_shape))
        inside = slice(grid.margin, -grid.margin or None)
        for number, frame in enumerate(frames, start=first):
            if grid.margin:
                frame[:] = self._checks(grid.frame_shape, (number, 1))
            frame[inside, inside] = self._checks(grid.shape, (number, 0))
        return frames

    def _checks(self, shape: tuple[int, int], stream: tuple[int, int]) -> NDArray:
        rng = np.random.default_rng((*self.seed, *stream))
        size = tuple(-(-n // self.check) for n in shape)
        checks = rng.choice([-1.0, 1.0], size) if self.binary else rng.standard_normal(size)
        whole = checks.repeat(self.check, axis=0).repeat(self.check, axis=1)
        return self.contrast * whole[: shape[0], : shape[1]]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures one after another, one for each frame.

    Parameters
    ----------
    frames : ndarray (n_frames, height, width)
        Contrast; of larger pictures the middle is shown.
    """

    frames: NDArray

    whitened_scale = 1.0

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return the contrast at `times`, (n_times, height, width).

        Raises
        ------
        ValueError
            If the pictures are smaller than the grid.
        """
        spare = [n - g for n, g in zip(self.frames.shape[1:], grid.frame_shape, strict=True)]
        if min(spare) < 0:
            raise ValueError(
                f"pictures of {self.frames.shape[1]} x {self.frames.shape[2]} pixels are too small "
                f"for patches of {grid.shape[0]} x {grid.shape[1]} with a margin of {grid.margin} "
                "on each side"
            )
        top, left = (n // 2 for n in spare)
        height, width = grid.frame_shape
        shown = slice(first, first + len(times))
        return self.frames[shown, top : top + height, left : left + width]


@dataclass(frozen=True)
class Grey:
    """Nothing: a screen of mean luminance."""

    whitened_scale = 1.0

    def draw(self, grid: Grid, times: NDArray, first: int = 0) -> NDArray:
        """Return zeros, (n_times, height, width)."""
        return np.zeros((len(times), *grid.frame_shape))
