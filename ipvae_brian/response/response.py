"""Response: the recording of a presentation, with everything that can be decoded from it."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ipvae_brian._tools.checks import chosen, index, known_name
from ipvae_brian._tools.frozen import frozen
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.recordings.recording import Recording, as_slice
from ipvae_brian.recordings.spikes import Spikes
from ipvae_brian.recordings.timing import Timing
from ipvae_brian.response import metrics
from ipvae_brian.response.files import read_response, write_response

SOURCES = ("counts", "expected_counts")


class Convergence(NamedTuple):
    """Means over trials in every window, (n_windows,) each."""

    time: NDArray[np.floating]
    """End of the window in seconds from onset."""
    r2: NDArray[np.floating]
    zeros: NDArray[np.floating]
    distance: NDArray[np.floating]
    spikes: NDArray[np.floating]
    """Spikes of all neurons per window."""


class Response(Recording):
    """What the network did: spikes, expected counts and membrane potentials in every trial.

    Made by `SpikingNetwork.present`, `SpikingNetwork.present_movie` and `IPVAE.simulate`; each
    stimulus is one trial.

    Parameters
    ----------
    parameters : Parameters
        The model that was simulated.
    frames : array_like, shape (n_stimuli, n_frames, n_pixels)
        What was shown.
    timing : Timing
        Time step, tau, duration; its windows are of tau.
    counts : array_like of int, shape (n_trials, n_windows, n_neurons)
        Spikes in each window of tau; of a `RateNetwork`, mean activity, as floats.
    expected_counts : array_like, shape (n_trials, n_windows, n_neurons)
        Expected spikes in each window, the integral of exp(u)/tau: what `counts` would be on
        average over the Poisson draws.
    spikes : Spikes, optional
        Spike times, if they were recorded.
    recorded_neurons : sequence of int, default ()
        The neurons whose potentials were recorded.
    potentials : array_like, shape (n_trials, n_recorded, n_steps), optional
        Membrane potentials of the recorded neurons at the beginning of every time step.
    step_counts : array_like of int, shape (n_trials, n_recorded, n_steps), optional
        Spikes drawn from these potentials in that step.
    conditions, units, stimulus_numbers, copy
        As for `Recording`.

    Attributes
    ----------
    parameters, expected_counts, recorded_neurons, potentials, step_counts
        As given, besides those of `Recording`; arrays are read-only.

    Raises
    ------
    TypeError, ValueError
        If a value has the wrong type, shape or range, or two of them do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms
    >>> from ipvae_brian import Parameters, SpikingNetwork
    >>> model = Parameters(dictionary=0.3 * np.eye(4), resting_potential=-1)
    >>> response = SpikingNetwork(model, dt=1 * ms).present(np.eye(4), 200 * ms, seed=0)
    >>> response
    <Response 4 trials x 10 windows of 20 ms x 4 neurons, with spikes>
    >>> response.reconstruction().shape
    (4, 4)
    """

    _advice = ": use SpikingNetwork(..., record_spikes=True)"
    _graded = True

    def __init__(
        self,
        parameters: Parameters,
        frames: ArrayLike,
        timing: Timing,
        counts: ArrayLike,
        expected_counts: ArrayLike,
        *,
        spikes: Spikes | None = None,
        recorded_neurons: tuple[int, ...] = (),
        potentials: ArrayLike | None = None,
        step_counts: ArrayLike | None = None,
        conditions: Mapping[str, ArrayLike] | None = None,
        units: Mapping[str, ArrayLike] | None = None,
        stimulus_numbers: ArrayLike | None = None,
        copy: bool = True,
    ):
        super().__init__(
            counts,
            timing,
            spikes=spikes,
            conditions=conditions,
            units=units,
            frames=frames,
            stimulus_numbers=stimulus_numbers,
            copy=copy,
        )
        self.parameters = _checked_parameters(parameters, self)
        self.recorded_neurons = self._checked_recorded_neurons(recorded_neurons)
        by_step = (self.n_trials, len(self.recorded_neurons), timing.n_steps)
        self.expected_counts = _checked(
            expected_counts, "expected_counts", self.counts.shape, "f", copy
        )
        self.potentials = self.step_counts = None
        if self.recorded_neurons or potentials is not None or step_counts is not None:
            self.potentials = _checked(potentials, "potentials", by_step, "f", copy)
            kinds = "f" if self.counts.dtype.kind == "f" else "iu"
            self.step_counts = _checked(step_counts, "step_counts", by_step, kinds, copy)

    def _checked_recorded_neurons(self, neurons):
        recorded = tuple(index(j, "recorded_neurons", self.n_neurons, "neurons") for j in neurons)
        if len(set(recorded)) != len(recorded):
            raise ValueError("recorded_neurons must not name a neuron twice")
        return recorded

    def select(
        self, trials: ArrayLike | slice | None = None, neurons: ArrayLike | slice | None = None
    ) -> Any:
        """Return the response in some trials, or the recording of some neurons.

        Parameters
        ----------
        trials, neurons
            As for `Recording.select`.

        Returns
        -------
        Response or Recording
            A response; with `neurons`, a recording, as fewer neurons decode nothing.

        Raises
        ------
        TypeError, ValueError
            As for `Recording.select`, or if neurons are chosen of a `RateNetwork`.
        """
        if neurons is not None:
            if self.counts.dtype.kind == "f":
                raise ValueError(
                    "neurons cannot be chosen of graded activity, which is no recording of spikes: "
                    "use counts[:, :, neurons]"
                )
            return super().select(trials, neurons)
        parts = self._selected_trials(trials)
        if trials is None:
            trials = slice(None)
        kept = as_slice(chosen(trials, "trials", self.n_trials, "trials"))
        for name in ("expected_counts", "potentials", "step_counts"):
            array = getattr(self, name)
            parts[name] = None if array is None else array[kept]
        return Response(
            self.parameters, recorded_neurons=self.recorded_neurons, **parts, copy=False
        )

    def settled_counts(self) -> NDArray[np.floating]:
        """Return expected spikes per tau in the second half of the stimulus, (n_trials, n_neurons).

        Raises
        ------
        ValueError
            If the stimulus is shown for less than one window.
        """
        shown = self.timing.windows_of_stimulus
        half = (shown.stop - shown.start) // 2
        return self.expected_counts[:, shown.start + half : shown.stop].mean(axis=1)

    # Decoding

    def reconstruction(
        self, window: int = -1, source: Literal["counts", "expected_counts"] = "counts"
    ) -> NDArray[np.floating]:
        """Return the stimuli decoded from one window.

        Parameters
        ----------
        window : int, default -1
            Which window of tau.
        source : {"counts", "expected_counts"}, default "counts"
            Spike counts of that window, or expected counts: those of the second half of the
            stimulus (for which `window` does not matter), or in a movie those of that window.

        Returns
        -------
        numpy.ndarray, shape (n_trials, n_pixels)

        Raises
        ------
        TypeError, ValueError
            If there is no such window or source.
        """
        window = self.timing.index_of_window(window)
        if known_name(source, "source", SOURCES) == "counts":
            code = self.counts[:, window]
        elif len(self.timing.frame_steps) > 1:
            code = self.expected_counts[:, window]
        else:
            code = self.settled_counts()
        return self.parameters.decode(code)

    def r2(
        self, window: int = -1, source: Literal["counts", "expected_counts"] = "counts"
    ) -> NDArray[np.floating]:
        """Return R2 of every trial from one window, (n_trials,); see `metrics.r_squared`."""
        found = self.reconstruction(window, source)
        if source == "counts" or len(self.timing.frame_steps) > 1:
            return metrics.r_squared(self.stimulus_in(window), found)
        # Expected counts are those of the whole stimulus, whatever is shown in the window.
        return metrics.r_squared(self._by_trial(self._known_frames()[:, 0]), found)

    def zeros(self, window: int = -1) -> NDArray[np.floating]:
        """Return the fraction of zero counts in one window for every trial, (n_trials,)."""
        return metrics.fraction_of_zeros(self.counts[:, self.timing.index_of_window(window)])

    def distance(self, window: int = -1) -> float:
        """Return the distance d from a perfect and empty code, of the means over trials.

        Stimuli without variance, whose R2 is not defined, are left out of the mean of R2.
        """
        r2, zeros = metrics.mean_r_squared(self.r2(window)), self.zeros(window).mean()
        return float(metrics.distance(r2, zeros))

    def convergence(self) -> Convergence:
        """Return how R2, zeros, d and the number of spikes develop from window to window.

        Raises
        ------
        ValueError
            If the trials are shorter than one window.
        """
        self.timing.index_of_window(0)
        windows = range(self.timing.n_windows)
        r2 = np.array([metrics.mean_r_squared(self.r2(w)) for w in windows])
        zeros = np.array([np.mean(self.zeros(w)) for w in windows])
        spikes = self.spikes_per_window().mean(axis=0)
        return Convergence(self.timing.window_ends, r2, zeros, metrics.distance(r2, zeros), spikes)

    def lifetime_sparseness(self) -> NDArray[np.floating]:
        """Return the sparseness of each neuron over trials, (n_neurons,), from all counts."""
        return metrics.lifetime_sparseness(self.counts.sum(axis=1))

    def population_sparseness(self) -> NDArray[np.floating]:
        """Return the sparseness of each trial over neurons, (n_trials,), from all counts."""
        return metrics.population_sparseness(self.counts.sum(axis=1))

    def free_energy(self, window: int = -1, beta: float = 1.0) -> metrics.FreeEnergy:
        """Return the free energy at the expected counts of one window.

        Returns
        -------
        metrics.FreeEnergy
            Its terms and `total`, (n_trials,) each.
        """
        rates = self.expected_counts[:, self.timing.index_of_window(window)]
        return metrics.free_energy(self.stimulus_in(window), rates, self.parameters, beta=beta)

    # Files

    def save(self, path: str | PathLike) -> None:
        """Write the response and its model to `path` (.npz, no pickle)."""
        write_response(path, self)

    @classmethod
    def load(cls, path: str | PathLike) -> Response:
        """Read a response from `path`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is damaged, foreign or newer, or its parts do not agree; the message names
            the file and the field.
        """
        return read_response(path, cls)

    # What it shows of itself

    def plot(self, trial: int = 0) -> Any:
        """Draw what was recorded of a trial.

        Parameters
        ----------
        trial : int, default 0

        Returns
        -------
        matplotlib.figure.Figure or matplotlib.axes.Axes
            `plotting.plot_membrane_and_raster` of images with spikes and potentials; otherwise
            `plot_membrane_traces` or `plot_raster` of what there is, or `plot_convergence`.
        """
        # As a user would: figures are drawn above this folder, which imports nothing of them.
        import ipvae_brian

        plotting = ipvae_brian.plotting
        images = len(self.parameters.stimulus_shape) == 2 and self.timing.n_windows > 0
        if images and self.spikes is not None and self.potentials is not None:
            return plotting.plot_membrane_and_raster(self, trial)
        if self.potentials is not None:
            return plotting.plot_membrane_traces(self, trial=trial)
        if self.spikes is not None:
            return plotting.plot_raster(self, trial)
        return plotting.plot_convergence(self[trial])

    def _facts(self):
        facts = super()._facts()
        facts["model"] = self.parameters.provenance.get("name", "no name")
        facts["dt"] = f"{self.timing.dt * 1e3:g} ms"
        if self.timing.n_windows:
            r2 = metrics.mean_r_squared(self.r2())
            facts["last window"] = (
                f"R² {r2:.3f}, zeros {self.zeros().mean():.3f}, d {self.distance():.3f}"
            )
        return facts

    def _kept(self):
        kept = [name for name in ("spikes", "potentials") if getattr(self, name) is not None]
        return f", with {' and '.join(kept)}" if kept else ""


def _checked_parameters(parameters, recording):
    """Parameters that fit the neurons, pixels and windows of a recording."""
    if not isinstance(parameters, Parameters):
        raise TypeError(f"parameters must be a Parameters, got {type(parameters).__name__}")
    timing, tau = recording.timing, float(parameters.tau)
    wanted = parameters.n_neurons, parameters.n_pixels
    if wanted != (recording.n_neurons, recording.n_pixels):
        raise ValueError(
            f"counts and frames must be of the {wanted[0]} neurons and {wanted[1]} pixels of "
            f"parameters, got {recording.n_neurons} and {recording.n_pixels}"
        )
    for name, value in (("timing.tau", timing.tau), ("windows of timing", timing.window)):
        if value is None or abs(value - tau) > 1e-6 * tau:
            raise ValueError(f"{name} must be tau of parameters, {tau:g} s, got {value}")
    return parameters


def _checked(value, name, shape, kinds, copy) -> NDArray:
    """Return a read-only array, after checks of its shape and of its kind of numbers."""
    array = np.asarray(value)
    if array.shape != shape or array.dtype.kind not in kinds:
        numbers = "whole numbers" if kinds == "iu" else "floating-point numbers"
        raise ValueError(
            f"{name} must be {numbers} of shape {shape}, got shape {array.shape} and type "
            f"{array.dtype}"
        )
    lowest, highest = (array.min(), array.max()) if array.size else (0, 0)
    if not (np.isfinite(lowest) and np.isfinite(highest)):  # NaN is both
        raise ValueError(f"{name} must be finite, got NaN or infinite values")
    if kinds == "iu" and lowest < 0:
        raise ValueError(f"{name} must not be negative, got {lowest}")
    return frozen(array.copy() if copy else array)
