"""Recordings: spikes by trial, simulated or recorded."""

from ipvae_brian.recordings.recording import Recording
from ipvae_brian.recordings.spikes import Spikes
from ipvae_brian.recordings.timing import Timing

__all__ = ["Recording", "Spikes", "Timing"]
