"""Write the front ends of the shipped models into their files; their weights stay as they are.

    python models/write_front_ends.py

New models get theirs from `ipvae train`; these were trained before there were front ends.
"""

from pathlib import Path

import numpy as np

from ipvae_brian import Parameters
from ipvae_brian.stimuli import FrontEnd, Whitening, load_photographs, split_images
from ipvae_brian.stimuli.whitening import ImageConstants

FOLDER = Path(__file__).parent
# The van Hateren images are not part of this package. These are medians of 20 of them (.iml, the
# central 1024 x 768), each divided by its mean, minus 1, and whitened as the published code does:
# average local contrast after the filter, then mean and standard deviation of the normalised image.
VAN_HATEREN = ImageConstants(floor=0.02167, mean=-0.00459, scale=0.6985)


def front_end(parameters):
    """Return the front end of a shipped model."""
    told = parameters.provenance
    patches = {"patches_mean": told["patches_mean"], "patches_std": told["patches_std"]}
    if told["data"] == "photographs":
        images = load_photographs(split_images(load_photographs())[0])
        return FrontEnd.from_images(images, Whitening.from_dict(parameters.whitening), **patches)
    return FrontEnd.from_constants([VAN_HATEREN], Whitening(filter="as_published"), **patches)


def main():
    """Write all of them."""
    for path in sorted(FOLDER.glob("*.npz")):
        before = Parameters.load(path)
        before.replace(front_end=front_end(before)).save(path)
        after = Parameters.load(path)
        assert np.array_equal(after.dictionary, before.dictionary)
        print(f"{path.stem}: {after.front_end}")


if __name__ == "__main__":
    main()
