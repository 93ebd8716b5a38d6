"""The errors and warnings that this package raises besides ValueError and TypeError."""


class DivergenceError(RuntimeError):
    """A simulation ran away: its step is too large for its gain and its rates."""


class FileFormatError(ValueError):
    """A model file or checkpoint cannot be read; the message names the file and the field."""


class MemoryLimitError(MemoryError):
    """What was asked for does not fit into the memory of this machine."""


class StabilityWarning(UserWarning):
    """The time step is stable on average, but without much to spare."""
