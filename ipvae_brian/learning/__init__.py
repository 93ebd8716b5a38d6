"""Learning: from spike counts to statistics, and from statistics to a new dictionary."""

import lazy_loader

# The command line reads the settings of a training without loading Brian2.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
