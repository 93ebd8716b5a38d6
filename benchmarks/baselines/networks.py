"""Encoders and decoders that the amortized rivals share: linear ones and small convolutional ones.

The convolutional ones halve a square image twice, with 32 and 64 channels, and end (or begin) with
a linear layer.
"""

import math

import torch
from torch import nn

KINDS = ("linear", "convolutional")
CHANNELS = (32, 64)
# Images that are encoded at a time: activations take 25 times the memory of the images.
ROWS = 1000


def quarter(n_pixels):
    """Return a quarter of the side of a square image.

    Raises
    ------
    ValueError
        If images are not square, or their side is no multiple of 4.
    """
    side = math.isqrt(n_pixels)
    if side**2 != n_pixels or side % 4:
        raise ValueError(
            "convolutional networks need square images with a side that is a multiple of 4, got "
            f"n_pixels = {n_pixels}"
        )
    return side // 4


def encoder(kind, n_pixels, n_outputs):
    """Return a network from images (B, n_pixels) to (B, n_outputs), small at the start."""
    if kind == "linear":
        layers = [nn.Linear(n_pixels, n_outputs)]
    else:
        small = quarter(n_pixels)
        layers = [
            nn.Unflatten(1, (1, 4 * small, 4 * small)),
            nn.Conv2d(1, CHANNELS[0], 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(CHANNELS[0], CHANNELS[1], 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(CHANNELS[1] * small**2, n_outputs),
        ]
    with torch.no_grad():
        layers[-1].weight.mul_(0.1)
        layers[-1].bias.zero_()
    return nn.Sequential(*layers)


def encode(network, images):
    """Return what an encoder makes of images, a part of them at a time."""
    return torch.cat([network(rows) for rows in images.split(ROWS)])


def decoder(kind, n_latents, n_pixels):
    """Return a network from codes (B, n_latents) to images (B, n_pixels)."""
    if kind == "linear":
        return nn.Linear(n_latents, n_pixels)
    small = quarter(n_pixels)
    return nn.Sequential(
        nn.Linear(n_latents, CHANNELS[1] * small**2),
        nn.SiLU(),
        nn.Unflatten(1, (CHANNELS[1], small, small)),
        nn.ConvTranspose2d(CHANNELS[1], CHANNELS[0], 4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(CHANNELS[0], 1, 4, stride=2, padding=1),
        nn.Flatten(),
    )
