"""IPVAE: the network and its learning as a scikit-learn estimator."""

import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import chain, islice

import numpy as np
from brian2.only import ms
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ipvae_brian._tools.checks import finite_array, number, seconds, whole_number
from ipvae_brian.errors import FileFormatError
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.training import Training, fingerprint, shuffled_batches
from ipvae_brian.model.parameters import Parameters
from ipvae_brian.network.batch import COPIES, simulate_many
from ipvae_brian.network.engines.choice import available_engine, default_engine
from ipvae_brian.network.spiking import SpikingNetwork
from ipvae_brian.network.stability import choose_dt

# Numbers that are left as they are, above all in memory-mapped files; others become float32.
KEPT = [np.float32, np.float64, np.float16, np.uint8, np.int8, np.uint16, np.int16]
# Stimuli that training simulates at a time. Sums of each shard travel between processes, so they
# should be few; and the state of its network should not outgrow the caches.
LARGEST_SHARD = 500
# Bound of potentials outside training: 400 spikes per tau, far above what inference needs.
HIGHEST_POTENTIAL = 6.0
# Spikes per tau; a neuron that hardly fired in training must still be able to begin.
SMALLEST_PRIOR_RATE = 0.01


class IPVAE(TransformerMixin, BaseEstimator):
    """Iterative Poisson VAE: sparse codes of spike counts, learned by a spiking network.

    Parameters
    ----------
    n_neurons : int, default 512
    spike_size : float, default 0.4
        Length of every dictionary column: what one spike carries.
    gain : float, default 6
        kappa; the natural gradient step is gain / spike_size per tau.
    sparsity : float, default 0.25
        lambda; a neuron's threshold is sparsity * spike_size.
    noise_penalty : float, default 0
        Share of the exact gradient's noise term that is added to the threshold.
    leak : float, default 0
        Pull of the potential to rest per tau; 0 is online inference.
    tau : Quantity, optional
        Membrane time constant, 20*ms by default.
    training_gain : float, default 5
        Gain while the dictionary is learned: lower, so that coarser time steps are stable.
    training_sparsity : float, default 0.6
        Sparsity while it is learned. A code that is sparser in training gives a dictionary that
        codes better at the sparsity at which it is used.
    training_highest_potential : float, default 4
        Bound of potentials in training; cuts short what diverges at coarse time steps.
    steps_per_tau : int, optional
        Time steps of training per tau; by default 20, or more if the stimuli ask for it.
    batch_size : int, default 200
        Stimuli between two updates of the dictionary, simulated up to 500 at a time.
    n_windows : int, default 2
        Windows of tau that training simulates of each stimulus.
    windows_left_out : int, default 1
        Of these, how many pass before counts are used.
    n_epochs : int, default 1
        Passes over the stimuli.
    averaging_rate : float, default 0.07
        Rate of the running averages of the statistics, per batch.
    dictionary_step : float, default 1.5
        Part of the way to the best dictionary that an update goes; above 1 it is over-relaxed.
    ridge : float, default 0.01
        Regularisation of the update in units of the mean squared count.
    annealing : float, default 0.5
        Last part of the training, in which both rates fall to a tenth.
    revive_after : int, default 4000
        A neuron that is silent for this many stimuli is re-seeded.
    inference_windows : int, default 16
        Windows of tau that `transform` and `score` simulate; the last one is the code.
    learn_prior : bool, default False
        Whether the prior rates become the neurons' mean rates, so that inference starts there.
    stimulus_shape : tuple of int, optional
        Rows and columns of the stimuli, for figures; by default they are rows of pixels.
    standardise : bool, default True
        Whether stimuli are z-scored with one mean and one scale, those of the training stimuli.
    random_state : int, RandomState or None, default None
        Seed of the training and of the spikes in `transform`.
    checkpoint : path-like, optional
        File to which `fit` writes its state, to go on from with ``fit(X, resume=True)``.
    checkpoint_every : int, default 50
        Batches between two checkpoints.
    engine : {"numba", "numpy", "brian2"}, optional
        What takes the time steps, see `SpikingNetwork`; by default the fastest that is installed.
        Engines draw other random numbers, so what is learned differs as between two seeds.
    n_jobs : int, optional
        Processes in training (which needs batches of several thousand to gain from them) and in
        `transform` and `score`. What comes out does not depend on it. For a cluster see
        `ipvae_brian.parallel`.
    progress : bool, optional
        Whether to show progress bars; by default on a terminal or in a notebook.

    Attributes
    ----------
    parameters_ : Parameters
        What was learned; `SpikingNetwork(parameters_)` simulates it.
    components_ : numpy.ndarray, shape (n_neurons, n_pixels)
        The dictionary, a row for each neuron, in units of the standardised stimuli.
    noise_variance_ : float
        Mean squared error per pixel of decoding one window in training: sigma2 of the likelihood.
    mean_counts_ : numpy.ndarray, shape (n_neurons,)
        Mean spikes per tau in training.
    settings_ : dict
        Everything that determined the training besides the stimuli, with the seed.
    training_figures_ : dict
        R2, zeros, spikes and distance over the last batches of training.
    n_revived_, n_diverged_, n_batches_ : int
    n_features_in_ : int

    Notes
    -----
    `transform` chooses a time step that is stable for the stimuli it is given, so a strong one
    among them makes it finer for all; `simulate(X, dt=...)` fixes it.

    Spikes are random: the code of a stimulus depends on its place among the others, and the same
    call gives the same spikes only with an integer `random_state`.

    References
    ----------
    Vafaii, Galor & Yates 2025, "Brain-like variational inference", arXiv 2410.19315.

    Examples
    --------
    >>> from ipvae_brian import IPVAE
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> patches = load_stimuli("photographs", n_train=2000, n_validation=200)
    >>> model = IPVAE(n_neurons=64, random_state=0).fit(patches.train)
    >>> model.transform(patches.validation).shape
    (200, 64)
    """

    def __init__(
        self,
        n_neurons=512,
        *,
        spike_size=0.4,
        gain=6.0,
        sparsity=0.25,
        noise_penalty=0.0,
        leak=0.0,
        tau=None,
        training_gain=5.0,
        training_sparsity=0.6,
        training_highest_potential=4.0,
        steps_per_tau=None,
        batch_size=200,
        n_windows=2,
        windows_left_out=1,
        n_epochs=1,
        averaging_rate=0.07,
        dictionary_step=1.5,
        ridge=0.01,
        annealing=0.5,
        revive_after=4000,
        inference_windows=16,
        learn_prior=False,
        stimulus_shape=None,
        standardise=True,
        random_state=None,
        checkpoint=None,
        checkpoint_every=50,
        engine=None,
        n_jobs=None,
        progress=None,
    ):
        self.n_neurons = n_neurons
        self.spike_size = spike_size
        self.gain = gain
        self.sparsity = sparsity
        self.noise_penalty = noise_penalty
        self.leak = leak
        self.tau = tau
        self.training_gain = training_gain
        self.training_sparsity = training_sparsity
        self.training_highest_potential = training_highest_potential
        self.steps_per_tau = steps_per_tau
        self.batch_size = batch_size
        self.n_windows = n_windows
        self.windows_left_out = windows_left_out
        self.n_epochs = n_epochs
        self.averaging_rate = averaging_rate
        self.dictionary_step = dictionary_step
        self.ridge = ridge
        self.annealing = annealing
        self.revive_after = revive_after
        self.inference_windows = inference_windows
        self.learn_prior = learn_prior
        self.stimulus_shape = stimulus_shape
        self.standardise = standardise
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.engine = engine
        self.n_jobs = n_jobs
        self.progress = progress

    # Learning

    def fit(self, X, y=None, *, resume=False):
        """Learn the dictionary.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels), or iterable of such arrays
            A memory-mapped array is read in pieces. Of an iterable (for stimuli that come from
            elsewhere) the first array determines the standardisation, arrays are learned from in
            their order, and there is no annealing, as the end is not known.
        y : None
            Ignored.
        resume : bool, default False
            Go on from the file `checkpoint` if it is there: the result is that of a training
            that was never interrupted.

        Returns
        -------
        IPVAE
            Itself.

        Raises
        ------
        DivergenceError
            If the simulation ran away; the message says what to change.
        FileFormatError
            If the checkpoint is damaged or belongs to other settings or stimuli.
        TypeError, ValueError
            For wrong arguments; the message names them.
        KeyboardInterrupt
            After Ctrl-C; a checkpoint of the last batch is written and attributes are set.
        """
        if resume and self.checkpoint is None:
            raise ValueError("resume=True needs the file name in checkpoint")
        if self.checkpoint is not None and not isinstance(self.random_state, int | np.integer):
            raise ValueError(
                f"checkpoint needs an integer random_state, got {self.random_state!r}: a training "
                "that resumes has to draw the same random numbers"
            )
        if is_stream(X):
            first, batches = self._begin_stream(X)
        else:
            first = X = validate_data(self, X, dtype=KEPT)
        self._set_standardisation(first)
        settings = self._settings(first)
        mark = fingerprint(first)
        training = Training(settings, first.shape[1])
        if resume:
            try:
                training = Training.resume(self.checkpoint, settings, mark)
            except FileNotFoundError:
                pass  # killed before the first checkpoint: begin
        self._training = training
        done, n_total = training.n_batches, None
        if is_stream(X):
            batches = islice(batches, done, None)
        else:
            n_total = settings.n_epochs * math.ceil(len(X) / settings.batch_size)
            batches = shuffled_batches(
                X, settings.batch_size, settings.n_epochs, settings.seed, done
            )

        def after_batch(training):
            if self.checkpoint is not None and training.n_batches % self.checkpoint_every == 0:
                training.save(self.checkpoint, mark)

        try:
            training.learn(
                map(self.standardise_stimuli, batches),
                n_total=n_total,
                after_batch=after_batch,
                n_jobs=self.n_jobs,
                progress=self.progress,
            )
        except KeyboardInterrupt:
            if self.checkpoint is not None:
                training.save(self.checkpoint, mark)
            self._set_learned()
            raise
        if self.checkpoint is not None:
            training.save(self.checkpoint, mark)
        return self._set_learned()

    def partial_fit(self, X, y=None):
        """Learn from one more array of stimuli, in batches of `batch_size`, in their order.

        The first call determines the standardisation and starts from a random dictionary, or goes
        on from the one that was loaded or fitted.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels)
        y : None
            Ignored.

        Returns
        -------
        IPVAE
            Itself.
        """
        loaded = hasattr(self, "parameters_")
        X = validate_data(self, X, dtype=KEPT, reset=not loaded)
        if not hasattr(self, "_training"):
            dictionary = None
            if loaded:
                dictionary = self.parameters_.dictionary.astype(np.float32)
            else:
                self._set_standardisation(X)
            self._training = Training(self._settings(X), X.shape[1], dictionary)
        size = self._training.settings.batch_size
        batches = (self.standardise_stimuli(X[i : i + size]) for i in range(0, len(X), size))
        self._training.learn(batches, n_jobs=self.n_jobs, progress=False)
        return self._set_learned()

    def _begin_stream(self, X):
        """The first array of a stream, and all of its batches, that array's included."""
        epochs = whole_number(self.n_epochs, "n_epochs")
        if iter(X) is X and epochs > 1:
            raise ValueError(
                f"n_epochs must be 1 for an iterator, which cannot be read twice, got {epochs}; "
                "give an object that can be iterated over again"
            )
        size = whole_number(self.batch_size, "batch_size")
        arrays = chain.from_iterable(X for _ in range(epochs))
        first = next(arrays, None)
        if first is None:
            raise ValueError("X is an iterator without any array of stimuli")
        first = validate_data(self, first, dtype=KEPT)

        def batches():
            for array in chain([first], arrays):
                checked = validate_data(self, array, dtype=KEPT, reset=False)
                for begin in range(0, len(checked), size):
                    yield checked[begin : begin + size]

        return first, batches()

    def _set_standardisation(self, X):
        self._mean, self._scale = 0.0, 1.0
        if not self.standardise:
            return
        # In pieces, since X may be larger than memory; about a value of X, to keep precision.
        origin, total, squares = float(X[0, 0]), 0.0, 0.0
        for begin in range(0, len(X), 10_000):
            part = X[begin : begin + 10_000].astype(np.float64) - origin
            total += part.sum()
            squares += (part**2).sum()
        mean = total / X.size
        self._mean = float(origin + mean)
        self._scale = math.sqrt(max(squares / X.size - mean**2, 0.0))
        if not self._scale > 1e-12 * max(1.0, abs(self._mean)):
            raise ValueError(
                f"X is constant ({self._mean:g} in {X.shape[0]} samples): there is nothing to learn"
            )

    def standardise_stimuli(self, X):
        """Stimuli as the network takes them, (n_stimuli, n_pixels) float32."""
        X = np.asarray(X, dtype=np.float32)
        return (X - np.float32(self._mean)) / np.float32(self._scale)

    def _settings(self, X):
        tau = 20 * ms if self.tau is None else self.tau
        batch_size = whole_number(self.batch_size, "batch_size")
        n_windows = whole_number(self.n_windows, "n_windows")
        left_out = whole_number(self.windows_left_out, "windows_left_out", minimum=0)
        if left_out >= n_windows:
            raise ValueError(
                f"windows_left_out must be less than n_windows, got {left_out} of {n_windows}"
            )
        for name in ("checkpoint_every", "inference_windows"):
            whole_number(getattr(self, name), name)
        number(self.gain, "gain", above=0)
        number(self.sparsity, "sparsity", minimum=0)
        values = {
            "n_neurons": whole_number(self.n_neurons, "n_neurons"),
            "spike_size": number(self.spike_size, "spike_size", above=0),
            "training_gain": number(self.training_gain, "training_gain", above=0),
            "training_sparsity": number(self.training_sparsity, "training_sparsity", minimum=0),
            "training_highest_potential": number(
                self.training_highest_potential, "training_highest_potential", above=-2
            ),
            "noise_penalty": number(self.noise_penalty, "noise_penalty", minimum=0),
            "leak": number(self.leak, "leak", minimum=0),
            "tau_seconds": seconds(tau, "tau"),
            "batch_size": batch_size,
            "shard_size": math.ceil(batch_size / math.ceil(batch_size / LARGEST_SHARD)),
            "n_windows": n_windows,
            "windows_left_out": left_out,
            "n_epochs": whole_number(self.n_epochs, "n_epochs"),
            "averaging_rate": number(self.averaging_rate, "averaging_rate", above=0, maximum=1),
            "dictionary_step": number(self.dictionary_step, "dictionary_step", above=0, below=2),
            "ridge": number(self.ridge, "ridge", above=0),
            "annealing": number(self.annealing, "annealing", minimum=0, maximum=1),
            "revive_after": whole_number(self.revive_after, "revive_after"),
            "engine": available_engine(self.engine or default_engine()),
            "seed": whole_number(self._seed(), "random_state", minimum=0),
        }
        if self.steps_per_tau is None:
            steps = self._stable_steps(X, values)
        else:
            steps = whole_number(self.steps_per_tau, "steps_per_tau")
        return TrainingSettings(steps_per_tau=steps, **values)

    def _seed(self):
        """An integer `random_state` itself, otherwise one drawn from it."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return check_random_state(self.random_state).randint(2**31)

    def _stable_steps(self, X, values):
        """Steps per tau for training: those that are stable for a random dictionary.

        The limit is used up, because stimuli that diverge are left out.
        """
        sample = self.standardise_stimuli(X[:: max(1, len(X) // 1000)])
        probe = Training(TrainingSettings(steps_per_tau=1, **values), X.shape[1])
        dt = choose_dt(probe.parameters(), sample, margin=1.0)
        return round(values["tau_seconds"] / dt)

    def _set_learned(self):
        training = self._training
        statistics = training.statistics
        prior = {}
        if self.learn_prior:
            prior_rates = np.maximum(statistics.mean_counts, SMALLEST_PRIOR_RATE)
            prior["resting_potential"] = np.log(prior_rates)
        parameters = training.parameters(
            **prior,
            gain=self.gain,
            sparsity=self.sparsity,
            highest_potential=HIGHEST_POTENTIAL,
            stimulus_shape=self.stimulus_shape,
            stimulus_mean=self._mean,
            stimulus_scale=self._scale,
        )
        self.noise_variance_ = max(float(statistics.noise_variance), 1e-12)
        self.parameters_ = parameters.with_noise_variance(self.noise_variance_)
        own = {
            "gain": float(self.gain),
            "sparsity": float(self.sparsity),
            "inference_windows": int(self.inference_windows),
            "random_state": training.settings.seed,
        }
        self.settings_ = asdict(training.settings) | own
        self.mean_counts_ = statistics.mean_counts.copy()
        self.training_figures_ = dict(training.figures)
        self.n_batches_ = training.n_batches
        self.n_revived_ = training.n_revived
        self.n_diverged_ = training.n_diverged
        return self

    @property
    def components_(self):
        """The dictionary with a row for each neuron, (n_neurons, n_pixels)."""
        check_is_fitted(self, "parameters_")
        return self.parameters_.dictionary.T

    # Using what was learned

    def simulate(self, X, duration=None, *, pathway=None, seed=None, **options):
        """Simulate the network on stimuli.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels)
        duration : Quantity, optional
            How long each is shown; by default `inference_windows` * tau.
        pathway : str, optional
            "synapses" for one stimulus, "shared" for many, unless given.
        seed : int, optional
            By default an integer `random_state`, otherwise new spikes each time.
        **options
            Of `SpikingNetwork`: dt, record_potentials, record_spikes, ...

        Returns
        -------
        Response
            Its stimuli and reconstructions are standardised.
        """
        check_is_fitted(self, "parameters_")
        X = validate_data(self, X, dtype=np.float32, reset=False)
        p = self.parameters_
        if duration is None:
            duration = whole_number(self.inference_windows, "inference_windows") * p.tau
        if pathway is None:
            pathway = "shared" if len(X) > 1 else "synapses"
        if pathway == "shared":
            options = {"n_copies": min(COPIES, len(X)), "engine": self.engine} | options
        if seed is None and isinstance(self.random_state, int | np.integer):
            seed = int(self.random_state)
        network = SpikingNetwork(p, pathway=pathway, **options)
        stimuli = self.standardise_stimuli(X)
        return network.present(stimuli, duration, seed=seed, progress=self.progress)

    def transform(self, X):
        """Spike counts of each neuron in the last window of tau, (n_stimuli, n_neurons)."""
        return self._infer(X).counts[:, -1].astype(np.float64)

    def _infer(self, X):
        """Response to static stimuli, on as many processes as are asked for."""
        check_is_fitted(self, "parameters_")
        X = validate_data(self, X, dtype=KEPT, reset=False)
        windows = whole_number(self.inference_windows, "inference_windows")
        return simulate_many(
            self.parameters_,
            self.standardise_stimuli(X),
            windows * self.parameters_.tau,
            seed=self._seed(),
            n_copies=min(COPIES, len(X)),
            engine=self.engine,
            n_jobs=self.n_jobs,
            progress=self.progress,
        )

    def inverse_transform(self, X):
        """Stimuli decoded from spike counts (n_stimuli, n_neurons), in their own units."""
        check_is_fitted(self, "parameters_")
        p = self.parameters_
        counts = finite_array(X, "X", shape=(None, p.n_neurons))
        return counts @ p.dictionary.T * self._scale + self._mean

    def score(self, X, y=None):
        """Mean R2 of stimuli decoded from the counts of the last window of tau; a float."""
        return float(np.nanmean(self._infer(X).r2()))

    def distance(self, X):
        """Distance d from a perfect and empty code (lower is better); see `metrics.distance`."""
        return self._infer(X).distance()

    # Files

    def save(self, path, *, stimulus_shape=None, whitening=None, provenance=None):
        """Write the learned parameters as a model file; see `Parameters.save`.

        Parameters
        ----------
        path : path-like
        stimulus_shape, whitening, provenance : optional
            What the estimator does not know of its stimuli; see `Parameters`.
        """
        check_is_fitted(self, "parameters_")
        told = {
            "stimulus_shape": stimulus_shape or self.parameters_.stimulus_shape,
            "whitening": whitening or self.parameters_.whitening,
            "provenance": {"settings": self.settings_}
            | self.parameters_.provenance
            | (provenance or {}),
        }
        replace(self.parameters_, **told).save(path)

    @classmethod
    def load(cls, path):
        """An estimator with the parameters of a model file, ready to transform.

        Raises
        ------
        FileNotFoundError, FileFormatError
            As for `Parameters.load`.
        """
        parameters = Parameters.load(path)
        stored = parameters.provenance.get("settings", {})
        if not isinstance(stored, dict):
            raise FileFormatError(f"{path}: field 'provenance': settings must be a dict")
        known = cls().get_params()
        estimator = cls(**{k: v for k, v in stored.items() if k in known})
        estimator.set_params(
            n_neurons=parameters.n_neurons,
            tau=parameters.tau,
            stimulus_shape=parameters.stimulus_shape,
            engine=None,  # what is installed here may be another
        )
        estimator.parameters_ = parameters
        estimator.settings_ = stored
        estimator.noise_variance_ = parameters.noise_variance
        estimator._mean, estimator._scale = parameters.stimulus_mean, parameters.stimulus_scale
        estimator.n_features_in_ = parameters.n_pixels
        return estimator

    def __sklearn_is_fitted__(self):
        return hasattr(self, "parameters_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def is_stream(X):
    """Whether X is an iterable of arrays rather than one array."""
    array_like = hasattr(X, "shape") or hasattr(X, "__array__") or isinstance(X, list | tuple | str)
    return isinstance(X, Iterable) and not array_like
