"""The presenter: steps presentations through a network that runs."""

import brian2.only as brian
import numpy as np

from ipvae_brian.network.presentation import Outcome, diverged_copies
from ipvae_brian.recordings.timing import window_stimuli

# Time steps after which divergence is looked for, in whole windows and at their end.
CHECK_STEPS = 10


class Presenter:
    """Steps presentations through a network, as its last operation of every time step.

    Parameters
    ----------
    network : SpikingNetwork
        Has `show`, `rest`, `decode`, `rate_type`, `parameters`, `counter` and `brian_network`.
    window_steps : int
        Time steps in a window of tau.
    """

    def __init__(self, network, window_steps):
        self.network = network
        self.window_steps = window_steps
        self.presentations = None
        self.presentation = None
        self.error = None
        self.operation = brian.NetworkOperation(
            self._after_step,
            clock=network.clock,
            when="end",
            order=1,
            name=f"{network.neurons.name}_presenter",
        )

    def begin(self, presentations, collect):
        """Take the first presentation; `collect(presentation, outcome)` gets each result."""
        self.error = None
        self.presentations = iter(presentations)
        self.collect = collect
        return self._next_presentation()

    @property
    def finished(self):
        """Whether every presentation was presented to its end."""
        return self.presentation is None

    def _next_presentation(self):
        self.presentation = presentation = next(self.presentations, None)
        if presentation is None:
            self.presentations = self.collect = None
            return False
        self.frame = -1
        self.steps_left = int(presentation.frame_steps.sum())
        self.n_windows = self.steps_left // self.window_steps
        self.counts, self.expected = presentation.counts, presentation.expected
        if self.counts is None:
            # Window by window, as they are filled.
            self.counts, self.expected = self._new_windows(self.n_windows)
        self.window = -1
        self.window_stimuli = window_stimuli(
            presentation.frames, presentation.frame_steps, self.window_steps
        )
        self.diverged = np.zeros(len(presentation.frames), bool)
        if presentation.reset:
            self.network.rest()
        if presentation.seed is not None:
            self.network.counter.reseed(presentation.seed)
        self._next_window()
        self._next_frame()
        return True

    def _next_frame(self):
        self.frame += 1
        self.frame_left = int(self.presentation.frame_steps[self.frame])
        if self.frame and self.presentation.reset_frames:
            self.network.rest()
        self.network.show(self.presentation.frames[:, self.frame])

    def _after_step(self):
        # An error inside Brian2's loop would leave its global state "running": stop, raise later.
        try:
            self._advance()
        except BaseException as error:
            self.error = error
            self.network.brian_network.stop()

    def _advance(self):
        if self.network.counter_is_separate:
            self.network.counter.after_step()
        self.steps_left -= 1
        self.window_left -= 1
        self.frame_left -= 1
        if self.window_left == 0:
            self._check_window()
            if self.steps_left:
                self._next_window()
        if self.steps_left == 0:
            if self.window == self.n_windows:
                self._look_for_divergence(self.presentation.frames[:, -1])
            presentation, self.presentation = self.presentation, None
            self.collect(presentation, self._outcome())
            if not self._next_presentation():
                self.network.brian_network.stop()
        elif self.frame_left == 0:
            self._next_frame()

    def _new_windows(self, n):
        shape = (n, len(self.presentation.frames), self.network.parameters.n_neurons)
        return np.empty(shape, np.int32), np.empty(shape, self.network.rate_type)

    def _next_window(self):
        self.window += 1
        self.window_left = self.window_steps
        if self.window < self.n_windows:
            self.open = self.counts[self.window], self.expected[self.window]
        else:
            # What is left after the whole windows is looked at, but not kept.
            self.open = [array[0] for array in self._new_windows(1)]
        for array in self.open:
            array[:] = 0
        self.network.counter.open_window(*self.open)

    def _check_window(self):
        # A runaway lasts, so windows of few steps need not all be looked at.
        last = self.window == self.n_windows - 1
        if last or self.window % max(1, CHECK_STEPS // self.window_steps) == 0:
            self._look_for_divergence(self.window_stimuli[:, self.window])

    def _look_for_divergence(self, stimuli):
        decoded = self.network.decode(self.open[0])
        self.diverged |= diverged_copies(stimuli, decoded, self.network.parameters)

    def _outcome(self):
        return Outcome(self.counts.swapaxes(0, 1), self.expected.swapaxes(0, 1), self.diverged)
