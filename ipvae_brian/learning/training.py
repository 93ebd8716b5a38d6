"""The outer loop: simulate a batch, accumulate its counts, update the dictionary, repeat.

In one process all batches are presentations of one Brian2 run; otherwise workers simulate the
chunks of each. Every chunk has its own seed, so a training that resumes from a checkpoint continues
as if never stopped, and many processes learn the same as one.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from itertools import chain
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ipvae_brian._tools.caller import warn_user
from ipvae_brian._tools.parallel import Workers, n_workers, parts
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian._tools.threads import one_blas_thread
from ipvae_brian.errors import DivergenceError, StabilityWarning
from ipvae_brian.learning.checkpoint import TrainingState
from ipvae_brian.learning.dictionary import m_step, revive
from ipvae_brian.learning.e_step import (
    chunks,
    simulate_chunks,
    statistics_of,
    training_network,
    training_parameters,
)
from ipvae_brian.learning.settings import TrainingSettings
from ipvae_brian.learning.standardisation import Standardisation
from ipvae_brian.learning.statistics import BatchStatistics
from ipvae_brian.response.metrics import distance

# More diverged stimuli than this in a batch mean that the step is wrong, not bad luck.
TOLERATED_DIVERGED = 0.05
# Time steps per tau above which something else than the time step is wrong.
MOST_STEPS = 2000
# What annealing leaves of the rates at the end.
FLOOR = 0.1
# Weight of the latest batch in the figures that progress shows.
SMOOTHING = 0.05


class _TooCoarse(DivergenceError):
    """Too many stimuli of a batch diverged at these time steps."""


class Training:
    """A training in progress.

    Parameters
    ----------
    settings : TrainingSettings
    state : TrainingState
        Where it begins or goes on.
    standardisation : Standardisation, optional
        Of the stimuli; by default they are taken as they are.
    origin : dict, optional
        What is known of the stimuli, as further arguments of `Parameters`.
    may_refine : bool, default False
        Whether a batch that diverged is simulated again, and all after it, with twice as many
        time steps, as stimuli and dictionary ask for it.

    Attributes
    ----------
    settings : TrainingSettings
    standardisation : Standardisation
    state : TrainingState
        What it has come to. An update replaces all of it at once, so whatever interrupts a
        training leaves the state after a whole number of batches.

    Examples
    --------
    >>> import numpy as np
    >>> from ipvae_brian.learning.checkpoint import TrainingState
    >>> from ipvae_brian.learning.settings import TrainingSettings
    >>> from ipvae_brian.learning.training import Training
    >>> settings = TrainingSettings(n_neurons=8, steps_per_tau=20, engine="numpy", seed=0)
    >>> training = Training(settings, TrainingState.begin(settings, n_pixels=4))
    >>> training.learn([np.random.default_rng(0).normal(size=(100, 4))])
    >>> training.state.n_batches
    1
    """

    def __init__(
        self,
        settings: TrainingSettings,
        state: TrainingState,
        standardisation: Standardisation | None = None,
        origin: dict[str, Any] | None = None,
        *,
        may_refine: bool = False,
    ):
        self.settings = settings
        self.state = state
        self.standardisation = standardisation or Standardisation()
        self.origin = origin or {}
        self.may_refine = may_refine
        self._network = None
        # The batch that is simulated.
        self._batch: Any = None

    def learn(
        self,
        batches: Iterable[NDArray],
        *,
        n_total: int | None = None,
        after_batch: Callable[[TrainingState], Any] | None = None,
        n_jobs: int | None = None,
        progress: bool | None = None,
    ) -> None:
        """Learn from batches, each (n_stimuli, n_pixels) with at most batch_size stimuli.

        Parameters
        ----------
        batches : iterable of numpy.ndarray
        n_total : int, optional
            Number of batches of the whole training; towards its end steps are annealed.
        after_batch : callable, optional
            Called with the state after every update, between two batches.
        n_jobs : int, optional
            Processes for the chunks of a batch; what is learned does not depend on it.
        progress : bool, optional

        Raises
        ------
        DivergenceError
            If more than `TOLERATED_DIVERGED` of a batch ran away, and time steps may not or cannot
            be made finer.
        KeyboardInterrupt
            After Ctrl-C; the last complete batch is learned.
        """
        batches = map(self.standardisation.apply, batches)
        bar = progress_bar(
            n_total,
            "batches",
            progress,
            initial=self.state.n_batches,
            desc=None if n_total is None else f"{self.settings.n_epochs} epochs",
        )

        def learn_from(simulated):
            self._learn_from(reduce(add, simulated), n_total)
            if after_batch is not None:
                after_batch(self.state)
            bar.set_postfix(_shown(self.state), refresh=False)
            bar.update()

        # Spikes amplify how sums are rounded: here as in workers.
        with bar, one_blas_thread():
            while True:
                try:
                    if n_workers(n_jobs) == 1:
                        self._in_one_run(batches, learn_from)
                    else:
                        self._on_workers(batches, learn_from, n_jobs)
                    return
                except _TooCoarse as error:
                    self._refine(error)
                    batches = chain([self._batch], batches)
                finally:
                    self._batch = None

    def _refine(self, error):
        """Go on from the present state with twice as many time steps, or raise the error."""
        steps = 2 * self.state.steps_per_tau
        if not self.may_refine or steps > MOST_STEPS:
            finer = "" if self.settings.engine == "events" else "raise steps_per_tau, "
            raise DivergenceError(
                f"{error}: {finer}lower training_gain, or check that the stimuli are z-scored"
            ) from None
        warn_user(
            f"training goes on at {steps} steps per tau, because {error}",
            StabilityWarning,
        )
        self.state = replace(self.state, steps_per_tau=steps)
        self._network = None

    def _in_one_run(self, batches, learn_from):
        """All batches as presentations of one Brian2 run."""
        settings, steps = self.settings, self.state.steps_per_tau
        first = next(batches, None)
        if first is None:
            return
        if self._network is None:
            self._network = training_network(settings, self.state.dictionary, steps)
        network, simulated = self._network, []

        def presentations():
            for self._batch in chain([first], batches):
                network.set_parameters(training_parameters(settings, self.state.dictionary))
                yield from chunks(settings, self._batch, self.state.n_batches, steps)
                # The last chunk has been collected when the next batch is asked for.
                learn_from(simulated)
                simulated.clear()

        def collect(presentation, outcome):
            simulated.append(statistics_of(presentation, outcome, settings, self.state.dictionary))

        try:
            network.run(presentations(), collect)
        except BaseException:
            self._network = None  # whatever state it was left in
            raise

    def _on_workers(self, batches, learn_from, n_jobs):
        """Return the chunks of each batch as tasks of workers."""
        settings, size = self.settings, self.settings.chunk_size
        with Workers(n_jobs) as workers:
            for self._batch in batches:
                state = self.state
                where = state.n_batches, state.steps_per_tau
                tasks = [
                    (settings, state.dictionary, self._batch[begin:end], *where, begin // size)
                    for begin, end in parts(len(self._batch), size, n_workers(n_jobs))
                ]
                learn_from(workers.run(simulate_chunks, tasks))

    def _learn_from(self, batch, n_total):
        """Replace the state by the one after a simulated batch."""
        n_shown = batch.n_stimuli + batch.n_diverged
        if batch.n_diverged > TOLERATED_DIVERGED * n_shown:
            raise _TooCoarse(
                f"training diverged for {batch.n_diverged} of {n_shown} stimuli in batch "
                f"{self.state.n_batches + 1} at {self.state.steps_per_tau} steps per tau, "
                f"training_gain {self.settings.training_gain:g}"
            )
        # One assignment, so that Ctrl-C cannot come between two parts of it.
        self.state = _updated(self.state, batch, self.settings, n_total)

    def __getstate__(self):
        """Leave Brian2 objects out of copies and pickles of an estimator; they are rebuilt."""
        return self.__dict__ | {"_network": None, "_batch": None}


def _updated(
    state: TrainingState, batch: BatchStatistics, settings: TrainingSettings, n_total: int | None
) -> TrainingState:
    """Return the state after a batch; the old one stays as it is."""
    new = state.copy()
    new.n_diverged += batch.n_diverged
    remaining = 1.0
    if n_total is not None and settings.annealing:
        remaining = min(1.0, (1 - state.n_batches / n_total) / settings.annealing)
    rate = max(remaining, FLOOR)
    new.figures = _smoothed(state.figures, batch)
    new.statistics.update(batch, settings.averaging_rate * rate)
    new.dictionary = m_step(
        state.dictionary,
        new.statistics,
        step=np.float32(settings.dictionary_step * rate),
        ridge=settings.ridge,
        spike_size=np.float32(settings.spike_size),
        weight_cost=settings.weight_cost,
    )
    _revive_silent(new, batch, settings)
    new.n_batches += 1
    return new


def _revive_silent(state, batch, settings):
    state.silent += batch.n_stimuli
    state.silent[batch.counts > 0] = 0
    silent = np.flatnonzero(state.silent >= settings.revive_after)
    if len(silent) and len(batch.worst_stimuli):
        size = np.float32(settings.spike_size)
        revived = revive(state.dictionary, silent, batch.worst_stimuli, batch.worst_counts, size)
        state.statistics.forget(revived)
        state.silent[revived] = 0
        state.n_revived += len(revived)


def _smoothed(figures, batch):
    """Return the running averages of the figures, moved on by a batch."""
    n = max(batch.n_stimuli, 1)
    # Nothing is known of R2 before the first stimulus that has any variance.
    r2 = batch.r2 / batch.n_varied if batch.n_varied else math.nan
    new = {}
    for name, latest in {"r2": r2, "zeros": batch.zeros / n, "spikes": batch.spikes / n}.items():
        known = [value for value in (figures.get(name, latest), latest) if not math.isnan(value)]
        old, now = (known[0], known[-1]) if known else (math.nan, math.nan)
        new[name] = float(old + SMOOTHING * (now - old))
    new["distance"] = float(distance(new["r2"], new["zeros"]))
    return new


def _shown(state):
    f = state.figures
    shown = {
        "R2": f"{f['r2']:.3f}",
        "zeros": f"{f['zeros']:.3f}",
        "spikes": f"{f['spikes']:.0f}",
    }
    if state.n_revived:
        shown["revived"] = state.n_revived
    if state.n_diverged:
        shown["diverged"] = state.n_diverged
    return shown
