"""The experiments that a model is put through for a comparison, each run once and shared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from brian2.only import Hz, ms, second
from numpy.typing import NDArray

from ipvae_brian._tools.types import Time
from ipvae_brian.physiology.properties.conditions import best_curves
from ipvae_brian.physiology.subject import FLASH, Subject, experiment
from ipvae_brian.recordings.pools import Pools
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response.response import Response
from ipvae_brian.stimuli import load_photographs, protocols
from ipvae_brian.stimuli.drawings import Drawing, Grating, Plaid
from ipvae_brian.stimuli.session import Session

DRIFT = 2 * Hz
NOISE_FRAME = 20 * ms
# Contrasts in whitened space, where 1 has the root mean square of natural patches.
LOW_CONTRAST, HIGH_CONTRAST = 0.3, 1.0
# Of light, through the front end.
CONTRASTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
PLAID_CONTRAST = 0.5
FLASHED_CONTRASTS = (0.1, 0.3, 1.0)
# As parts of the side of the patch; the largest covers what the front end sees around it.
DIAMETERS = (0.2, 0.3, 0.4, 0.55, 0.75, 1.0, 1.5, 2.5)


def _drifting(subject: Subject, name: str, contrasts: list[float], text: str) -> Recording:
    highest = 0.45 * subject.side
    frequencies = [f for f in (1, 2, 3, 4, 5, 6, 7) if f <= highest]
    if not subject.quick:
        frequencies = [f for f in (1, 1.5, 2, 3, 4, 5, 6, 7) if f <= highest]
    session = protocols.drifting_gratings(
        directions=np.arange(0, 360, 5),
        spatial_frequencies=frequencies,
        temporal_frequencies=DRIFT,
        contrasts=contrasts,
        duration=subject.whole_taus(500 * ms),
        frame_duration=subject.whole_taus(500 * ms) / 50,
        repeats=2 if subject.quick else 4,
        **subject.session_options,
    )
    # Only counts, in windows of tau: they fill whole cycles.
    width = subject.tau * second
    return subject.run(name, text, session, whitened=True, window=width)


@experiment
def gratings_by_contrast(subject: Subject) -> Recording:
    """Drifting gratings of 72 directions at two contrasts in whitened space."""
    text = (
        "Drifting gratings of 72 directions, 2 Hz, in whitened space, contrasts "
        f"{LOW_CONTRAST:g} and {HIGH_CONTRAST:g} of the rms of natural patches"
    )
    contrasts = [LOW_CONTRAST, HIGH_CONTRAST]
    return _drifting(subject, "gratings_by_contrast", contrasts, text)


@experiment
def gratings(subject: Subject) -> Recording:
    """Those of the lower contrast."""
    both = subject.recording("gratings_by_contrast")
    here = f"here those of contrast {LOW_CONTRAST:g}"
    subject.same_run("gratings", "gratings_by_contrast", here)
    return both.select(both.trials_where(contrast=LOW_CONTRAST))


@experiment
def pooled_gratings(subject: Subject) -> Recording:
    """Those of the higher contrast, as published, of complex cells where the settings have them."""
    both = subject.recording("gratings_by_contrast")
    found = both.select(both.trials_where(contrast=HIGH_CONTRAST))
    cells = "neurons in pools, as complex cells" if subject.pools else "neurons one by one"
    here = f"here those of contrast {HIGH_CONTRAST:g}, {cells}"
    subject.same_run("pooled_gratings", "gratings_by_contrast", here)
    if not subject.pools:
        return found
    curves = best_curves(found, "direction", period=180)
    rates = np.nan_to_num(curves.rates)
    orientations = np.where(curves.responsive, curves.values[rates.argmax(axis=0)], np.nan)
    frequencies = np.array([curves.others[best]["spatial_frequency"] for best in curves.best])
    harmonics = _harmonics(subject, orientations, frequencies)
    pools = Pools.of_similar(orientations, frequencies, harmonics=harmonics, seed=subject.seed)
    return pools.pool(found)


def _harmonics(
    subject: Subject, directions: NDArray[np.floating], frequencies: NDArray[np.floating]
) -> NDArray[np.complexfloating]:
    """Return the first harmonic of every neuron's drive by the grating that each prefers.

    What there is of it above the threshold: that of the dictionary, not of spikes, so that noise in
    a response does not choose the pools from which it is read.
    """
    known = np.flatnonzero(np.isfinite(directions))
    waves = [
        Grating(
            direction=float(directions[neuron]),
            spatial_frequency=float(frequencies[neuron]) / subject.side,
            phase=phase,
            contrast=HIGH_CONTRAST,
        )
        for phase in (0.0, 90.0)
        for neuron in known
    ]
    session = Session(
        "harmonics", waves, {}, frame_durations=subject.whole_taus(FLASH), **subject.session_options
    )
    drive = subject.parameters.drive(session.movies(None)[:, -1].reshape(len(waves), -1))
    wave = drive[: len(known)] + 1j * drive[len(known) :]
    size = np.abs(wave)
    part = np.maximum(size - subject.parameters.threshold, 0) / np.where(size > 0, size, 1)
    harmonics = np.full((len(directions),) * 2, np.nan, complex)
    harmonics[known] = part * wave
    return harmonics


def _targeted(
    subject: Subject,
    name: str,
    text: str,
    rows: Sequence[tuple[Drawing, dict[str, Any]]],
    repeats: int,
    **options: Any,
) -> Recording:
    """Return the recording of the neurons that stimuli were made for."""
    conditions = {key: [row[key] for _, row in rows] for key in rows[0][1]}
    session = Session(
        name,
        [drawing for drawing, _ in rows],
        conditions,
        repeats=repeats,
        frame_durations=subject.whole_taus(FLASH),
        **subject.session_options,
    )
    neurons = list(subject.best_gratings)
    parameters = subject.parameters if options.get("whitened") else subject.adapted
    return subject.run(name, text, session, neurons=neurons, parameters=parameters, **options)


@experiment
def contrasts(subject: Subject) -> Recording:
    """Each target's best grating, flashed at seven contrasts."""
    rows = [
        (replace(grating, contrast=contrast), {"target": neuron, "contrast": contrast})
        for neuron, grating in subject.best_gratings.items()
        for contrast in CONTRASTS
    ]
    text = f"Each neuron's best grating, flashed at contrasts {CONTRASTS[0]:g} to 1, after grey"
    return _targeted(subject, "contrasts", text, rows, 6 if subject.quick else 15)


@experiment
def flashes(subject: Subject) -> Recording:
    """Each target's best grating, flashed in whitened space at three contrasts."""
    rows = [
        (replace(grating, contrast=contrast), {"target": neuron, "contrast": contrast})
        for neuron, grating in subject.best_gratings.items()
        for contrast in FLASHED_CONTRASTS
    ]
    text = (
        "Each neuron's best grating, flashed after grey at contrasts 0.1, 0.3 and 1 of the rms of "
        "natural patches, in whitened space: the front end saturates below 0.1"
    )
    options = {"record_spikes": True, "whitened": True}
    return _targeted(subject, "flashes", text, rows, 30 if subject.quick else 80, **options)


@experiment
def plaids(subject: Subject) -> Recording:
    """Each target's best grating, one at right angles in four phases, and both."""
    rows: list[tuple[Drawing, dict[str, Any]]] = []
    c = PLAID_CONTRAST
    for neuron, best in subject.best_gratings.items():
        grating = replace(best, contrast=c)
        rows.append((grating, {"target": neuron, "contrast": c, "mask_contrast": 0.0}))
        for phase in (0, 90, 180, 270):
            mask = replace(grating, direction=grating.direction + 90, phase=phase)
            both = Plaid((grating, mask))
            rows.append((mask, {"target": neuron, "contrast": 0.0, "mask_contrast": c}))
            rows.append((both, {"target": neuron, "contrast": c, "mask_contrast": c}))
    text = f"Each neuron's best grating, a mask at right angles, and both; contrast {c:g} each"
    return _targeted(subject, "plaids", text, rows, 4 if subject.quick else 10)


@experiment
def sizes(subject: Subject) -> Recording:
    """Each target's best grating in apertures around the middle of its field, in four phases."""
    rows = []
    places = _field_centres(subject)
    for neuron, best in subject.best_gratings.items():
        for diameter in DIAMETERS:
            for phase in (0, 90, 180, 270):
                grating = replace(
                    best,
                    contrast=PLAID_CONTRAST,
                    diameter=diameter * subject.side,
                    centre=places[neuron],
                    phase=phase,
                )
                row = {"target": neuron, "diameter": diameter * subject.side, "phase": phase}
                rows.append((grating, row))
    text = "Each neuron's best grating in apertures of eight sizes and four phases, contrast 0.5"
    return _targeted(subject, "sizes", text, rows, 2 if subject.quick else 4)


def _field_centres(subject: Subject) -> dict[int, tuple[float, float]]:
    """Return the centre of gravity of each target's squared column: right and up, in pixels."""
    height, width = subject.shape
    up, right = np.mgrid[(height - 1) / 2 : -height / 2 : -1, -(width - 1) / 2 : width / 2]
    centres = {}
    for neuron in subject.best_gratings:
        energy = subject.parameters.dictionary[:, neuron].reshape(height, width) ** 2
        total = energy.sum()
        centres[neuron] = float((energy * right).sum() / total), float((energy * up).sum() / total)
    return centres


@experiment
def white_noise(subject: Subject) -> Recording:
    """Gaussian white noise in whitened space, of some neurons."""
    # In whole time steps: frames of a slow model may be shorter than its tau.
    steps = max(1, round(float(NOISE_FRAME) / float(subject.dt)))
    frame, per_tau = steps * subject.dt, round(subject.tau / float(subject.dt))
    n_frames = int(5000 / float(frame / ms)) * (1 if subject.quick else 2)
    session = protocols.white_noise(
        n_sequences=40 if subject.quick else 60,
        # So many that the last ends with a window.
        n_frames=n_frames - n_frames % (per_tau // math.gcd(per_tau, steps)),
        contrast=1.0,
        frame_duration=frame,
        seed=subject.seed,
        **subject.session_options,
    )
    neurons = subject.random_neurons(24 if subject.quick else 80)
    text = f"White noise in whitened space, a new frame every {float(frame / ms):g} ms"
    return subject.run(
        "white_noise", text, session, whitened=True, neurons=neurons, record_spikes=True
    )


def _image_session(
    subject: Subject, n_per_image: int, repeats: int, duration: Time = FLASH
) -> tuple[Session, str]:
    session = protocols.natural_images(
        load_photographs(),
        n_per_image=n_per_image,
        margin=max(16, subject.front_end.margin),
        seed=subject.seed,
        duration=subject.whole_taus(duration),
        repeats=repeats,
        **subject.session_options,
    )
    often = f"{repeats} repeats" if repeats > 1 else "each shown once"
    text = f"{session.n_stimuli} patches of photographs through the front end, {often}"
    return session, text


def _images(
    subject: Subject,
    name: str,
    n_per_image: int,
    repeats: int,
    duration: Time = FLASH,
    **options: Any,
) -> Any:
    session, text = _image_session(subject, n_per_image, repeats, duration)
    # Patches of one photograph are different images.
    labels = np.arange(session.n_stimuli)[session.stimulus_numbers]
    found = subject.run(name, text, session, **options)
    conditions = {"image": labels, "repeat": found.conditions["repeat"]}
    return _with_conditions(found, conditions)


def _with_conditions(found: Recording, conditions: dict[str, NDArray]) -> Recording:
    """Return a recording with other conditions."""
    return Recording(
        found.counts,
        found.timing,
        spikes=found.spikes,
        conditions=conditions,
        units=found.units,
        frames=found.frames,
        stimulus_numbers=found.stimulus_numbers,
        copy=False,
    )


@experiment
def repeated_images(subject: Subject) -> Recording:
    """Natural images, each repeated often."""
    n, repeats = (4, 10) if subject.quick else (8, 20)
    return _images(subject, "repeated_images", n, repeats, record_spikes=True)


@experiment
def natural_images(subject: Subject) -> Recording:
    """Many natural images, each repeated a few times."""
    n, repeats = (6, 2) if subject.quick else (20, 4)
    return _images(subject, "natural_images", n, repeats)


@experiment
def membrane_potentials(subject: Subject) -> Response:
    """Natural images, of some neurons with their potentials."""
    session, text = _image_session(subject, 1, 6 if subject.quick else 20)
    neurons = subject.random_neurons(40 if subject.quick else 100)
    text += f"; potentials of {len(neurons)} neurons"
    return subject.run("membrane_potentials", text, session, record_potentials=neurons)


@experiment
def held_images(subject: Subject) -> Recording:
    """Natural images, each shown once for seconds."""
    n, duration = (1, 3 * second) if subject.quick else (2, 5 * second)
    return _images(subject, "held_images", n, 1, duration, record_spikes=True)
