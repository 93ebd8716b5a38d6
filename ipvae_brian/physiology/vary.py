"""One setting after another: how far each takes a model from biology, and what the code costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.caller import held_back, warn_user
from ipvae_brian._tools.checks import known_name
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.loop_gain import mean_field_rates
from ipvae_brian.network.noise import TERMS, Noise
from ipvae_brian.physiology.experiments import LOW_CONTRAST, Subject
from ipvae_brian.physiology.laboratories import laboratories
from ipvae_brian.physiology.orientation import (
    circular_variance,
    half_bandwidth,
    orthogonal_preferred_ratio,
)
from ipvae_brian.physiology.properties import PROPERTIES
from ipvae_brian.physiology.settings import gain_of, reconstruction, sparsity_of
from ipvae_brian.physiology.statistics import distance_to_percentiles
from ipvae_brian.stimuli import protocols

# Times the setting's own value, or the values themselves where the usual one is 0.
FACTORS = (0.25, 0.5, 1.0, 2.0)
LEAKS = (0.0, 0.3, 1.0, 3.0)
NOISES = (0.0, 0.2, 0.4, 0.6)
RESTS = (-4.0, -2.0, 0.0)
TAUS = (0.5, 1.0, 2.5, 5.0)
# Worked out from spikes; those above from rates without noise.
SPIKING = ("fano_factor", "gain_variance", "noise_correlation")
PHASES = np.arange(0, 360, 45)
RESPONSIVE = 5.0


def _gain(parameters: Parameters, value: float) -> Parameters:
    step = parameters.natural_gradient_step * value / gain_of(parameters)
    return parameters.replace(natural_gradient_step=step)


def _sparsity(parameters: Parameters, value: float) -> Parameters:
    return parameters.replace(threshold=parameters.threshold * value / sparsity_of(parameters))


def _tau(parameters: Parameters, value: float) -> Parameters:
    return parameters.replace(tau=parameters.tau * value / _tau_of(parameters))


def _tau_of(parameters: Parameters) -> float:
    return 1e3 * float(parameters.tau)


def _leak(parameters: Parameters, value: float) -> Parameters:
    return parameters.replace(leak=value)


def _rest(parameters: Parameters, value: float) -> Parameters:
    return parameters.replace(resting_potential=value)


class Setting(NamedTuple):
    """What a setting is, how to change it, and the values that it is given."""

    of: Callable[[Parameters], Any]
    change: Callable[[Parameters, float], Parameters]
    values: Callable[[Parameters], Sequence[float]]


SETTINGS: dict[str, Setting] = {
    "gain": Setting(gain_of, _gain, lambda p: [gain_of(p) * f for f in FACTORS]),
    "sparsity": Setting(sparsity_of, _sparsity, lambda p: [sparsity_of(p) * f for f in FACTORS]),
    "tau": Setting(_tau_of, _tau, lambda p: [_tau_of(p) * f for f in TAUS]),
    "leak": Setting(lambda p: p.leak, _leak, lambda p: LEAKS),
    "resting_potential": Setting(lambda p: np.mean(p.resting_potential), _rest, lambda p: RESTS),
}
NOISE_SETTINGS = tuple(f"noise.{term}" for term in TERMS)


def values_to_vary(subject: Subject, settings: Sequence[str]) -> list[tuple[str, float]]:
    """Return each setting with each of its values.

    Raises
    ------
    TypeError, ValueError
        If there is no such setting.
    """
    if isinstance(settings, str):
        raise TypeError(f"vary must be a list of settings, got {settings!r}")
    for name in settings:
        known_name(name, "vary: setting", (*SETTINGS, *NOISE_SETTINGS))
    return [(name, float(value)) for name in settings for value in _values(subject, name)]


def _values(subject: Subject, name: str) -> Sequence[float]:
    values = NOISES if name in NOISE_SETTINGS else SETTINGS[name].values(subject.parameters)
    return values[1:] if subject.quick and name in ("gain", "sparsity") else values


def vary_settings(
    subject: Subject,
    settings: Sequence[str],
    *,
    after_each: Callable[[], object] | None = None,
) -> tuple[dict[str, Any], ...]:
    """Return a row for each value of each setting, all others as they are.

    Parameters
    ----------
    subject : Subject
    settings : sequence of str
        gain, sparsity, tau (in ms), leak, resting_potential, and noise.pixel, noise.drive,
        noise.gain, noise.shared_gain.
    after_each : callable, optional
        Called after each row.

    Returns
    -------
    tuple of dict
        setting, value, unchanged (whether it is the value that the subject has), r2, and medians
        and distances by property. Tuning is that of rates without noise, which noise does not
        change; variability is that of spikes. What diverges or fires too little has None.

    Raises
    ------
    TypeError, ValueError
        If there is no such setting.
    """
    rows: list[dict[str, Any]] = []
    as_it_is: dict[str, Any] | None = None
    for name, value in values_to_vary(subject, settings):
        unchanged = bool(np.isclose(value, _value_of(subject, name)))
        # The subject as it is, is the same whichever setting is not changed.
        found = as_it_is if unchanged else None
        if found is None:
            found = _measured_and_named(subject, name, value)
        if unchanged:
            as_it_is = found
        rows.append({"setting": name, "value": value, "unchanged": unchanged, **found})
        if after_each is not None:
            after_each()
    return tuple(rows)


def _value_of(subject: Subject, name: str) -> float:
    """Return the value that a setting has."""
    if name in NOISE_SETTINGS:
        return float(getattr(subject.noise or Noise(), name.removeprefix("noise.")))
    return float(SETTINGS[name].of(subject.parameters))


def _changed(subject: Subject, name: str, value: float) -> Subject:
    """Return the same subject with one setting changed, and no recordings yet."""
    parameters, noise = subject.parameters, subject.noise
    if name in NOISE_SETTINGS:
        noise = replace(noise or Noise(), **{name.removeprefix("noise."): value})
    else:
        parameters = SETTINGS[name].change(parameters, value)
    return Subject(
        parameters,
        noise=noise,
        lateral=subject.lateral,
        quick=True,
        seed=subject.seed,
        progress=False,
    )


def _measured_and_named(subject: Subject, name: str, value: float) -> dict[str, Any]:
    """Return the row of a value; warnings say of which."""
    with held_back(StabilityWarning) as told:
        found = _measured(_changed(subject, name, value))
    for message in told:
        warn_user(f"{name} = {value:.3g}: {message}", StabilityWarning)
    return found


def _measured(subject: Subject) -> dict[str, Any]:
    """Return R2, medians and distances."""
    medians: dict[str, float | None] = {}
    distances: dict[str, float | None] = {}
    found = _tuning(subject)
    for one in PROPERTIES:
        if one.name in SPIKING:
            try:
                sample = one.measure(subject.recording(one.experiment))
                found[one.name] = sample.distribution.values
            except (ValueError, RuntimeError):
                found[one.name] = np.empty(0)
    for key, values in found.items():
        values = values[np.isfinite(values)]
        medians[key] = float(np.median(values)) if len(values) else None
        distances[key] = None
        if len(values):
            first = next(b for b in laboratories(key, 1e3 * subject.tau) if b.percentiles)
            distances[key] = distance_to_percentiles(values, first.percentiles)
    try:
        r2 = reconstruction(subject)
    except (ValueError, RuntimeError):
        r2 = None
    return {"r2": r2, "distances": distances, "medians": medians}


def _tuning(subject: Subject) -> dict[str, NDArray[np.floating]]:
    """Return tuning for orientation of rates without noise, for static gratings in all phases."""
    p = subject.parameters
    orientations = np.arange(0, 180, 5)
    frequencies = [f for f in (1, 2, 3, 4, 6) if f < subject.side / 2]
    session = protocols.flashed_gratings(
        orientations=orientations,
        spatial_frequencies=frequencies,
        phases=PHASES,
        contrasts=LOW_CONTRAST,
        grey_before=0 * subject.dt,
        dt=subject.dt,
        duration=p.tau,
        shape=subject.shape,
    )
    rates = mean_field_rates(p, session.movies(None)[:, 0]) / subject.tau
    rates = rates.reshape(len(orientations), len(frequencies), len(PHASES), -1).mean(axis=2)
    best = rates.max(axis=0).argmax(axis=0)
    curves = np.take_along_axis(rates, best[None, None], axis=1)[:, 0].astype(float)
    curves = curves[:, curves.max(axis=0) > RESPONSIVE]
    if not curves.size:
        return dict.fromkeys(
            ("circular_variance", "half_bandwidth", "orthogonal_preferred_ratio"), np.empty(0)
        )
    return {
        "circular_variance": circular_variance(curves, orientations),
        "half_bandwidth": half_bandwidth(curves, orientations),
        "orthogonal_preferred_ratio": orthogonal_preferred_ratio(curves, orientations),
    }
