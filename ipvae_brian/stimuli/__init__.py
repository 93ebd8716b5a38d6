"""Stimuli: images and patches, whitened and on one scale, as plain arrays."""

from ipvae_brian.stimuli.files import load_patches
from ipvae_brian.stimuli.images import load_image_folder, load_photographs, photograph_names
from ipvae_brian.stimuli.loading import load_stimuli
from ipvae_brian.stimuli.patches import PatchSet, extract_patches, split_images
from ipvae_brian.stimuli.whitening import Whitening, whiten_image

__all__ = [
    "PatchSet",
    "Whitening",
    "extract_patches",
    "load_image_folder",
    "load_patches",
    "load_photographs",
    "load_stimuli",
    "photograph_names",
    "split_images",
    "whiten_image",
]
