"""The settings of a model in a comparison: its own, the preset, and what the code is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from brian2.only import ms

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.noise import TERMS, Noise
from ipvae_brian.physiology.experiments import Subject
from ipvae_brian.physiology.preset import physiological
from ipvae_brian.response import metrics
from ipvae_brian.stimuli import load_stimuli

# Patches of photographs from which R2 is measured, and windows of tau that each is shown.
N_PATCHES, N_PATCHES_QUICK = 400, 100
R2_WINDOWS = 16
SEED_OF_PATCHES = 7
# Of the preset: it brings the contrast at half the maximal response to that of cortex, from .09.
ADAPTATION = 1.85


def of_preset(parameters: Parameters, **options: Any) -> Subject:
    """Return a model with the preset `physiological`, ready for experiments."""
    found = physiological(parameters)
    return Subject(
        found.parameters,
        noise=found.noise,
        pools=found.protocol["pools"],
        adaptation=ADAPTATION,
        **options,
    )


def described(subject: Subject) -> dict[str, Any]:
    """Return the settings by name."""
    p = subject.parameters
    told: dict[str, Any] = {
        "tau_ms": float(p.tau / ms),
        "gain": gain_of(p),
        "sparsity": sparsity_of(p),
        "threshold_spread": threshold_spread_of(p),
        "spike_size": float(p.spike_sizes.mean()),
        "leak": p.leak,
        "resting_potential": float(np.mean(p.resting_potential)),
        "lateral": subject.lateral,
        "pools": subject.pools,
        "adaptation": subject.adaptation,
    }
    noise = subject.noise or Noise()
    told |= {f"noise.{name}": getattr(noise, name) for name in TERMS}
    told["noise.semisaturation"] = noise.semisaturation
    if noise.fluctuating:
        told["noise.time_constant_ms"] = float(noise.time_constant / ms)
    return told


def gain_of(parameters: Parameters) -> float:
    """Return the gain kappa: how fast inference goes, of neurons in the mean."""
    eta, s = parameters.natural_gradient_step, parameters.spike_sizes
    return float(np.mean(eta * s) / parameters.noise_variance)


def sparsity_of(parameters: Parameters) -> float:
    """Return the threshold in units of the stimulus along a column, of the median neuron."""
    b, s = parameters.threshold, parameters.spike_sizes
    return float(np.median(b * parameters.noise_variance / s))


def threshold_spread_of(parameters: Parameters) -> float:
    """Return the standard deviation of the logarithm of thresholds over neurons."""
    known = parameters.threshold > 0
    return float(np.log(parameters.threshold[known]).std()) if known.any() else 0.0


def reconstruction(subject: Subject) -> float | None:
    """Return R2 of held-out patches of photographs, decoded from one window of tau.

    In whitened space, as in training, and at the mean of a gain that all neurons share: it scales
    the reconstruction of a whole trial, and a reader of all neurons can tell it. None for models of
    other stimuli than patches of images.
    """
    shape = subject.parameters.stimulus_shape
    if len(shape) != 2:
        return None
    try:
        n = N_PATCHES_QUICK if subject.quick else N_PATCHES
        patches = load_stimuli(
            "photographs",
            shape=(shape[0], shape[1]),
            n_train=2000,
            n_validation=n,
            seed=SEED_OF_PATCHES,
            progress=False,
        ).validation
    except ValueError:
        return None
    if subject.noise is not None:
        subject = replace(subject, noise=replace(subject.noise, shared_gain=0.0))
    response = subject.present(patches, R2_WINDOWS * subject.parameters.tau)
    return float(metrics.mean_r_squared(response.r2()))
