from . import protocols
from .files import load_patches
from .front_end import FrontEnd, contrast_of
from .images import load_image_folder, load_photographs, photograph_names
from .loading import load_stimuli
from .patches import PatchSet, extract_patches, split_images
from .session import Session
from .whitening import Whitening, whiten_image

__all__ = [
    "FrontEnd",
    "PatchSet",
    "Session",
    "Whitening",
    "contrast_of",
    "extract_patches",
    "load_image_folder",
    "load_patches",
    "load_photographs",
    "load_stimuli",
    "photograph_names",
    "protocols",
    "split_images",
    "whiten_image",
]
