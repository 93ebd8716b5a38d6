"""The base of networks: presents stimuli and makes responses of what the neurons did.

What differs between kinds of networks is their circuit, and which time step is stable for it.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.checks import number, seconds, whole_number
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian._tools.types import Time
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.network._process import one_at_a_time
from ipvae_brian.network.arguments import (
    as_movies,
    as_stimuli,
    frame_durations,
    largest_energy,
    steps_of_frames,
)
from ipvae_brian.network.building import Building
from ipvae_brian.network.divergence import raise_if_diverged
from ipvae_brian.network.presentation import Outcome, Presentation, in_waves
from ipvae_brian.network.sessions import SessionRun
from ipvae_brian.network.settling import Settling
from ipvae_brian.network.stability import with_halvings
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.timing import Timing
from ipvae_brian.response.response import Response
from ipvae_brian.response.sorting import spikes_by_trial, traces_by_trial
from ipvae_brian.stimuli.session import Session

# Of a spike whose time is recorded, and of a time step of a potential: Brian2's monitors keep their
# own, and grow by doubling, and there are copies until the response is made.
BYTES_OF_SPIKE = 100
BYTES_OF_TRACE = 32


class BaseNetwork(Building):
    """What all kinds of networks do: present stimuli and movies, and run presentations.

    Parameters as for `Building`, which says what a kind of network supplies.
    """

    def present(
        self,
        stimuli: ArrayLike,
        duration: Time,
        *,
        reset: bool = True,
        until: float | None = None,
        seed: int | None = None,
        first_stimulus: int = 0,
        progress: bool | None = None,
    ) -> Response:
        """Show static images, each for the same time, and return what the neurons did.

        Parameters
        ----------
        stimuli : array_like, shape (n_stimuli, n_pixels), (n_pixels,) or with image rows, columns
            With one copy they are shown one after the other, otherwise `n_copies` at a time.
        duration : Quantity
            How long each is shown, at least one time step.
        reset : bool, default True
            Whether potentials start at rest for every stimulus. Otherwise they are carried over
            from what that copy saw before: online inference.
        until : float, optional
            End early: after the first window of tau in which the mean R2 of the stimuli that are
            shown first (as many as there are copies) changed by less than this. All others are
            then shown as long. The response is that of the whole duration, cut short;
            ``response.timing.n_windows`` tells by how much.
        seed : int, optional
            Makes the spikes reproducible on the same machine, target, pathway and engine. Without
            it they follow `brian2.seed`.
        first_stimulus : int, default 0
            Number of the first of these stimuli in a larger job, a multiple of `n_copies`. With
            the same seed, parts of the job then give the spikes that the whole job gives.
        progress : bool, optional
            Whether to show a progress bar of windows of tau; by default on a terminal or in a
            notebook, for what takes longer than two seconds.

        Returns
        -------
        Response

        Raises
        ------
        DivergenceError
            If rates ran away; the message has the numbers and what to change.
        MemoryLimitError
            If what is recorded cannot fit.
        TypeError, ValueError
            For wrong arguments; the message names them.
        KeyboardInterrupt
            If the run was stopped with Ctrl-C.
        """
        shown = as_stimuli(stimuli, self.parameters, "stimuli")
        length = seconds(duration, "duration")
        first = whole_number(first_stimulus, "first_stimulus", minimum=0)
        if first % self.n_copies:
            raise ValueError(
                f"first_stimulus must be a multiple of n_copies = {self.n_copies}, got {first}"
            )
        if until is not None:
            until = number(until, "until", above=0)
            if not self._runner_class.can_stop:
                raise ValueError("until must be None in C++ standalone mode, which cannot stop")
        frames, lengths = shown[:, None, :], np.array([length])
        return self._present(frames, lengths, reset, False, seed, progress, first, until)

    def present_movie(
        self,
        frames: ArrayLike,
        duration: Time | Sequence[Time],
        *,
        reset: bool = True,
        reset_frames: bool = False,
        seed: int | None = None,
        progress: bool | None = None,
    ) -> Response:
        """Show movies: frames one after the other, with the state carried over between them.

        Parameters
        ----------
        frames : array_like, shape (n_frames, n_pixels) or (n_stimuli, n_frames, n_pixels)
            One movie or one for each stimulus; pixels may also be given as rows and columns.
        duration : Quantity or sequence of Quantity
            Of every frame, or one for each frame.
        reset : bool, default True
            Whether potentials start at rest at the first frame.
        reset_frames : bool, default False
            Whether they return to rest at each frame.
        seed, progress
            As for `present`.

        Returns
        -------
        Response
            One stimulus for every movie; windows of tau go on across frames.

        Raises
        ------
        DivergenceError, MemoryLimitError, TypeError, ValueError, KeyboardInterrupt
            As for `present`.
        """
        shown = as_movies(frames, self.parameters, "frames")
        lengths = frame_durations(duration, shown.shape[1])
        return self._present(shown, lengths, reset, reset_frames, seed, progress)

    def present_session(
        self,
        session: Session,
        *,
        whitened: bool = False,
        neurons: ArrayLike | slice | None = None,
        window: Time | None = None,
        seed: int | None = None,
        progress: bool | None = None,
    ) -> Response | Recording:
        """Run an experiment: all trials of a session, each from rest through grey to its stimulus.

        A network that has no time step yet takes that of the session. Trials go through the copies
        in waves; of each wave only what is asked for is kept.

        Parameters
        ----------
        session : Session
        whitened : bool, default False
            Stimuli go through the model's front end, so that contrast counts as it did in
            training. True shows them as if they were its output: gratings of contrast 1 as strong
            as natural patches, and pictures as they are.
        neurons : array_like of int or bool, or slice, optional
            Those that are recorded; by default all.
        window : Quantity, optional
            Width of the windows in which spikes are counted, a whole number of time steps. Spike
            times are then not kept. By default windows are of tau, and spike times are kept if the
            network records them.
        seed, progress
            As for `present`; progress is told in trials.

        Returns
        -------
        Response or Recording
            Its conditions are those of the session, its times count from the onset of the
            stimulus. With `neurons` or `window` it is a recording, whose units have the number of
            the ``neuron`` in the network: what is left decodes nothing.

        Raises
        ------
        DivergenceError, MemoryLimitError, TypeError, ValueError, KeyboardInterrupt
            As for `present`, or if the session does not fit the model or has another time step.

        Warns
        -----
        StabilityWarning
            If the time step is near or above what is stable for these stimuli.

        Examples
        --------
        >>> from brian2 import ms
        >>> from ipvae_brian import SpikingNetwork, load_model
        >>> from ipvae_brian.stimuli import protocols
        >>> session = protocols.flashed_gratings(
        ...     orientations=[0, 90], spatial_frequencies=3, duration=100 * ms, repeats=2
        ... )
        >>> network = SpikingNetwork(load_model("photographs-512"), n_copies=4)
        >>> response = network.present_session(session, seed=0, progress=False)
        >>> response.n_trials, response.conditions["orientation"]
        (4, array([ 0., 90.,  0., 90.]))
        """
        run = SessionRun(self, session, whitened=whitened, neurons=neurons, window=window)
        return run.run(seed, progress)

    def session_memory(
        self,
        session: Session,
        *,
        neurons: ArrayLike | slice | None = None,
        window: Time | None = None,
    ) -> dict[str, int]:
        """Return the memory that a session will take, before it is started.

        Parameters
        ----------
        session, neurons, window
            As for `present_session`.

        Returns
        -------
        dict of str to int
            What is kept or needed on the way, and its bytes, as `memory_needed` has them.
        """
        run = SessionRun(self, session, whitened=True, neurons=neurons, window=window)
        return run.memory_needed()

    @one_at_a_time()
    def _present(self, frames, lengths, reset, reset_frames, seed, progress, first=0, until=None):
        """Find a time step, or check the one there is, and present."""
        if seed is not None:
            seed = whole_number(seed, "seed", minimum=0)
        if self.parameters is not self._parameters:  # brought back by Brian2's restore()
            self._parameters, self.checked_energy = self.parameters, 0.0
        shown = frames.reshape(-1, frames.shape[2])
        self._fit_dt(shown, reset)
        arguments = frames, lengths, reset, reset_frames, seed, progress, first, until
        circuit = self._objects("circuit").circuit
        # In continuous time a finer step would not help.
        if circuit.in_continuous_time or self._fixed_by(after_run=True):
            return self._present_at_dt(*arguments)
        state = circuit.state_of_neurons()

        def run(dt_seconds):
            if dt_seconds != self._dt_seconds:
                self._rebuild(dt_seconds, state)
            return self._present_at_dt(*arguments)

        return with_halvings(run, self._dt_seconds)

    def _fit_dt(self, shown, reset):
        """Choose a time step for stimuli (n, n_pixels), or check the one there is."""
        if self._built is None:
            self.build(shown)
            return
        in_memory = self._runner_class.can_rebuild
        start = None if reset or not in_memory else self._objects("circuit").circuit.potentials()
        energy = largest_energy(shown)
        # Among more stimuli of the same energy there may be one that needs a finer step.
        known = len(shown) <= 2 * self._checked_stimuli or self.checked_energy == math.inf
        if energy <= 1.1 * self.checked_energy and known:
            if start is not None:
                self.check_start(start, self._dt_seconds)
            return
        if self._fixed_by():
            self.check_dt(shown, self._dt_seconds, start)
        elif (dt_seconds := self._stable_dt(shown, start)) < self._dt_seconds:
            self._rebuild(dt_seconds, self._objects("circuit").circuit.state_of_neurons())
        self.checked_energy = max(energy, self.checked_energy)
        self._checked_stimuli = max(len(shown), self._checked_stimuli)

    def _timing(self, frame_steps):
        return Timing(
            dt=self._dt_seconds,
            tau=float(self.parameters.tau),
            steps_per_window=self.steps_per_tau,
            n_steps=int(frame_steps.sum()),
            frame_steps=tuple(int(n) for n in frame_steps),
        )

    def _present_at_dt(self, frames, lengths, reset, reset_frames, seed, progress, first, until):
        runner = self._objects("runner").runner
        self._has_run = True
        frame_steps = steps_of_frames(lengths, self._dt_seconds)
        n_stimuli = len(frames)
        timing = self._timing(frame_steps)
        settling = None
        if until is not None:
            settling = Settling(self.parameters, frames[: self.n_copies, 0], until)
        require_memory(
            self._memory_needed(n_stimuli, timing.n_steps, len(frame_steps), 0),
            "record fewer neurons or stimuli at once",
        )
        padded = math.ceil(n_stimuli / self.n_copies) * self.n_copies
        shape = (timing.n_windows, padded, self.parameters.n_neurons)
        counts = np.empty(shape, runner.circuit.count_type)
        expected_counts = np.empty(shape, self.rate_type)
        n_collected, n_waves = 0, padded // self.n_copies
        with progress_bar(timing.n_windows * n_waves, "windows", progress) as bar:
            waves = in_waves(
                frames,
                frame_steps,
                counts,
                expected_counts,
                self.n_copies,
                reset=reset,
                reset_frames=reset_frames,
                seed=seed,
                first_wave=first // self.n_copies,
                after_window=bar.update,
                settling=settling,
                window_steps=runner.window_steps,
            )

            def collect(wave, outcome):
                nonlocal n_collected
                self._require_code(wave, outcome, first + n_collected, frames)
                n_collected += wave.used
                n_windows = outcome.counts.shape[1]
                bar.total = n_windows * n_waves
                # A standalone program does not tell of single windows.
                bar.update(math.ceil(n_collected / self.n_copies) * n_windows - bar.n)

            with runner.recording(seed, n_stimuli * len(frame_steps)):
                runner.run(waves, collect)
        if settling is not None and settling.n_windows is not None:
            timing = self._timing(np.array([settling.n_windows * runner.window_steps]))
            counts, expected_counts = (
                array[: timing.n_windows] for array in (counts, expected_counts)
            )
        return self._response(frames, timing, counts, expected_counts, *runner.recorded())

    def _require_code(self, wave, outcome, first, frames):
        """Raise DivergenceError if a copy ran away; warn where it may be what the user wants."""
        used = slice(wave.used)
        dt_seconds = self._dt_seconds
        try:
            raise_if_diverged(
                outcome.counts[used],
                outcome.diverged[used],
                self.parameters,
                None if self._objects("circuit").circuit.in_continuous_time else dt_seconds,
                first,
                lambda: self._advice(frames, dt_seconds),
            )
        except DivergenceError as error:
            # The bound knows what the stimulus drives, not what synapses of the user's do.
            if not self._has_own_input():
                raise
            warn_user(
                f"synapses of your own act on the neurons, which fire more than the stimulus "
                f"explains; without these synapses this would be an error: {error}",
                StabilityWarning,
            )

    def _has_own_input(self):
        targets = (getattr(one, "target", None) for one in self._additions)
        # A part of a group is a subgroup, which knows its group, though only by a proxy.
        groups = (getattr(target, "source", target) for target in targets if target is not None)
        return any(group.name == f"{self.name}_neurons" for group in groups)

    def _advice(self, frames, dt_seconds):
        """Return what to do about frames that diverged."""
        advice = self.advice(frames.reshape(-1, frames.shape[2]), dt_seconds)
        if self._chosen and (reason := self._fixed_by(after_run=True)):
            advice += f" (this network keeps the dt that it has, because {reason})"
        return advice

    def _response(self, frames, timing, counts, expected_counts, events, traces):
        """Make the response of what was counted and recorded, windows first."""
        n_stimuli, n_neurons = len(frames), self.parameters.n_neurons
        spikes = potentials = step_counts = None
        if events is not None:
            spikes = spikes_by_trial(events, n_stimuli, self.n_copies, n_neurons, timing)
        if traces is not None:
            potentials, step_counts = (
                traces_by_trial(one, n_stimuli, self.n_copies, timing) for one in traces
            )
        return Response(
            self.parameters,
            frames.copy(),  # the user's array may change
            timing,
            *(array.swapaxes(0, 1)[:n_stimuli] for array in (counts, expected_counts)),
            spikes=spikes,
            recorded_neurons=self.recorded,
            potentials=potentials,
            step_counts=step_counts,
            copy=False,
        )

    @one_at_a_time()
    def run(
        self,
        presentations: Iterable[Presentation],
        collect: Callable[[Presentation, Outcome], object],
    ) -> None:
        """Run presentations from an iterator inside one Brian2 run.

        Each result is handed to ``collect(presentation, outcome)``. The iterator is asked for the
        next presentation when the last has been collected, so it may change the parameters in
        between. This is what learning is built on.

        Raises
        ------
        KeyboardInterrupt
            If the run was stopped with Ctrl-C.
        """
        self._hand_out("run")
        self._has_run = True
        self._objects("runner").runner.run(presentations, collect)

    def memory_needed(
        self,
        n_stimuli: int,
        duration: Time,
        *,
        n_frames: int = 1,
        spikes_per_tau: float | None = None,
    ) -> dict[str, int]:
        """Return the memory that a presentation will take at most, before it is started.

        Parameters
        ----------
        n_stimuli : int
        duration : Quantity
            Of all frames together. Needs the time step, so give `dt` or call `build` before.
        n_frames : int, default 1
            Frames of each movie.
        spikes_per_tau : float, optional
            That all neurons together are expected to fire, where spike times are recorded; by
            default one for every two neurons, about what the shipped models do.

        Returns
        -------
        dict of str to int
            What is kept, and its bytes, right to within a factor of two (for spike times, of as
            many spikes as were expected).
        """
        if self.dt is None:
            raise ValueError("memory_needed: dt is not chosen yet; give dt or call build(stimuli)")
        steps = round(seconds(duration, "duration") / self._dt_seconds)
        expected = spikes_per_tau
        if expected is not None:
            expected = number(expected, "spikes_per_tau", minimum=0)
        n_stimuli, n_frames = (
            whole_number(n_stimuli, "n_stimuli"),
            whole_number(n_frames, "n_frames"),
        )
        return self._memory_needed(n_stimuli, steps, n_frames, expected)

    def _memory_needed(self, n_stimuli, steps, n_frames, spikes_per_tau=None):
        n_neurons, n_pixels = self.parameters.n_neurons, self.parameters.n_pixels
        copies = math.ceil(n_stimuli / self.n_copies) * self.n_copies
        windows = steps // self.steps_per_tau
        per_window = copies * windows * n_neurons
        shown = 8 * n_stimuli * n_frames * n_pixels
        if n_frames > 1:
            # What was shown in each window, of the movies that are shown at the same time.
            shown += 8 * self.n_copies * windows * n_pixels
        if spikes_per_tau is None:
            spikes_per_tau = n_neurons / 2
        recorded = self.record_spikes or self._runner_class.needs_spikes
        spikes = copies * steps / self.steps_per_tau * spikes_per_tau * recorded
        traces = len(self.recorded) * copies * steps
        return {
            "stimuli": shown,
            "counts in windows": 4 * per_window,
            "expected counts in windows": np.dtype(self.rate_type).itemsize * per_window,
            "spike times": int(BYTES_OF_SPIKE * spikes),
            f"membrane potentials of {len(self.recorded)} neurons": BYTES_OF_TRACE * traces,
        }
