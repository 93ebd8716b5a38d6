"""The package's network as a contestant, with the interface of the rivals."""

import time
from importlib.util import find_spec

import numpy as np
from brian2.only import second

from benchmarks.baselines.interface import Rival, TradeOff
from ipvae_brian import IPVAE, Parameters, SpikingNetwork

# In continuous time spikes inhibit at once, so coarse steps do in training. It needs Numba.
ENGINE, STEPS_PER_TAU = ("events", 20) if find_spec("numba") else ("numpy", None)
# Stimuli whose counts are in memory at a time.
ROWS = 2000
COPIES = 200


class SpikingVAE(Rival):
    """The iterative Poisson VAE as this package simulates it: the paper's dynamics.

    A step of inference is a window of tau; its code is the spike counts of that window alone.

    Settings
    --------
    spike_size, gain, sparsity : float
        Of inference, see `Parameters.from_unit_dictionary`.
    training_sparsity, training_gain, n_windows, windows_left_out
        Of training, see `IPVAE`.
    n_steps : int
        Windows of tau; the last one is the code.
    """

    NAME, FAMILY = "iP-VAE, the paper's dynamics", "ours"
    REFERENCE = "Vafaii, Galor & Yates 2025, arXiv 2410.19315"
    SPARSE = ITERATIVE = STOCHASTIC = True
    TRADE_OFF = TradeOff("sparsity", (0.05, 0.1, 0.2, 0.35, 0.6, 1.0), retrain=False)
    DEFAULTS = Rival.DEFAULTS | {
        "spike_size": 0.4,
        "gain": 6.0,
        "sparsity": 0.25,
        "training_sparsity": 0.6,
        "training_gain": 5.0,
        "n_windows": 2,
        "windows_left_out": 1,
        "n_steps": 16,
    }
    N_EPOCHS = 5
    OF_TRAINING = ("training_sparsity", "training_gain", "n_windows", "windows_left_out")
    # Further arguments of `Parameters` that are settings.
    ADAPTIVE: tuple = ()

    def set_dictionary(self, dictionary):
        """Take a dictionary over, (n_pixels, n_latents), with columns of any length."""
        self.dictionary = np.asarray(dictionary, np.float32)
        return self

    @classmethod
    def of_model(cls, parameters, **settings):
        """Return the contestant that uses a trained model as it is, but for `settings`."""
        told = {
            "spike_size": float(parameters.spike_sizes.mean()),
            "gain": float((parameters.natural_gradient_step * parameters.spike_sizes).mean())
            / parameters.noise_variance,
            "sparsity": float((parameters.threshold / parameters.spike_sizes).mean())
            * parameters.noise_variance,
        }
        told |= {name: getattr(parameters, name) for name in cls.ADAPTIVE}
        made = cls(parameters.n_pixels, parameters.n_neurons, **(told | settings))
        return made.set_dictionary(parameters.dictionary)

    def parameters(self, **others):
        """Return the model that is simulated."""
        names = ("spike_size", "gain", "sparsity", *self.ADAPTIVE)
        chosen = {name: self.settings[name] for name in names}
        return Parameters.from_unit_dictionary(self.dictionary, **(chosen | others))

    def fit(self, stimuli, *, validation=None, minutes=None, n_epochs=None, progress=True):
        """Learn by counts; with `minutes` in as many passes as they are found to allow."""
        stimuli = self._stimuli(stimuli)
        begin = time.process_time()
        if n_epochs is None:
            n_epochs = self.N_EPOCHS if minutes is None else self._epochs(stimuli, minutes)
        fitted = self.estimator(n_epochs, progress).fit(stimuli)
        self.dictionary = fitted.parameters_.dictionary.astype(np.float32)
        seconds = time.process_time() - begin
        self.history_ = [{"epoch": n_epochs, "cpu_seconds": seconds, **fitted.training_figures_}]
        return self

    def estimator(self, n_epochs, progress=False):
        """Return the estimator of the package that learns the dictionary, not fitted yet."""
        return IPVAE(
            self.n_latents,
            batch_size=self.settings["batch_size"],
            **{name: self.settings[name] for name in self.OF_TRAINING},
            n_epochs=n_epochs,
            standardise=False,
            random_state=self.seed,
            engine=ENGINE,
            steps_per_tau=STEPS_PER_TAU,
            progress=None if progress else False,
        )

    def _epochs(self, stimuli, minutes):
        """Return how many epochs fit into some minutes of CPU, after what a part takes."""
        part = stimuli[: min(len(stimuli), 10 * self.settings["batch_size"])]
        self.estimator(1).fit(part)  # compiles
        begin = time.process_time()
        self.estimator(1).fit(part)
        per_epoch = (time.process_time() - begin) * len(stimuli) / len(part)
        return max(1, int(60 * minutes / per_epoch))

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return the spike counts of the last window, or expected ones; see `Rival.infer`.

        `after_step` gets those of every window of tau.
        """
        return self.simulate(
            self.parameters(), self._stimuli(stimuli), n_steps, after_step, sample=sample
        )

    def simulate(
        self, parameters, stimuli, n_steps=None, after_step=None, *, sample=True, **options
    ):
        """Return the code of any parameters; options are those of `SpikingNetwork`."""
        n_steps = self._steps(n_steps)
        options = {"n_copies": min(COPIES, len(stimuli)), "engine": ENGINE} | options
        options = {"record_spikes": False} | options
        parts = []
        for begin in range(0, len(stimuli), ROWS):
            network = SpikingNetwork(parameters, **options)
            response = network.present(
                stimuli[begin : begin + ROWS],
                n_steps * float(parameters.tau) * second,
                seed=self.seed,
                first_stimulus=begin,
                progress=False,
            )
            codes = response.counts if sample else response.expected_counts
            kept = codes if after_step is not None else codes[:, -1:]
            parts.append(kept.astype(np.float32))
        windows = np.concatenate(parts)
        if after_step is not None:
            for window in range(windows.shape[1]):
                after_step(windows[:, window])
        return windows[:, -1]

    def decode(self, codes):
        """Return the reconstructions."""
        return self.parameters().decode(self._codes(codes), np.float32)

    def arrays(self):
        """Return the dictionary."""
        return {"dictionary": self.dictionary}

    def set_arrays(self, arrays):
        """Take it over."""
        self.set_dictionary(arrays["dictionary"])


class AdaptiveSpikingVAE(SpikingVAE):
    """The same with thresholds that fall with each neuron's recent rate: the adaptive prior.

    Settings
    --------
    half_threshold_rate, threshold_memory, lowest_potential : float
        See `Parameters`; the others are those of `SpikingVAE`.
    """

    NAME = "iP-VAE, adaptive prior"
    TRADE_OFF = TradeOff("sparsity", (0.1, 0.2, 0.35, 0.6, 1.0, 1.6), retrain=False)
    DEFAULTS = SpikingVAE.DEFAULTS | {
        "spike_size": 0.3,
        "gain": 18.0,
        "sparsity": 0.55,
        "half_threshold_rate": 0.55,
        "threshold_memory": 0.3,
        "lowest_potential": -12.0,
    }
    ADAPTIVE = ("half_threshold_rate", "threshold_memory", "lowest_potential")
