"""Responses: recordings of the network, decoded and scored."""

from ipvae_brian.response import metrics
from ipvae_brian.response.response import Response

__all__ = ["Response", "metrics"]
