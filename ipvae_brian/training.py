"""The outer loop: simulate a batch, accumulate its counts, update the dictionary, go on.

All batches are trials of one Brian2 run. Every batch has its own seed, made of the seed of the
training and its number, so a training that resumes from a checkpoint goes on as if never stopped.
"""

import json
import zlib
from dataclasses import asdict, dataclass

import numpy as np
from brian2.only import second

from ipvae_brian._checks import finite_array
from ipvae_brian.errors import DivergenceError, ModelFileError
from ipvae_brian.learning import Statistics, Sums, m_step, random_dictionary, revive
from ipvae_brian.metrics import distance
from ipvae_brian.network import SpikingNetwork
from ipvae_brian.parameters import Parameters
from ipvae_brian.presentation import Trial
from ipvae_brian.progress import progress_bar
from ipvae_brian.storage import read_arrays, write_arrays

CHECKPOINT_FORMAT = "ipvae_brian checkpoint"
CHECKPOINT_VERSION = 1
# More diverged stimuli than this in a batch mean that the step is wrong, not bad luck.
TOLERATED_DIVERGED = 0.05
# What annealing leaves of the rates at the end.
FLOOR = 0.1
# Weight of the latest batch in the figures that progress shows.
SMOOTHING = 0.05


@dataclass(frozen=True)
class Settings:
    """What determines a training besides its data; stored with checkpoints and compared.

    Names as in `IPVAE`, which documents and checks them.
    """

    n_neurons: int
    spike_size: float
    noise_penalty: float
    leak: float
    tau_seconds: float
    training_gain: float
    training_sparsity: float
    training_highest_potential: float
    steps_per_tau: int
    batch_size: int
    n_windows: int
    windows_left_out: int
    n_epochs: int
    averaging_rate: float
    dictionary_step: float
    ridge: float
    annealing: float
    revive_after: int
    seed: int


class Training:
    """A training in progress.

    Parameters
    ----------
    settings : Settings
    n_pixels : int
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons), optional
        Where to start; by default random.

    Attributes
    ----------
    dictionary : numpy.ndarray of float32, shape (n_pixels, n_neurons)
    statistics : Statistics
    n_batches : int
        Batches learned from.
    n_revived, n_diverged : int
        Silent neurons re-seeded; stimuli left out because their simulation diverged.
    figures : dict
        Running averages of r2, zeros, spikes and distance over the last batches.
    """

    def __init__(self, settings, n_pixels, dictionary=None):
        self.settings = settings
        if dictionary is None:
            rng = np.random.default_rng([settings.seed, 0])
            dictionary = random_dictionary(n_pixels, settings.n_neurons, settings.spike_size, rng)
        self.dictionary = dictionary
        self.statistics = Statistics(n_pixels, settings.n_neurons)
        self.silent = np.zeros(settings.n_neurons, np.int64)
        self.n_batches = self.n_revived = self.n_diverged = 0
        self.figures = {}
        self._network = None

    def parameters(self, **others):
        """The network that is trained, or with other arguments one with the same dictionary."""
        s = self.settings
        values = {
            "gain": s.training_gain,
            "sparsity": s.training_sparsity,
            "highest_potential": s.training_highest_potential,
        }
        return Parameters.from_unit_dictionary(
            self.dictionary,
            spike_size=s.spike_size,
            noise_penalty=s.noise_penalty,
            leak=s.leak,
            tau=s.tau_seconds * second,
            **(values | others),
        )

    def learn(self, batches, *, n_total=None, after_batch=None, progress=None):
        """Learn from batches, each (n_stimuli, n_pixels) with at most batch_size stimuli.

        Parameters
        ----------
        batches : iterable of numpy.ndarray
        n_total : int, optional
            Number of batches of the whole training; towards its end steps are annealed.
        after_batch : callable, optional
            Called with this object after every update, between two batches.
        progress : bool, optional

        Raises
        ------
        DivergenceError
            If more than `TOLERATED_DIVERGED` of a batch ran away.
        KeyboardInterrupt
            After Ctrl-C; the last complete batch is learned.
        """
        if self._network is None:
            s = self.settings
            self._network = SpikingNetwork(
                self.parameters(),
                pathway="shared",
                n_copies=s.batch_size,
                dt=s.tau_seconds / s.steps_per_tau * second,
                name="ipvae_training",
            )
        else:
            self._network.set_parameters(self.parameters())
        with progress_bar(n_total, "batches", progress, initial=self.n_batches) as bar:

            def collect(trial, outcome):
                self._learn_from(trial, outcome, n_total)
                self._network.set_parameters(self.parameters())
                if after_batch is not None:
                    after_batch(self)
                bar.set_postfix(self._shown(), refresh=False)
                bar.update()

            self._network.run_trials(self._trials(batches), collect)

    def _trials(self, batches):
        s = self.settings
        steps = np.array([s.n_windows * s.steps_per_tau])
        for batch in batches:
            frames = np.zeros((s.batch_size, 1, batch.shape[1]), np.float32)
            frames[: len(batch), 0] = batch
            yield Trial(frames, steps, seed=[s.seed, 1, self.n_batches], used=len(batch))

    def _learn_from(self, trial, outcome, n_total):
        s = self.settings
        fit = np.flatnonzero(~outcome.diverged[: trial.used])
        n_diverged = trial.used - len(fit)
        if n_diverged > TOLERATED_DIVERGED * trial.used:
            raise DivergenceError(
                f"training diverged for {n_diverged} of {trial.used} stimuli in batch "
                f"{self.n_batches + 1} at {s.steps_per_tau} steps per tau, training_gain "
                f"{s.training_gain:g}: raise steps_per_tau, lower training_gain, or check that the "
                "stimuli are z-scored"
            )
        self.n_diverged += n_diverged
        stimuli = trial.frames[fit, 0]
        counts = outcome.counts[fit]
        remaining = 1.0
        if n_total is not None and s.annealing:
            remaining = min(1.0, (1 - self.n_batches / n_total) / s.annealing)
        sums = Sums.of(stimuli, counts[:, s.windows_left_out :], self.dictionary)
        self._note(sums, stimuli, counts[:, -1])
        self.statistics.update(sums, s.averaging_rate * max(remaining, FLOOR))
        self.dictionary = m_step(
            self.dictionary,
            self.statistics,
            step=np.float32(s.dictionary_step * max(remaining, FLOOR)),
            ridge=s.ridge,
            spike_size=np.float32(s.spike_size),
        )
        self._revive_silent(sums, stimuli, counts[:, -1])
        self.n_batches += 1

    def _revive_silent(self, sums, stimuli, last_counts):
        self.silent += len(stimuli)
        self.silent[sums.counts > 0] = 0
        silent = np.flatnonzero(self.silent >= self.settings.revive_after)
        if len(silent) and len(stimuli):
            size = np.float32(self.settings.spike_size)
            revived = revive(self.dictionary, silent, stimuli, last_counts, size)
            self.statistics.forget(revived)
            self.silent[revived] = 0
            self.n_revived += len(revived)

    def _note(self, sums, stimuli, last_counts):
        deviation = stimuli - stimuli.mean(axis=1, keepdims=True)
        error = ((stimuli - last_counts @ self.dictionary.T) ** 2).sum(axis=1)
        total = (deviation**2).sum(axis=1)
        # Of equal numbers the mean is rounded, so their total need not be zero.
        varied = np.ptp(stimuli, axis=1) > 0
        latest = {
            "r2": float((1 - error[varied] / total[varied]).mean()) if varied.any() else 0.0,
            "zeros": float((last_counts == 0).mean()) if len(last_counts) else 1.0,
            "spikes": float(last_counts.sum(axis=1).mean()) if len(last_counts) else 0.0,
        }
        old = self.figures or latest
        self.figures = {k: old[k] + SMOOTHING * (latest[k] - old[k]) for k in latest}
        self.figures["distance"] = float(distance(self.figures["r2"], self.figures["zeros"]))

    def _shown(self):
        f = self.figures
        shown = {
            "R2": f"{f['r2']:.3f}",
            "zeros": f"{f['zeros']:.3f}",
            "spikes": f"{f['spikes']:.0f}",
        }
        if self.n_revived:
            shown["revived"] = self.n_revived
        if self.n_diverged:
            shown["diverged"] = self.n_diverged
        return shown

    def __getstate__(self):
        """Copies and pickles of an estimator do without the Brian2 objects, which are rebuilt."""
        return self.__dict__ | {"_network": None}

    # Checkpoints

    def save(self, path, fingerprint):
        """Write all that is needed to go on; the old file survives any failure."""
        arrays = {name: getattr(self.statistics, name) for name in Statistics.ARRAYS}
        arrays |= {"dictionary": self.dictionary, "silent": self.silent}
        metadata = {
            "format": CHECKPOINT_FORMAT,
            "format_version": CHECKPOINT_VERSION,
            "settings": asdict(self.settings),
            "fingerprint": fingerprint,
            "noise_variance": self.statistics.noise_variance,
            "n_updates": self.statistics.n_updates,
            "n_batches": self.n_batches,
            "n_revived": self.n_revived,
            "n_diverged": self.n_diverged,
            "figures": self.figures,
        }
        write_arrays(path, arrays, metadata)

    @classmethod
    def resume(cls, path, settings, fingerprint):
        """Go on from a checkpoint of the same settings and data.

        Raises
        ------
        ModelFileError
            If the file is damaged or belongs to another training; the message says how.
        """
        arrays, metadata = read_arrays(
            path, format_name=CHECKPOINT_FORMAT, newest_version=CHECKPOINT_VERSION
        )
        try:
            stored = metadata["settings"]
            for field, value in asdict(settings).items():
                if stored[field] != value:
                    raise ModelFileError(
                        f"{path}: field {field!r} is {stored[field]!r}, this training has {value!r}"
                    )
            if metadata["fingerprint"] != fingerprint:
                raise ModelFileError(f"{path}: field 'fingerprint': written for other stimuli")

            def checked(name, *shape):
                array = arrays[name]
                try:
                    return finite_array(array, repr(name), shape=shape, dtype=array.dtype)
                except (TypeError, ValueError) as error:
                    raise ModelFileError(f"{path}: field {error}") from error

            n_neurons = settings.n_neurons
            dictionary = checked("dictionary", None, n_neurons)
            training = cls(settings, len(dictionary), dictionary)
            for name in Statistics.ARRAYS:
                shape = getattr(training.statistics, name).shape
                setattr(training.statistics, name, checked(name, *shape))
            training.statistics.noise_variance = metadata["noise_variance"]
            training.statistics.n_updates = metadata["n_updates"]
            training.silent = checked("silent", n_neurons)
            for name in ("n_batches", "n_revived", "n_diverged", "figures"):
                setattr(training, name, metadata[name])
        except KeyError as error:
            raise ModelFileError(f"{path}: field {error} is missing") from error
        return training


def fingerprint(stimuli):
    """A short text that differs between data sets: shape and checksum of a sample of rows."""
    rows = stimuli[:: max(1, len(stimuli) // 64)][:64]
    checksum = zlib.crc32(np.ascontiguousarray(rows, np.float32).tobytes())
    return json.dumps([*stimuli.shape, checksum])


def shuffled_batches(stimuli, batch_size, n_epochs, seed, first=0):
    """Batches of every epoch in an order of its own, from batch number `first` on.

    Yields
    ------
    numpy.ndarray, shape (at most batch_size, n_pixels)
    """
    per_epoch = -(-len(stimuli) // batch_size)
    for epoch in range(first // per_epoch, n_epochs):
        order = np.random.default_rng([seed, 2, epoch]).permutation(len(stimuli))
        start = first - epoch * per_epoch if epoch == first // per_epoch else 0
        for batch in range(start, per_epoch):
            chosen = order[batch * batch_size : (batch + 1) * batch_size]
            yield stimuli[np.sort(chosen)]
