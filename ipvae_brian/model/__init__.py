"""The model: the parameters of a network, which turn stimuli into drive and counts into pixels."""

from ipvae_brian.model.card import model_card, write_model
from ipvae_brian.model.library import available_models, load_model
from ipvae_brian.model.parameters import Parameters

__all__ = ["Parameters", "available_models", "load_model", "model_card", "write_model"]
