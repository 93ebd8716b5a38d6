"""C++ standalone: the network as a compiled program, run again for every frame.

There are no network operations there, so nothing can happen between two time steps. The program
shows one frame; drive and potentials are handed to it as arrays, and the state that a frame
leaves is handed to the next. Select the device yourself, before making the network::

    brian2.set_device("cpp_standalone", build_on_run=False)
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import brian2.only as brian
import numpy as np

from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network._brian import require_device
from ipvae_brian.network._process import brian2_seed, current_device
from ipvae_brian.network.circuits import Circuit
from ipvae_brian.network.divergence import Bound
from ipvae_brian.network.monitors import Monitors
from ipvae_brian.network.presentation import Outcome, Presentation
from ipvae_brian.network.runner import Runner


class StandaloneRunner(Runner):
    """Builds the program at the first presentation and runs it for every frame.

    Parameters as for `Runner`; one copy, built under the standalone device.
    """

    needs_spikes = True
    can_rebuild = False
    can_stop = False

    def __init__(self, circuit: Circuit, monitors: Monitors, brian_network: Any, window_steps: int):
        super().__init__(circuit, monitors, brian_network, window_steps)
        circuit.neurons.u = circuit.parameters.resting_potential
        self.device = current_device()
        self.dt = circuit.options["clock"].dt
        # Of the program and what a frame left, once there is one.
        self.frame_steps: Any = None
        self.seed = None
        self.asked_seed = None
        self.has_run = False
        self.state: Any = None
        self.events: list[Any] = []
        self.traces: list[Any] = []

    @classmethod
    def code_object_class(cls, target: str | None) -> None:
        """Return None, as the device chooses the target."""
        if target is not None:
            raise ValueError("target must be None in C++ standalone mode, got " + repr(target))

    @classmethod
    def default_engine(
        cls, n_copies: int, parameters: Parameters, steps_per_tau: int | None
    ) -> str:
        """Return "brian2": only equations can be compiled."""
        return "brian2"

    @classmethod
    def require_circuit(cls, engine: str, n_copies: int) -> None:
        """Raise ValueError for all but one population in Brian2 equations."""
        if engine != "brian2":
            raise ValueError(f"engine must be 'brian2' in C++ standalone mode, got {engine!r}")
        if n_copies > 1:
            raise ValueError(f"n_copies must be 1 in C++ standalone mode, got {n_copies}")

    @contextmanager
    def recording(self, seed: int | None, n_frames: int) -> Iterator[None]:
        """Seed the program, which has its seed compiled in."""
        if seed is not None and n_frames > 1:
            raise ValueError(
                "seed is compiled into a standalone program, which would repeat the same random "
                "numbers for every frame: leave it out, or present one frame"
            )
        if seed is not None:
            current_device().seed(brian2_seed(seed))
        yield

    def _build(self, frame_steps):
        self.frame_steps = frame_steps
        # Fine enough to find the expected count at the end of every window of a movie.
        self.grid = math.gcd(frame_steps, self.window_steps)
        self.expected_monitor = brian.StateMonitor(
            self.circuit.neurons,
            "expected_count",
            record=True,
            dt=self.grid * self.dt,
            name=f"{self.circuit.neurons.name}_expected_monitor",
        )
        self.brian_network.add(self.expected_monitor)
        self.brian_network.run(frame_steps * self.dt, namespace={})
        device = current_device()
        # What brian2.seed or a presentation asked for; only the program's code knows it later.
        seeds = [value for kind, value in device.main_queue if kind == "seed"]
        self.seed = seeds[-1] if seeds else None
        # What the user told set_device, such as the directory; without run_args, nothing runs yet.
        device.build(**(device.build_options | {"compile": True, "run": False}))

    def run(
        self,
        presentations: Iterable[Presentation],
        collect: Callable[[Presentation, Outcome], object],
    ) -> None:
        """Run the program for every frame of every presentation."""
        require_device(self.device)
        self.events, self.traces = [], []
        step = 0
        for presentation in presentations:
            steps = {int(n) for n in presentation.frame_steps}
            if self.frame_steps is None and len(steps) == 1:
                self.asked_seed = presentation.seed
                self._build(*steps)
            if steps != {self.frame_steps}:
                raise ValueError(
                    f"duration must be that of the compiled program, {self.frame_steps} time "
                    f"steps for every frame, got {sorted(steps)}"
                )
            (n_steps,) = steps
            start = None if self.state is None else np.asarray(self.state[0])[None]
            circuit = self.circuit
            bound = Bound.of(
                presentation,
                circuit.parameters,
                self.window_steps,
                start,
                circuit.reach,
                circuit.noise,
            )
            if presentation.reset or self.state is None:
                self._rest()
            expected = [np.zeros((1, self.circuit.n_neurons))]
            counts = []
            for frame in range(len(presentation.frame_steps)):
                if frame and presentation.reset_frames:
                    self._rest()
                self._require_new_numbers(presentation.seed)
                in_grid, total = self._run_frame(presentation.frames[:, frame], step)
                expected.append(expected[-1][-1] + np.vstack([in_grid[1:], total]))
                counts.append(self.events[-1])
                step += n_steps
            outcome = self._outcome(presentation, counts, np.concatenate(expected), step, bound)
            collect(presentation, outcome)

    def _require_new_numbers(self, seed):
        """Refuse to repeat the random numbers of a seed that was not asked for again."""
        new = not self.has_run or (self.seed is None and seed is None)
        if not new and (seed is None or seed != self.asked_seed):
            raise ValueError(
                "seed is compiled into the standalone program, which cannot draw other random "
                "numbers: leave it out and do not call brian2.seed, or build another network"
            )
        self.has_run = True

    @property
    def _carried(self):
        """The Brian2 variables that a frame hands to the next."""
        return [self.circuit.neurons.u, *self.circuit.carried]

    def _rest(self):
        """Put potentials at rest, and forget what is carried."""
        carried = [np.full(v.shape, value, v.dtype) for v, value in self.circuit.carried.items()]
        self.state = [self.circuit.parameters.resting_potential, *carried]

    def _run_frame(self, stimulus, step):
        neurons = self.circuit.neurons
        begin = dict(zip(self._carried, self.state, strict=True))
        current_device().run(run_args=begin | self.circuit.stimulus_values(stimulus))
        self.state = [np.array(variable) for variable in self._carried]
        # There are some: this runner needs_spikes.
        index, when, count = cast(Any, self.monitors.events())
        self.events.append((index, step + when, count))
        traces = self.monitors.traces()
        if traces is not None:
            self.traces.append(traces)
        return np.array(self.expected_monitor.expected_count).T, np.array(neurons.expected_count)

    def _outcome(self, presentation, events, expected, end, bound):
        n_steps = int(np.sum(presentation.frame_steps))
        n_windows = n_steps // self.window_steps
        index, step, count = (np.concatenate(a) for a in zip(*events, strict=True))
        # What is left after the whole windows is looked at, but not kept.
        n_all = math.ceil(n_steps / self.window_steps)
        counts = np.zeros((n_all, self.circuit.n_neurons), np.int32)
        np.add.at(counts, ((step - (end - n_steps)) // self.window_steps, index), count)
        edges = np.arange(n_windows + 1) * (self.window_steps // self.grid)
        expected_counts = np.diff(expected[edges], axis=0)
        diverged = False
        for window, begin in enumerate(range(0, n_steps, self.window_steps)):
            last = min(begin + self.window_steps, n_steps)
            stimulus = presentation.stimulus_between(begin, last)
            counted = counts[window : window + 1]
            diverged |= self.circuit.diverged(stimulus, counted, bound, last - begin).any()
        counts = counts[:n_windows]
        if presentation.counts is not None:
            presentation.counts[:, 0] = counts
            presentation.expected_counts[:, 0] = expected_counts
        return Outcome(counts[None], expected_counts[None], np.array([diverged]))

    def recorded(self) -> tuple[Any, Any]:
        """Return what the monitors held after every frame."""
        events = tuple(np.concatenate(a) for a in zip(*self.events, strict=True))
        traces = None
        if self.traces:
            traces = tuple(np.concatenate(a, axis=1) for a in zip(*self.traces, strict=True))
        return events, traces
