"""C++ standalone: the network as a compiled program, run again for every frame.

There are no network operations there, so nothing can happen between two time steps. The program
shows one frame; drive and potentials are handed to it as arrays, and the state that a frame
leaves is handed to the next. Select the device yourself, before making the network::

    brian2.set_device("cpp_standalone", build_on_run=False)
"""

import math

import brian2.only as brian
import numpy as np
from brian2.only import get_device, second

from ipvae_brian.network.presentation import Outcome, diverged_copies
from ipvae_brian.recordings.timing import window_stimuli


class Program:
    """Builds the program at the first presentation and runs it for every frame.

    Parameters
    ----------
    network : SpikingNetwork
        One copy, built under the standalone device.
    """

    def __init__(self, network):
        self.network = network
        self.frame_steps = None
        self.seed = None
        self.asked_seed = None
        self.has_run = False
        self.state = None
        self.events = []
        self.traces = []

    def _build(self, frame_steps):
        network = self.network
        self.frame_steps = frame_steps
        # Fine enough to find the expected count at the end of every window of a movie.
        self.grid = math.gcd(frame_steps, network.steps_per_tau)
        self.monitor = brian.StateMonitor(
            network.neurons,
            "expected_count",
            record=True,
            dt=self.grid * network.dt,
            name=f"{network.name}_expected_monitor",
        )
        network.brian_network.add(self.monitor)
        network.brian_network.run(frame_steps * network.dt, namespace={})
        device = get_device()
        # What brian2.seed or a presentation asked for; only the program's code knows it later.
        seeds = [value for kind, value in device.main_queue if kind == "seed"]
        self.seed = seeds[-1] if seeds else None
        # What the user told set_device, such as the directory; without run_args, nothing runs yet.
        device.build(**(device.build_options | {"compile": True, "run": False}))

    def run(self, presentations, collect):
        """Present presentations; see `SpikingNetwork.run`."""
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
            if presentation.reset or self.state is None:
                self._rest()
            expected = [np.zeros((1, self.network.parameters.n_neurons))]
            counts = []
            for frame in range(len(presentation.frame_steps)):
                if frame and presentation.reset_frames:
                    self._rest()
                self._require_new_numbers(presentation.seed)
                stimulus = presentation.frames[:, frame]
                in_grid, total = self._run_frame(stimulus, step)
                expected.append(expected[-1][-1] + np.vstack([in_grid[1:], total]))
                counts.append(self.events[-1])
                step += self.frame_steps
            collect(
                presentation, self._outcome(presentation, counts, np.concatenate(expected), step)
            )

    def _require_new_numbers(self, seed):
        """Refuse to repeat the random numbers of a seed that was not asked for again."""
        new = not self.has_run or (self.seed is None and seed is None)
        if not new and (seed is None or seed != self.asked_seed):
            raise ValueError(
                "seed is compiled into the standalone program, which cannot draw other random "
                "numbers: leave it out and do not call brian2.seed, or build another network"
            )
        self.has_run = True

    def _carried(self):
        """The Brian2 variables that a frame hands to the next."""
        return [self.network.neurons.u, *self.network.pathway_object.carried]

    def _rest(self):
        """Put potentials at rest, and drop spikes that are under way."""
        under_way = [np.zeros(v.shape, np.int32) for v in self.network.pathway_object.carried]
        self.state = [self.network.parameters.resting_potential, *under_way]

    def _run_frame(self, stimulus, step):
        network, neurons = self.network, self.network.neurons
        variable, values = network.pathway_object.stimulus_values(stimulus)
        begin = dict(zip(self._carried(), self.state, strict=True))
        get_device().run(run_args=begin | {variable: values})
        self.state = [np.array(variable) for variable in self._carried()]
        spikes = network.spike_monitor
        self.events.append(
            (np.array(spikes.i), step + _steps(spikes.t, network.dt), np.array(spikes.z))
        )
        if network.potential_monitor is not None:
            monitor = network.potential_monitor
            self.traces.append((np.array(monitor.u), np.array(monitor.z)))
        in_grid = np.array(self.monitor.expected_count).T
        return in_grid, np.array(neurons.expected_count)

    def _outcome(self, presentation, events, expected, end):
        network = self.network
        window_steps, n_neurons = network.steps_per_tau, network.parameters.n_neurons
        n_steps = int(np.sum(presentation.frame_steps))
        n_windows = n_steps // window_steps
        index, step, count = (np.concatenate(a) for a in zip(*events, strict=True))
        window = (step - (end - n_steps)) // window_steps
        counts = np.zeros((n_windows, n_neurons), np.int32)
        whole = window < n_windows
        np.add.at(counts, (window[whole], index[whole]), count[whole])
        edges = np.arange(n_windows + 1) * (window_steps // self.grid)
        rates = np.diff(expected[edges], axis=0)
        stimuli = window_stimuli(
            presentation.frames, np.asarray(presentation.frame_steps), window_steps
        )[0]
        diverged = diverged_copies(stimuli, network.decode(counts), network.parameters).any()
        if presentation.counts is not None:
            presentation.counts[:, 0], presentation.expected[:, 0] = counts, rates
        return Outcome(counts[None], rates[None], np.array([diverged]))

    def recorded(self):
        """Events and traces of the last presentations, as `response.sorting` takes them."""
        events = tuple(np.concatenate(a) for a in zip(*self.events, strict=True))
        traces = None
        if self.traces:
            traces = tuple(np.concatenate(a, axis=1) for a in zip(*self.traces, strict=True))
        return events, traces


def _steps(times, dt):
    return np.round(np.asarray(times / second) / float(dt)).astype(int)
