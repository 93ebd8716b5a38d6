"""The presenter: steps presentations through a circuit while Brian2 runs it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import brian2.only as brian
import numpy as np

from ipvae_brian._tools.caller import user_namespace
from ipvae_brian.errors import StoppedError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import (
    array_of,
    code_object_class,
    interrupts,
    require_device,
    without_conflicts_of,
)
from ipvae_brian.network._process import current_device, quick_start, seeded
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.divergence import Bound
from ipvae_brian.network.engines.choice import default_engine
from ipvae_brian.network.monitors import Monitors
from ipvae_brian.network.presentation import Outcome, Presentation
from ipvae_brian.network.runner import Runner

# Brian2's own order of what happens in a time step.
SCHEDULE = ("start", "groups", "thresholds", "synapses", "resets", "end")
# Time steps of a run that the presenter stops; it is followed by another if it comes to its end.
FAR_AWAY = 2**31
# Time steps after which divergence is looked for, in whole windows and at their end.
CHECK_STEPS = 10


class Presenter:
    """Steps presentations through a circuit, as the last operation of every time step.

    Parameters
    ----------
    circuit : Circuit
    stop : callable
        Stops the run of Brian2.
    window_steps : int
        Time steps in a window of tau.
    """

    def __init__(self, circuit: Circuit, stop: Callable[[], object], window_steps: int):
        self.circuit = circuit
        self.stop = stop
        self.window_steps = window_steps
        # The rest of the presentations, the one that is shown, and who gets its outcome.
        self.presentations: Any = iter(())
        self.presentation: Any = None
        self.collect: Any = None
        # Where its counts are added up, of all windows and of the one that is open.
        self.counts: Any = None
        self.expected_counts: Any = None
        self.open: Any = None
        self.error: BaseException | None = None
        self.watched = True
        # Of Brian2, as it was before a presentation seeded it.
        self.random_state: Any = None
        # Set where objects on other clocks have steps to take after the last one of ours.
        self.runs_out = False
        self.operation = _AfterStep(
            self._after_step,
            circuit,
            clock=circuit.options["clock"],
            when="end",
            order=1,
            name=f"{circuit.neurons.name}_presenter",
        )

    def begin(
        self,
        presentations: Iterable[Presentation],
        collect: Callable[[Presentation, Outcome], object],
        watched: bool = True,
    ) -> bool:
        """Take the first presentation, and return whether there is one.

        `watched` says whether anything looks at the circuit after every step.
        """
        self.error = None
        self.watched = watched
        self.presentations = iter(presentations)
        self.collect = collect
        return self._next_presentation()

    def end(self) -> None:
        """Leave what is being presented, and give back what was taken for it."""
        if self.random_state is not None:
            current_device().set_random_state(self.random_state)
            self.random_state = None
        self.presentations = self.presentation = self.collect = None
        self.counts = self.expected_counts = self.open = None
        self.circuit.close_window()

    @property
    def finished(self) -> bool:
        """Whether every presentation was shown to its end."""
        return self.presentation is None

    def _next_presentation(self):
        self.presentation = presentation = next(self.presentations, None)
        if presentation is None:
            self.presentations, self.collect = iter(()), None
            return False
        if presentation.settled is not None and self.runs_out:
            raise ValueError("until needs all objects of the network to be on its own clock")
        self.frame = -1
        self.steps_left = int(presentation.frame_steps.sum())
        self.n_windows = self.steps_left // self.window_steps
        counts, expected_counts = presentation.counts, presentation.expected_counts
        if counts is None:
            # Window by window, as they are filled.
            counts, expected_counts = self._new_windows(self.n_windows)
        self.counts, self.expected_counts = counts, expected_counts
        self.window = -1
        self.diverged = np.zeros(len(presentation.frames), bool)
        start = None if presentation.reset else self.circuit.potentials()
        self.bound = Bound.of(
            presentation,
            self.circuit.parameters,
            self.window_steps,
            start,
            self.circuit.reach,
            self.circuit.noise,
        )
        if presentation.reset:
            self.circuit.rest()
        if presentation.seed is not None:
            if self.circuit.seeds_brian2 and self.random_state is None:
                self.random_state = current_device().get_random_state()
            self.circuit.reseed(presentation.seed)
        self._next_window()
        self._next_frame()
        self._look_ahead()
        return True

    def _next_frame(self):
        self.frame += 1
        self.frame_left = int(self.presentation.frame_steps[self.frame])
        if self.frame and self.presentation.reset_frames:
            self.circuit.rest()
        self.circuit.show(self.presentation.frames[:, self.frame])

    def _look_ahead(self):
        if not self.watched:
            self.circuit.look_ahead(min(self.window_left, self.frame_left))

    def _after_step(self):
        if self.presentation is None:
            return  # a run of the user's own, such as a rest between two presentations
        # An error inside Brian2's loop would leave its global state "running": stop, raise later.
        try:
            self._advance()
        except BaseException as error:
            self.error = error
            self.stop()

    def _advance(self):
        self.circuit.after_step()
        self.steps_left -= 1
        self.window_left -= 1
        self.frame_left -= 1
        if self.window_left == 0:
            self._end_if_settled()
            self._check_window()
            if self.presentation.after_window is not None:
                self.presentation.after_window()
            if self.steps_left:
                self._next_window()
        if self.steps_left == 0:
            if self.window == self.n_windows:
                self._check_rest()
            presentation, self.presentation = self.presentation, None
            self.collect(presentation, self._outcome())
            if not self._next_presentation() and not self.runs_out:
                self.stop()
            return
        new_window = self.window_left == self.window_steps
        if self.frame_left == 0:
            self._next_frame()
            self._look_ahead()
        elif new_window:
            self._look_ahead()

    def _end_if_settled(self):
        settled = self.presentation.settled
        if settled is not None and self.window < self.n_windows and settled(self.open[0]):
            self.steps_left, self.n_windows = 0, self.window + 1
            self.counts = self.counts[: self.n_windows]
            self.expected_counts = self.expected_counts[: self.n_windows]

    def _new_windows(self, n):
        shape = (n, len(self.presentation.frames), self.circuit.n_neurons)
        return np.empty(shape, self.circuit.count_type), np.empty(shape, self.circuit.rate_type)

    def _next_window(self):
        self.window += 1
        self.window_left = self.window_steps
        if self.window < self.n_windows:
            self.open = self.counts[self.window], self.expected_counts[self.window]
        else:
            # What is left after the whole windows is looked at, but not kept.
            self.open = [array[0] for array in self._new_windows(1)]
        for array in self.open:
            array[:] = 0
        self.circuit.open_window(*self.open)

    def _check_window(self):
        # A runaway lasts, so windows of few steps need not all be looked at.
        last = self.window == self.n_windows - 1
        if last or self.window % max(1, CHECK_STEPS // self.window_steps) == 0:
            self._look_for_divergence(self.window_steps)

    def _check_rest(self):
        """Look at what is left after the whole windows, or at all of a short presentation."""
        end = int(self.presentation.frame_edges[-1])
        self._look_for_divergence(end - self.n_windows * self.window_steps)

    def _look_for_divergence(self, n_steps: int):
        """Look at the last steps, all of the window that is open."""
        begin = self.window * self.window_steps
        stimuli = self.presentation.stimulus_between(begin, begin + n_steps)
        self.diverged |= self.circuit.diverged(stimuli, self.open[0], self.bound, n_steps)

    def _outcome(self):
        return Outcome(
            self.counts.swapaxes(0, 1), self.expected_counts.swapaxes(0, 1), self.diverged
        )


class _AfterStep(brian.NetworkOperation):
    """The presenter's operation, which is also what Brian2 asks for the state of the circuit."""

    def __init__(self, function: Callable[[], object], circuit: Circuit, **options: Any):
        super().__init__(function, **options)
        self._circuit = circuit

    def before_run(self, run_namespace: dict[str, Any]) -> None:
        """Let the circuit look at its variables, at the beginning of every run."""
        super().before_run(run_namespace)
        self._circuit.before_run()

    def after_run(self) -> None:
        """Let the circuit bring its variables up to date, at the end of every run."""
        super().after_run()
        self._circuit.after_run()

    def _full_state(self):
        return self._circuit.state()

    def _restore_from_full_state(self, state):
        self._circuit.restore_state(state)


class RuntimeRunner(Runner):
    """Runs step by step in this process, with a presenter between the steps.

    Parameters as for `Runner`.
    """

    needs_spikes = False
    can_rebuild = True
    can_stop = True

    def __init__(self, circuit: Circuit, monitors: Monitors, brian_network: Any, window_steps: int):
        super().__init__(circuit, monitors, brian_network, window_steps)
        self.presenter = Presenter(circuit, brian_network.stop, window_steps)
        self.objects.append(self.presenter.operation)
        self._device = current_device()
        self._start = 0.0
        # A user's preference for another order would be another model.
        brian_network.schedule = list(SCHEDULE)
        circuit.rest()

    @classmethod
    def code_object_class(cls, target: str | None) -> Any:
        """Return the class of a target; None follows the user's preference."""
        return code_object_class(target)

    @classmethod
    def default_engine(
        cls, n_copies: int, parameters: Parameters, steps_per_tau: int | None
    ) -> str:
        """Return "brian2" for one population, otherwise the fastest that is installed."""
        return "brian2" if n_copies == 1 else default_engine(parameters, steps_per_tau)

    @classmethod
    def require_circuit(cls, engine: str, n_copies: int) -> None:
        """Do nothing: every circuit runs."""

    @contextmanager
    def recording(self, seed: int | None, n_frames: int) -> Iterator[None]:
        """Empty the monitors; with a seed, give Brian2's random state back afterwards."""
        require_device(self._device)
        self.monitors.clear()
        self._start = float(self.circuit.options["clock"].variables["t"].get_value()[0])
        with seeded(seed):
            self.circuit.follow_brian2()
            yield

    def run(
        self,
        presentations: Iterable[Presentation],
        collect: Callable[[Presentation, Outcome], object],
    ) -> None:
        """Run presentations inside one Brian2 run."""
        require_device(self._device)
        presenter, clock = self.presenter, self.circuit.options["clock"]
        # The presenter stops a run whose end is far away, which saves the start of others. A stop
        # would cut off the last steps of faster clocks, so with these each presentation has a run.
        presenter.runs_out = self._has_other_clocks()
        try:
            # Brian2's check for invalid values compares float32 with 1e50, which NumPy warns of.
            with np.errstate(over="ignore"), quick_start(), self.circuit.threads():
                if not presenter.begin(presentations, collect, self._is_watched()):
                    return
                while not presenter.finished:
                    steps = presenter.steps_left if presenter.runs_out else FAR_AWAY
                    self._run(steps * clock.dt)
        finally:
            presenter.end()

    def _run(self, duration):
        """Run for some time, and raise what ended it before."""
        presenter, clock = self.presenter, self.circuit.options["clock"]
        step = array_of(clock, "timestep")
        end = step[0] + round(float(duration / clock.dt))
        with interrupts() as pressed, without_conflicts_of(self.circuit.neurons.name):
            self.brian_network.run(duration, namespace=user_namespace())
        # After a stop it would be a view of the clock, and change in what store() has kept.
        self.brian_network.t_ = np.asarray(self.brian_network.t_).item()
        if presenter.error is not None:
            error, presenter.error = presenter.error, None
            raise error
        if presenter.finished or step[0] >= end:
            return
        if pressed:
            raise KeyboardInterrupt
        shown = presenter.presentation.frame_steps.sum()
        dt = float(clock.dt) * 1e3
        raise StoppedError(
            f"the run was stopped after {(shown - presenter.steps_left) * dt:g} ms of a "
            f"presentation of {shown * dt:g} ms, by stop() or a limit of Brian2 on the time of a "
            "run; a response is made of whole presentations only: present for a shorter time"
        )

    def _has_other_clocks(self):
        objects = self.brian_network.sorted_objects
        return any(one.clock is not self.circuit.options["clock"] for one in objects)

    def _is_watched(self):
        """Return whether there are monitors or objects of the user's."""
        own = [*self.circuit.objects, *self.objects]
        return len(self.brian_network.objects) > len(own)

    def recorded(self) -> tuple[Any, Any]:
        """Return what the monitors hold."""
        return self.monitors.events(self._start), self.monitors.traces()
