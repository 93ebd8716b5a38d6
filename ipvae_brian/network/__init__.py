"""The network: membrane potentials, spikes and counts, as Brian2 objects."""

from ipvae_brian.network import contrast, equations, stability
from ipvae_brian.network.rates import RateNetwork
from ipvae_brian.network.spiking import SpikingNetwork

__all__ = ["RateNetwork", "SpikingNetwork", "contrast", "equations", "stability"]
