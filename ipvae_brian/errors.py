"""Errors and warnings of this package, in addition to ValueError and TypeError."""


class OneLine:
    """Shown as one line in IPython and notebooks, which say what to do better than a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class DivergenceError(OneLine, RuntimeError):
    """A simulation ran away: its step is too large for its gain and its rates.

    Examples
    --------
    >>> from brian2 import ms
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> from ipvae_brian.stimuli import load_stimuli
    >>> patches = load_stimuli("photographs", n_train=200, n_validation=1)
    >>> network = SpikingNetwork(load_model("photographs-512").with_gain(60), dt=20 * ms)
    >>> network.present(patches.validation, 100 * ms)
    Traceback (most recent call last):
    ...
    ipvae_brian.errors.DivergenceError: ...
    """


class FileFormatError(OneLine, ValueError):
    """A file of this package cannot be read; the message names the file and the field.

    Examples
    --------
    >>> from pathlib import Path
    >>> from ipvae_brian import Parameters
    >>> Path("notes.npz").write_text("not a model")
    11
    >>> Parameters.load("notes.npz")
    Traceback (most recent call last):
    ...
    ipvae_brian.errors.FileFormatError: ...notes.npz...
    """


class MemoryLimitError(OneLine, MemoryError):
    """What was asked for does not fit into the memory of this machine.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import ms, second
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> network = SpikingNetwork(load_model("photographs-512"), dt=1 * ms)
    >>> network.present(np.zeros((1, 256)), 1e7 * second)
    Traceback (most recent call last):
    ...
    ipvae_brian.errors.MemoryLimitError: ...
    """


class StoppedError(OneLine, RuntimeError):
    """A run was stopped before a presentation had come to its end, but not by Ctrl-C.

    Examples
    --------
    >>> import numpy as np
    >>> from brian2 import NetworkOperation, ms, stop
    >>> from ipvae_brian import SpikingNetwork, load_model
    >>> network = SpikingNetwork(load_model("photographs-512"), dt=1 * ms)
    >>> _ = network.add(NetworkOperation(stop, clock=network.clock))
    >>> network.present(np.zeros((1, 256)), 100 * ms)
    Traceback (most recent call last):
    ...
    ipvae_brian.errors.StoppedError: ...
    """


class StabilityWarning(UserWarning):
    """The time step is stable on average, but without much to spare.

    Examples
    --------
    Make it an error, so that no result depends on such a step:

    >>> import warnings
    >>> from ipvae_brian import StabilityWarning
    >>> warnings.simplefilter("error", StabilityWarning)
    """


class TimingWarning(UserWarning):
    """A time is no whole number of time steps, and was rounded to one.

    Examples
    --------
    Where rounding does no harm, it need not be said:

    >>> import warnings
    >>> from ipvae_brian import TimingWarning
    >>> warnings.simplefilter("ignore", TimingWarning)
    """


class RecordingWarning(UserWarning):
    """A recording has something that was put right, left out or may be a mistake.

    Examples
    --------
    Make it an error, so that no analysis depends on such a recording:

    >>> import warnings
    >>> from ipvae_brian import RecordingWarning
    >>> warnings.simplefilter("error", RecordingWarning)
    """
