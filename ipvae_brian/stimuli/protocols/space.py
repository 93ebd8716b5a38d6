"""Lengths and spatial frequencies, as experimenters give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ipvae_brian._tools.checks import number
from ipvae_brian.stimuli.patches import patch_shape


@dataclass(frozen=True)
class Space:
    """Units of length of an experiment.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the patch in pixels.
    degrees_per_patch : float or None
        Visual angle of the patch's width. Without it, lengths are pixels and frequencies cycles
        per patch; with it, degrees and cycles per degree.
    """

    shape: tuple[int, int]
    degrees_per_patch: float | None

    def __post_init__(self):
        object.__setattr__(self, "shape", patch_shape(self.shape))
        if self.degrees_per_patch is not None:
            degrees = number(self.degrees_per_patch, "degrees_per_patch", above=0)
            object.__setattr__(self, "degrees_per_patch", degrees)

    @property
    def length(self) -> str:
        """Name of the unit of length."""
        return "pixel" if self.degrees_per_patch is None else "degree"

    @property
    def frequency(self) -> str:
        """Name of the unit of spatial frequency."""
        return "cycles/patch" if self.degrees_per_patch is None else "cycles/degree"

    @property
    def pixels(self) -> float:
        """Pixels in a unit of length."""
        return 1.0 if self.degrees_per_patch is None else self.shape[1] / self.degrees_per_patch

    def cycles_per_pixel(self, frequency: float) -> float:
        """Return a spatial frequency in cycles per pixel.

        Raises
        ------
        ValueError
            If it is not positive, or pixels cannot show it: from half a cycle per pixel on,
            contrast depends on phase, and more look like less.
        """
        frequency = number(frequency, "spatial_frequencies", above=0)
        per_unit = self.shape[1] if self.degrees_per_patch is None else self.pixels
        if frequency >= per_unit / 2:
            raise ValueError(
                f"spatial_frequencies must be below {per_unit / 2:g} {self.frequency} (half a "
                f"cycle per pixel), got {frequency:g}"
            )
        return frequency / per_unit

    def point(self, centre: Any) -> tuple[float, float]:
        """Return a place (right, up) from the middle of the patch in pixels."""
        try:
            right, up = centre
        except (TypeError, ValueError):
            raise TypeError(f"centre must be (right, up), got {centre!r}") from None
        return self.pixels * number(right, "centre[0]"), self.pixels * number(up, "centre[1]")
