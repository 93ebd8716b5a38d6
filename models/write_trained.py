"""Train, measure and write the models that have dictionaries of their own.

    python models/write_trained.py VAN_HATEREN_PATCHES.npz [NAME ...]

What `ipvae train` does, and what it cannot know of van Hateren patches, which come without their
images. An interrupted training goes on. Afterwards, models/write_adaptive.py does the others.
"""

import sys
from pathlib import Path

from ipvae_brian import Parameters
from ipvae_brian.cli.main import main as ipvae
from ipvae_brian.model.card import write_model
from ipvae_brian.stimuli import FrontEnd, Whitening
from ipvae_brian.stimuli.whitening import ImageConstants

FOLDER = Path(__file__).parent
OPTIONS = {
    "photographs-512": [],
    "vanhateren-512": [
        *("--spike-size", "0.48", "--gain", "16", "--sparsity", "0.21", "--lowest-potential=-12"),
        *("--weight-cost", "0.12", "--n-epochs", "10"),
    ],
    "vanhateren-1024": [
        *("--n-neurons", "1024", "--gain", "10", "--sparsity", "0.2", "--lowest-potential=-12"),
        "--weight-cost",
        "0.15",
    ],
}
# Medians of 20 of the images (.iml, the central 1024 x 768), each divided by its mean, minus 1, and
# whitened as the published code does: average local contrast after the filter, then mean and
# standard deviation of the normalised image.
VAN_HATEREN = ImageConstants(floor=0.02167, mean=-0.00459, scale=0.6985)
VAN_HATEREN_NOTE = (
    "Patches of the van Hateren natural images (van Hateren & van der Schaaf 1998, Proc. R. Soc. B "
    "265:359), free for scientific, non-commercial use with that citation. The images are not part "
    "of this package. Whitened with R(f) = f exp(-(f/0.5)^4) as in the published code and local "
    "contrast normalisation, split by image."
)


def finish(path, data):
    """Tell the model what it cannot know of van Hateren patches, and write its card."""
    parameters = Parameters.load(path)
    told = dict(parameters.provenance)
    told["figures"] = dict(told["figures"]) | {"command": evaluated_by(path, data)}
    if data != "photographs":
        own = {"patches_mean": told["patches_mean"], "patches_std": told["patches_std"]}
        whitening = Whitening(filter="as_published")
        front_end = FrontEnd.from_constants([VAN_HATEREN], whitening, **own)
        parameters = parameters.replace(front_end=front_end)
        told["data_note"] = VAN_HATEREN_NOTE
    write_model(path, parameters.replace(provenance=told))


def evaluated_by(path, data):
    """Return the command that measures a shipped model."""
    return f"ipvae evaluate {path.stem} --data {Path(data).name} --n-stimuli 2000 --seed 0"


def main(van_hateren, *names):
    """Write all of them, or those that are named."""
    for name in names or OPTIONS:
        data = "photographs" if name.startswith("photographs") else van_hateren
        path = FOLDER / f"{name}.npz"
        options = ["--data", data, "--out", str(path), "--engine", "numba", "--resume"]
        failed = ipvae(["train", *options, *OPTIONS[name]])
        if failed:
            raise SystemExit(failed)
        finish(path, data)


if __name__ == "__main__":
    main(*sys.argv[1:])
