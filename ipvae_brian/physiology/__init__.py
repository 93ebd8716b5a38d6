"""What a visual physiologist measures, from recordings of neurons and of networks alike.

Each analysis takes a `Recording`, or the rates that `tuning_curve` has from one, and never asks
where it came from. Numbers that are not defined for a neuron, because it fired too little or
nothing was there to measure, are NaN; if that is so for all of them, or trials are too few, there
is an error.
"""

from ipvae_brian.physiology.columns import ColumnFits, fit_columns
from ipvae_brian.physiology.compare import compare
from ipvae_brian.physiology.comparison import Comparison, Curve, Property
from ipvae_brian.physiology.contrast import (
    CrossOrientation,
    NakaRushton,
    SizeTuning,
    cross_orientation,
    fit_naka_rushton,
    naka_rushton,
    size_tuning,
)
from ipvae_brian.physiology.intervals import (
    IntervalStatistics,
    interval_statistics,
)
from ipvae_brian.physiology.latency import (
    LatencyShift,
    Psth,
    latency_shift,
    psth,
    scaled_and_shifted,
    time_to_half_maximum,
)
from ipvae_brian.physiology.measured import Biology, Check, Distribution, Gate, Measured
from ipvae_brian.physiology.membrane import (
    MembraneStatistics,
    Millivolts,
    membrane_statistics,
)
from ipvae_brian.physiology.natural import (
    NaturalResponses,
    RateDistribution,
    Spectrum,
    cross_validated_spectrum,
    natural_responses,
    rate_distribution,
    spectrum,
)
from ipvae_brian.physiology.orientation import (
    circular_variance,
    contrast_invariance,
    direction_selectivity,
    half_bandwidth,
    orthogonal_preferred_ratio,
    second_peak,
    smoothed,
)
from ipvae_brian.physiology.prediction import (
    NoiseCeiling,
    Prediction,
    noise_ceiling,
    predict_recording,
)
from ipvae_brian.physiology.predictors import (
    gabor_energy,
    predictors_of,
    rates_without_competition,
)
from ipvae_brian.physiology.preset import Preset, Setting, physiological
from ipvae_brian.physiology.receptive_fields import (
    GaborFit,
    SpikeTriggeredAverage,
    fit_gabor,
    spike_triggered_average,
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
    distance_interval,
    distance_to_counts,
    distance_to_percentiles,
)
from ipvae_brian.physiology.tuning import (
    SpatialFrequencyTuning,
    TuningCurve,
    f1_f0,
    spatial_frequency_tuning,
    tuning_curve,
)
from ipvae_brian.physiology.variability import (
    CountStatistics,
    FanoCourse,
    NoiseCorrelations,
    count_statistics,
    mean_matched_fano,
    noise_correlations,
)

__all__ = [
    "Biology",
    "Check",
    "ColumnFits",
    "Comparison",
    "ConfidenceInterval",
    "CountStatistics",
    "CrossOrientation",
    "Curve",
    "Distribution",
    "FanoCourse",
    "GaborFit",
    "Gate",
    "IntervalStatistics",
    "LatencyShift",
    "Measured",
    "MembraneStatistics",
    "Millivolts",
    "NakaRushton",
    "NaturalResponses",
    "NoiseCeiling",
    "NoiseCorrelations",
    "Prediction",
    "Preset",
    "Property",
    "Psth",
    "RateDistribution",
    "Reference",
    "Setting",
    "SizeTuning",
    "SpatialFrequencyTuning",
    "Spectrum",
    "SpikeTriggeredAverage",
    "TuningCurve",
    "available_references",
    "circular_variance",
    "compare",
    "confidence_interval",
    "contrast_invariance",
    "count_statistics",
    "cross_orientation",
    "cross_validated_spectrum",
    "direction_selectivity",
    "distance_interval",
    "distance_to_counts",
    "distance_to_percentiles",
    "f1_f0",
    "fit_columns",
    "fit_gabor",
    "fit_naka_rushton",
    "gabor_energy",
    "half_bandwidth",
    "interval_statistics",
    "latency_shift",
    "mean_matched_fano",
    "membrane_statistics",
    "naka_rushton",
    "natural_responses",
    "noise_ceiling",
    "noise_correlations",
    "orthogonal_preferred_ratio",
    "physiological",
    "predict_recording",
    "predictors_of",
    "psth",
    "rate_distribution",
    "rates_without_competition",
    "reference",
    "references",
    "scaled_and_shifted",
    "second_peak",
    "size_tuning",
    "smoothed",
    "spatial_frequency_tuning",
    "spectrum",
    "spike_triggered_average",
    "time_to_half_maximum",
    "tuning_curve",
]
