"""Stimuli: images and patches, whitened and on one scale, as plain arrays."""

import lazy_loader

# Models hold a front end; they need no readers of pictures for it.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
