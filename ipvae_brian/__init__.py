"""Spiking networks that infer: the iterative Poisson VAE as a Brian2 plugin.

Folders follow the data: `stimuli` are shown, a `model` turns them into drive, the `network` into
membrane potentials, spikes and counts; `recordings` hold spikes by trial, a `response` decodes and
scores them, `learning` turns counts into a dictionary, `physiology` analyses them as recordings of
visual cortex are, and `plotting` draws all of it.
"""

import lazy_loader

# Names are imported when they are first asked for: Brian2 and scikit-learn take seconds to load.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
