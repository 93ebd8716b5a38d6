"""What a visual physiologist measures, from recordings of neurons and of networks alike.

Each analysis takes a `Recording`, or the rates that `tuning_curve` has from one, and never asks
where it came from. Numbers that are not defined for a neuron, because it fired too little or
nothing was there to measure, are NaN; if that is so for all of them, or trials are too few, there
is an error.
"""

from ipvae_brian.physiology.orientation import (
    circular_variance,
    contrast_invariance,
    direction_selectivity,
    half_bandwidth,
    orthogonal_preferred_ratio,
    second_peak,
)
from ipvae_brian.physiology.reference import (
    Reference,
    available_references,
    reference,
    references,
)
from ipvae_brian.physiology.statistics import (
    ConfidenceInterval,
    confidence_interval,
    distance_to_percentiles,
)
from ipvae_brian.physiology.tuning import (
    SpatialFrequencyTuning,
    TuningCurve,
    f1_f0,
    spatial_frequency_tuning,
    tuning_curve,
)

__all__ = [
    "ConfidenceInterval",
    "Reference",
    "SpatialFrequencyTuning",
    "TuningCurve",
    "available_references",
    "circular_variance",
    "confidence_interval",
    "contrast_invariance",
    "direction_selectivity",
    "distance_to_percentiles",
    "f1_f0",
    "half_bandwidth",
    "orthogonal_preferred_ratio",
    "reference",
    "references",
    "second_peak",
    "spatial_frequency_tuning",
    "tuning_curve",
]
