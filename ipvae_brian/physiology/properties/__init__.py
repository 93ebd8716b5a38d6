"""Properties of visual cortex, each worked out by one function from any recording that has it."""

from ipvae_brian.physiology.properties import (
    contrast,
    fields,
    membrane,
    natural,
    orientation,
    variability,
)
from ipvae_brian.physiology.properties.specification import Sample, Specification

PROPERTIES: tuple[Specification, ...] = (
    *orientation.PROPERTIES,
    *fields.PROPERTIES,
    *contrast.PROPERTIES,
    *variability.PROPERTIES,
    *natural.PROPERTIES,
    *membrane.PROPERTIES,
)

__all__ = ["PROPERTIES", "Sample", "Specification"]
