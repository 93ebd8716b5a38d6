"""Response: what came out of a presentation, and what can be read from it."""

from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from brian2.only import Hz

from ipvae_brian._tools.checks import seconds
from ipvae_brian._tools.files import read_arrays, write_arrays
from ipvae_brian.errors import FileFormatError
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.recordings.recording import Recording, Spikes
from ipvae_brian.recordings.timing import Timing, window_stimuli
from ipvae_brian.response import metrics

FORMAT = "ipvae_brian response"
FORMAT_VERSION = 1


class Convergence(NamedTuple):
    """Means over stimuli in every window, (n_windows,) each."""

    time: np.ndarray
    """End of the window in seconds from onset."""
    r2: np.ndarray
    zeros: np.ndarray
    distance: np.ndarray
    spikes: np.ndarray
    """Spikes of all neurons per window."""


class Response:
    """What the neurons did: counts, rates, spikes and membrane potentials for every stimulus.

    Made by `SpikingNetwork.present`, `SpikingNetwork.present_movie` and `IPVAE.simulate`.

    Attributes
    ----------
    parameters : Parameters
        The model that was simulated.
    frames : numpy.ndarray, shape (n_stimuli, n_frames, n_pixels)
        What was shown.
    timing : Timing
        Time step, tau, duration.
    counts : numpy.ndarray of int, shape (n_stimuli, n_windows, n_neurons)
        Spikes in each window of tau.
    rates : numpy.ndarray, shape (n_stimuli, n_windows, n_neurons)
        Expected spikes in each window, the integral of exp(u)/tau: what `counts` would be on
        average over the Poisson draws.
    spikes : Spikes or None
        Spike times, if they were recorded.
    recorded_neurons : tuple of int
    potentials : numpy.ndarray, shape (n_stimuli, n_recorded, n_steps), or None
        Membrane potentials of the recorded neurons at the beginning of every time step.
    step_counts : numpy.ndarray of int, shape (n_stimuli, n_recorded, n_steps), or None
        Spikes drawn from these potentials in that step.
    """

    def __init__(self, parameters, frames, timing, counts, rates, recording=None):
        recording = recording or Recording()
        self.parameters = parameters
        self.frames = frames
        self.timing = timing
        self.counts = counts
        self.rates = rates
        self.spikes = recording.spikes
        self.recorded_neurons = recording.recorded_neurons
        self.potentials = recording.potentials
        self.step_counts = recording.step_counts

    @property
    def n_stimuli(self):
        """Number of stimuli (or movies) shown."""
        return len(self.frames)

    @property
    def stimuli(self):
        """The stimulus of every window, (n_stimuli, n_windows, n_pixels).

        In a movie the mean of the frames that fall into the window, weighted by their time.
        """
        frame_steps = np.asarray(self.timing.frame_steps)
        return window_stimuli(self.frames, frame_steps, self.timing.steps_per_window)

    def _window(self, window):
        n_windows = self.timing.n_windows
        if n_windows == 0:
            raise ValueError(
                f"no whole window of tau = {self.timing.tau * 1e3:g} ms in a duration of "
                f"{self.timing.duration * 1e3:g} ms: present for longer"
            )
        if not -n_windows <= window < n_windows:
            raise ValueError(f"window must be within the {n_windows} windows, got {window}")
        return window % n_windows

    # Spikes and counts

    def spike_times(self, neuron, stimulus=0):
        """Spike times of one neuron in seconds; a step with two spikes gives its time twice.

        Raises
        ------
        ValueError
            If spikes were not recorded.
        """
        spikes = self._recorded_spikes()
        chosen = (spikes.neuron == neuron) & (spikes.stimulus == stimulus)
        return np.repeat(spikes.time[chosen], spikes.count[chosen])

    def _recorded_spikes(self):
        if self.spikes is None:
            raise ValueError("spike times were not recorded: use record_spikes=True")
        return self.spikes

    def counts_in_windows(self, width):
        """Spike counts in windows of any width.

        Parameters
        ----------
        width : Quantity
            A time; whole multiples of tau need no recorded spikes.

        Returns
        -------
        numpy.ndarray of int, shape (n_stimuli, n_windows, n_neurons)
            An incomplete last window is left out.
        """
        steps = seconds(width, "width") / self.timing.dt
        if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
            raise ValueError(
                f"width must be a whole number of time steps of {self.timing.dt * 1e3:g} ms, "
                f"got {width!s}"
            )
        steps = round(steps)
        n_stimuli, _, n_neurons = self.counts.shape
        if steps % self.timing.steps_per_window == 0:
            together = steps // self.timing.steps_per_window
            n_windows = self.timing.n_windows // together
            shape = (n_stimuli, n_windows, together, n_neurons)
            return self.counts[:, : n_windows * together].reshape(shape).sum(axis=2)
        spikes = self._recorded_spikes()
        n_windows = self.timing.n_steps // steps
        window = np.round(spikes.time / self.timing.dt).astype(int) // steps
        counts = np.zeros((n_stimuli, n_windows, n_neurons), self.counts.dtype)
        whole = window < n_windows
        where = (spikes.stimulus[whole], window[whole], spikes.neuron[whole])
        np.add.at(counts, where, spikes.count[whole])
        return counts

    def spikes_per_window(self):
        """Spikes of all neurons in each window, (n_stimuli, n_windows)."""
        return self.counts.sum(axis=2)

    def settled_rates(self):
        """Expected spikes per tau over the second half of the windows, (n_stimuli, n_neurons)."""
        self._window(0)
        return self.rates[:, self.timing.n_windows // 2 :].mean(axis=1)

    def firing_rates(self):
        """Firing rates in spikes per second over the whole windows, (n_stimuli, n_neurons).

        Returns
        -------
        Quantity
            In hertz; it takes its milliseconds from tau.
        """
        self._window(0)
        return self.counts.mean(axis=1) / self.timing.window * Hz

    # Decoding

    def reconstruction(self, window=-1, source="counts"):
        """Stimuli decoded from one window.

        Parameters
        ----------
        window : int, default -1
            Which window of tau.
        source : {"counts", "rates"}, default "counts"
            Spike counts of that window, or the rates of the second half of the presentation
            (for which `window` does not matter).

        Returns
        -------
        numpy.ndarray, shape (n_stimuli, n_pixels)
        """
        if source == "counts":
            code = self.counts[:, self._window(window)]
        elif source == "rates":
            code = self.settled_rates()
        else:
            raise ValueError(f"source must be 'counts' or 'rates', got {source!r}")
        return code @ self.parameters.dictionary.T

    def r2(self, window=-1, source="counts"):
        """R2 of every stimulus from one window, (n_stimuli,); see `metrics.r_squared`."""
        stimuli = self.stimuli[:, self._window(window)]
        return metrics.r_squared(stimuli, self.reconstruction(window, source))

    def zeros(self, window=-1):
        """Fraction of zero counts for every stimulus in one window, (n_stimuli,)."""
        return metrics.fraction_of_zeros(self.counts[:, self._window(window)])

    def distance(self, window=-1):
        """Distance d from a perfect and empty code, of the means over stimuli; a float.

        Stimuli without variance, whose R2 is not defined, are left out of the mean of R2.
        """
        return float(metrics.distance(np.nanmean(self.r2(window)), self.zeros(window).mean()))

    def convergence(self):
        """How R2, zeros, d and the number of spikes develop from window to window.

        Returns
        -------
        Convergence
        """
        self._window(0)
        windows = range(self.timing.n_windows)
        r2 = np.array([np.nanmean(self.r2(w)) for w in windows])
        zeros = np.array([np.mean(self.zeros(w)) for w in windows])
        spikes = self.spikes_per_window().mean(axis=0)
        return Convergence(self.timing.window_ends, r2, zeros, metrics.distance(r2, zeros), spikes)

    def lifetime_sparseness(self):
        """Sparseness of each neuron over stimuli, (n_neurons,), from counts over all windows."""
        return metrics.lifetime_sparseness(self.counts.sum(axis=1))

    def population_sparseness(self):
        """Sparseness of each response, (n_stimuli,), from counts over all windows."""
        return metrics.population_sparseness(self.counts.sum(axis=1))

    def free_energy(self, window=-1, beta=1.0):
        """Free energy at the mean rates of one window.

        Returns
        -------
        metrics.FreeEnergy
            Its terms and `total`, (n_stimuli,) each.
        """
        window = self._window(window)
        rates = self.rates[:, window]
        return metrics.free_energy(self.stimuli[:, window], rates, self.parameters, beta=beta)

    # Files

    def save(self, path):
        """Write the response and its model to `path` (.npz, no pickle)."""
        arrays, model = self.parameters.to_arrays()
        arrays = {f"parameters.{name}": array for name, array in arrays.items()}
        arrays |= {name: getattr(self, name) for name in ("frames", "counts", "rates")}
        if self.spikes is not None:
            arrays |= {f"spikes.{name}": a for name, a in self.spikes._asdict().items()}
        if self.potentials is not None:
            arrays |= {"potentials": self.potentials, "step_counts": self.step_counts}
        metadata = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "timing": asdict(self.timing),
            "recorded_neurons": [int(j) for j in self.recorded_neurons],
            "parameters": model,
        }
        write_arrays(path, arrays, metadata)

    @classmethod
    def load(cls, path):
        """Read a response from `path`.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is damaged, foreign or newer; the message names the file and the field.
        """
        arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=FORMAT_VERSION)
        try:
            model = {
                name.removeprefix("parameters."): array
                for name, array in arrays.items()
                if name.startswith("parameters.")
            }
            parameters = Parameters.from_arrays(model, metadata["parameters"], path)
            timing = metadata["timing"] | {"frame_steps": tuple(metadata["timing"]["frame_steps"])}
            spikes = None
            if "spikes.time" in arrays:
                spikes = Spikes(*(arrays[f"spikes.{name}"] for name in Spikes._fields))
            recording = Recording(
                spikes,
                tuple(metadata["recorded_neurons"]),
                arrays.get("potentials"),
                arrays.get("step_counts"),
            )
            frames, counts, rates = (arrays[name] for name in ("frames", "counts", "rates"))
            return cls(parameters, frames, Timing(**timing), counts, rates, recording)
        except (KeyError, TypeError) as error:
            raise FileFormatError(f"{path}: field {error} is missing or damaged") from error

    def __repr__(self):
        kept = [
            name
            for name, value in (("spikes", self.spikes), ("potentials", self.potentials))
            if value is not None
        ]
        return (
            f"<Response {self.n_stimuli} stimuli x {self.timing.n_windows} windows of "
            f"{self.timing.window * 1e3:g} ms x {self.parameters.n_neurons} neurons"
            + (f", with {' and '.join(kept)}>" if kept else ">")
        )
