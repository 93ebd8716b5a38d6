"""IPVAE: the network and its learning as a scikit-learn estimator."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from ipvae_brian._tools.outputs import file_to_write
from ipvae_brian._tools.types import Time
from ipvae_brian.learning.batches import ShuffledArray, Stream, is_stream
from ipvae_brian.learning.checkpoint import (
    TrainingState,
    first_dictionary,
    read_checkpoint,
    write_checkpoint,
)
from ipvae_brian.learning.e_step import training_parameters
from ipvae_brian.learning.inference import Inference
from ipvae_brian.learning.settings import checked_settings
from ipvae_brian.learning.standardisation import Standardisation
from ipvae_brian.learning.training import Training
from ipvae_brian.network.drive_step import choose_drive_dt
from ipvae_brian.network.engines.choice import available_engine, default_engine
from ipvae_brian.network.loop_gain import Loop
from ipvae_brian.network.stability import choose_dt
from ipvae_brian.stimuli.patches import PatchSet

# Bound of potentials outside training: 400 spikes per tau, far above what inference needs.
HIGHEST_POTENTIAL = 6.0
# Spikes per tau; a neuron that hardly fired in training must still be able to begin.
SMALLEST_PRIOR_RATE = 0.01
# Of a model's provenance, what tells of its stimuli and not of how it was trained.
OF_STIMULI = ("data", "data_note", "patches_mean", "patches_std")


class IPVAE(Inference):
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
    half_threshold_rate : float, optional
        Adaptive prior of the model, see `Parameters`: a neuron's own spikes per `tau` at which its
        threshold is half of itself. Without it thresholds are constant.
    threshold_memory : float, default 1
        Over how many `tau` spikes count for the adaptive prior, in training, too.
    lowest_potential : float, default -8
        Lower bound of potentials, in training, too.
    noise_penalty : float, default 0
        Share of the exact gradient's noise term that is added to the threshold.
    leak : float, default 0
        Pull of the potential to rest per tau; 0 is online inference.
    tau : Quantity, optional
        Membrane time constant, 20*ms by default.
    training_gain : float, default 5
        Gain while the dictionary is learned: lower, so that coarser time steps are stable. With the
        engine "events" any gain is, as long as gain times spike size stays below about 8.
    training_sparsity : float, default 1
        Sparsity while it is learned. A code that is sparser in training gives a dictionary that
        codes better at the sparsity at which it is used.
    training_half_threshold_rate : float, optional
        Adaptive prior while it is learned; by default thresholds are constant then.
    training_highest_potential : float, default 4
        Bound of potentials in training; cuts short what diverges at coarse time steps.
    steps_per_tau : int, optional
        Time steps of training per tau; by default 20, or more if the stimuli ask for it, from the
        beginning or as the dictionary grows with them, which a `StabilityWarning` tells.
    batch_size : int, default 200
        Stimuli between two updates of the dictionary, simulated up to 500 at a time.
    n_windows : int, default 2
        Windows of tau that training simulates of each stimulus.
    windows_left_out : int, default 1
        Of these, how many pass before counts are used.
    n_epochs : int, optional
        Passes over the stimuli; by default as many as take 500,000 stimuli, but no more than 2,500
        batches, and one where X is an iterable of arrays.
    averaging_rate : float, default 0.07
        Rate of the running averages of the statistics, per batch.
    dictionary_step : float, default 1.5
        Part of the way to the best dictionary that an update goes; above 1 it is over-relaxed.
    ridge : float, default 0.01
        Regularisation of the update in units of the mean squared count.
    weight_cost : float, default 0.12
        By what an update shrinks each weight towards 0, in units of the root mean square of its
        column: the cost of having a synapse. It makes receptive fields local.
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
    engine : {"events", "numba", "numpy", "brian2"}, optional
        What takes the time steps, see `SpikingNetwork`; by default the fastest that is installed.
        Engines draw other random numbers, so what is learned differs as between two seeds.
    n_jobs : int, optional
        Processes in training (which needs batches of several thousand to gain from them) and in
        `transform` and `score`. What comes out does not depend on it. On a cluster, inside
        ``joblib.parallel_config(backend="dask")`` (extra ``cluster``).
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
    >>> model = IPVAE(n_neurons=64, n_epochs=4, random_state=0).fit(patches.train)
    >>> model.transform(patches.validation).shape
    (200, 64)
    """

    def __init__(
        self,
        n_neurons: int = 512,
        *,
        spike_size: float = 0.4,
        gain: float = 6.0,
        sparsity: float = 0.25,
        half_threshold_rate: float | None = None,
        threshold_memory: float = 1.0,
        lowest_potential: float = -8.0,
        noise_penalty: float = 0.0,
        leak: float = 0.0,
        tau: Time | None = None,
        training_gain: float = 5.0,
        training_sparsity: float = 1.0,
        training_half_threshold_rate: float | None = None,
        training_highest_potential: float = 4.0,
        steps_per_tau: int | None = None,
        batch_size: int = 200,
        n_windows: int = 2,
        windows_left_out: int = 1,
        n_epochs: int | None = None,
        averaging_rate: float = 0.07,
        dictionary_step: float = 1.5,
        ridge: float = 0.01,
        weight_cost: float = 0.12,
        annealing: float = 0.5,
        revive_after: int = 4000,
        inference_windows: int = 16,
        learn_prior: bool = False,
        stimulus_shape: tuple[int, ...] | None = None,
        standardise: bool = True,
        random_state: int | np.random.RandomState | None = None,
        checkpoint: str | PathLike | None = None,
        checkpoint_every: int = 50,
        engine: str | None = None,
        n_jobs: int | None = None,
        progress: bool | None = None,
    ):
        self.n_neurons = n_neurons
        self.spike_size = spike_size
        self.gain = gain
        self.sparsity = sparsity
        self.half_threshold_rate = half_threshold_rate
        self.threshold_memory = threshold_memory
        self.lowest_potential = lowest_potential
        self.noise_penalty = noise_penalty
        self.leak = leak
        self.tau = tau
        self.training_gain = training_gain
        self.training_sparsity = training_sparsity
        self.training_half_threshold_rate = training_half_threshold_rate
        self.training_highest_potential = training_highest_potential
        self.steps_per_tau = steps_per_tau
        self.batch_size = batch_size
        self.n_windows = n_windows
        self.windows_left_out = windows_left_out
        self.n_epochs = n_epochs
        self.averaging_rate = averaging_rate
        self.dictionary_step = dictionary_step
        self.ridge = ridge
        self.weight_cost = weight_cost
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

    def fit(
        self,
        X: ArrayLike | PatchSet | Iterable[ArrayLike],
        y: None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Self:
        """Learn the dictionary.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels), PatchSet, or iterable of such arrays
            A memory-mapped array is read in pieces. Of a `PatchSet` the training patches are
            learned from, and the model takes shape, whitening and origin along. Of an iterable
            (for stimuli that come from elsewhere) the first array determines the standardisation,
            arrays are learned from in their order, and there is no annealing, as the end is not
            known.
        y : None
            Ignored.
        resume : bool, default False
            Go on from the file `checkpoint` if it is there: the result is that of a training
            that was never interrupted.
        overwrite : bool, default False
            Begin anew although the file `checkpoint` is there, and write over it.

        Returns
        -------
        IPVAE
            Itself.

        Raises
        ------
        DivergenceError
            If the simulation ran away; the message says what to change.
        FileExistsError
            If the file `checkpoint` is there, and neither `resume` nor `overwrite` is asked for.
        FileFormatError
            If the checkpoint is damaged or belongs to other settings or stimuli.
        TypeError, ValueError
            For wrong arguments; the message names them.
        KeyboardInterrupt
            After Ctrl-C; a checkpoint of the last batch is written and attributes are set.
        """
        self._check_checkpoint(resume, overwrite)
        settings = self._checked_settings()
        X, origin = self._opened(X)
        if is_stream(X):
            settings = settings.with_epochs(None)
            source = Stream(X, settings, self._validated)
        else:
            X = self._validated(X, True)
            settings = settings.with_epochs(len(X))
            source = ShuffledArray(X, settings)
        standardisation = self._standardisation_of(source.first)
        settings, state = self._with_steps(settings, standardisation, source.first), None
        # Without a file, it was killed before the first checkpoint.
        if resume and self.checkpoint is not None and Path(self.checkpoint).exists():
            state = read_checkpoint(self.checkpoint, settings, source.fingerprint)
        state = state or TrainingState.begin(settings, source.first.shape[1])
        training = self._begin(settings, state, standardisation, origin)
        try:
            self._learn(training, source)
        except (KeyboardInterrupt, OSError, MemoryError):
            self._set_learned(training)
            raise
        return self._set_learned(training)

    def _begin(self, settings, state, standardisation, origin):
        # Steps that were chosen here may turn out too coarse, but in continuous time.
        refine = self.steps_per_tau is None and settings.engine != "events"
        return Training(settings, state, standardisation, origin, may_refine=refine)

    def _opened(self, X: Any) -> tuple[Any, dict[str, Any]]:
        """Return what to learn from, and what it tells of itself, for `Parameters`."""
        if not isinstance(X, PatchSet):
            return X, {}
        told = {
            "data": Path(X.source).name,
            "data_note": X.data_note,
            "patches_mean": X.mean,
            "patches_std": X.std,
            "n_train": len(X.train),
        }
        told = {name: value for name, value in told.items() if value != ""}
        return X.train, {
            "stimulus_shape": X.shape,
            "whitening": X.whitening,
            "front_end": X.front_end,
            "provenance": told,
        }

    def _check_checkpoint(self, resume, overwrite):
        """Raise before the work if its state could not be written, or something else is there."""
        if resume and self.checkpoint is None:
            raise ValueError("resume=True needs the file name in checkpoint")
        if resume and overwrite:
            raise ValueError("resume and overwrite exclude each other, got True for both")
        if self.checkpoint is None:
            return
        if not isinstance(self.random_state, int | np.integer):
            raise ValueError(
                f"checkpoint needs an integer random_state, got {self.random_state!r}: a training "
                "that resumes has to draw the same random numbers"
            )
        file_to_write(self.checkpoint)
        if Path(self.checkpoint).exists() and not (resume or overwrite):
            raise FileExistsError(
                f"the file of the argument checkpoint, {self.checkpoint}, is there already: "
                "fit(X, resume=True) goes on from it, fit(X, overwrite=True) begins anew"
            )

    def _learn(self, training, source):
        """Learn from batches, writing checkpoints on the way and at the end."""

        def write():
            if self.checkpoint is not None:
                mark = source.fingerprint(training.state.n_batches)
                write_checkpoint(self.checkpoint, training.state, training.settings, mark)

        def after_batch(state):
            if state.n_batches % self.checkpoint_every == 0:
                write()

        try:
            training.learn(
                source.batches(training.state.n_batches),
                n_total=source.n_total,
                after_batch=after_batch,
                n_jobs=self.n_jobs,
                progress=self.progress,
            )
        except KeyboardInterrupt:
            write()
            raise
        write()

    def partial_fit(self, X: ArrayLike | PatchSet, y: None = None) -> Self:
        """Learn from one more array of stimuli, in batches of `batch_size`, in their order.

        The first call determines the standardisation and starts from a random dictionary, or goes
        on from the one that was loaded or fitted.

        Parameters
        ----------
        X : array_like, shape (n_stimuli, n_pixels), or PatchSet
        y : None
            Ignored.

        Returns
        -------
        IPVAE
            Itself.
        """
        X, origin = self._opened(X)
        loaded = hasattr(self, "parameters_")
        X = self._validated(X, not loaded)
        training = getattr(self, "_training", None)
        if training is None:
            if loaded:
                dictionary = self.parameters_.dictionary.astype(np.float32)
                standardisation = self._learned_standardisation()
                origin = _origin_of(self.parameters_)
            else:
                dictionary, standardisation = None, self._standardisation_of(X)
            settings = self._checked_settings().with_epochs(None)
            settings = self._with_steps(settings, standardisation, X)
            state = TrainingState.begin(settings, X.shape[1], dictionary)
            training = self._begin(settings, state, standardisation, origin)
        size = training.settings.batch_size
        batches = (X[i : i + size] for i in range(0, len(X), size))
        training.learn(batches, n_jobs=self.n_jobs, progress=False)
        return self._set_learned(training)

    def _standardisation_of(self, X):
        return Standardisation.of(X) if self.standardise else Standardisation()

    def _checked_settings(self):
        """Return the settings, with the engine and the seed that will be used."""
        arguments = self.get_params() | {"random_state": self._seed()}
        settings = checked_settings(arguments)
        engine = settings.engine
        if engine is None:
            parameters = training_parameters(settings, np.ones((1, 1)))
            engine = default_engine(parameters, settings.steps_per_tau)
        return replace(settings, engine=available_engine(engine))

    def _with_steps(self, settings, standardisation, X):
        """Return settings with steps per tau for a random dictionary, unless given.

        In time steps the limit of stability is used up, because stimuli that diverge are left out.
        """
        if settings.steps_per_tau is not None:
            return settings
        sample = standardisation.apply(X[:: max(1, len(X) // 1000)])
        dictionary = first_dictionary(settings, X.shape[1])
        parameters = training_parameters(settings, dictionary)
        if settings.engine == "events":
            dt = choose_drive_dt(Loop(parameters), sample)
        else:
            dt = choose_dt(Loop(parameters), sample, margin=1.0)
        return replace(settings, steps_per_tau=round(settings.tau_seconds / dt))

    def _set_learned(self, training):
        self._training = training
        state, settings = training.state, training.settings
        prior = {}
        if self.learn_prior:
            prior_rates = np.maximum(state.statistics.mean_counts, SMALLEST_PRIOR_RATE)
            prior["resting_potential"] = np.log(prior_rates)
        told = training.origin
        if self.stimulus_shape is not None:
            told = told | {"stimulus_shape": self.stimulus_shape}
        parameters = training_parameters(
            settings,
            state.dictionary,
            **prior,
            **told,
            gain=self.gain,
            sparsity=self.sparsity,
            half_threshold_rate=settings.half_threshold_rate,
            highest_potential=HIGHEST_POTENTIAL,
            stimulus_mean=training.standardisation.mean,
            stimulus_scale=training.standardisation.scale,
        )
        self.noise_variance_ = max(float(state.statistics.noise_variance), 1e-12)
        self.parameters_ = parameters.with_noise_variance(self.noise_variance_)
        self.settings_ = asdict(settings) | {"steps_per_tau": state.steps_per_tau}
        self.mean_counts_ = state.statistics.mean_counts.copy()
        self.training_figures_ = dict(state.figures)
        self.n_batches_ = state.n_batches
        self.n_revived_ = state.n_revived
        self.n_diverged_ = state.n_diverged
        return self


def _origin_of(parameters):
    """Return what parameters know of the stimuli that they were learned from."""
    provenance = {k: v for k, v in parameters.provenance.items() if k in OF_STIMULI}
    names = "stimulus_shape", "whitening", "front_end"
    return {name: getattr(parameters, name) for name in names} | {"provenance": provenance}
