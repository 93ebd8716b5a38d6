"""The outer loop: simulate a batch, accumulate its counts, update the dictionary, go on.

In one process all batches are trials of one Brian2 run; otherwise workers simulate the shards of
each. Every shard has its own seed, so a training that resumes from a checkpoint goes on as if never
stopped, and one on many processes learns what one process would.
"""

import json
import zlib
from dataclasses import asdict
from functools import reduce
from itertools import chain
from operator import add

import numpy as np

from ipvae_brian._tools.checks import finite_array
from ipvae_brian._tools.files import read_arrays, write_arrays
from ipvae_brian._tools.parallel import n_workers, parts, run_tasks
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.errors import DivergenceError, FileFormatError
from ipvae_brian.learning.dictionary import m_step, random_dictionary, revive
from ipvae_brian.learning.e_step import Shard, simulate_shards
from ipvae_brian.learning.statistics import RunningStatistics
from ipvae_brian.response.metrics import distance

CHECKPOINT_FORMAT = "ipvae_brian checkpoint"
CHECKPOINT_VERSION = 2
# More diverged stimuli than this in a batch mean that the step is wrong, not bad luck.
TOLERATED_DIVERGED = 0.05
# What annealing leaves of the rates at the end.
FLOOR = 0.1
# Weight of the latest batch in the figures that progress shows.
SMOOTHING = 0.05


class Training:
    """A training in progress.

    Parameters
    ----------
    settings : TrainingSettings
    n_pixels : int
    dictionary : numpy.ndarray, shape (n_pixels, n_neurons), optional
        Where to start; by default random.

    Attributes
    ----------
    dictionary : numpy.ndarray of float32, shape (n_pixels, n_neurons)
    statistics : RunningStatistics
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
        self.statistics = RunningStatistics(n_pixels, settings.n_neurons)
        self.silent = np.zeros(settings.n_neurons, np.int64)
        self.n_batches = self.n_revived = self.n_diverged = 0
        self.figures = {}
        self._network = None

    def parameters(self, **others):
        """The network that is trained, or with other arguments one with the same dictionary."""
        return self.settings.parameters(self.dictionary, **others)

    def learn(self, batches, *, n_total=None, after_batch=None, n_jobs=None, progress=None):
        """Learn from batches, each (n_stimuli, n_pixels) with at most batch_size stimuli.

        Parameters
        ----------
        batches : iterable of numpy.ndarray
        n_total : int, optional
            Number of batches of the whole training; towards its end steps are annealed.
        after_batch : callable, optional
            Called with this object after every update, between two batches.
        n_jobs : int, optional
            Processes for the shards of a batch; what is learned does not depend on it.
        progress : bool, optional

        Raises
        ------
        DivergenceError
            If more than `TOLERATED_DIVERGED` of a batch ran away.
        KeyboardInterrupt
            After Ctrl-C; the last complete batch is learned.
        """
        bar = progress_bar(n_total, "batches", progress, initial=self.n_batches)
        # Spikes amplify how sums are rounded: here as in workers.
        with bar, one_blas_thread():

            def learn_from(shards):
                self._learn_from(reduce(add, shards), n_total)
                if after_batch is not None:
                    after_batch(self)
                bar.set_postfix(self._shown(), refresh=False)
                bar.update()

            if n_workers(n_jobs) == 1:
                self._in_one_run(batches, learn_from)
            else:
                for batch in batches:
                    learn_from(self._on_workers(batch, n_jobs))

    def _in_one_run(self, batches, learn_from):
        """All batches as trials of one Brian2 run."""
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        if self._network is None:
            self._network = self.settings.network(self.dictionary)
        network, shards = self._network, []

        def trials():
            for batch in chain([first], batches):
                network.set_parameters(self.parameters())
                yield from self.settings.trials(batch, self.n_batches)
                # The last shard has been collected when the next batch is asked for.
                learn_from(shards)
                shards.clear()

        def collect(trial, outcome):
            shards.append(Shard.of(trial, outcome, self.settings, self.dictionary))

        network.run_trials(trials(), collect)

    def _on_workers(self, batch, n_jobs):
        tasks = [
            (
                self.settings,
                self.dictionary,
                batch[begin:end],
                self.n_batches,
                begin // self.settings.shard_size,
            )
            for begin, end in parts(len(batch), self.settings.shard_size, n_workers(n_jobs))
        ]
        return run_tasks(simulate_shards, tasks, n_jobs)

    def _learn_from(self, shard, n_total):
        """Update statistics and dictionary from a simulated batch."""
        s = self.settings
        if shard.n_diverged > TOLERATED_DIVERGED * shard.n_stimuli:
            raise DivergenceError(
                f"training diverged for {shard.n_diverged} of {shard.n_stimuli} stimuli in batch "
                f"{self.n_batches + 1} at {s.steps_per_tau} steps per tau, training_gain "
                f"{s.training_gain:g}: raise steps_per_tau, lower training_gain, or check that the "
                "stimuli are z-scored"
            )
        self.n_diverged += shard.n_diverged
        remaining = 1.0
        if n_total is not None and s.annealing:
            remaining = min(1.0, (1 - self.n_batches / n_total) / s.annealing)
        self._note(shard)
        self.statistics.update(shard.sums, s.averaging_rate * max(remaining, FLOOR))
        self.dictionary = m_step(
            self.dictionary,
            self.statistics,
            step=np.float32(s.dictionary_step * max(remaining, FLOOR)),
            ridge=s.ridge,
            spike_size=np.float32(s.spike_size),
        )
        self._revive_silent(shard)
        self.n_batches += 1

    def _revive_silent(self, shard):
        self.silent += shard.n_stimuli - shard.n_diverged
        self.silent[shard.sums.counts > 0] = 0
        silent = np.flatnonzero(self.silent >= self.settings.revive_after)
        if len(silent) and len(shard.worst_stimuli):
            size = np.float32(self.settings.spike_size)
            revived = revive(self.dictionary, silent, shard.worst_stimuli, shard.worst_counts, size)
            self.statistics.forget(revived)
            self.silent[revived] = 0
            self.n_revived += len(revived)

    def _note(self, shard):
        n = max(shard.n_stimuli - shard.n_diverged, 1)
        latest = {name: getattr(shard, name) / n for name in ("r2", "zeros", "spikes")}
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
        arrays = {name: getattr(self.statistics, name) for name in RunningStatistics.ARRAYS}
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
        FileFormatError
            If the file is damaged or belongs to another training; the message says how.
        """
        arrays, metadata = read_arrays(
            path, format_name=CHECKPOINT_FORMAT, newest_version=CHECKPOINT_VERSION
        )
        try:
            stored = metadata["settings"]
            for field, value in asdict(settings).items():
                if stored[field] != value:
                    raise FileFormatError(
                        f"{path}: field {field!r} is {stored[field]!r}, this training has {value!r}"
                    )
            if metadata["fingerprint"] != fingerprint:
                raise FileFormatError(f"{path}: field 'fingerprint': written for other stimuli")

            def checked(name, *shape):
                array = arrays[name]
                try:
                    return finite_array(array, repr(name), shape=shape, dtype=array.dtype)
                except (TypeError, ValueError) as error:
                    raise FileFormatError(f"{path}: field {error}") from error

            n_neurons = settings.n_neurons
            dictionary = checked("dictionary", None, n_neurons)
            training = cls(settings, len(dictionary), dictionary)
            for name in RunningStatistics.ARRAYS:
                shape = getattr(training.statistics, name).shape
                setattr(training.statistics, name, checked(name, *shape))
            training.statistics.noise_variance = metadata["noise_variance"]
            training.statistics.n_updates = metadata["n_updates"]
            training.silent = checked("silent", n_neurons)
            for name in ("n_batches", "n_revived", "n_diverged", "figures"):
                setattr(training, name, metadata[name])
        except KeyError as error:
            raise FileFormatError(f"{path}: field {error} is missing") from error
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
            yield np.asarray(stimuli[np.sort(chosen)])
