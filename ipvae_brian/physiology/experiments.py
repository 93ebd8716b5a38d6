"""The experiments that a model is put through for a comparison, each run once and shared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from brian2.only import Hz, ms, second
from numpy.typing import NDArray

from ipvae_brian._tools.caller import held_back
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.engines.choice import default_engine
from ipvae_brian.network.noise import Noise
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.physiology.comparison import Check
from ipvae_brian.physiology.properties.conditions import best_curves
from ipvae_brian.recordings.pools import Pools
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response.response import Response
from ipvae_brian.stimuli import load_photographs, protocols
from ipvae_brian.stimuli.drawings import Drawing, Grating, Plaid
from ipvae_brian.stimuli.session import Session

COPIES = 200
# Of a tau, in continuous time and for engines that step: both far below what is coarse.
STEPS_PER_TAU, STEPS_OF_ENGINES = 40, 400
GREY = 200 * ms
FLASH = 200 * ms
FRAME = 10 * ms
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
# Phases of which the best is looked for.
N_PHASES = 12


@dataclass
class Subject:
    """A model with its settings, as an experimenter has it in front of him.

    Parameters
    ----------
    parameters : Parameters
    noise : Noise, optional
    lateral : {"all", "self", "off"}
    pools : bool
        Whether neurons of the same orientation and spatial frequency are read as complex cells
        where F1/F0 is worked out.
    adaptation : float
        In experiments with gratings of light, what the floor of the front end's normalisation is
        multiplied by, as gratings have far more contrast than the photographs of which the floor is
        the mean. Above 1, the normalisation is the smooth one, ``"divisive"``.
    quick : bool
        Fewer conditions and repeats.
    seed : int
    progress : bool or None
    """

    parameters: Parameters
    noise: Noise | None = None
    lateral: str = "all"
    pools: bool = False
    adaptation: float = 1.0
    quick: bool = False
    seed: int = 0
    progress: bool | None = None
    _recordings: dict[str, Recording] = field(default_factory=dict, repr=False, init=False)
    _problems: dict[str, str] = field(default_factory=dict, repr=False, init=False)
    _warned: dict[str, int] = field(default_factory=dict, repr=False, init=False)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False, init=False)
    texts: dict[str, str] = field(default_factory=dict, repr=False, init=False)

    @property
    def tau(self) -> float:
        """Membrane time constant in seconds."""
        return float(self.parameters.tau)

    @property
    def dt(self) -> Time:
        """The one time step of all experiments."""
        exact = default_engine(self.parameters) == "events"
        return self.tau / (STEPS_PER_TAU if exact else STEPS_OF_ENGINES) * second

    def whole_taus(self, time: Time) -> Time:
        """Return a time rounded to a whole number of tau, at least one."""
        return max(1, round(float(time) / self.tau)) * self.tau * second

    def recording(self, name: str) -> Recording:
        """Return what an experiment gave, which is run if it was not yet.

        Raises
        ------
        ValueError
            If it cannot be done with this model; the same one each time it is asked for.
        """
        if name in self._problems:
            raise ValueError(self._problems[name])
        if name not in self._recordings:
            try:
                self._recordings[name] = EXPERIMENTS[name](self)
            except ValueError as error:
                self._problems[name] = str(error)
                raise
        return self._recordings[name]

    def run(self, name: str, text: str, session: Session, **options: Any) -> Any:
        """Present a session to a network with these settings, and note what was shown."""
        network = SpikingNetwork(
            options.pop("parameters", self.parameters),
            n_copies=min(COPIES, session.n_trials),
            noise=self.noise,
            lateral=self.lateral,
            record_spikes=options.pop("record_spikes", False),
            record_potentials=options.pop("record_potentials", ()),
        )
        with held_back(StabilityWarning) as told:
            recording = network.present_session(
                session, seed=self.seed, progress=self.progress, **options
            )
        self._warned[name] = len(told)
        self.texts[name] = text
        self.shown[name] = {
            "name": name,
            "text": text,
            "n_conditions": session.n_stimuli,
            "n_trials": session.n_trials,
            "trial_ms": float(session.trial_duration / ms),
        }
        return recording

    def same_run(self, name: str, of: str, text: str) -> None:
        """Note that an experiment is part of another, or another look at it."""
        self._warned[name] = self._warned.get(of, 0)
        self.texts[name] = f"{self.texts.get(of, of)}; {text}"

    def time_step(self, name: str) -> Check:
        """Return whether the time step of an experiment was within its limit."""
        n = self._warned.get(name, 0)
        dt = float(self.dt / ms)
        state = "within" if not n else "over"
        text = f"the time step of {dt:g} ms is {state} what is stable for these stimuli"
        return Check("time step", float(n), 0.0, n == 0, text)

    @cached_property
    def session_options(self) -> dict[str, Any]:
        """Options of every session."""
        return {
            "shape": self.shape,
            "dt": self.dt,
            "grey_before": self.whole_taus(GREY),
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the patch in pixels.

        Raises
        ------
        ValueError
            If the model's stimuli are no images.
        """
        shape = self.parameters.stimulus_shape
        if len(shape) != 2:
            raise ValueError(f"the model's stimuli are no images, but of shape {shape}")
        return shape[0], shape[1]

    @property
    def side(self) -> int:
        """Smaller side of the patch in pixels."""
        return min(self.shape)

    def random_neurons(self, n: int) -> NDArray[np.integer]:
        """Return so many neurons, in order."""
        n = min(n, self.parameters.n_neurons)
        rng = np.random.default_rng((self.seed, 1))
        return np.sort(rng.choice(self.parameters.n_neurons, n, replace=False))

    @cached_property
    def best_gratings(self) -> dict[int, Grating]:
        """Return the best grating of each of some responsive neurons, by its number.

        Orientation and spatial frequency are those of the highest response to drifting gratings;
        the phase is that which drives the neuron most through the front end.
        """
        curves = best_curves(self.recording("gratings"), "direction", period=180)
        responsive = np.flatnonzero(curves.responsive)
        if not len(responsive):
            raise ValueError("no neuron responds to drifting gratings")
        n = min(24 if self.quick else 60, len(responsive))
        rng = np.random.default_rng((self.seed, 2))
        chosen = np.sort(rng.choice(responsive, n, replace=False))
        rates = np.nan_to_num(curves.rates)
        candidates = []
        for neuron in chosen:
            others = curves.others[curves.best[neuron]]
            grating = {
                "direction": float(curves.values[rates[:, neuron].argmax()]),
                "spatial_frequency": others["spatial_frequency"] / self.side,
            }
            phases = np.arange(N_PHASES) * 360 / N_PHASES
            candidates += [Grating(**grating, phase=phase, contrast=0.1) for phase in phases]
        session = Session(
            "phases", candidates, {}, frame_durations=self.whole_taus(FLASH), **self.session_options
        )
        seen = session.movies(self.front_end)[:, -1].reshape(n, N_PHASES, -1)
        drive = np.stack(
            [self.parameters.drive(x)[:, j] for x, j in zip(seen, chosen, strict=True)]
        )
        best = drive.argmax(axis=1)
        return {int(neuron): candidates[i * N_PHASES + best[i]] for i, neuron in enumerate(chosen)}

    @property
    def adapted(self) -> Parameters:
        """The model with its front end adapted to the contrast of gratings."""
        if self.adaptation == 1:
            return self.parameters
        floor = self.adaptation * self.front_end.floor
        changed = replace(self.front_end, floor=floor, normalisation="divisive")
        return self.parameters.replace(front_end=changed)

    @property
    def front_end(self):
        """The model's front end.

        Raises
        ------
        ValueError
            If it has none.
        """
        if self.parameters.front_end is None:
            raise ValueError("the model has no front end, so contrast of light means nothing to it")
        return self.parameters.front_end


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


def gratings_by_contrast(subject: Subject) -> Recording:
    """Drifting gratings of 72 directions at two contrasts in whitened space."""
    text = (
        "Drifting gratings of 72 directions, 2 Hz, in whitened space, contrasts "
        f"{LOW_CONTRAST:g} and {HIGH_CONTRAST:g} of the rms of natural patches"
    )
    contrasts = [LOW_CONTRAST, HIGH_CONTRAST]
    return _drifting(subject, "gratings_by_contrast", contrasts, text)


def gratings(subject: Subject) -> Recording:
    """Those of the lower contrast."""
    both = subject.recording("gratings_by_contrast")
    here = f"here those of contrast {LOW_CONTRAST:g}"
    subject.same_run("gratings", "gratings_by_contrast", here)
    return both.select(both.trials_where(contrast=LOW_CONTRAST))


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


def contrasts(subject: Subject) -> Recording:
    """Each target's best grating, flashed at seven contrasts."""
    rows = [
        (replace(grating, contrast=contrast), {"target": neuron, "contrast": contrast})
        for neuron, grating in subject.best_gratings.items()
        for contrast in CONTRASTS
    ]
    text = f"Each neuron's best grating, flashed at contrasts {CONTRASTS[0]:g} to 1, after grey"
    return _targeted(subject, "contrasts", text, rows, 6 if subject.quick else 15)


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
    text = f"{session.n_stimuli} patches of photographs through the front end, {repeats} repeats"
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


def repeated_images(subject: Subject) -> Recording:
    """Natural images, each repeated often."""
    n, repeats = (4, 10) if subject.quick else (8, 20)
    return _images(subject, "repeated_images", n, repeats, record_spikes=True)


def natural_images(subject: Subject) -> Recording:
    """Many natural images, each repeated a few times."""
    n, repeats = (6, 2) if subject.quick else (20, 4)
    return _images(subject, "natural_images", n, repeats)


def membrane_potentials(subject: Subject) -> Response:
    """Natural images, of some neurons with their potentials."""
    session, text = _image_session(subject, 1, 6 if subject.quick else 20)
    neurons = subject.random_neurons(40 if subject.quick else 100)
    text += f"; potentials of {len(neurons)} neurons"
    return subject.run("membrane_potentials", text, session, record_potentials=neurons)


def held_images(subject: Subject) -> Recording:
    """Natural images, each shown once for seconds."""
    n, duration = (1, 3 * second) if subject.quick else (2, 5 * second)
    return _images(subject, "held_images", n, 1, duration, record_spikes=True)


EXPERIMENTS: dict[str, Callable[[Subject], Recording]] = {
    one.__name__: one
    for one in (
        gratings_by_contrast,
        gratings,
        pooled_gratings,
        contrasts,
        flashes,
        plaids,
        sizes,
        white_noise,
        repeated_images,
        natural_images,
        membrane_potentials,
        held_images,
    )
}


def responses(subject: Subject, stimuli: NDArray, duration: Time) -> Response:
    """Return the response to static stimuli in whitened space, from rest."""
    network = SpikingNetwork(
        subject.parameters,
        n_copies=min(COPIES, len(stimuli)),
        noise=subject.noise,
        lateral=subject.lateral,
        dt=subject.dt,
        record_spikes=False,
    )
    return network.present(stimuli, duration, seed=subject.seed, progress=subject.progress)
