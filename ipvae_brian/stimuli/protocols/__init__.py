"""Experiments of visual physiology as sessions: gratings, plaids, bars, noise, pictures.

Angles are degrees, counterclockwise. A direction of 0 is to the right, 90 up; the bars of a grating
that drifts to the right are vertical, and their orientation is 90. Without ``degrees_per_patch``,
lengths are pixels and spatial frequencies cycles per patch; with it, they are degrees of visual
angle and cycles per degree. Contrast is Michelson's: 1 goes from black to twice the mean.

Every factor may be one value or several; all combinations are shown. Further arguments, the same
for all, are those of `Session`: ``repeats``, ``grey_before``, ``grey_after``, ``dt``. With
``blank=True`` a grey screen is one more condition; its other factors are NaN.
"""

from ipvae_brian.stimuli.protocols.bars import flashed_bars, moving_bars
from ipvae_brian.stimuli.protocols.gratings import (
    contrast_steps,
    drifting_gratings,
    flashed_gratings,
    plaids,
    size_tuning,
)
from ipvae_brian.stimuli.protocols.pictures import image_sequences, natural_images, white_noise

__all__ = [
    "contrast_steps",
    "drifting_gratings",
    "flashed_bars",
    "flashed_gratings",
    "image_sequences",
    "moving_bars",
    "natural_images",
    "plaids",
    "size_tuning",
    "white_noise",
]
