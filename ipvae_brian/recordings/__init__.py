"""Recordings: spikes by trial, simulated or recorded.

`load_recording` reads one from a file of any kind that the package knows: NWB, .npz or CSV.
`Recording` has a constructor for each source: `from_counts`, `from_binned`, `from_tables`,
`from_csv`, `from_nwb`, `from_neo`, `from_pynapple`, `load`; and `to_...` for the way back.
"""

from ipvae_brian.recordings.loading import load_recording
from ipvae_brian.recordings.pools import Pools
from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.spikes import Spikes
from ipvae_brian.recordings.timing import Timing

__all__ = ["Pools", "Recording", "Spikes", "Timing", "load_recording"]
