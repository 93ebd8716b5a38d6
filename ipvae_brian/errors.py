"""Errors and warnings of this package, in addition to ValueError and TypeError."""


class OneLine:
    """Shown as one line in IPython and notebooks, which say what to do better than a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class DivergenceError(OneLine, RuntimeError):
    """A simulation ran away: its step is too large for its gain and its rates."""


class FileFormatError(OneLine, ValueError):
    """A model file or checkpoint cannot be read; the message names the file and the field."""


class MemoryLimitError(OneLine, MemoryError):
    """What was asked for does not fit into the memory of this machine."""


class StoppedError(OneLine, RuntimeError):
    """A run was stopped before a presentation had come to its end, but not by Ctrl-C."""


class StabilityWarning(UserWarning):
    """The time step is stable on average, but without much to spare."""


class TimingWarning(UserWarning):
    """A time is no whole number of time steps, and was rounded to one."""
