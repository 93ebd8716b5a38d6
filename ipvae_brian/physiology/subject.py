"""A model as an experimenter has it in front of him: its settings, and what it was put through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from brian2.only import ms, second
from numpy.typing import NDArray

from ipvae_brian._tools.caller import held_back
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.engines.choice import default_engine
from ipvae_brian.network.noise import Noise
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.physiology.measured import Check
from ipvae_brian.physiology.properties.conditions import best_curves
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.response.response import Response
from ipvae_brian.stimuli.drawings import Grating
from ipvae_brian.stimuli.session import Session

COPIES = 200
# Of a tau, in continuous time and for engines that step: both far below what is coarse.
STEPS_PER_TAU, STEPS_OF_ENGINES = 40, 400
GREY = 200 * ms
FLASH = 200 * ms
# Phases of which the best is looked for.
N_PHASES = 12
# What a subject may be put through, by name; see `experiment`.
EXPERIMENTS: dict[str, Callable[[Subject], Recording]] = {}


def experiment(function: Callable[[Subject], Recording]) -> Callable[[Subject], Recording]:
    """Enter an experiment under its name, for `Subject.recording`."""
    EXPERIMENTS[function.__name__] = function
    return function


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

    def _network(self, n: int, *, parameters: Parameters | None = None, **options: Any):
        """Return a network with these settings for so many trials or stimuli."""
        return SpikingNetwork(
            self.parameters if parameters is None else parameters,
            n_copies=min(COPIES, n),
            noise=self.noise,
            lateral=self.lateral,
            **options,
        )

    def present(self, stimuli: NDArray, duration: Time) -> Response:
        """Return the response to static stimuli in whitened space, from rest."""
        network = self._network(len(stimuli), dt=self.dt, record_spikes=False)
        return network.present(stimuli, duration, seed=self.seed, progress=self.progress)

    def run(self, name: str, text: str, session: Session, **options: Any) -> Any:
        """Present a session to a network with these settings, and note what was shown."""
        network = self._network(
            session.n_trials,
            parameters=options.pop("parameters", None),
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
