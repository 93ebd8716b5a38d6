"""What all rivals share: settings, the training loop and its budget, files."""

import copy
import time
from typing import NamedTuple

import numpy as np

from ipvae_brian._tools.checks import finite_array, known_name, number, whole_number
from ipvae_brian._tools.files import format_errors, read_arrays, write_arrays
from ipvae_brian._tools.progress import progress_bar
from ipvae_brian.errors import FileFormatError
from ipvae_brian.learning.batches import shuffled_batches
from ipvae_brian.response.metrics import mean_r_squared, r_squared

FORMAT, VERSION = "ipvae_brian rival", 2


class TradeOff(NamedTuple):
    """The setting that trades sparsity, or compression, against reconstruction."""

    setting: str
    values: tuple
    # Whether each value needs a training of its own; if not, `with_settings` changes it.
    retrain: bool


class Rival:
    """A model that finds codes for stimuli and decodes them.

    Parameters
    ----------
    n_pixels, n_latents : int
    seed : int, default 0
        Of initial weights, of the order of stimuli and of draws.
    **settings
        Of the kind; see `DEFAULTS`.

    Attributes
    ----------
    history_ : list of dict
        Of every epoch: epoch, cpu_seconds, loss; with validation stimuli also r2 and zeros.

    Raises
    ------
    ValueError
        If a setting is unknown.
    """

    NAME = FAMILY = REFERENCE = ""
    SPARSE = ITERATIVE = STOCHASTIC = False
    TRADE_OFF: TradeOff
    # A few epochs of 60,000 digits take the 3 to 4 minutes of one core that each rival has.
    DEFAULTS: dict = {"batch_size": 200}
    N_EPOCHS = 10

    def __init__(self, n_pixels, n_latents, *, seed=0, **settings):
        self.n_pixels = whole_number(n_pixels, "n_pixels")
        self.n_latents = whole_number(n_latents, "n_latents")
        self.seed = whole_number(seed, "seed", minimum=0)
        for name in settings:
            known_name(name, "settings", list(self.DEFAULTS))
        self.settings = self.DEFAULTS | settings
        self.history_ = []

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({self.n_pixels}, {self.n_latents}, {settings})"

    # What a kind defines.

    def infer(self, stimuli, n_steps=None, after_step=None, *, sample=True):
        """Return codes of stimuli (B, n_pixels), (B, n_latents) in single precision.

        Parameters
        ----------
        stimuli : array_like, shape (B, n_pixels)
        n_steps : int, optional
            Steps of inference, by default as in training; only where inference is iterative.
        after_step : callable, optional
            Gets the codes (B, n_latents) after every step.
        sample : bool, default True
            Whether stochastic codes are drawn, always in the same way for the same seed; if not,
            codes are what the mean of the posterior makes of them.
        """
        raise NotImplementedError

    def decode(self, codes):
        """Return reconstructions of codes (B, n_latents), (B, n_pixels) in single precision."""
        raise NotImplementedError

    def learn(self, batch, share):
        """Learn from one batch (B, n_pixels) and return the loss before that.

        Parameters
        ----------
        batch : numpy.ndarray
        share : float
            Of the training that has passed, for schedules; 0 at the start.
        """
        raise NotImplementedError

    def arrays(self):
        """Return what was learned, by name."""
        raise NotImplementedError

    def set_arrays(self, arrays):
        """Take over what `arrays` returned."""
        raise NotImplementedError

    # What all share.

    def fit(self, stimuli, *, validation=None, minutes=None, n_epochs=None, progress=True):
        """Learn from stimuli, until the epochs or the minutes are over, whichever comes first.

        Parameters
        ----------
        stimuli : array_like, shape (n_stimuli, n_pixels)
        validation : array_like, shape (any, n_pixels), optional
            Scored after every epoch, into `history_`; nothing depends on it.
        minutes : float, optional
            Of CPU. Results then depend on the machine.
        n_epochs : int, optional
            By default `N_EPOCHS`, or as many as `minutes` allow.
        progress : bool, default True
            Whether to show a progress bar.

        Raises
        ------
        FloatingPointError
            If the loss is not finite any more.
        """
        stimuli = self._stimuli(stimuli)
        if n_epochs is None:
            n_epochs = self.N_EPOCHS if minutes is None else 10_000
        n_epochs = whole_number(n_epochs, "n_epochs")
        limit = np.inf if minutes is None else 60 * number(minutes, "minutes", above=0)
        size = self.settings["batch_size"]
        per_epoch = -(-len(stimuli) // size)
        start, losses, self.history_ = time.process_time(), [], []
        # Where the time is the limit, nobody knows how many batches there will be.
        total = n_epochs * per_epoch if minutes is None else None
        with progress_bar(total, "batches", None if progress else False) as bar:
            batches = shuffled_batches(stimuli, size, n_epochs, self.seed)
            for i, batch in enumerate(batches):
                share = max(i / (n_epochs * per_epoch), (time.process_time() - start) / limit)
                if share >= 1:
                    break
                losses.append(float(self.learn(batch, share)))
                if not np.isfinite(losses[-1]):
                    raise FloatingPointError(f"{self.NAME}: the loss of batch {i} is {losses[-1]}")
                bar.update()
                if (i + 1) % per_epoch == 0:
                    self._note(start, losses, validation)
                    losses = []
        if losses:
            self._note(start, losses, validation)
        return self

    def _note(self, start, losses, validation):
        entry = {
            "epoch": len(self.history_) + 1,
            "cpu_seconds": time.process_time() - start,
            "loss": float(np.mean(losses)),
        }
        if validation is not None:
            codes = self.infer(validation)
            entry["r2"] = float(mean_r_squared(r_squared(validation, self.decode(codes))))
            entry["zeros"] = float((codes == 0).mean())
        self.history_.append(entry)

    def _stimuli(self, stimuli):
        shape = (None, self.n_pixels)
        return finite_array(stimuli, "stimuli", shape=shape, dtype=np.float32)

    def _codes(self, codes):
        return finite_array(codes, "codes", shape=(None, self.n_latents), dtype=np.float32)

    def _steps(self, n_steps):
        """Return how many steps of inference to take."""
        if n_steps is None:
            return self.settings["n_steps"] if self.ITERATIVE else 0
        if not self.ITERATIVE:
            raise ValueError(f"{self.NAME} takes no steps of inference: n_steps must be None")
        return whole_number(n_steps, "n_steps", minimum=0)

    @property
    def n_parameters(self):
        """How many numbers were learned."""
        return sum(int(np.size(array)) for array in self.arrays().values())

    def with_settings(self, **settings):
        """Return one with other settings and the same weights."""
        for name in settings:
            known_name(name, "settings", list(self.DEFAULTS))
        changed = copy.copy(self)
        changed.settings = self.settings | settings
        return changed

    def save(self, path):
        """Write everything to an .npz file."""
        metadata = {
            "format": FORMAT,
            "format_version": VERSION,
            "rival": type(self).__name__,
            "n_pixels": self.n_pixels,
            "n_latents": self.n_latents,
            "seed": self.seed,
            "settings": self.settings,
            "history": self.history_,
        }
        write_arrays(path, self.arrays(), metadata)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is damaged or of another rival.
        """
        arrays, metadata = read_arrays(path, format_name=FORMAT, newest_version=VERSION)
        with format_errors(path):
            if metadata["rival"] != cls.__name__:
                raise FileFormatError(f"{path}: of {metadata['rival']}, not of {cls.__name__}")
            sizes = (metadata["n_pixels"], metadata["n_latents"])
            loaded = cls(*sizes, seed=metadata["seed"], **metadata["settings"])
            loaded.set_arrays(arrays)
            loaded.history_ = metadata["history"]
        return loaded
