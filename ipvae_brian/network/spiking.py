"""The spiking network: neurons, lateral inhibition and monitors in one explicit Brian2 network."""

import math

import brian2.only as brian
import numpy as np
from brian2.only import second

from ipvae_brian._tools.checks import known_name, seconds, whole_number
from ipvae_brian._tools.memory import require_memory
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network import equations, standalone
from ipvae_brian.network._brian import (
    array_of,
    clear,
    code_object_class,
    is_standalone,
    quick_start,
    seeded,
)
from ipvae_brian.network.arguments import (
    as_movies,
    as_stimuli,
    frame_durations,
    largest_energy,
    recorded_neurons,
    whole_fraction,
)
from ipvae_brian.network.circuits import PATHWAYS, Copies, ErrorUnits, Synapses
from ipvae_brian.network.engines.choice import (
    available_engine,
    default_engine,
    engine_class,
    threads,
)
from ipvae_brian.network.presentation import Presentation, WindowCounter, raise_if_diverged
from ipvae_brian.network.presenter import Presenter
from ipvae_brian.network.stability import check_dt, choose_dt, with_halvings
from ipvae_brian.recordings.timing import Timing
from ipvae_brian.response.response import Response
from ipvae_brian.response.sorting import spikes_by_trial, traces_by_trial

PRECISIONS = ("single", "double")


class SpikingNetwork:
    """Neurons that infer a stimulus by spiking and inhibiting each other.

    Parameters
    ----------
    parameters : Parameters
    pathway : {"synapses", "error_units"}, optional
        How the spikes of one population inhibit: directly, through synapses between the neurons
        (the default), or through explicit units that hold the prediction error.
    n_copies : int, default 1
        Copies of the population, each of which is shown a stimulus of its own at the same time.
    dt : Quantity, optional
        Time step, at most tau and a whole fraction of it. Without it the first presentation
        chooses one (`ipvae_brian.stability.choose_dt`) and halves it should the run diverge.
    delay : Quantity, optional
        Synaptic delay of the "synapses" pathway.
    engine : {"numba", "numpy", "brian2"}, optional
        What takes the time steps. "brian2" runs the Brian2 equations as they stand, and is the
        default for one population. "numpy" takes the same step in few passes over all copies,
        "numba" has it compiled by Numba, for all cores; the faster one that is installed is the
        default for several copies.
    precision : {"single", "double"}, optional
        Of the potentials of copies; by default double with "brian2", otherwise single.
    target : {"numpy", "cython"}, optional
        Code generation for this network; by default what ``prefs.codegen.target`` says, where
        "auto" means NumPy, which needs no compiler and starts at once.
    record_potentials : iterable of int, default ()
        Neurons whose membrane potential is recorded at every time step, in every copy.
    record_spikes : bool, optional
        Whether to keep spike times; by default with one copy only.
    name : str, default "ipvae"
        Beginning of the names of all Brian2 objects.

    Attributes
    ----------
    neurons : brian2.NeuronGroup
    lateral : brian2.Synapses or brian2.NetworkOperation
    pathway_object : Synapses, ErrorUnits, Copies or NumpyCopies
        Its `objects` are all Brian2 objects of the pathway, such as the error units.
    spike_monitor, potential_monitor : brian2 monitors or None
    clock : brian2.Clock
    brian_network : brian2.Network
        Holds all of them; `add` puts your own objects there.
    checked_energy : float
        Of the strongest stimulus for which `dt` is known to be stable or was warned of.

    Raises
    ------
    TypeError, ValueError
        For wrong arguments; the message names them.

    Notes
    -----
    The Brian2 objects exist once `dt` is known: at construction if it is given, otherwise from
    the first presentation on or after `build(stimuli)`. No preference, clock or device of Brian2
    is changed. Under the C++ standalone device (set by the user with ``build_on_run=False``) one
    copy is simulated; see `ipvae_brian.standalone`.
    """

    def __init__(
        self,
        parameters,
        *,
        pathway=None,
        n_copies=1,
        dt=None,
        delay=None,
        engine=None,
        precision=None,
        target=None,
        record_potentials=(),
        record_spikes=None,
        name="ipvae",
    ):
        if not isinstance(parameters, Parameters):
            raise TypeError(f"parameters must be a Parameters, got {type(parameters).__name__}")
        self.parameters = parameters
        self.n_copies = whole_number(n_copies, "n_copies")
        if pathway is not None:
            known_name(pathway, "pathway", PATHWAYS)
        default = "brian2" if n_copies == 1 or is_standalone() else default_engine()
        self.engine = available_engine(engine or default)
        copies = n_copies > 1 or self.engine != "brian2"
        if is_standalone() and self.engine != "brian2":
            raise ValueError(f"engine must be 'brian2' in C++ standalone mode, got {engine!r}")
        if is_standalone() and n_copies > 1:
            raise ValueError(f"n_copies must be 1 in C++ standalone mode, got {n_copies}")
        if copies and pathway is not None:
            raise ValueError(
                f"pathway {pathway!r} needs n_copies 1 and engine 'brian2', got {n_copies} and "
                f"{self.engine!r}"
            )
        if delay is not None and (copies or pathway == "error_units"):
            raise ValueError("delay needs pathway 'synapses' and n_copies 1")
        self.pathway = None if copies else pathway or "synapses"
        self.delay = None if delay is None else seconds(delay, "delay", allow_zero=True) * second
        if precision is not None and not copies:
            raise ValueError("precision needs n_copies > 1, or engine 'numpy' or 'numba'")
        default_precision = "double" if self.engine == "brian2" else "single"
        self.precision = known_name(precision or default_precision, "precision", PRECISIONS)
        self.target = code_object_class(target)
        self.recorded = recorded_neurons(record_potentials, parameters.n_neurons)
        self.record_spikes = n_copies == 1 if record_spikes is None else bool(record_spikes)
        self.name = name
        self._additions = []
        self.dt = None
        self.brian_network = None
        self.checked_energy = 0.0
        if dt is not None:
            self._build(whole_fraction(seconds(dt, "dt"), parameters))

    @property
    def rate_type(self):
        """Type of potentials and rates."""
        return np.float32 if self.precision == "single" else np.float64

    @property
    def _delay_seconds(self):
        return 0.0 if self.delay is None else float(self.delay)

    # Building

    def build(self, stimuli):
        """Create the Brian2 objects with a time step that is stable for these stimuli.

        Needed only to reach the objects before the first presentation without giving `dt`.

        Parameters
        ----------
        stimuli : array_like
            As for `present`.

        Returns
        -------
        SpikingNetwork
            Itself.
        """
        stimuli = as_stimuli(stimuli, self.parameters, "stimuli")
        if self.brian_network is None:
            self._build(choose_dt(self.parameters, stimuli, delay=self._delay_seconds))
            self.checked_energy = largest_energy(stimuli)
        return self

    def _build(self, dt):
        p = self.parameters
        self.dt = dt * second
        self.steps_per_tau = round(float(p.tau) / dt)
        # For every object of Brian2: this clock and this target, no global default.
        self.clock = brian.Clock(self.dt, name=f"{self.name}_clock")
        options = {"clock": self.clock, "codeobj_class": self.target}
        as_equations = self.engine == "brian2"
        self.neurons = brian.NeuronGroup(
            self.n_copies * p.n_neurons,
            equations.MEMBRANE if as_equations else equations.COPIES,
            method="euler",
            threshold=equations.SPIKE,
            reset="",  # self-inhibition takes the place of a reset
            namespace=equations.namespace(p),
            name=f"{self.name}_neurons",
            dtype=self.rate_type,
            **options,
        )
        self.neurons.resetter["spike"].active = False  # nothing to run
        own = [self.neurons]
        if as_equations:
            runs = {"codeobj_class": self.target}
            own.append(self.neurons.run_regularly(equations.DRAW, when="start", **runs))
            own.append(self.neurons.run_regularly(equations.BOUND, when="end", **runs))
            self._set_constants(p)
        else:
            # The engine does what these would.
            self.neurons.state_updater.active = False
            self.neurons.thresholder["spike"].active = False
        if self.pathway == "synapses":
            pathway = Synapses(self.neurons, p, options, self.delay)
        elif self.pathway == "error_units":
            pathway = ErrorUnits(self.neurons, p, options)
        elif as_equations:
            pathway = Copies(self.neurons, p, options, self.n_copies)
        else:
            step = 1 / self.steps_per_tau
            pathway = engine_class(self.engine)(self.neurons, p, options, self.n_copies, step)
        self.pathway_object = pathway
        self.lateral = pathway.lateral
        if is_standalone():
            self.neurons.u = p.resting_potential
        else:
            self.rest()
        self._make_monitors(options)
        own += [*pathway.objects, *self._monitors]
        if is_standalone():
            self._standalone = standalone.Program(self)
        else:
            self.counter_is_separate = as_equations
            self.counter = WindowCounter(self.neurons) if as_equations else pathway
            self._presenter = Presenter(self, self.steps_per_tau)
            own.append(self._presenter.operation)
        self.brian_network = brian.Network(own, name=f"{self.name}_network")
        self.brian_network.add(*self._additions)

    def _make_monitors(self, options):
        self.spike_monitor = self.potential_monitor = None
        if self.record_spikes or is_standalone():
            self.spike_monitor = brian.SpikeMonitor(
                self.neurons,
                variables="z",
                name=f"{self.name}_spike_monitor",
                codeobj_class=self.target,
            )
        if self.recorded:
            n = self.parameters.n_neurons
            copies = np.arange(self.n_copies)[:, None] * n
            # After the draw: u[t] is the potential from which z[t] was drawn.
            self.potential_monitor = brian.StateMonitor(
                self.neurons,
                ["u", "z"],
                record=(copies + np.array(self.recorded)).ravel(),
                when="start",
                order=1,
                name=f"{self.name}_potential_monitor",
                **options,
            )
        monitors = self.spike_monitor, self.potential_monitor
        # An empty monitor is false.
        self._monitors = [m for m in monitors if m is not None]

    def _set_constants(self, parameters):
        for variable in ("threshold", "resting_potential", "natural_gradient_step"):
            setattr(self.neurons, variable, np.tile(getattr(parameters, variable), self.n_copies))

    def add(self, *objects):
        """Add your own Brian2 objects (groups, synapses, monitors, operations) to the network."""
        self._additions.extend(objects)
        if self.brian_network is not None:
            self.brian_network.add(*objects)
        return self

    def set_parameters(self, parameters):
        """Put in a new dictionary (and constants), keeping the shape, tau, leak and bounds.

        Raises
        ------
        ValueError
            If something that is built into the network differs.
        """
        fixed = ("n_pixels", "n_neurons", "tau", "leak", "lowest_potential", "highest_potential")
        for field in (*fixed, "noise_variance"):
            if getattr(parameters, field) != getattr(self.parameters, field):
                raise ValueError(f"parameters: {field} differs from the network's; build a new one")
        self.parameters = parameters
        self.checked_energy = 0.0
        if self.brian_network is not None:
            if self.engine == "brian2":
                self._set_constants(parameters)
            self.pathway_object.set_parameters(parameters)

    # What a presentation does to the network

    def rest(self):
        """Put every potential at rest, and drop spikes that are under way."""
        potential = array_of(self.neurons, "u").reshape(self.n_copies, -1)
        potential[:] = self.parameters.resting_potential
        for variable in self.pathway_object.carried:
            variable[:] = 0

    def show(self, stimuli):
        """Set the stimulus of every copy, (n_copies, n_pixels)."""
        self.pathway_object.show(stimuli)

    def decode(self, counts):
        """Reconstruct the stimuli from counts (n_copies, n_neurons)."""
        if self.engine == "numba":
            return self.pathway_object.decode(counts)
        # Single precision will do for what this is needed for: to tell whether a run diverged.
        return self.parameters.decode(counts, np.float32)

    # Running

    def present(self, stimuli, duration, *, reset=True, seed=None, first_stimulus=0, progress=None):
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
        seed : int, optional
            Makes the spikes reproducible on the same machine, target, pathway and engine. Without
            it they follow `brian2.seed`.
        first_stimulus : int, default 0
            Number of the first of these stimuli in a larger job, a multiple of `n_copies`. With
            the same seed, parts of the job then give the spikes that the whole job gives.
        progress : bool, optional
            Whether to show a progress bar; by default on a terminal or in a notebook, for runs
            of many stimuli.

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
        stimuli = as_stimuli(stimuli, self.parameters, "stimuli")
        length = seconds(duration, "duration")
        first = whole_number(first_stimulus, "first_stimulus", minimum=0)
        if first % self.n_copies:
            raise ValueError(
                f"first_stimulus must be a multiple of n_copies = {self.n_copies}, got {first}"
            )
        frames = stimuli[:, None, :]
        return self._run(frames, np.array([length]), reset, False, seed, progress, first)

    def present_movie(
        self, frames, duration, *, reset=True, reset_frames=False, seed=None, progress=None
    ):
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
        frames = as_movies(frames, self.parameters, "frames")
        lengths = frame_durations(duration, frames.shape[1])
        return self._run(frames, lengths, reset, reset_frames, seed, progress)

    def _run(self, frames, lengths, reset, reset_frames, seed, progress, first=0):
        if seed is not None:
            seed = whole_number(seed, "seed", minimum=0)
        shown = frames.reshape(-1, frames.shape[2])
        arguments = frames, lengths, reset, reset_frames, seed, progress, first
        if self.brian_network is None:
            self.build(shown)

            def run(dt):
                # Nobody has seen the objects yet, so they may be made anew with another step.
                if dt != float(self.dt):
                    self._build(dt)
                return self._run_at_dt(*arguments)

            return (
                self._run_at_dt(*arguments)
                if is_standalone()
                else with_halvings(run, float(self.dt))
            )
        if (energy := largest_energy(shown)) > 1.1 * self.checked_energy:
            check_dt(self.parameters, shown, float(self.dt), delay=self._delay_seconds)
            self.checked_energy = energy
        return self._run_at_dt(*arguments)

    def _run_at_dt(self, frames, lengths, reset, reset_frames, seed, progress, first):
        frame_steps = np.round(lengths / float(self.dt)).astype(int)
        if (frame_steps < 1).any():
            raise ValueError(
                f"duration must be at least one time step, {self.dt!s}, got {lengths.min()} s"
            )
        n_stimuli, steps = len(frames), int(frame_steps.sum())
        waves = math.ceil(n_stimuli / self.n_copies)
        require_memory(
            self._memory_needed(n_stimuli, steps), "record fewer neurons or stimuli at once"
        )
        if not is_standalone():
            for monitor in self._monitors:
                clear(monitor)
        elif seed is not None and n_stimuli * len(frame_steps) > 1:
            raise ValueError(
                "seed is compiled into a standalone program, which would repeat the same random "
                "numbers for every frame: leave it out, or present one frame"
            )
        start = float(self.clock.variables["t"].get_value()[0]) if not is_standalone() else 0.0
        n_windows = steps // self.steps_per_tau
        shape = (n_windows, waves * self.n_copies, self.parameters.n_neurons)
        counts, expected_counts = np.empty(shape, np.int32), np.empty(shape, self.rate_type)
        presentations = []
        for wave in range(waves):
            copies = slice(wave * self.n_copies, (wave + 1) * self.n_copies)
            part = frames[copies]
            missing = self.n_copies - len(part)
            if missing:
                part = np.concatenate([part, np.zeros((missing, *part.shape[1:]))])
            presentations.append(
                Presentation(
                    part,
                    frame_steps,
                    reset,
                    reset_frames,
                    seed=None if seed is None else [seed, first // self.n_copies + wave],
                    used=self.n_copies - missing,
                    counts=counts[:, copies],
                    expected=expected_counts[:, copies],
                )
            )
        n_collected = 0
        with progress_bar(n_stimuli, "stimuli", progress) as bar:

            def collect(presentation, outcome):
                nonlocal n_collected
                raise_if_diverged(
                    outcome, presentation.used, self.parameters, float(self.dt), first + n_collected
                )
                n_collected += presentation.used
                bar.update(presentation.used)

            with seeded(seed):
                if self.engine != "brian2":
                    self.counter.reseed(int(np.random.randint(2**31)))  # noqa: NPY002
                self.run(presentations, collect)
        timing = Timing(
            dt=float(self.dt),
            tau=float(self.parameters.tau),
            steps_per_window=self.steps_per_tau,
            n_steps=steps,
            frame_steps=tuple(int(n) for n in frame_steps),
        )
        events, traces = self._recorded(start)
        spikes, potentials, step_counts = None, None, None
        if events is not None:
            n_neurons = self.parameters.n_neurons
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

    def _recorded(self, start):
        """Events and traces since `start` in seconds, as `response.sorting` takes them."""
        if is_standalone():
            return self._standalone.recorded()
        events = traces = None
        if self.spike_monitor is not None:
            monitor = self.spike_monitor
            step = np.round((np.asarray(monitor.t / second) - start) / float(self.dt))
            events = np.array(monitor.i), step.astype(int), np.array(monitor.z)
        if self.potential_monitor is not None:
            traces = np.array(self.potential_monitor.u), np.array(self.potential_monitor.z)
        return events, traces

    def run(self, presentations, collect):
        """Run presentations from an iterator inside one Brian2 run.

        Each result is handed to ``collect(presentation, outcome)``. The iterator is asked for the
        next presentation when the last has been collected, so it may
        change the parameters in between. This is what learning is built on.

        Raises
        ------
        KeyboardInterrupt
            If the run was stopped with Ctrl-C.
        """
        if is_standalone():
            return self._standalone.run(presentations, collect)
        presenter = self._presenter
        # Brian2's check for invalid values compares float32 with 1e50, which NumPy warns of.
        with np.errstate(over="ignore"), quick_start(), threads(self.engine):
            if not presenter.begin(presentations, collect):
                return None
            # The presenter stops the run; Brian2 needs some end that is never reached.
            self.brian_network.run(1e6 * self.parameters.tau, namespace={})
        if presenter.error is not None:
            error, presenter.error = presenter.error, None
            raise error
        if not presenter.finished:
            # Brian2 turns Ctrl-C into a quiet stop.
            raise KeyboardInterrupt
        return None

    def memory_needed(self, n_stimuli, duration):
        """Memory that a presentation will take, before it is started.

        Parameters
        ----------
        n_stimuli : int
        duration : Quantity
            Of all frames together. Needs the time step, so give `dt` or call `build` before.

        Returns
        -------
        dict of str to int
            What is kept, and its bytes. Spike times come on top: 20 bytes for each spike, of
            which there are as many as there are.
        """
        if self.dt is None:
            raise ValueError("memory_needed: dt is not chosen yet; give dt or call build(stimuli)")
        steps = round(seconds(duration, "duration") / float(self.dt))
        return self._memory_needed(whole_number(n_stimuli, "n_stimuli"), steps)

    def _memory_needed(self, n_stimuli, steps):
        copies = math.ceil(n_stimuli / self.n_copies) * self.n_copies
        windows = steps // self.steps_per_tau
        bytes_each = np.dtype(self.rate_type).itemsize
        # The monitor keeps its own, as double precision and integers; the response, a copy.
        traces = 2 * len(self.recorded) * copies * steps * (8 + 4)
        per_window = copies * windows * self.parameters.n_neurons
        return {
            "counts in windows": 4 * per_window,
            "expected counts in windows": bytes_each * per_window,
            f"membrane potentials of {len(self.recorded)} neurons": traces,
        }

    def __repr__(self):
        clock = "dt not chosen yet" if self.dt is None else f"dt {self.dt!s}"
        return (
            f"<SpikingNetwork {self.pathway or self.engine!r}, {self.n_copies} x "
            f"{self.parameters.n_neurons} "
            f"neurons, {clock}, tau {self.parameters.tau!s}>"
        )
