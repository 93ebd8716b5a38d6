"""Run a session: all trials of an experiment, in waves of copies, as one recording."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.only import second
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import chosen, flag, seconds
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import StabilityWarning
from ipvae_brian.network.arguments import largest_energy
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.spikes import Spikes
from ipvae_brian.recordings.timing import Timing, whole_steps
from ipvae_brian.response.response import Response
from ipvae_brian.stimuli.front_end import FrontEnd
from ipvae_brian.stimuli.session import Session

# Frames for which the time step is checked, of many.
CHECKED_FRAMES = 2048
# Of a spike that is kept: trial, neuron, time, count.
BYTES_OF_KEPT_SPIKE = 28
# Steps per tau that movies need where inhibition acts step by step. After weak frames potentials
# are high when a stronger one comes, of which the limit for single frames knows nothing: at tau/16
# 2 of 72 drifting gratings of contrast .3 diverged, at tau/80 none.
STEPS_FOR_MOVIES = 80


class SessionRun:
    """How a network runs a session.

    Parameters
    ----------
    network : BaseNetwork
        Which imports this module, so that it is not named in types.
    session : Session
    whitened, neurons, window
        As for `BaseNetwork.present_session`.

    Raises
    ------
    TypeError, ValueError
        If they do not go together; the message names what does not.
    """

    def __init__(
        self,
        network: Any,
        session: Session,
        *,
        whitened: bool,
        neurons: ArrayLike | slice | None,
        window: Time | None,
    ):
        if not isinstance(session, Session):
            raise TypeError(f"session must be a Session, got {type(session).__name__}")
        parameters = network.parameters
        if session.shape != parameters.stimulus_shape:
            raise ValueError(
                f"session must have stimuli of {parameters.stimulus_shape} pixels, as the model "
                f"has, got {session.shape}"
            )
        self.network, self.session = network, session
        self.front_end = _front_end(parameters, whitened)
        self.neurons = None
        if neurons is not None:
            self.neurons = chosen(neurons, "neurons", parameters.n_neurons, "neurons")
            if len(set(self.neurons.tolist())) != len(self.neurons):
                raise ValueError("neurons must not name a neuron twice")
        self.window_steps = _window_steps(network, session, window)
        graded = np.dtype(network._objects("circuit").circuit.count_type).kind == "f"
        if graded and (neurons is not None or window is not None):
            raise ValueError(
                "neurons and window need a network that spikes: of graded activity there is a "
                "response of all neurons in windows of tau"
            )
        self.counts_only = window is not None
        self.timing = Timing(
            dt=float(session.dt),
            tau=float(parameters.tau),
            steps_per_window=self.window_steps,
            n_steps=int(session.movie_steps.sum()),
            frame_steps=tuple(int(n) for n in session.frame_steps),
            before=float(session.grey_before),
        )

    def memory_needed(self) -> dict[str, int]:
        """Return what is kept or needed on the way, and its bytes."""
        network, session, timing = self.network, self.session, self.timing
        n_neurons = network.parameters.n_neurons
        n_kept = n_neurons if self.neurons is None else len(self.neurons)
        windows = session.n_trials * timing.n_windows * n_kept
        n_taus = session.n_trials * timing.n_steps / network.steps_per_tau
        spikes = n_taus * n_kept / 2 * (network.record_spikes and not self.counts_only)
        wave = network.memory_needed(
            network.n_copies, session.trial_duration, n_frames=len(session.movie_steps)
        )
        expected = 0 if self.neurons is not None or self.counts_only else network.rate_type().nbytes
        traces = 12 * session.n_trials * len(network.recorded) * timing.n_steps * (expected > 0)
        return {
            "movies": session.memory_needed(),
            "counts in windows": 4 * windows,
            "expected counts in windows": expected * windows,
            "spike times": int(BYTES_OF_KEPT_SPIKE * spikes),
            f"membrane potentials of {len(network.recorded)} neurons": traces,
            "one wave of copies": sum(wave.values()),
        }

    def run(self, seed: int | None, progress: bool | None) -> Response | Recording:
        """Present all trials, and return what the neurons did."""
        require_memory(self.memory_needed(), "choose neurons, or fewer conditions or repeats")
        network, session = self.network, self.session
        movies = session.movies(self.front_end)
        self._check_dt(movies)
        parts = []
        numbers = session.stimulus_numbers
        with progress_bar(len(numbers), "trials", progress) as bar:
            for first in range(0, len(numbers), network.n_copies):
                wave = numbers[first : first + network.n_copies]
                lengths = np.asarray(session.durations / second)
                arguments = lengths, True, False, seed, False, first
                parts.append(self._kept(network._present(movies[wave], *arguments), first))
                bar.update(len(wave))
        # Grey before and after is no part of the stimulus.
        begin = int(self.timing.before > 0)
        frames = movies[:, begin : begin + len(session.frame_steps)]
        return self._joined(parts, frames)

    def _check_dt(self, movies: NDArray) -> None:
        """Warn once if the time step is too coarse for any of the frames."""
        network, frames = self.network, movies.reshape(-1, movies.shape[2])
        some = np.linspace(0, len(frames) - 1, min(len(frames), CHECKED_FRAMES)).astype(int)
        network.check_dt(frames[np.unique(some)], float(self.session.dt))
        by_step = not network._objects("circuit").circuit.in_continuous_time
        if by_step and movies.shape[1] > 2 and network.steps_per_tau < STEPS_FOR_MOVIES:
            finest = float(network.parameters.tau) * 1e3 / STEPS_FOR_MOVIES
            warn_user(
                f"dt = {self.timing.dt * 1e3:g} ms is coarse for stimuli that change: strong "
                f"frames after weak ones may diverge; up to {finest:g} ms is safe",
                StabilityWarning,
            )
        network.checked_energy = max(network.checked_energy, largest_energy(frames))
        network._checked_stimuli = self.session.n_trials * movies.shape[1]

    def _kept(self, response: Response, first: int) -> dict[str, Any]:
        """Return what is kept of a wave, whose first trial has this number."""
        if self.neurons is None and not self.counts_only:
            names = ("counts", "expected_counts", "potentials", "step_counts")
            part = {name: getattr(response, name) for name in names}
            recording: Recording = response
        else:
            which = slice(None) if self.neurons is None else self.neurons
            recording = response.select(neurons=which)
            width = self.window_steps * self.timing.dt * second
            part = {"counts": recording.counts_in_windows(width).astype(np.int32, copy=False)}
        spikes = None if self.counts_only else recording.spikes
        if spikes is not None:
            # Times of a response are from its beginning.
            time = spikes.time - self.timing.before
            spikes = Spikes(spikes.trial + first, spikes.neuron, time, spikes.count)
        return part | {"spikes": spikes}

    def _joined(self, parts: list[dict[str, Any]], frames: NDArray) -> Response | Recording:
        network, session = self.network, self.session
        arrays: dict[str, Any] = {}
        for name in list(parts[0]):
            # Popped, so that there are not two of everything.
            values = [part.pop(name) for part in parts]
            if name == "spikes" and values[0] is not None:
                arrays[name] = Spikes(*map(np.concatenate, zip(*values, strict=True)))
            else:
                arrays[name] = None if values[0] is None else np.concatenate(values)
        arrays |= {
            "frames": frames,
            "stimulus_numbers": session.stimulus_numbers,
            "conditions": session.conditions,
            "copy": False,
        }
        counts = arrays.pop("counts")
        if "expected_counts" in arrays:
            expected = arrays.pop("expected_counts")
            return Response(
                network.parameters,
                arrays.pop("frames"),
                self.timing,
                counts,
                expected,
                recorded_neurons=network.recorded,
                **arrays,
            )
        which = np.arange(network.parameters.n_neurons) if self.neurons is None else self.neurons
        return Recording(counts, self.timing, units={"neuron": which}, **arrays)


def _front_end(parameters: Any, whitened: bool) -> FrontEnd | None:
    if flag(whitened, "whitened"):
        return None
    if parameters.front_end is None:
        raise ValueError(
            "this model has no front end: give it one (Parameters.replace(front_end=...)), or "
            "whitened=True to show stimuli as if they had been through it"
        )
    return parameters.front_end


def _window_steps(network: Any, session: Session, window: Time | None) -> int:
    """Return the time steps of a window; build the network at the session's time step."""
    dt = float(session.dt)
    if network.dt is None:
        network._build_at(session.dt)
    elif abs(float(network.dt) - dt) > 1e-9 * dt:
        raise ValueError(
            f"session must have the time step of the network, {float(network.dt) * 1e3:g} ms, got "
            f"{dt * 1e3:g} ms: make the session with dt=network.dt, or another network"
        )
    if window is None:
        return network.steps_per_tau
    steps = whole_steps(seconds(window, "window"), dt, "window")
    if steps % network.steps_per_tau and not network.record_spikes:
        raise ValueError(
            "window needs spike times if it is not a whole number of tau: use "
            "SpikingNetwork(..., record_spikes=True)"
        )
    return steps
